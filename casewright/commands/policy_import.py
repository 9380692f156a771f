"""`casewright policy import`: a company's own handbook, a table or headed Markdown, becomes a folder of clauses."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import yaml

from cases.problem import Invalid, Problem
from casewright.handbook import Row, read_handbook
from casewright.mapping import read_mapping
from casewright.rule_mapping import RuleMapping
from casewright.settings import read_settings
from policies.corpus import Corpus, load_corpus, survey_corpus
from policies.draft import Draft, HandbookRule, draft_clause


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--mapping", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="What their words mean.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="A folder of policies.")
def import_handbook(file: Path, mapping: Path | None, out: Path) -> None:
    """Turn the rules of FILE into clauses: headed Markdown (.md), or a table (CSV, or JSON Lines), one row a rule.

    The mapping says where a rule's type, regions, severity, action and day stand, or what they are for all rules, and
    what your words mean (docs/guides/bring-your-corpus.md). OUT gets the configured corpus's vocabularies where it has
    none of its own.

    Nothing is made up, nothing is written over, and nothing is written before every rule is right.
    """
    with TemporaryDirectory(prefix="casewright-") as made:
        staged = Path(made) / "policies"
        corpus = _staged(staged, out)
        told = RuleMapping(_shape(mapping) if mapping else {}, mapping or file, corpus)
        handbook = read_handbook(file, told.columns, told.skip)
        rules = _rules(handbook.rows, told, file)
        drafts = _drafts(rules, handbook.rows, file, out)
        _write(drafts, staged)
        loaded = load_corpus(staged)
        _write(drafts, out)
        for table in staged.glob("*.yaml"):
            if not (out / table.name).exists():
                shutil.copy(table, out)
    for note in handbook.notes:
        click.echo(note, err=True)
    _tell(rules, len(loaded.clauses), out)


def _shape(mapping: Path) -> dict[str, Any]:
    """Read the mapping; raises `Invalid` also for a day that the calendar does not have, and for another encoding."""
    try:
        return read_mapping(mapping)
    except (yaml.YAMLError, ValueError) as error:
        raise Invalid(str(mapping), (Problem(code="not_yaml", pointer=str(mapping), detail=str(error)),)) from error


def _staged(staged: Path, out: Path) -> Corpus:
    """Lay out the corpus as it will be, but for the new clauses, and read it; a fault in it is told before anything."""
    staged.mkdir()
    for table in read_settings().policies.glob("*.yaml"):
        shutil.copy(table, staged)
    if out.exists():
        for table in out.glob("*.yaml"):
            shutil.copy(table, staged)
        if (out / "clauses").is_dir():
            shutil.copytree(out / "clauses", staged / "clauses")
    surveyed = survey_corpus(staged)
    problems = tuple(problem for problem in surveyed.problems if problem.code != "no_clauses")
    if problems:
        raise Invalid(str(out), problems)
    return surveyed.corpus


def _rules(rows: Sequence[Row], told: RuleMapping, file: Path) -> list[HandbookRule]:
    """Make the rules; what is wrong with every one of them is told of the first, once."""
    rules: list[HandbookRule] = []
    found: dict[Problem, list[int]] = {}
    for row in rows:
        try:
            rules.append(told.rule(row))
        except Invalid as error:
            if any(problem.code == "unknown_column" for problem in error.problems):
                raise  # that is the mapping's fault, not a row's
            for problem in error.problems:
                found.setdefault(problem, []).append(row.line)
    problems = [placed for problem, lines in found.items() for placed in _placed(problem, lines, len(rows), file)]
    if problems:
        raise Invalid(str(file), tuple(problem for _, problem in sorted(problems, key=lambda placed: placed[0])))
    return rules


def _placed(problem: Problem, lines: list[int], rules: int, file: Path) -> Iterator[tuple[int, Problem]]:
    """A problem at each of its lines, or, where every rule has it, at the first."""
    everywhere = len(lines) == rules > 1
    for line in lines[:1] if everywhere else lines:
        detail = problem.detail + (f", as in all {rules} rules" if everywhere else "")
        yield line, problem.model_copy(update={"pointer": f"{file}:{line}: {problem.pointer}", "detail": detail})


def _drafts(rules: Sequence[HandbookRule], rows: Sequence[Row], file: Path, out: Path) -> list[Draft]:
    """Write the clauses, each with an id of its own, for a file that is not there yet."""
    lines: dict[str, int] = {}
    drafts: list[Draft] = []
    problems: list[Problem] = []
    for rule, row in zip(rules, rows, strict=True):
        draft = draft_clause(rule)
        where = f"{file}:{row.line}"
        path = out / draft.place
        if draft.id in lines:
            hint = "name one of them otherwise, or give it a `name`"
            detail = f"{draft.id} is the id of the rule of line {lines[draft.id]} too"
            problems.append(Problem(code="twice", pointer=where, detail=detail, hint=hint))
        elif path.exists():
            hint = "remove the file if it may go, or import into a new folder"
            problems.append(Problem(code="already_there", pointer=where, detail=f"{path} exists", hint=hint))
        lines.setdefault(draft.id, row.line)
        drafts.append(draft)
    if problems:
        raise Invalid(str(file), tuple(problems))
    return drafts


def _write(drafts: Iterable[Draft], folder: Path) -> None:
    for draft in drafts:
        path = folder / draft.place
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(draft.text)


def _tell(rules: Sequence[HandbookRule], loaded: int, out: Path) -> None:
    """Say what there is now, and what a handbook does not say."""
    click.echo(f"{_counted(len(rules), 'clause')} imported; {out} loads, with {_counted(loaded, 'clause')}.", err=True)
    whole = sum(not rule.conditions for rule in rules)
    lifted = sum(bool(rule.exceptions) for rule in rules)
    if whole:
        click.echo(
            f"{_counted(whole, 'clause')} without conditions: the rule's whole text is the one to judge.", err=True
        )
    if lifted:
        told = "a seller's word counts for these exemptions until `record` or `proof` says otherwise."
        click.echo(f"{_counted(lifted, 'clause')} with exemptions: {told}", err=True)
    click.echo("No clause has signs yet: the rulebook auditor will ask people; a model needs none.", err=True)
    click.echo(f"Next: CASEWRIGHT_POLICIES={out} casewright policy lint", err=True)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
