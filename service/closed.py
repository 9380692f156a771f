"""Searching all cases, the latest first: what was decided, by whom, of what, and what became of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from cases.problem import Record
from service.cursors import Place, read_place, write_place
from service.database import Pool
from service.headline import patterns
from service.reading import Status


class ClosedChoice(Record):
    """Which cases are wanted; what is not named does not matter.

    Attributes:
        q: words that stand in the id of case, listing or seller, or in the title: every one of them.
        reason: a code by which it went to a person.
        clause: that carries the violation.
        model: that judged it, or the auditor's name where none did.
        agreed: of what a person decided, whether it is what the agent recommended, outcome and action.
        overdue: still open after its due date.
        from_, to: days of the decision, or of its coming where there is none; both included, in UTC.
    """

    q: str = Field("", max_length=500)
    status: Status | None = None
    outcome: Literal["violation", "no_violation"] | None = None
    action: str | None = None
    decided_by: Literal["agent", "person"] | None = None
    type: str | None = None
    region: str | None = None
    reason: str | None = None
    clause: str | None = None
    model: str | None = None
    agreed: bool | None = None
    overturned: bool = False
    overdue: bool = False
    from_: date | None = None
    to: date | None = None


class Closed(Record):
    """One case in the list.

    Attributes:
        at: when it was decided or cancelled; when it came, where neither has happened.
        reviewer: the person who decided it.
        types: the violation's; where there is none, those that were suspected or reported.
        appealed_by: the case that appeals against it.
    """

    case_id: str
    title: str
    status: Status
    outcome: str | None = None
    action: str | None = None
    decided_by: str | None = None
    reviewer: str | None = None
    types: tuple[str, ...] = ()
    region: str
    language: str | None = None
    seller_id: str
    subject_id: str
    at: datetime
    overturned_at: datetime | None = None
    appeal_of: str | None = None
    appealed_by: str | None = None


class ClosedPage(Record):
    """Some cases, the latest first; `next` reads on. `total` counts all that are wanted, up to ten thousand."""

    items: tuple[Closed, ...]
    total: int
    next: str | None = None


_MOST_COUNTED = 10_000
_PREFETCH = 200
_AT = "coalesce(c.closed_at, c.received_at)"
ABOUT = "coalesce((SELECT ARRAY[f.type] FROM effects f WHERE f.case_id = c.id AND f.type <> ''), c.types)"
"""What a case `c` is about, in SQL: the violation's type; where there is none, those suspected or reported."""
_WANTED = f"""
($1::text[] = '{{}}'
    OR (c.id || E'\\n' || c.subject_id || E'\\n' || c.seller_id || E'\\n' || c.title) ILIKE ALL($1::text[]))
AND ($2::text IS NULL OR c.status = $2) AND ($3::text IS NULL OR c.outcome = $3)
AND ($4::text IS NULL OR c.action = $4) AND ($5::text IS NULL OR c.decided_by = $5)
AND ($6::text IS NULL OR $6 = ANY({ABOUT}))
AND ($7::text IS NULL OR c.region = $7)
AND ($8::text IS NULL OR EXISTS (SELECT 1 FROM escalations e WHERE e.case_id = c.id AND $8 = ANY(e.reasons)))
AND ($9::text IS NULL OR EXISTS (SELECT 1 FROM effects f WHERE f.case_id = c.id AND f.clause_id = $9))
AND (NOT $10::boolean OR c.overturned_at IS NOT NULL)
AND (NOT $11::boolean OR (c.closed_at IS NULL AND least(c.due_at, c.deadline_at) < now()))
AND ($12::date IS NULL OR {_AT} >= $12::date) AND ($13::date IS NULL OR {_AT} < $13::date + 1)
AND ($14::text IS NULL OR c.judged ->> 'model' = $14)
AND ($15::boolean IS NULL OR (c.decided_by = 'person' AND EXISTS (
    SELECT 1 FROM escalations e WHERE e.case_id = c.id AND e.number = c.number AND e.headline ->> 'recommended' <> ''
    AND $15 = (e.headline ->> 'recommended' = c.outcome || coalesce('/' || nullif(c.action, ''), '')))))
AND c.id <> ALL(ARRAY(SELECT l.case_id FROM labels l WHERE l.reviewer = $16 AND l.given_at IS NULL))
"""  # noqa: S608 - constant
_ROW = f"""
SELECT c.id AS case_id, c.title, c.status, c.outcome, nullif(c.action, '') AS action, c.decided_by, c.region,
    {ABOUT} AS types,
    c.language, c.seller_id, c.subject_id, {_AT} AS at, c.overturned_at, c.appeal_of,
    (SELECT a.id FROM cases a WHERE a.appeal_of = c.id LIMIT 1) AS appealed_by,
    (SELECT e.answered_by FROM escalations e WHERE e.case_id = c.id AND e.number = c.number) AS reviewer
"""  # noqa: S608 - constant
_FROM = f"""
FROM cases c WHERE {_WANTED} AND ($17::timestamptz IS NULL OR ({_AT}, c.id) < ($17, $18))
"""
_LIST = f"{_ROW} {_FROM} ORDER BY {_AT} DESC, c.id DESC LIMIT $19"
_LINES = f"""
SELECT {_AT} AS at, c.id, c.result {_FROM} AND c.result IS NOT NULL ORDER BY {_AT} DESC, c.id DESC LIMIT {_PREFETCH}
"""
_COUNT = f"SELECT count(*) FROM (SELECT 1 FROM cases c WHERE {_WANTED} LIMIT {_MOST_COUNTED}) AS wanted"  # noqa: S608 - constant


