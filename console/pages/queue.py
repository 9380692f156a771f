"""The queue: what waits for this person, the most pressing first; facets and search stand in the address."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from pydantic import ValidationError
from starlette.responses import Response

from console.door import Door
from console.pages.case import REVIEWING, case_path
from console.visit import Visit
from service.choice import ANYTHING, WaitingChoice
from service.notes import asked_of
from service.waiting_list import Counted, Waiting, facets, waiting

_ROWS = 100
_SHOWN = 7
"""Values of a facet that are shown before one asks for more."""
_FACETS = ("types", "reasons", "regions", "languages")


@dataclass(frozen=True)
class Line:
    """One waiting case as the list shows it.

    Attributes:
        due: the earlier of its clocks; None where it has none.
        used: of its time, 0 to 100.
    """

    row: Waiting
    path: str
    due: datetime | None
    used: int
    late: bool


@dataclass(frozen=True)
class Value:
    """One value of a facet: its count, whether it is chosen, and what people call it."""

    value: str
    name: str
    count: int
    chosen: bool


async def queue_page(visit: Visit) -> Response:
    """List what waits; the script asks for the list alone when a facet is changed."""
    choice = _choice(visit)
    who, corpus = visit.account.id, visit.console.corpus
    page = await waiting(visit.pool, choice, who, corpus, limit=_ROWS, cursor=visit.one("after") or None)
    counted = await facets(visit.pool, choice, who)
    now = datetime.now(UTC)
    lines = [_line(row, now) for row in page.items]
    more = urlencode([*_chosen(visit), ("after", page.next)]) if page.next else ""
    return visit.page(
        "queue_list.html.j2" if visit.asks_for_part else "queue.html.j2",
        bands=_bands(lines, now),
        total=counted.total,
        facets={name: _values(visit, name, getattr(counted, name)) for name in _FACETS},
        shown=_SHOWN,
        more=more,
        q=choice.q,
        consulted=await asked_of(visit.pool, who),
        done=visit.one("done") == "1",
        case_path=case_path,
    )


def _choice(visit: Visit) -> WaitingChoice:
    """What the address asks for; what makes no sense in it asks for nothing."""
    try:
        return WaitingChoice(**{name: tuple(visit.many(name)) for name in _FACETS}, q=visit.one("q"))
    except ValidationError:
        return ANYTHING


def _chosen(visit: Visit) -> list[tuple[str, str]]:
    return [(name, value) for name in (*_FACETS, "q") for value in visit.many(name) if value]


def _values(visit: Visit, facet: str, counted: tuple[Counted, ...]) -> list[Value]:
    chosen = set(visit.many(facet))
    present = [Value(one.value, _name(visit, facet, one.value), one.count, one.value in chosen) for one in counted]
    gone = [Value(value, _name(visit, facet, value), 0, chosen=True) for value in chosen - {c.value for c in counted}]
    return [*present, *gone]


def _name(visit: Visit, facet: str, value: str) -> str:
    if facet == "reasons":
        return visit.words.known(f"reason.{value}", value)
    return visit.words.language(value) if facet == "languages" else value


def _line(row: Waiting, now: datetime) -> Line:
    due = min((clock for clock in (row.due_at, row.deadline_at) if clock), default=None)
    span = (due - row.raised_at).total_seconds() if due else 0
    used = 100 if due and span <= 0 else round(100 * (now - row.raised_at).total_seconds() / span) if due else 0
    return Line(row, case_path(row.case_id), due, max(0, min(100, used)), bool(due and now > due))


def _bands(lines: list[Line], now: datetime) -> list[tuple[str, list[Line]]]:
    """Rows in their order, parted by how soon they are due."""
    found: dict[str, list[Line]] = {"overdue": [], "today": [], "later": []}
    for line in lines:
        soon = line.due is not None and line.due - now <= timedelta(hours=24)
        found["overdue" if line.late else "today" if soon else "later"].append(line)
    return [(name, band) for name, band in found.items() if band]


DOORS = (Door("GET", "/queue", queue_page, roles=REVIEWING),)
