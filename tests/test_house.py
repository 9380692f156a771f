"""The house rules that no linter knows: rooms and names, sizes, quiet imports, the lock, documents that hold."""

import ast
import fnmatch
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import click
import pytest

from cases.decision import REASON_CODES
from casewright.cli import cli

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TOOLS = PROJECT["tool"]
ROOMS = TOOLS["importlinter"]["root_packages"]
BIN = Path(sys.executable).parent

LONG_FILES: dict[str, str] = {}
"""Files that may pass 500 lines, each with its reason."""
LONG_FUNCTIONS: dict[str, str] = {}
"""Functions (`file:name`) that may reach 40 lines without their docstring, each with its reason."""
VAGUE = {"util", "utils", "helper", "helpers", "manager", "common", "base", "misc"}
HEAVY = {
    "aiohttp", "chromadb", "cv2", "jinja2", "langchain_core", "langgraph", "numpy", "onnxruntime", "openai", "PIL",
    "pint", "rapidocr", "tantivy",
}  # fmt: skip


def _ignored():
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    return [line.rstrip("/") for line in lines] + [".git"]


IGNORED = _ignored()


def _files(folder=ROOT):
    """Every file that belongs to the project, whether git knows it yet or not."""
    for path in sorted(folder.iterdir()):
        if any(fnmatch.fnmatch(path.name, pattern) for pattern in IGNORED):
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _python(*folders):
    return [path for folder in folders for path in _files(ROOT / folder) if path.suffix == ".py"]


def _name(path):
    return path.relative_to(ROOT).as_posix()


def _tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def _run(*command, cwd=ROOT, **settings):
    kept = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HOME": str(cwd), "LANG": "C.UTF-8"}
    return subprocess.run(
        command,
        cwd=cwd,
        env=kept,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=300,
        **settings,
    )


# Rooms and arrows


