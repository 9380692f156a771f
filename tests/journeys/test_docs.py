"""What the pages show, done: commands with what they print, the worked clause, mistakes, settings, statuses, codes."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from cases.decision import read_answer
from cases.problem import Invalid
from casewright.cli import cli
from casewright.settings import Settings, read_access, read_settings
from graphs.escalations import Escalations
from graphs.settings import AuditSettings
from policies.clause import Signs
from policies.clause_file import ClauseFile, PartFile
from policies.corpus import load_corpus

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
CLAUSE, CORPUS, ANSWER, DSA, STATUS, SETTINGS = (
    ROOT / "docs" / page
    for page in (
        "guides/write-a-clause.md",
        "guides/bring-your-corpus.md",
        "guides/answer-questions.md",
        "guides/dsa.md",
        "reference/exit-status-and-errors.md",
        "reference/settings.md",
    )
)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"(?ms)^```(\w+)(?: (\S+))?\n(.*?)^```$")


def _text(page):
    return page.read_text(encoding="utf-8")


def _rows(page, heading):
    """Cells of the first table below a heading, without its head."""
    below = re.split(rf"(?m)^#+ {re.escape(heading)}\n", _text(page))[1]
    table = re.search(r"(?m)(?:^\|.*\|\n)+", re.split(r"(?m)^#", below)[0])[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]


def _bare(cell):
    return cell.strip("` ")


def _names(cell):
    return re.findall(r"`([^`]+)`", cell)


# Commands, and what they print


class Reader:
    """Somebody who does what a page says, in a folder of their own.

    Attributes:
        wrong: commands whose output is not the page's, with what came instead.
    """

    def __init__(self, folder, home):
        self.folder = folder
        self.wrong = []
        self._exported = []
        self._env = {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "CASEWRIGHT_HOME": str(home / "data"),
            "COLUMNS": "110",
        }
        for name in ("examples", "policies"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))

    def read(self, page):
        for kind, name, body in _BLOCK.findall(_text(page)):
            if name and kind != "sh":
                self.folder.joinpath(name).write_text(body, encoding="utf-8")
            elif kind == "console":
                for step in re.split(r"(?m)^\$ ", body)[1:]:
                    self._do(*step.split("\n", 1))
        return self

    def run(self, command):
        script = "\n".join([*self._exported, command])
        return subprocess.run(
            ["sh", "-uc", script],
            cwd=self.folder,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
            timeout=120,
        )

    def _do(self, command, shown):
        if command.startswith("export "):
            self._exported.append(command)
            return
        printed = _settled(self.run(command).stdout)
        if not re.fullmatch(_pattern(shown), printed):
            self.wrong.append(f"$ {command}\n{printed}")


def _settled(text):
    """Without what differs from run to run: moments, days of expiry, hashes; and without space at the ends of lines."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "(moment)", text)
    text = re.sub(r"(?<=open until )\d{4}-\d\d-\d\d", "(day)", text)
    text = re.sub(r"\b(policy|snapshot|text) [0-9a-f]{12}\b", r"\1 (hash)", text)
    return "".join(f"{line.rstrip()}\n" for line in text.rstrip().splitlines())


def _pattern(shown):
    """What a page shows, as a pattern: a line `...` stands for any lines, and at the end of a line for its rest."""
    lines = _settled(shown).splitlines()
    return "".join(
        r"(?:.*\n)*?"
        if line == "..."
        else re.escape(line.removesuffix("...")) + (r".*\n" if line[-3:] == "..." else r"\n")
        for line in lines
    )


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """Follow a page, once: `followed(page)` gives its reader."""
    home, readers = tmp_path_factory.mktemp("home"), {}

    def follow(page):
        if page not in readers:
            readers[page] = Reader(tmp_path_factory.mktemp(page.stem), home).read(page)
        return readers[page]

    return follow


@pytest.mark.parametrize("page", [CLAUSE, CORPUS, ANSWER, DSA, STATUS], ids=lambda page: page.stem)
def test_commands_print_what_the_page_shows(followed, page):
    assert len(re.findall(r"(?m)^\$ casewright ", _text(page))) >= 2
    assert followed(page).wrong == []


@pytest.mark.parametrize("turn", [("8 open.", "9 open."), ("...\n8 open.", "8 open."), ("  part  ", "  clause  ")])
def test_a_page_that_shows_something_else_would_be_noticed(turn):
    shown = "01-pod-or-humidifier  part  open_question\n...\n8 open.\n"
    printed = "01-pod-or-humidifier  part  open_question\n    Is this so?\n09-x  part  y\n8 open.\n\n"
    assert re.fullmatch(_pattern(shown), _settled(printed))
    assert turn[0] in shown
    assert not re.fullmatch(_pattern(shown.replace(*turn)), _settled(printed))


