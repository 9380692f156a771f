"""Figures of what is stored: volumes, ages, automation, agreement and overturns with intervals, cost, causes."""

import math
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from cases.problem import Record
from service.closed import ABOUT
from service.database import Pool


class FigureChoice(Record):
    """Which cases are counted: those that came, or were decided, since a moment; of a type; of a region."""

    since: datetime | None = None
    type: str | None = None
    region: str | None = None


class Share(Record):
    """A share with its 95 % interval.

    Attributes:
        name: of what; empty for all.
        hits, of: the two counts.
    """

    name: str = ""
    hits: int
    of: int

    @property
    def value(self) -> float:
        """The share, 0 to 1; 0 where there is nothing."""
        return self.hits / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval (Wilson 1927; Brown, Cai and DasGupta 2001 on why not the textbook's)."""
        return wilson(self.hits, self.of)


def wilson(hits: int, of: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval of a share; all of 0 to 1 where nothing was counted."""
    if of == 0:
        return (0.0, 1.0)
    share = hits / of
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    whole = 1 + z * z / of
    return (max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole))


class Volumes(Record):
    """How many cases came, and what has become of them."""

    received: int = 0
    alone: int = 0
    by_person: int = 0
    waiting: int = 0
    cancelled: int = 0
    overturned: int = 0


class Ages(Record):
    """What waits for a person, against its due date."""

    on_time: int = 0
    soon: int = 0
    overdue: int = 0
    undated: int = 0
    oldest: datetime | None = None


class Durations(Record):
    """Seconds from a case's coming to its decision, at the median and the 90th percentile; None without cases."""

    name: str
    count: int
    p50: float | None = None
    p90: float | None = None


class DayOf(Record):
    """One day's cases."""

    day: date
    received: int
    alone: int
    by_person: int


class ModelFigures(Record):
    """What judging took, by model.

    Attributes:
        cost: of all cases, in the price table's currency.
        p50: seconds from a case's coming until the agent was done with it.
    """

    name: str
    cases: int
    calls: int
    tokens_in: int
    tokens_out: int
    cost: float
    p50: float | None = None


class Cause(Record):
    """How often cases went to a person for one reason."""

    name: str
    count: int


class Figures(Record):
    """All of it."""

    volumes: Volumes
    ages: Ages
    durations: tuple[Durations, ...]
    days: tuple[DayOf, ...]
    agreed: Share
    agreed_by_type: tuple[Share, ...]
    agreed_by_region: tuple[Share, ...]
    overturned_by_type: tuple[Share, ...]
    overturned_by_region: tuple[Share, ...]
    causes: tuple[Cause, ...]
    models: tuple[ModelFigures, ...]
    labels: Share
    labels_by_type: tuple[Share, ...]


_OF = f"($2::text IS NULL OR $2 = ANY({ABOUT})) AND ($3::text IS NULL OR c.region = $3)"
_CLOSED = f"c.status = 'decided' AND ($1::timestamptz IS NULL OR c.closed_at >= $1) AND {_OF}"
_CAME = f"($1::timestamptz IS NULL OR c.received_at >= $1) AND {_OF}"
_VOLUMES = f"""
SELECT (SELECT count(*) FROM cases c WHERE {_CAME}) AS received,
    (SELECT count(*) FROM cases c WHERE c.status = 'waiting' AND $1 IS NOT DISTINCT FROM $1 AND {_OF}) AS waiting,
    (SELECT count(*) FROM cases c WHERE c.status = 'cancelled' AND {_CAME}) AS cancelled,
    count(*) FILTER (WHERE c.decided_by = 'agent') AS alone,
    count(*) FILTER (WHERE c.decided_by = 'person') AS by_person,
    count(*) FILTER (WHERE c.overturned_at IS NOT NULL) AS overturned
FROM cases c WHERE {_CLOSED}
"""  # noqa: S608 - constant
_AGES = f"""
SELECT count(*) FILTER (WHERE due >= now() + interval '4 hours') AS on_time,
    count(*) FILTER (WHERE due >= now() AND due < now() + interval '4 hours') AS soon,
    count(*) FILTER (WHERE due < now()) AS overdue, count(*) FILTER (WHERE due IS NULL) AS undated,
    min(received_at) AS oldest
FROM (
    SELECT least(c.due_at, c.deadline_at) AS due, c.received_at FROM cases c
    WHERE c.status = 'waiting' AND $1::timestamptz IS NOT DISTINCT FROM $1 AND {_OF}
) AS waiting
"""  # noqa: S608 - constant
_DURATIONS = f"""
SELECT c.decided_by AS name, count(*) AS count,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM c.closed_at - c.received_at)) AS p50,
    percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM c.closed_at - c.received_at)) AS p90
FROM cases c WHERE {_CLOSED} GROUP BY c.decided_by ORDER BY c.decided_by
"""  # noqa: S608 - constant
_DAYS = f"""
SELECT day, sum(received)::int AS received, sum(alone)::int AS alone, sum(by_person)::int AS by_person FROM (
    SELECT c.received_at::date AS day, 1 AS received, 0 AS alone, 0 AS by_person FROM cases c WHERE {_CAME}
    UNION ALL
    SELECT c.closed_at::date, 0, (c.decided_by = 'agent')::int, (c.decided_by = 'person')::int
    FROM cases c WHERE {_CLOSED}
) AS each GROUP BY day ORDER BY day DESC LIMIT 90
"""  # noqa: S608 - constant
_AGREED = f"""
SELECT {ABOUT} AS types, c.region, count(*) AS of, count(*) FILTER (
    WHERE e.headline ->> 'recommended' = c.outcome || CASE WHEN c.action <> '' THEN '/' || c.action ELSE '' END
) AS hits
FROM cases c JOIN escalations e ON e.case_id = c.id AND e.number = c.number
WHERE c.decided_by = 'person' AND e.headline ->> 'recommended' <> '' AND {_CLOSED} GROUP BY 1, 2
"""  # noqa: S608 - constant
_OVERTURNED = f"""
SELECT {ABOUT} AS types, c.region, count(*) AS of, count(*) FILTER (WHERE c.overturned_at IS NOT NULL) AS hits
FROM cases c WHERE {_CLOSED} GROUP BY 1, 2
"""  # noqa: S608 - constant
_CAUSES = f"""
SELECT reason AS name, count(DISTINCT e.case_id) AS count
FROM escalations e JOIN cases c ON c.id = e.case_id, unnest(e.reasons) AS reason
WHERE ($1::timestamptz IS NULL OR e.raised_at >= $1) AND {_OF} GROUP BY reason ORDER BY count DESC, reason
"""  # noqa: S608 - constant
_MODELS = f"""
SELECT c.judged ->> 'model' AS name, count(*) AS cases, coalesce(sum((c.judged ->> 'model_calls')::int), 0) AS calls,
    coalesce(sum((c.judged ->> 'tokens_in')::bigint), 0)::bigint AS tokens_in,
    coalesce(sum((c.judged ->> 'tokens_out')::bigint), 0)::bigint AS tokens_out,
    coalesce(sum((c.judged ->> 'cost')::numeric), 0)::float8 AS cost,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM coalesce(
        (SELECT min(e.raised_at) FROM escalations e WHERE e.case_id = c.id), c.closed_at) - c.received_at)) AS p50
FROM cases c WHERE c.judged ? 'model' AND {_CLOSED} GROUP BY 1 ORDER BY cases DESC
"""  # noqa: S608 - constant
_LABELS = """
SELECT array_remove(ARRAY[coalesce(type, '')], '') AS types, count(*) AS of,
    count(*) FILTER (WHERE differing = '{}') AS hits
FROM labels
WHERE given_at IS NOT NULL AND judgements IS NOT NULL AND ($1::timestamptz IS NULL OR given_at >= $1)
AND ($2::text IS NULL OR type = $2) AND ($3::text IS NULL OR region = $3) GROUP BY 1
"""


async def figures(pool: Pool, choice: FigureChoice) -> Figures:
    """Count all of it; nothing is kept that the tables do not say."""
    values = (choice.since, choice.type, choice.region)
    agreed = await pool.fetch(_AGREED, *values)
    overturned = await pool.fetch(_OVERTURNED, *values)
    labels = await pool.fetch(_LABELS, *values)
    return Figures(
        volumes=Volumes(**dict(await pool.fetchrow(_VOLUMES, *values) or {})),
        ages=Ages(**dict(await pool.fetchrow(_AGES, *values) or {})),
        durations=tuple(Durations(**dict(row)) for row in await pool.fetch(_DURATIONS, *values)),
        days=tuple(DayOf(**dict(row)) for row in reversed(await pool.fetch(_DAYS, *values))),
        agreed=_all(agreed),
        agreed_by_type=_by_type(agreed),
        agreed_by_region=_by_region(agreed),
        overturned_by_type=_by_type(overturned),
        overturned_by_region=_by_region(overturned),
        causes=tuple(Cause(**dict(row)) for row in await pool.fetch(_CAUSES, *values)),
        models=tuple(ModelFigures(**dict(row)) for row in await pool.fetch(_MODELS, *values)),
        labels=_all(labels),
        labels_by_type=_by_type(labels),
    )


def _all(rows: "list[Any]") -> Share:
    return Share(hits=sum(row["hits"] for row in rows), of=sum(row["of"] for row in rows))


def _by_type(rows: "list[Any]") -> tuple[Share, ...]:
    """Shares by type, the largest first; a case that is about several types counts for each."""
    return _shares((name, row) for row in rows for name in row["types"] or [""])


def _by_region(rows: "list[Any]") -> tuple[Share, ...]:
    """Shares by region, the largest first."""
    return _shares((row["region"], row) for row in rows)


def _shares(named: Iterable[tuple[str, Any]]) -> tuple[Share, ...]:
    counts: dict[str, list[int]] = {}
    for name, row in named:
        held = counts.setdefault(name, [0, 0])
        held[0], held[1] = held[0] + row["hits"], held[1] + row["of"]
    made = [Share(name=key, hits=hits, of=of) for key, (hits, of) in counts.items()]
    return tuple(sorted(made, key=lambda share: (-share.of, share.name)))