def test_every_list_names_the_same_rooms():
    (layers,) = [c["layers"] for c in TOOLS["importlinter"]["contracts"] if c["id"] == "layers"]
    packages = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))
    wheel = TOOLS["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert sorted(ROOMS) == packages
    assert sorted(room for layer in layers for room in layer.split(" | ")) == packages
    assert sorted(TOOLS["mypy"]["files"]) == packages
    assert sorted(set(wheel) - {"examples"}) == packages
    assert [room for room in ROOMS if not (ROOT / room / "py.typed").is_file()] == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_claimed_by_no_other_distribution(room):
    claimed = set(packages_distributions().get(room, []))
    assert claimed <= {"casewright"}, f"{room!r} is also a package of {claimed}: it needs an environment of its own"
    assert Path(importlib.util.find_spec(room).origin) == ROOT / room / "__init__.py"


def test_arrows_point_down():
    linted = _run("lint-imports", "--no-logo", "--no-cache")
    assert linted.returncode == 0, linted.stdout


def test_an_arrow_that_points_up_is_caught(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "cases" / "upwards.py").write_text("import graphs\n", encoding="utf-8")
    linted = _run("lint-imports", "--no-logo", "--no-cache", cwd=tmp_path)
    assert linted.returncode == 1
    assert "cases.upwards -> graphs" in linted.stdout


# Sizes and names


def test_files_stay_under_500_lines():
    written = [path for path in _files() if path.suffix == ".py"]
    long = {_name(path) for path in written if len(path.read_text(encoding="utf-8").splitlines()) >= 500}
    assert long == set(LONG_FILES)


def _lines(function):
    """How many lines a function has, signature included, docstring left out."""
    first = function.body[0]
    documented = ast.get_docstring(function, clean=False) is not None
    return function.end_lineno - function.lineno + 1 - (first.end_lineno - first.lineno + 1 if documented else 0)


def test_functions_fit_on_a_screen():
    functions = [
        (f"{_name(path)}:{node.name}", _lines(node))
        for path in _python(*ROOMS)
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert {
        f"{name} ({lines} lines)" for name, lines in functions if lines >= 40 and name not in LONG_FUNCTIONS
    } == set()
    assert set(LONG_FUNCTIONS) <= {name for name, lines in functions if lines >= 40}


def _words(name):
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def test_names_say_something():
    defined = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    names = [(_name(path), step) for path in _python(*ROOMS) for step in path.relative_to(ROOT).with_suffix("").parts]
    names += [(_name(p), n.name) for p in _python(*ROOMS) for n in ast.walk(_tree(p)) if isinstance(n, defined)]
    assert [f"{where}: {name}" for where, name in names if _words(name) & VAGUE] == []


def test_every_suppression_carries_its_reason():
    bare = re.compile(r"#\s*(?:noqa(?!: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)* - \S)|type: ignore(?!\[[a-z, -]+\]\s+# \S))")
    found = [
        f"{_name(path)}:{number}"
        for path in _python(*ROOMS, "tests", "docs")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if bare.search(line) and path != Path(__file__)
    ]
    assert found == []


# Importing does nothing

_LOADED = "import sys, casewright.cli; print(*{name.partition('.')[0] for name in sys.modules})"

_TIMED = """
import os, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(os.times().children_user + os.times().children_system)
"""

# Reports what a module of ours does while it is imported; what a library does in its own import is its own affair.
_WATCH = """
import importlib, os, sys
root = sys.argv[1] + os.sep
ours = tuple(root + room + os.sep for room in sys.argv[2].split(","))
watched = {"open", "os.mkdir", "socket.connect", "socket.__new__", "sqlite3.connect", "subprocess.Popen", "os.listdir"}
def watch(event, arguments):
    if event not in watched:
        return
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib") or "site-packages" in file:
            return
        if file.startswith(ours):
            print(f"{file[len(root):]}:{frame.f_lineno} {event} {arguments[:1]}")
            return
        frame = frame.f_back
sys.addaudithook(watch)
for name in sys.argv[3:]:
    importlib.import_module(name)
"""


def _modules():
    for path in _python(*ROOMS):
        steps = path.relative_to(ROOT).with_suffix("").parts
        if steps[-1] not in {"__init__", "__main__"}:
            yield ".".join(steps)


def test_the_front_door_loads_nothing_heavy():
    loaded = _run(sys.executable, "-c", _LOADED)
    assert loaded.returncode == 0, loaded.stderr
    assert HEAVY & set(loaded.stdout.split()) == set()


def test_who_judges_without_a_model_loads_no_client_of_one():
    loaded = _run(sys.executable, "-c", "import casewright.wiring, sys; print(*sys.modules)")
    assert loaded.returncode == 0, loaded.stderr
    assert "openai" not in loaded.stdout.split()


def test_help_costs_under_half_a_second_of_cpu():
    runs = [_run(sys.executable, "-c", _TIMED, "casewright", "--help") for _ in range(3)]
    assert [run.stderr for run in runs if run.returncode] == []
    # The least of three: a busy machine only ever adds.
    assert min(float(run.stdout) for run in runs) < 0.5


def test_importing_a_room_does_nothing():
    watched = _run(sys.executable, "-c", _WATCH, str(ROOT), ",".join(ROOMS), *_modules())
    assert (watched.returncode, watched.stdout) == (0, ""), watched.stdout + watched.stderr


def test_the_environment_is_read_in_one_place():
    asking = {"environ", "environb", "getenv", "getenvb"}
    reading = [
        f"{_name(path)}:{node.lineno}"
        for path in _python(*ROOMS)
        for node in ast.walk(_tree(path))
        if (isinstance(node, ast.Attribute) and node.attr in asking)
        or (isinstance(node, ast.ImportFrom) and asking & {alias.name for alias in node.names})
    ]
    assert [place for place in reading if not place.startswith("casewright/settings.py:")] == []


# The lock


def _pins(name):
    """Every pin of a lock (`name==version`, with its marker), and the hashes that it takes."""
    entries = re.split(r"(?m)^(?=[a-z0-9])", (ROOT / name).read_text(encoding="utf-8"))
    return {
        entry.partition(" \\\n")[0]: frozenset(re.findall(r"--hash=(\S+)", entry)) for entry in entries if entry.strip()
    }


def _names(pins):
    return {pin.partition("==")[0] for pin in pins}


def _asked(requirements):
    return {re.match(r"[\w-]+", line)[0].lower() for line in requirements}


def test_the_lock_pins_everything_with_hashes():
    everything, running = _pins("requirements.lock"), _pins("requirements-run.lock")
    asked = _asked(PROJECT["project"]["dependencies"])
    assert asked <= _names(running)
    assert asked | _asked(PROJECT["project"]["optional-dependencies"]["dev"]) <= _names(everything)
    assert [pin for pin, hashes in everything.items() if not hashes or "==" not in pin or "://" in pin] == []
    assert running.items() <= everything.items()


# Documents


def _pages():
    return [path for path in _files() if path.suffix == ".md" and path.relative_to(ROOT).parts[0] not in ROOMS]


def _prose(page):
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def _anchors(page):
    titles = re.findall(r"(?m)^#+ (.+?)\s*$", _prose(page))
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_links_between_pages_resolve():
    broken, linked = [], set()
    for page in _pages():
        for link in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            linked.add(target)
            if not target.exists() or (anchor and anchor not in _anchors(target)):
                broken.append(f"{_name(page)}: {link}")
    assert broken == []
    assert [_name(page) for page in _pages() if page.is_relative_to(ROOT / "docs") and page not in linked] == []


def test_pages_that_code_points_to_exist():
    pointed = {
        page for path in _python(*ROOMS) for page in re.findall(r"docs/[\w/-]+\.md", path.read_text(encoding="utf-8"))
    }
    assert [page for page in sorted(pointed) if not (ROOT / page).is_file()] == []


def test_every_reason_code_is_documented():
    page = (ROOT / "docs" / "reference" / "reason-codes.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"(?m)^\| `([a-z_]+)` \| \S", page)) == REASON_CODES


def test_the_drawings_are_current():
    drawn = _run(sys.executable, "docs/draw.py", "--check")
    assert drawn.returncode == 0, drawn.stderr


def _spoken(pattern):
    """What the pages name in code spans and blocks, with the pages that do."""
    named = {}
    for page in _pages():
        text = page.read_text(encoding="utf-8")
        for code in [*re.findall(r"(?s)```\w*[^\n]*\n(.*?)```", text), *re.findall(r"`([^`\n]+)`", text)]:
            for name in re.findall(pattern, code):
                named.setdefault(name, set()).add(_name(page))
    return named


def test_the_pages_name_only_make_targets_that_exist():
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    spoken = _spoken(r"(?m)(?:^|[;&] ?)make ([a-z]+)")
    assert {"demo", "test"} <= spoken.keys()
    assert {name: pages for name, pages in spoken.items() if name not in targets} == {}


def test_the_pages_name_only_commands_that_exist():
    spoken = _spoken(r"(?m)(?:^|[;&|/$] ?)casewright ([a-z]+)")
    assert {"audit", "demo", "doctor"} <= spoken.keys()
    context = click.Context(cli)
    assert {name: pages for name, pages in spoken.items() if cli.get_command(context, name) is None} == {}


def _commands():
    """Blocks that a page marks as runnable: fenced as `sh run`."""
    for page in _pages():
        for number, block in enumerate(re.findall(r"(?ms)^```sh run\n(.*?)^```", page.read_text(encoding="utf-8")), 1):
            yield pytest.param(block, id=f"{_name(page)}-{number}")


def test_the_readme_has_commands_that_run():
    assert [command.id for command in _commands() if command.id.startswith("README.md")] != []


@pytest.mark.parametrize("block", list(_commands()))
def test_what_a_page_shows_runs(block, tmp_path):
    for path in ROOT.iterdir():
        if path.name in {"examples", "policies"}:  # a block may change these; the checkout stays as it is
            shutil.copytree(path, tmp_path / path.name)
        elif path.name not in {".git", "out"}:
            (tmp_path / path.name).symlink_to(path)
    ran = _run("sh", "-euc", block, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_nothing_says_where_it_was_made():
    found = re.compile(
        r"(?<![\w.~-])/(?:home|root|Users|opt|work|srv|mnt)/\w"  # folders of one machine
        r"|\b[A-Z]:\\\w|\bshare[d]/|\bpyp[i]\.\w|\bpythonhoste[d]\b|\bnpmj[s]\b"
    )
    telling = []
    for path in _files():
        if path.suffix in {".png", ".jpg", ".webp", ".gif"}:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            telling += [f"{_name(path)}:{number}: {line[:100]}"] if found.search(line) else []
    assert telling == []
