"""Who has which question in hand: leases, so that two reviewers never hold one case."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, NamedTuple

import asyncpg

from cases.problem import CasewrightError
from graphs.escalations import AnsweredTwice, NoEscalation
from service.choice import ANYTHING, CHOSEN, OPEN, PRESSING, WaitingChoice, choice_values
from service.database import Connection, Pool
from service.escalations import NotRaised
from service.intake import NoSuchCase
from service.reviewers import ASKED, LEASE, OFFERED, NotYours, OnLease, check_reviewer


class NoLease(CasewrightError):
    """{reviewer} has no lease on case {case}"""

    code: ClassVar[str] = "no_lease"
    hint: ClassVar[str] = "claim it first"


class Lease(NamedTuple):
    """A question in hand."""

    case_id: str
    number: int
    until: datetime


_NEXT = f"""
UPDATE escalations SET claimed_by = $1, claimed_until = now() + $8
WHERE (case_id, number) = (
    SELECT e.case_id, e.number FROM {ASKED}
    WHERE {OPEN} AND e.waiting_for <> 'seller' AND {CHOSEN} AND NOT e.case_id = ANY($9::text[])
    AND (e.claimed_until IS NULL OR e.claimed_until < now() OR e.claimed_by = $1) AND {OFFERED}
    ORDER BY {PRESSING} LIMIT 1 FOR UPDATE OF e SKIP LOCKED
)
RETURNING case_id, number, claimed_until
"""  # noqa: S608 - constant
_ONE = """
UPDATE escalations SET claimed_by = $1, claimed_until = now() + $4 WHERE case_id = $2 AND number = $3
RETURNING case_id, number, claimed_until
"""
_KEEP = """
UPDATE escalations SET claimed_until = now() + $4 WHERE case_id = $2 AND number = $3 AND claimed_by = $1
AND answer IS NULL AND closed_at IS NULL RETURNING claimed_until
"""
_RELEASE = """
UPDATE escalations SET claimed_by = NULL, claimed_until = NULL
WHERE case_id = $2 AND claimed_by = $1 AND answer IS NULL AND closed_at IS NULL
"""
_LAST = "SELECT number FROM escalations WHERE case_id = $1 ORDER BY raised_at DESC LIMIT 1"
_LOCKED = """
SELECT body, waiting_for, claimed_by, claimed_until, claimed_until > now() AS running, answer IS NOT NULL AS answered,
    closed_at IS NOT NULL AS closed
FROM escalations WHERE case_id = $1 AND number = $2 FOR UPDATE
"""


async def claim_next(
    pool: Pool, reviewer: str, choice: WaitingChoice = ANYTHING, besides: Sequence[str] = ()
) -> Lease | None:
    """Lease the most pressing question that a reviewer is offered; one that they hold already is theirs again.

    Args:
        pool: of the database.
        reviewer: who will have it in hand.
        choice: what they want; questions that wait for a seller are nobody's.
        besides: ids of cases that they have in hand already and do not mean.

    Returns:
        The lease; None where nothing is left.
    """
    row = await pool.fetchrow(_NEXT, reviewer, *choice_values(choice), LEASE, list(besides))
    return Lease(*row) if row else None


async def claim_one(pool: Pool, reviewer: str, case_id: str, number: int | None = None) -> Lease:
    """Lease this question.

    Args:
        pool: of the database.
        reviewer: who will have it in hand.
        case_id: of the case.
        number: of the escalation; the last one where none is named.

    Raises:
        NoSuchCase, NotRaised, NoEscalation, AnsweredTwice: there is nothing to take, or it is answered.
        NotYours: this reviewer may not take it, or it waits for the seller.
        OnLease: somebody else has it; it says who, and until when.
    """
    async with pool.acquire() as connection, connection.transaction():
        meant = await _last(connection, case_id) if number is None else number
        row = await locked_open(connection, case_id, meant)
        if row["waiting_for"] == "seller":
            raise NotYours(reviewer=reviewer, case=case_id, why="it waits for the seller")
        await check_reviewer(connection, case_id, meant, reviewer)
        taken = await connection.fetchrow(_ONE, reviewer, case_id, meant, LEASE)
        return Lease(*taken or ())


async def keep_lease(pool: Pool, reviewer: str, case_id: str, number: int) -> datetime:
    """Extend a lease, as long as its holder is heard of; one that has run out is theirs until somebody else takes it.

    Returns:
        Until when it runs now.

    Raises:
        NotRaised, NoEscalation, AnsweredTwice: it is not open any more.
        OnLease: somebody else has it by now.
        NoLease: it was given back, or never held.
    """
    until: datetime | None = await pool.fetchval(_KEEP, reviewer, case_id, number, LEASE)
    if until:
        return until
    async with pool.acquire() as connection, connection.transaction():
        await held_open(connection, reviewer, case_id, number)
    raise NoLease(reviewer=reviewer, case=case_id)


async def release(pool: Pool, reviewer: str, case_id: str) -> bool:
    """Give a question back; whether this reviewer held it."""
    return await pool.execute(_RELEASE, reviewer, case_id) != "UPDATE 0"


async def locked_open(connection: Connection, case_id: str, number: int) -> asyncpg.Record:
    """The row of an open escalation, locked until the transaction is over.

    Raises:
        NotRaised: there is none.
        AnsweredTwice: it is answered.
        NoEscalation: its case has gone on, or is over.
    """
    row = await connection.fetchrow(_LOCKED, case_id, number)
    if row is None:
        raise NotRaised(case=case_id, number=number)
    if row["answered"]:
        raise AnsweredTwice(case=case_id, number=number)
    if row["closed"]:
        raise NoEscalation(case=case_id)
    return row


async def held_open(connection: Connection, reviewer: str, case_id: str, number: int) -> asyncpg.Record:
    """As `locked_open`, of one that a reviewer has in hand: the last who claimed it.

    Raises:
        NotRaised, AnsweredTwice, NoEscalation: as `locked_open`.
        OnLease: somebody else has it.
        NoLease: nobody has, or somebody else had.
    """
    row = await locked_open(connection, case_id, number)
    if row["claimed_by"] != reviewer:
        if row["running"]:
            until = row["claimed_until"].isoformat(timespec="seconds")
            raise OnLease(case=case_id, holder=row["claimed_by"], until=until)
        raise NoLease(reviewer=reviewer, case=case_id)
    return row


async def _last(connection: Connection, case_id: str) -> int:
    number: int | None = await connection.fetchval(_LAST, case_id)
    if number is not None:
        return number
    known = await connection.fetchval("SELECT true FROM cases WHERE id = $1", case_id)
    raise NoEscalation(case=case_id) if known else NoSuchCase(case=case_id)
