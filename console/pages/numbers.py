"""Numbers: what the lead watches, from what is stored; every number opens its cases."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from starlette.responses import Response

from console.accounts import Role
from console.csv_cells import written
from console.door import Door
from console.visit import Visit
from service.figures import DayOf, FigureChoice, Figures, Share, figures

_MAY_SEE: tuple[Role, ...] = ("senior", "policy", "lead", "admin")
_PERIODS = ("7", "30", "90", "all")
_WIDTH, _HEIGHT = 720, 120


@dataclass(frozen=True)
class Bar:
    """A day of the chart, in its units: two pieces, one upon the other."""

    x: float
    width: float
    alone_y: float
    alone: float
    person_y: float
    person: float
    day: DayOf


async def numbers_page(visit: Visit) -> Response:
    """All figures of a period, a type, a region."""
    period, choice = _choice(visit)
    found = await figures(visit.pool, choice)
    since = [("from", choice.since.date().isoformat())] if choice.since else []
    narrowed = [(name, value) for name, value in (("type", choice.type), ("region", choice.region)) if value]

    def cases(**more: str) -> str:
        """Where the cases behind a number are."""
        given = {**dict(since), **dict(narrowed), **more}
        return f"/decisions?{urlencode({name: value for name, value in given.items() if value})}"

    return visit.page(
        "numbers.html.j2",
        f=found,
        period=period,
        periods=_PERIODS,
        choice=choice,
        cases=cases,
        bars=_bars(found.days),
        size=(_WIDTH, _HEIGHT),
        most=max((max(day.alone + day.by_person, 1) for day in found.days), default=1),
        automation=Share(hits=found.volumes.alone, of=found.volumes.alone + found.volumes.by_person),
        types=sorted(visit.console.corpus.types),
        regions=sorted(visit.console.corpus.regions),
        tables=tuple(_TABLES),
        may_export=visit.account.may("lead", "admin"),
        query=urlencode([("period", period), *narrowed]),
    )


def _choice(visit: Visit) -> tuple[str, FigureChoice]:
    period = visit.one("period") if visit.one("period") in _PERIODS else "30"
    days = None if period == "all" else int(period)
    begin = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    corpus = visit.console.corpus
    return period, FigureChoice(
        since=begin - timedelta(days=days - 1) if days else None,
        type=visit.one("type") if visit.one("type") in corpus.types else None,
        region=visit.one("region") if visit.one("region") in corpus.regions else None,
    )


def _bars(days: Sequence[DayOf]) -> list[Bar]:
    most = max((day.alone + day.by_person for day in days), default=0) or 1
    step = _WIDTH / max(len(days), 1)
    made = []
    for number, day in enumerate(days):
        alone, person = _HEIGHT * day.alone / most, _HEIGHT * day.by_person / most
        width = min(step * 0.8, 28)
        made.append(Bar(number * step, width, _HEIGHT - alone, alone, _HEIGHT - alone - person, person, day))
    return made


async def export(visit: Visit) -> Response:
    """One of the tables as CSV."""
    _, choice = _choice(visit)
    name = visit.one("table")
    if name not in _TABLES:
        return visit.page("refused.html.j2", 404, why=visit.words("refused.nowhere"))
    header, rows = _TABLES[name](await figures(visit.pool, choice))
    await visit.note("figures_exported", name)
    headers = {"content-disposition": f'attachment; filename="casewright-{name}.csv"'}
    return Response(written(header, rows), headers=headers, media_type="text/csv; charset=utf-8")


Table = tuple[Sequence[str], list[Sequence[object]]]


def _shares(shares: Sequence[Share]) -> Table:
    rows: list[Sequence[object]] = [(s.name, s.hits, s.of, s.value, *s.interval) for s in shares]
    return ("name", "hits", "of", "share", "low", "high"), rows


def _days(found: Figures) -> Table:
    days: list[Sequence[object]] = [(d.day.isoformat(), d.received, d.alone, d.by_person) for d in found.days]
    return ("day", "received", "alone", "by_person"), days


def _causes(found: Figures) -> Table:
    return ("reason", "cases"), [(cause.name, cause.count) for cause in found.causes]


def _models(found: Figures) -> Table:
    header = ("model", "cases", "calls", "tokens_in", "tokens_out", "cost", "p50_s")
    return header, [(m.name, m.cases, m.calls, m.tokens_in, m.tokens_out, m.cost, m.p50) for m in found.models]


_TABLES: dict[str, Callable[[Figures], Table]] = {
    "days": _days,
    "agreement_by_type": lambda found: _shares(found.agreed_by_type),
    "agreement_by_region": lambda found: _shares(found.agreed_by_region),
    "overturns_by_type": lambda found: _shares(found.overturned_by_type),
    "overturns_by_region": lambda found: _shares(found.overturned_by_region),
    "labels_by_type": lambda found: _shares(found.labels_by_type),
    "causes": _causes,
    "models": _models,
}

DOORS = (
    Door("GET", "/numbers", numbers_page, roles=_MAY_SEE),
    Door("GET", "/numbers.csv", export, roles=("lead", "admin")),
)
