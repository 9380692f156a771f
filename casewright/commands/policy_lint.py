"""`casewright policy lint`: what is wrong with the clauses, as editors and CI read it."""

import pkgutil
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import click
import orjson

import tools
from casewright.settings import read_settings
from casewright.trial import check_trial
from policies.corpus import named_clauses
from policies.lint.linter import Linted, lint_corpus


@click.command()
@click.argument("what", nargs=-1, metavar="[FOLDER] [CLAUSE]...")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, an object a flaw.")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="Day of looking at it; today where none is given.")
def lint(what: tuple[str, ...], day: datetime | None, *, as_json: bool) -> None:
    """Check the corpus, or the clauses named by id or file.

    FOLDER is a corpus; the configured one where none is given. Exit status: 1 with an error, 0 with warnings only.
    """
    folder, clauses = _asked(what)
    on = day.date() if day else datetime.now(UTC).date()
    linted = lint_folder(folder, on, clauses)
    shown = [flaw.model_copy(update={"file": _place(folder, flaw.file)}) for flaw in linted.flaws]
    if as_json:
        click.echo(orjson.dumps([flaw.model_dump() for flaw in shown], option=orjson.OPT_INDENT_2))
    else:
        for flaw in shown:
            click.echo(str(flaw))
    click.echo(_summary(linted), err=True)
    sys.exit(1 if any(flaw.severity == "error" for flaw in shown) else 0)


def lint_folder(folder: Path, on: date, clauses: Sequence[str] = ()) -> Linted:
    """Lint a corpus, its examples tried with the rulebook, against the tools that this installation has."""
    known = {module.name for module in pkgutil.iter_modules(tools.__path__)}
    return lint_corpus(folder, on, clauses, known, (check_trial,))


def _asked(what: Sequence[str]) -> tuple[Path, list[str]]:
    """Tell folder, files and ids apart; a file of a corpus names its folder too."""
    folders: dict[Path, None] = {}
    clauses: list[str] = []
    for name in what:
        path = Path(name)
        if path.is_dir():
            folders[path] = None
        elif path.is_file():
            folder, clause = _of_file(path)
            folders[folder] = None
            clauses += [clause] if clause else []
        else:
            clauses.append(name)
    if len({folder.resolve() for folder in folders}) > 1:
        message = f"These are of several corpora: {', '.join(map(str, folders))}."
        raise click.UsageError(message)
    folder = next(iter(folders), None) or read_settings().policies
    known = named_clauses(folder)
    for clause in clauses:
        if clause not in known:
            near = [other for other in known if clause.split(".")[-1] in other]
            hint = f" Near: {', '.join(near)}." if near else ""
            message = f"There is no folder, file or clause {clause}.{hint}"
            raise click.UsageError(message)
    return folder, clauses


def _of_file(path: Path) -> tuple[Path, str]:
    """The corpus that a file belongs to, and the clause; none for one of the corpus's tables."""
    for above in path.absolute().parents:
        if above.name == "clauses":
            place = path.absolute().relative_to(above).as_posix()
            return above.parent, place.removesuffix(".md").removesuffix(".signs.yaml").replace("/", ".")
    if (path.parent / "clauses").is_dir():
        return path.parent, ""
    message = f"{path} belongs to no corpus: it is neither below `clauses` nor beside it."
    raise click.UsageError(message)


def _place(folder: Path, file: str) -> str:
    """A file as an editor opens it from here."""
    path = folder / file
    here = Path.cwd()
    return str(path.absolute().relative_to(here) if path.absolute().is_relative_to(here) else path)


def _summary(linted: Linted) -> str:
    counts = [
        _counted(sum(flaw.severity == severity for flaw in linted.flaws), severity) for severity in ("error", "warning")
    ]
    return f"{_counted(linted.clauses, 'clause')}: {counts[0]}, {counts[1]}."


def _counted(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"
