"""The lint: a folder in, every flaw out."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from cases.problem import Problem
from policies.clause import Clause
from policies.corpus import Survey, named_clauses, survey_corpus
from policies.lint.consequences import check_consequences
from policies.lint.examples import check_examples
from policies.lint.flaw import CODES, Flaw
from policies.lint.names import check_names
from policies.lint.parts import check_parts
from policies.lint.periods import check_periods
from policies.lint.wording import check_wording
from policies.lint.written import Written

Check = Callable[[Clause, Written], Iterable[Flaw]]
"""Looks at one merged clause; others are in the second argument."""

CHECKS: tuple[Check, ...] = (
    check_names,
    check_periods,
    check_parts,
    check_consequences,
    check_wording,
    check_examples,
)


_REST_ON = {"actions.yaml", "regions.yaml", "facts.yaml"}
"""Tables without which checks would tell of clauses what is wrong with the table."""


class Linted(NamedTuple):
    """What came of it: flaws by file, line and code, and how many clauses were looked at."""

    flaws: tuple[Flaw, ...]
    clauses: int


def lint_corpus(
    folder: Path,
    on: date,
    only: Collection[str] = (),
    tools: Collection[str] = (),
    more: Sequence[Check] = (),
) -> Linted:
    """Check a corpus: all that keeps it from loading, and of the clauses that do load all that is wrong all the same.

    Args:
        folder: of the corpus; it may be broken in any way.
        on: the day on which it is looked at; decides what has expired.
        only: ids of the clauses to look at; empty means all. Those that there is no file of are passed over.
        tools: names of the tools that there are; empty leaves out whether a fact's tool is one.
        more: checks beside those of this room.

    Returns:
        Each flaw once, be it inherited by many.
    """
    survey = survey_corpus(folder)
    clauses = [clause for clause in survey.corpus.clauses.values() if not only or clause.id in only]
    selected = frozenset(clause.id for clause in clauses)
    written = Written(folder=folder, survey=survey, on=on, selected=selected, tools=frozenset(tools))
    flaws = {_loading(problem, folder): None for problem in _of(survey, only)}
    if not _REST_ON & {problem.pointer.partition(":")[0] for problem in survey.problems}:
        flaws |= {f: None for clause in clauses for check in (*CHECKS, *more) for f in check(clause, written)}
    named = named_clauses(folder)
    looked_at = len(set(only) & set(named)) if only else len(named)
    return Linted(tuple(sorted(flaws, key=lambda f: (f.file, f.line, f.severity, f.code, f.detail))), looked_at)


def _of(survey: Survey, only: Collection[str]) -> list[Problem]:
    """Problems of the corpus's tables, and of the files of the named clauses and all that they extend."""
    if not only:
        return list(survey.problems)
    wanted: set[object] = set()
    for name in only:
        above: object = name
        while isinstance(above, str) and above not in wanted:
            wanted.add(above)
            above = survey.sources[above].data.get("extends") if above in survey.sources else None
    return [p for p in survey.problems if _clause_of(p.pointer.rpartition(":")[0]) in {"", *wanted}]


def _loading(problem: Problem, folder: Path) -> Flaw:
    file, _, line = problem.pointer.rpartition(":")
    if not line.isdigit():  # what is missing as a whole has no line
        file, line = problem.pointer.removeprefix(f"{folder}/"), "1"
    return Flaw(
        file=file,
        line=int(line),
        severity=CODES.get(problem.code, "error"),
        code=problem.code,
        clause=_clause_of(file),
        detail=problem.detail,
        hint=problem.hint,
    )


def _clause_of(file: str) -> str:
    """The id that a file's place gives its clause; empty for the corpus's tables."""
    if not file.startswith("clauses/"):
        return ""
    return file.removeprefix("clauses/").removesuffix(".md").removesuffix(".signs.yaml").replace("/", ".")
