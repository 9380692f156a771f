"""`casewright policy lint`: what it prints and ends with; examples tried with the rulebook; the page of codes, done."""

import json
import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from casewright.commands.policy_lint import lint_folder
from casewright.settings import read_settings
from casewright.wiring import Ports, make_tools, seller_rows
from policies.corpus import load_corpus
from policies.lint.flaw import CODES

ON = date(2026, 11, 25)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "lint-codes.md"
_TEXT = PAGE.read_text(encoding="utf-8")
_FILES = dict(re.findall(r"(?ms)^```(?:markdown|yaml) (\S+)\n(.*?)^```$", _TEXT))
_ROWS = re.findall(r"(?m)^\| `(\w+)` \| (error|warning) \| .* \| (`[^|]*) \|$", _TEXT)


@pytest.fixture
def corpus(root, tmp_path):
    """The page's corpus, in `my-policies`, with the tables that ship."""
    folder = tmp_path / "my-policies"
    (folder / "clauses/listing").mkdir(parents=True)
    for path in (root / "policies").glob("*.yaml"):
        shutil.copy(path, folder)
    for name, text in _FILES.items():
        (folder / "clauses/listing" / name).write_text(text, encoding="utf-8")
    return folder


def _break(corpus, cell):
    """Do what the last cell of a row says."""
    for name, old, new in re.findall(r"`([\w.-]+)`: `([^`]+)` → `([^`]*)`", cell):
        path = corpus / name if (corpus / name).exists() else corpus / "clauses/listing" / name
        before, there = path.read_text(encoding="utf-8"), old.replace("⏎", "\n")
        assert there in before, (name, old)
        after = new.replace("⏎", "\n").replace("{80 lines}", "Loud.\n\n" * 40)
        path.write_text(before.replace(there, after, 1), encoding="utf-8")


def _codes(folder, *clauses):
    return [flaw.code for flaw in lint_folder(folder, ON, clauses).flaws]


def test_the_pages_corpus_has_no_flaws(corpus):
    assert [str(flaw) for flaw in lint_folder(corpus, ON).flaws] == []
    assert load_corpus(corpus).clauses.keys() == {f"listing.{n[:-3]}" for n in _FILES if n.endswith(".md")}


def test_the_page_has_every_code_with_its_severity():
    assert {code: severity for code, severity, _ in _ROWS} == CODES
    assert len(_ROWS) == len(CODES)


@pytest.mark.parametrize(("code", "cell"), [(code, cell) for code, _, cell in _ROWS], ids=[row[0] for row in _ROWS])
def test_what_a_row_breaks_gives_its_code(corpus, code, cell):
    _break(corpus, cell)
    assert code in _codes(corpus)


# The command


def test_a_right_corpus_ends_with_0_and_says_how_much_it_looked_at(casewright, corpus):
    ran = casewright("policy", "lint", "my-policies", cwd=corpus.parent, check=0)
    assert (ran.stdout, ran.stderr) == ("", "4 clauses: no errors, no warnings.\n")


def test_errors_end_with_1_and_are_lines_that_an_editor_opens(casewright, corpus):
    _break(corpus, "`loud-toys.md`: `{findings}` → `{findngs}`; `loud-toys.md`: `a toy that` → `a suitable toy that`")
    ran = casewright("policy", "lint", "my-policies", cwd=corpus.parent, check=1)
    file = "my-policies/clauses/listing/loud-toys.md"
    assert [line.split(": /")[0] for line in ran.stdout.splitlines()] == [
        f"{file}:12: warning vague_words",
        f"{file}:27: error unknown_placeholder",
    ]
    assert ran.stderr == "4 clauses: 1 error, 1 warning.\n"


def test_warnings_alone_end_with_0(casewright, corpus):
    _break(corpus, "`loud-toys.md`: `a toy that` → `a suitable toy that`")
    ran = casewright("policy", "lint", corpus, "listing.loud-toys", cwd=corpus.parent, check=0)
    assert ran.stderr == "1 clause: no errors, 1 warning.\n"


def test_json_is_a_list_of_flaws(casewright, corpus):
    assert json.loads(casewright("policy", "lint", corpus, "--json", cwd=corpus, check=0).stdout) == []
    _break(corpus, "`loud-toys.md`: `{findings}` → `{findngs}`")
    (flaw,) = json.loads(casewright("policy", "lint", ".", "--json", cwd=corpus, check=1).stdout)
    assert flaw.pop("detail").startswith("/notice/en: {findngs} is no placeholder")
    assert flaw.pop("hint").startswith("there are: ")
    assert flaw == {
        "file": "clauses/listing/loud-toys.md",
        "line": 27,
        "severity": "error",
        "code": "unknown_placeholder",
        "clause": "listing.loud-toys",
    }


def test_what_does_not_load_is_a_flaw_like_others_and_hides_none(casewright, corpus):
    _break(
        corpus, "`stadium-horns.md`: `type: restricted` → `type: allowed`; `loud-toys.md`: `{findings}` → `{findngs}`"
    )
    shown = casewright("policy", "lint", "my-policies", cwd=corpus.parent, check=1).stdout
    assert "stadium-horns.md:4: error unknown_type: /type: 'allowed.children' is not known" in shown
    assert "loud-toys.md:27: error unknown_placeholder" in shown


