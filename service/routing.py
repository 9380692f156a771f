"""Passing a question on: skipped with a reason, to a senior, or to the policy team; whoever has it in hand may."""

from datetime import timedelta
from typing import Annotated, Literal, get_args

import orjson
from pydantic import StringConstraints

from cases.decision import WaitingFor
from cases.problem import Invalid, Problem
from service.database import Connection, Pool
from service.leases import held_open
from service.notes import NoteText, write_note

SkipReason = Literal["later", "not_my_skill", "conflict_of_interest", "upsetting"]
SKIP_REASONS: tuple[SkipReason, ...] = get_args(SkipReason)
SkipNote = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]
LATER = timedelta(hours=2)
"""How long a question that was put off for later is not offered to who put it off."""

_SKIP = "INSERT INTO skips (case_id, number, reviewer, reason, note, until) VALUES ($1, $2, $3, $4, $5, now() + $6)"
_FREE = "UPDATE escalations SET claimed_by = NULL, claimed_until = NULL WHERE case_id = $1 AND number = $2"
_HAND_ON = """
UPDATE escalations SET claimed_by = NULL, claimed_until = NULL, waiting_for = $3, body = $4
WHERE case_id = $1 AND number = $2
"""


async def skip(pool: Pool, reviewer: str, case_id: str, number: int, reason: SkipReason, note: SkipNote = "") -> None:
    """Give a question back with a reason, and be offered it no more: for two hours, or, but for `later`, for ever.

    Args:
        pool: of the database.
        reviewer: who has it in hand.
        case_id: of the case.
        number: of the escalation.
        reason: after a conflict of interest they can neither claim nor answer it; otherwise they can, by its id.
        note: of `not_my_skill` it has to name the language or market.

    Raises:
        Invalid: `not_my_skill` without a note.
        NotRaised, AnsweredTwice, NoEscalation: it is not open.
        OnLease, NoLease: they do not have it in hand.
    """
    if reason == "not_my_skill" and not note.strip():
        detail = "it has to name the language or market that is asked for"
        raise Invalid("the skip", (Problem(code="missing", pointer="/note", detail=detail, hint="add this field"),))
    async with pool.acquire() as connection, connection.transaction():
        await held_open(connection, reviewer, case_id, number)
        until = LATER if reason == "later" else None
        await connection.execute(_SKIP, case_id, number, reviewer, reason, note.replace("\0", "\ufffd"), until)
        await connection.execute(_FREE, case_id, number)


async def to_policy_team(pool: Pool, reviewer: str, case_id: str, number: int, why: NoteText) -> None:
    """Hand a question on to the policy team: the policy is silent. Why stands among the notes of the case.

    Raises:
        Invalid: no word of why.
        NotRaised, AnsweredTwice, NoEscalation: it is not open.
        OnLease, NoLease: they do not have it in hand.
    """
    await _hand_on(pool, reviewer, (case_id, number), "policy_team", why)


async def to_senior(pool: Pool, reviewer: str, case_id: str, number: int, why: NoteText) -> None:
    """Hand a question on to a senior, with why among the notes of the case; raises as `to_policy_team`."""
    await _hand_on(pool, reviewer, (case_id, number), "senior", why)


async def _hand_on(pool: Pool, reviewer: str, asked: tuple[str, int], to: WaitingFor, why: str) -> None:
    async with pool.acquire() as connection, connection.transaction():
        row = await held_open(connection, reviewer, *asked)
        # The digest is of case, findings and policies: it stays, and with it whatever answer is being written.
        told = orjson.dumps(orjson.loads(row["body"]) | {"waiting_for": to})
        await connection.execute(_HAND_ON, *asked, to, told)
        await _offered_no_more(connection, reviewer, asked)
        await write_note(connection, asked[0], reviewer, why, hands_to=to)


async def _offered_no_more(connection: Connection, reviewer: str, asked: tuple[str, int]) -> None:
    """Also to one who is a senior, or of the policy team: else it would come back at the next claim."""
    await connection.execute(_SKIP, *asked, reviewer, "handed_on", "", None)
