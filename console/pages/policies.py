"""The policies: every clause by area or type, and each with its text as of a day, its variants, and who cites it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar
from urllib.parse import urlencode

from starlette.responses import Response

from cases.problem import CasewrightError
from console.door import Door
from console.reading.clause_list import Choice, Row, listed
from console.reading.clause_page import View, clause_page, markets_of
from console.reading.tried import tried
from console.visit import Visit
from evaluation.example_trial import judge_examples
from policies.clause import Clause
from service.citing import resting_on

_TRIED = 40
"""Examples of each side that are judged for the page; `casewright policy try` judges all."""


class NoSuchClause(CasewrightError):
    """there is no clause {clause}"""

    code: ClassVar[str] = "no_such_clause"


@dataclass(frozen=True)
class Group:
    """Clauses under one heading: an area, a violation type, or what was found."""

    name: str
    title: str
    rows: tuple[Row, ...]


async def policies_page(visit: Visit) -> Response:
    """Every clause; filters and the day stand in the address."""
    corpus = visit.console.corpus
    choice = Choice(visit.one("q").strip()[:200], _region(visit), _type(visit), _day(visit))
    by = "type" if visit.one("by") == "type" else "area"
    rows = listed(corpus, choice)
    return visit.page(
        "policies_list.html.j2" if visit.asks_for_part else "policies.html.j2",
        choice=choice,
        by=by,
        groups=_grouped(visit, rows, "" if choice.words else by),
        total=len(rows),
        in_force=sum(row.state == "in_force" for row in rows),
        regions=_regions(visit, corpus.regions),
        types=_types(visit),
        keep=_kept(visit, choice.on, choice.region),
        part=visit.asks_for_part,
    )


def _grouped(visit: Visit, rows: Iterable[Row], by: str) -> tuple[Group, ...]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        name = row.clause.type if by == "type" else row.clause.id.partition(".")[0] if by else "found"
        groups.setdefault(name, []).append(row)
    return tuple(Group(name, _title(visit, name, by), tuple(held)) for name, held in sorted(groups.items()))


def _title(visit: Visit, name: str, by: str) -> str:
    if by == "type":
        known = visit.console.corpus.types
        return known[name].title if name in known else name
    return visit.words("policies.found") if not by else name


def _day(visit: Visit) -> date:
    """The day that the address names; today in the reader's zone where it names none."""
    try:
        return date.fromisoformat(visit.one("on"))
    except ValueError:
        return datetime.now(visit.words.clock).date()


def _region(visit: Visit) -> str:
    code = visit.one("region").strip().upper()
    return code if code in visit.console.corpus.regions else ""


def _type(visit: Visit) -> str:
    asked = visit.one("type")
    return asked if any(asked in {name, name.partition(".")[0]} for name in visit.console.corpus.types) else ""


def _regions(visit: Visit, codes: Iterable[str]) -> list[tuple[str, str]]:
    """Regions with their names, as the reader's language sorts them."""
    return sorted(((code, visit.words.region(code)) for code in codes), key=lambda pair: pair[1])


def _types(visit: Visit) -> dict[str, list[tuple[str, str]]]:
    """Violation types with their titles, by the first half of their name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, info in visit.console.corpus.types.items():
        found.setdefault(name.partition(".")[0], []).append((name, info.title))
    return found


def _kept(visit: Visit, on: date, region: str) -> str:
    """What links to clauses carry along: the day, where it was chosen, and the region."""
    chosen = {"on": on.isoformat() if visit.one("on") else "", "region": region}
    given = {name: value for name, value in chosen.items() if value}
    return f"?{urlencode(given)}" if given else ""


async def clause_of(visit: Visit) -> Response:
    """A clause: its text, what governed a region on a day, its variants side by side, and who cites it."""
    corpus, clause = visit.console.corpus, _clause(visit, visit.request.path_params["clause_id"])
    view = View(_day(visit), _region(visit))
    other = _clause(visit, visit.one("with")) if visit.one("with") else None
    kept = _kept(visit, view.on, view.region)
    return visit.page(
        "clause.html.j2",
        page=clause_page(corpus, clause, view, other),
        clause=clause,
        type_title=corpus.types[clause.type].title if clause.type in corpus.types else clause.type,
        regions=_regions(visit, corpus.regions),
        markets=_regions(visit, markets_of(corpus, clause)),
        resting=await resting_on(visit.pool, clause.id),
        keep=kept,
        beside=f"{kept}&with=" if kept else "?with=",
    )


def _clause(visit: Visit, clause_id: str) -> Clause:
    found = visit.console.corpus.clauses.get(clause_id)
    if found is None:
        raise NoSuchClause(clause=clause_id)
    return found


async def examples_now(visit: Visit) -> Response:
    """A clause's examples, judged by the rulebook while the reader looks at the rest of the page."""
    clause = _clause(visit, visit.request.path_params["clause_id"])
    written = clause.examples
    few = written.model_copy(update={"violating": written.violating[:_TRIED], "allowed": written.allowed[:_TRIED]})
    judged = await judge_examples(clause.model_copy(update={"examples": few}), visit.console.corpus, _day(visit))
    left = len(written.violating) + len(written.allowed) - len(few.violating) - len(few.allowed)
    return visit.page("clause_examples.html.j2", clause=clause, tried=tried(judged), left=left)


DOORS = (
    Door("GET", "/policies", policies_page),
    Door("GET", "/policies/clauses/{clause_id}", clause_of),
    Door("GET", "/policies/clauses/{clause_id}/examples", examples_now),
)