@pytest.mark.parametrize("name", ["clauses/listing/loud-toys.md", "clauses/listing/loud-toys.signs.yaml"])
def test_a_file_of_a_clause_stands_for_it(casewright, corpus, name):
    _break(corpus, "`loud-toys.md`: `{findings}` → `{findngs}`; `stadium-horns.md`: `level 110 dB` → `level`")
    ran = casewright("policy", "lint", corpus / name, cwd=corpus.parent, check=1)
    assert ran.stderr == "1 clause: 1 error, no warnings.\n"
    assert ran.stdout.startswith("my-policies/clauses/listing/loud-toys.md:27: error")


def test_a_table_of_the_corpus_stands_for_all_of_it(casewright, corpus):
    ran = casewright("policy", "lint", "my-policies/taxonomy.yaml", cwd=corpus.parent, check=0)
    assert ran.stderr.startswith("4 clauses:")


@pytest.mark.parametrize(
    "asked", [["listing.toys"], ["my-policies", "nowhere"], ["README.md"], ["my-policies", "other"]]
)
def test_what_is_not_there_is_not_begun(casewright, corpus, asked):
    (corpus.parent / "README.md").write_text("no clause")
    (corpus.parent / "other").mkdir()
    ran = casewright("policy", "lint", *asked, cwd=corpus.parent, check=2, CASEWRIGHT_POLICIES=corpus)
    assert ran.stdout == ""
    if asked == ["listing.toys"]:
        assert "There is no folder, file or clause listing.toys. Near: listing.loud-toys" in ran.stderr


def test_the_day_decides_what_has_expired(casewright, corpus):
    _break(corpus, "`loud-toys.md`: `until: 2099-12-31` → `until: 2027-01-31`")
    for day, told in (("2027-01-31", ""), ("2027-02-01", "expired_guidance")):
        shown = casewright("policy", "lint", corpus, "--on", day, cwd=corpus, check=0).stdout
        assert told in shown
        assert bool(shown) == bool(told)


# Trying the examples


def _flaw(corpus):
    (flaw,) = (f for f in lint_folder(corpus, ON, ["listing.loud-toys"]).flaws if f.code == "wrongly_fulfilled")
    return flaw


def test_an_allowed_example_that_the_rulebook_would_strike_is_told_with_what_struck_it(corpus):
    _break(corpus, "`loud-toys.md`: `level 75 dB` → `level 95 dB`")
    flaw = _flaw(corpus)
    assert flaw.line == 30
    assert "toy: The title says «Toy siren»." in flaw.detail
    assert "too-loud: Sound level is 95 dB" in flaw.detail


def test_one_market_where_it_is_struck_is_enough(corpus):
    german = '`loud-toys.md`: `allowed: [` → `allowed: ["Spielzeugsirene, Schallpegel 95 dB", `'
    _break(corpus, german)
    assert "in DE" in _flaw(corpus).detail or "in AT" in _flaw(corpus).detail


def test_an_exemption_that_speaks_keeps_an_example_on_its_side(corpus):
    _break(corpus, "`loud-toys.md`: `level 75 dB` → `level 95 dB, for the stage`")
    assert "wrongly_fulfilled" in _codes(corpus)
    stage = "  stage:⏎    text: It is offered for the stage.⏎  tested:"
    _break(corpus, f"`loud-toys.md`: `  tested:` → `{stage}`")
    signs = corpus / "clauses/listing/loud-toys.signs.yaml"
    signs.write_text(f"{_FILES['loud-toys.signs.yaml']}stage:\n  for: {{en: [for the stage]}}\n", encoding="utf-8")
    assert "wrongly_fulfilled" not in _codes(corpus)


def test_a_record_is_not_taken_to_be_there_whatever_its_silence_means(corpus):
    _break(
        corpus,
        "`loud-toys.md`: `level 75 dB` → `level 95 dB`; `loud-toys.md`: `absence: not_met` → `absence: request`",
    )
    assert "wrongly_fulfilled" in _codes(corpus)


def test_of_a_permit_what_it_does_not_allow_must_not_be_lifted(corpus):
    _break(corpus, "`stadium-horns.md`: `Toy siren for the bath` → `Stadium horn for the bath`")
    assert _codes(corpus) == ["wrongly_fulfilled"]


def test_what_the_words_deny_is_not_struck(corpus):
    _break(corpus, "`loud-toys.md`: `Toy siren, sound level 75 dB` → `Plush bear without toy siren, sound level 95 dB`")
    assert _codes(corpus, "listing.loud-toys") == []


def test_every_tool_is_known_by_the_name_of_its_module(root, tmp_path):
    """What the lint takes for the tools that there are."""
    for name in ("sellers", "listings", "recalls", "precedents", "image_bank"):
        (tmp_path / name).write_text("", encoding="utf-8")
    given = {f"CASEWRIGHT_{n.upper()}": str(tmp_path / n) for n in ("listings", "recalls", "precedents", "image_bank")}
    settings = read_settings({**given, "CASEWRIGHT_SELLERS": str(tmp_path / "sellers")})
    corpus = load_corpus(root / "policies")
    made = make_tools(settings, corpus, None, Ports(sellers=seller_rows(settings.sellers)))
    assert {info.tool for info in corpus.facts.values()} <= set(made)
    assert all((root / "tools" / f"{name}.py").exists() or (root / "tools" / name).is_dir() for name in made)


def test_the_shipped_corpus_has_no_flaws(root):
    """On a day that is kept, for guidance expires."""
    assert [str(flaw) for flaw in lint_folder(root / "policies", ON).flaws] == []