def _spoken(page):
    """Every `casewright ...` of a page's code, as words."""
    text = _text(page).replace("\\\n", " ")
    spans = [line for _, _, body in _BLOCK.findall(text) for line in body.splitlines()]
    spans += re.findall(r"(?<!`)`([^`\n]+)`(?!`)", _BLOCK.sub("", text))
    for span in spans:
        found = re.match(r"(?:\$ )?(?:[A-Z_]+=\S* )*casewright ([a-z][^|;&>#«]*)", span)
        if found:
            yield shlex.split(found[1].replace("'...'", "x"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_and_their_options_exist(page):
    unknown = []
    for words in _spoken(page):
        command, rest = cli, words
        while isinstance(command, click.Group) and rest:
            found = command.get_command(click.Context(command), rest[0])
            if found is None:
                break
            command, rest = found, rest[1:]
        taken = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        strange = [word for word in rest if word.startswith("--") and word not in taken]
        if strange or (isinstance(command, click.Group) and rest):
            unknown.append(" ".join(words))
    assert unknown == []


def test_commands_are_looked_for():
    assert {words[0] for page in PAGES for words in _spoken(page)} == set(cli.list_commands(click.Context(cli)))


# The worked clause


def test_the_worked_clause_judges_its_cases_as_the_page_says(followed):
    lines = _text(followed(CLAUSE).folder / "my-results.jsonl").splitlines()
    results = {line["case_id"]: line for line in map(json.loads, lines)}
    told = {_bare(case): (outcome, _names(reason)) for case, outcome, reason in _rows(CLAUSE, "Try it")}
    assert {case: outcome for case, (outcome, _) in told.items()} == {c: _told(line) for c, line in results.items()}
    for case, (_, parts) in told.items():
        assert parts, case
        assert set(parts) <= {part["part"] for part in _finding(results[case])["parts"]}
    assert _finding(results["quiet"])["settled_by"] == "too-loud"
    assert _finding(results["for-one"])["settled_by"] == "toy"
    assert _finding(results["tested"])["settled_by"] == "tested"
    (question,) = results["not-said"]["escalation"]["questions"]
    assert (question["clause_id"], question["part"]) == ("listing.loud-toys", "too-loud")


def _told(line):
    if line["status"] != "decided":
        return "a person is asked"
    decision = line["decision"]
    acted = f": {decision['action']['name'].replace('_', ' ')}" if decision["action"] else ""
    return decision["outcome"].replace("_", " ") + acted


def _finding(line):
    findings = (line.get("decision") or line["escalation"])["findings"]
    return next(finding for finding in findings if finding["clause_id"] == "listing.loud-toys")


@pytest.fixture
def corpus(tmp_path):
    """The worked clause in a corpus of its own."""
    for path in (ROOT / "policies").glob("*.yaml"):
        shutil.copy(path, tmp_path)
    (tmp_path / "clauses/listing").mkdir(parents=True)
    for _, name, body in _BLOCK.findall(_text(CLAUSE)):
        if name.startswith("my-policies/"):
            (tmp_path / name.removeprefix("my-policies/")).write_text(body, encoding="utf-8")
    load_corpus(tmp_path).signs.fire((), ())
    return tmp_path


def test_the_worked_clause_is_tried_on_its_own_examples(corpus):
    examples = load_corpus(corpus).clauses["listing.loud-toys"].examples
    (cases,) = [body for _, name, body in _BLOCK.findall(_text(CLAUSE)) if name == "my-cases.jsonl"]
    tried = {json.loads(line)["id"]: json.loads(line)["subject"]["title"] for line in cases.splitlines()}
    assert examples.violating == (tried["loud"],)
    assert examples.allowed == (tried["quiet"], tried["for-one"])


def _problems(folder):
    with pytest.raises(Invalid) as caught:
        load_corpus(folder)
    return [str(problem) for problem in caught.value.problems]


_MISTAKES = [[_bare(cell) for cell in row] for row in _rows(CLAUSE, "What the load names")]


@pytest.mark.parametrize(("written", "instead_of", "said"), _MISTAKES, ids=[row[2].split(": ")[1] for row in _MISTAKES])
def test_a_mistake_gives_the_error_that_the_page_says(corpus, written, instead_of, said):
    path = corpus / "clauses/listing" / said.split(":")[0]
    before = _text(path)
    assert instead_of in before
    path.write_text(before.replace(instead_of, written, 1), encoding="utf-8")
    problems = _problems(corpus)
    assert [problem for problem in problems if problem.startswith(f"clauses/listing/{said}")], problems


def _cut(path, first, last):
    text = _text(path)
    path.write_text(text[: text.index(first)] + text[text.index(last) :], encoding="utf-8")


_MD, _SIGNS = "clauses/listing/loud-toys.md", "clauses/listing/loud-toys.signs.yaml"
_WHOLE_FILES = {
    "no_front_matter": lambda corpus: _cut(corpus / _MD, "---\nid", "id"),
    "not_a_mapping": lambda corpus: (corpus / _SIGNS).write_text("- toy siren\n"),
    "no_clause": lambda corpus: (corpus / _SIGNS).rename(corpus / "clauses/listing/loud.signs.yaml"),
    "not_utf8": lambda corpus: (corpus / _MD).write_bytes(_text(corpus / _MD).encode("utf-16")),
    "unknown_ladder": lambda corpus: _cut(corpus / _MD, "enforcement:", "notice:"),
    "missing_file": lambda corpus: (corpus / "facts.yaml").unlink(),
    "no_clauses": lambda corpus: shutil.rmtree(corpus / "clauses"),
}


def test_the_page_tells_what_is_wrong_with_whole_files():
    below = _text(CLAUSE).split("And of whole files:")[1].split("\n## ")[0]
    assert set(re.findall(r"\| `(\w+)` \|", below)) == set(_WHOLE_FILES)


@pytest.mark.parametrize("code", _WHOLE_FILES)
def test_what_is_wrong_with_a_whole_file_gives_its_code(corpus, code):
    _WHOLE_FILES[code](corpus)
    assert f": {code}: " in "\n".join(_problems(corpus))


def test_what_loads_and_is_wrong_all_the_same(corpus):
    path = corpus / _MD
    for right, wrong in (("{findings}", "{findngs}"), ("unit: dB", "unit: dBel"), ("01-01}", "01-01, to: 2025-01-01}")):
        assert right in _text(path)
        path.write_text(_text(path).replace(right, wrong), encoding="utf-8")
    load_corpus(corpus)


@pytest.mark.parametrize(
    ("heading", "form"),
    [("Every field of a clause", ClauseFile), ("Every field of a part", PartFile), ("Every field of signs", Signs)],
)
def test_the_tables_of_fields_are_whole(heading, form):
    named = [name for row in _rows(CLAUSE, heading) for name in _names(row[0])]
    assert sorted(named) == sorted(field.alias or name for name, field in form.model_fields.items())


# Answers


def test_of_two_answers_the_first_counts_and_audit_finishes_what_a_crash_left(followed):
    reader, case = followed(ANSWER), "09-licenca-vencida"
    results = reader.folder / "out/results.jsonl"
    store = Escalations(results.with_name("results.jsonl.run.db"))
    waiting = store.latest(case)
    bound = {"number": waiting.number, "digest": waiting.digest, "at": "2026-03-14T09:30:00Z", "reviewer": "mia"}
    judgement = {"clause_id": "alcohol.licensed-sellers", "part": "licence", "verdict": "met", "basis": "person"}
    # What a process leaves that dies after it has stored an answer.
    store.answer(case, read_answer({**bound, "judgements": [judgement]}))
    store.close()
    second = reader.run(f"casewright review out/results.jsonl {case} --not-met licence --reviewer noor")
    assert (second.returncode, second.stdout[:15]) == (2, "answered_twice:")
    assert reader.run("casewright audit examples/cases.jsonl --out out/results.jsonl").returncode == 0
    line = [json.loads(line) for line in _text(results).splitlines() if f'"case_id":"{case}"' in line][-1]
    assert (line["status"], line["decision"]["reviewer"]) == ("decided", "mia")


# Settings


def _variables():
    """Variable, default and example of every row that names one."""
    text = _text(SETTINGS)
    rows = [line.strip("|").split(" | ") for line in re.findall(r"(?m)^\| `(?:CASEWRIGHT|OTEL)_.*\|$", text)]
    return [(_bare(variable), default.strip(), _bare(example)) for variable, _, default, example in rows]


def test_every_variable_is_documented_and_every_documented_one_is_read():
    source = _text(ROOT / "casewright/settings.py")
    paths = {name for name, field in Settings.model_fields.items() if "Path" in str(field.annotation)}
    read = set(re.findall(r'"((?:CASEWRIGHT|OTEL)_[A-Z_]+)"', source)) | {
        f"CASEWRIGHT_{name.upper()}" for name in paths
    }
    documented = [variable for variable, _, _ in _variables()]
    assert sorted(documented) == sorted(read)


def _flat(environment):
    """Every value that a variable can change, by name."""
    settings = read_settings(environment)
    return {
        **{f"access.{name}": value for name, value in dict(read_access(environment)).items()},
        **{
            f"settings.{name}": getattr(settings, name)
            for name in Settings.model_fields
            if name not in {"model", "audit", "service", "console"}
        },
        **{f"audit.{name}": value for name, value in settings.audit.model_dump().items()},
        **{f"service.{name}": value for name, value in settings.service.model_dump().items()},
        **{f"console.{name}": value for name, value in settings.console.model_dump().items()},
        **{f"model.{name}": value for name, value in dict(settings.model_settings()).items()},
    }


_NO_DEFAULT = {
    "CASEWRIGHT_HOME", "CASEWRIGHT_POLICIES", "CASEWRIGHT_KEY", "CASEWRIGHT_MODEL_MAX_CALLS", "CASEWRIGHT_MODEL_PRICES",
}  # fmt: skip
"""Their defaults are told in words, or by a place of the machine."""


@pytest.mark.parametrize(("variable", "default", "example"), _variables())
def test_examples_are_taken_and_defaults_are_true(variable, default, example):
    before = _flat({"CASEWRIGHT_MODEL": "m"})
    after = _flat({"CASEWRIGHT_MODEL": "m", variable: example})
    changed = [name for name in before if before[name] != after[name]]
    assert changed, f"{example} changes nothing"
    if variable == "CASEWRIGHT_MODEL":
        assert default == "none"
    elif variable not in _NO_DEFAULT:
        assert default == _written(before[changed[0]])


def _written(value):
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    if value is None or value in ("", (), {}):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{int(value)}`" if isinstance(value, float) and value.is_integer() else f"`{value}`"


def test_what_has_no_variable_is_told_with_its_value():
    below = _text(SETTINGS).split("These have no variable yet")[1].split("\n## ")[0]
    fixed = dict(re.findall(r"(?m)^\| `(\w+)` \|.*\| `(\d+)` \|$", below))
    read = {name for variable, _, example in _variables() for name in _audit_changed(variable, example)}
    assert fixed == {
        name: _bare(_written(field.default)) for name, field in AuditSettings.model_fields.items() if name not in read
    }


def _audit_changed(variable, example):
    if variable.startswith("CASEWRIGHT_MODEL"):
        return []
    plain, given = read_settings({}).audit.model_dump(), read_settings({variable: example}).audit.model_dump()
    return [name for name in plain if plain[name] != given[name]]


# Statuses and codes


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (_bare(run), int(status))
        for run, status in re.findall(r"(?m)^\| (`.*casewright .*`) \| (\d) \|$", _text(STATUS))
    ],
)
def test_a_command_ends_with_the_status_that_the_page_says(followed, command, status):
    ran = followed(STATUS).run(command)
    assert ran.returncode == status, ran.stdout
    assert "Traceback" not in ran.stdout


def test_every_command_has_its_statuses():
    told = " ".join(_text(STATUS).split("By command;")[1].split("That a case goes")[0].splitlines()[3:])
    assert set(re.findall(r"\| `(\w+)", told)) == set(cli.list_commands(click.Context(cli)))


_JOINED = {f"unknown_{kind}" for kind in ("type", "clause", "action", "region", "fact", "part", "ladder")}
_JOINED |= {"clause_quote_not_found", "evidence_quote_not_found"}
"""Codes that the code puts together."""
_TOLD_LATER = {
    "missing", "unknown_field", "no_time_zone", "not_text", "too_many", "invalid_value",  # of pydantic's errors
    "no_cases", "twice", "record_unavailable", "record_undecided", "record_missing", "measured_otherwise",
}  # fmt: skip
"""Codes that stand in a table or a variable before they become a problem's."""


def _codes():
    """Every code that stands where a problem or an error is made."""
    for room in ("cases", "policies", "tools", "agents", "graphs", "evaluation", "casewright"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(_text(path))):
                made = _code_of(node)
                if isinstance(made, ast.Constant) and isinstance(made.value, str):
                    yield made.value


def _code_of(node):
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "code":
        return node.value
    if not isinstance(node, ast.Call):
        return None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in {"problem", "_fault"} and node.args:
        return node.args[0]
    return next((k.value for k in node.keywords if k.arg == "code"), None) if name == "Problem" else None


def test_every_code_is_documented():
    tables = _text(STATUS).split("\n## Problems\n")[1]
    documented = {code for cell in re.findall(r"(?m)^\| (`[a-z_`, 0-9]+`) \|", tables) for code in _names(cell)}
    made = set(_codes())
    assert len(made) >= 40
    assert documented == made | _JOINED | _TOLD_LATER
    whole = "".join(
        _text(path) for room in ("cases", "policies", "graphs", "casewright") for path in (ROOT / room).rglob("*.py")
    )
    assert {code for code in _TOLD_LATER if f'"{code}"' not in whole} == set()
