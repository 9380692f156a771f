"""Reading cases back: one, a page of many, or all of them as a stream; and waiting until one has an outcome."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal

import orjson

from cases.decision import Escalation
from cases.problem import Record
from service.cursors import Place, read_place, write_place
from service.database import Pool
from service.intake import NoSuchCase

Status = Literal["queued", "running", "waiting", "decided", "cancelled"]
_COLUMNS = """c.id AS case_id, c.status, c.received_at, c.closed_at, c.due_at, c.deadline_at, c.outcome,
    nullif(c.action, '') AS action, c.decided_by, c.overturned_at, c.appeal_of, c.region, c.language, c.types,
    c.seller_id, c.subject_id"""


_READ = f"""
SELECT {_COLUMNS}, c.result, e.body AS asked FROM cases c LEFT JOIN escalations e
ON e.case_id = c.id AND e.number = c.number AND e.answer IS NULL AND e.closed_at IS NULL WHERE c.id = $1
"""  # noqa: S608 - constant


class Standing(Record):
    """How a case stands.

    Attributes:
        due_at: our clock; `deadline_at`: an authority's or a seller's.
        escalation: the open one.
        result: the last result line: the decision, or the escalation, with its evidence and clauses.
    """

    case_id: str
    status: Status
    received_at: datetime
    closed_at: datetime | None = None
    due_at: datetime | None = None
    deadline_at: datetime | None = None
    region: str
    language: str | None = None
    types: tuple[str, ...] = ()
    seller_id: str
    subject_id: str
    outcome: Literal["violation", "no_violation"] | None = None
    action: str | None = None
    decided_by: Literal["agent", "person"] | None = None
    overturned_at: datetime | None = None
    appeal_of: str | None = None
    escalation: Escalation | None = None
    result: dict[str, Any] | None = None


class Page(Record):
    """Some cases, without their results; `next` reads on."""

    items: tuple[Standing, ...]
    next: str | None = None


class Choice(Record):
    """Which cases are wanted; what is not named does not matter."""

    status: Status | None = None
    seller_id: str | None = None
    subject_id: str | None = None
    region: str | None = None
    received_from: datetime | None = None
    received_to: datetime | None = None


async def read(pool: Pool, case_id: str) -> Standing:
    """How a case stands, with its last result; raises NoSuchCase."""
    row = await pool.fetchrow(_READ, case_id)
    if row is None:
        raise NoSuchCase(case=case_id)
    told = dict(row)
    result, asked = told.pop("result"), told.pop("asked")
    return Standing(
        **told,
        escalation=Escalation.model_validate_json(asked) if asked else None,
        result=orjson.loads(result) if result else None,
    )


_PREFETCH = 100
_CHOSEN = """
($1::text IS NULL OR c.status = $1) AND ($2::text IS NULL OR c.seller_id = $2)
AND ($3::text IS NULL OR c.subject_id = $3) AND ($4::text IS NULL OR c.region = $4)
AND ($5::timestamptz IS NULL OR c.received_at >= $5) AND ($6::timestamptz IS NULL OR c.received_at < $6)
"""
_LIST = f"""
SELECT {_COLUMNS} FROM cases c WHERE {_CHOSEN}
AND ($7::timestamptz IS NULL OR (c.received_at, c.id) > ($7, $8)) ORDER BY c.received_at, c.id LIMIT $9
"""  # noqa: S608 - constant
_EXPORT = f"""
SELECT c.received_at, c.id, c.result FROM cases c WHERE {_CHOSEN} AND c.result IS NOT NULL
AND ($7::timestamptz IS NULL OR (c.received_at, c.id) > ($7, $8)) ORDER BY c.received_at, c.id LIMIT {_PREFETCH}
"""  # noqa: S608 - constant


def _values(choice: Choice) -> tuple[Any, ...]:
    return (
        choice.status,
        choice.seller_id,
        choice.subject_id,
        choice.region,
        choice.received_from,
        choice.received_to,
    )


async def listed(pool: Pool, choice: Choice, cursor: str | None, limit: int) -> Page:
    """A page of cases, oldest first; raises BadCursor.

    Who reads on to the end finds every case once that was taken in before the first page was asked for. What is taken
    in meanwhile is found, or not: to follow along, read the events.
    """
    place = read_place(cursor) if cursor else None
    after = (place.at, place.row_id) if place else (None, "")
    rows = await pool.fetch(_LIST, *_values(choice), *after, limit + 1)
    items = tuple(Standing(**dict(row)) for row in rows[:limit])
    more = write_place(Place(items[-1].received_at, items[-1].case_id)) if len(rows) > limit else None
    return Page(items=items, next=more)


async def export(pool: Pool, choice: Choice) -> AsyncIterator[bytes]:
    """Every chosen case's last result line, with its line end, however many there are.

    It is read page by page as it is written out: a slow reader holds no connection and no transaction.
    """
    at, after = None, ""
    while rows := await pool.fetch(_EXPORT, *_values(choice), at, after):
        for row in rows:
            yield bytes(row["result"]) + b"\n"
        at, after = rows[-1]["received_at"], rows[-1]["id"]