def _values(choice: ClosedChoice, reader: str) -> tuple[Any, ...]:
    return (
        patterns(choice.q),
        choice.status,
        choice.outcome,
        choice.action,
        choice.decided_by,
        choice.type,
        choice.region,
        choice.reason,
        choice.clause,
        choice.overturned,
        choice.overdue,
        choice.from_,
        choice.to,
        choice.model,
        choice.agreed,
        reader,
    )


async def closed(
    pool: Pool, choice: ClosedChoice, cursor: str | None = None, limit: int = 50, *, reader: str = ""
) -> ClosedPage:
    """A page of cases, the latest first.

    Args:
        pool: of the database.
        choice: which cases.
        cursor: `next` of the page before.
        limit: rows of the page.
        reader: who reads; what they hold for a blind label is not there for them.

    Raises:
        BadCursor: it is none of ours.
    """
    place = read_place(cursor) if cursor else None
    after = (place.at, place.row_id) if place else (None, "")
    values = _values(choice, reader)
    rows, total = await asyncio.gather(  # side by side: each may have to look through all cases
        pool.fetch(_LIST, *values, *after, limit + 1), pool.fetchval(_COUNT, *values)
    )
    items = tuple(Closed(**dict(row)) for row in rows[:limit])
    more = write_place(Place(items[-1].at, items[-1].case_id)) if len(rows) > limit else None
    return ClosedPage(items=items, total=total, next=more)


async def closed_rows(pool: Pool, choice: ClosedChoice, *, reader: str = "") -> AsyncIterator[tuple[Closed, ...]]:
    """Every wanted case, some at a time, the latest first; a slow reader holds no connection."""
    at, after = None, ""
    while rows := await pool.fetch(_LIST, *_values(choice, reader), at, after, _PREFETCH):
        yield tuple(Closed(**dict(row)) for row in rows)
        at, after = rows[-1]["at"], rows[-1]["case_id"]


async def closed_lines(pool: Pool, choice: ClosedChoice, *, reader: str = "") -> AsyncIterator[bytes]:
    """The last result line of every wanted case that has one, with its line end, the latest first."""
    at, after = None, ""
    while rows := await pool.fetch(_LINES, *_values(choice, reader), at, after):
        for row in rows:
            yield bytes(row["result"]) + b"\n"
        at, after = rows[-1]["at"], rows[-1]["id"]
