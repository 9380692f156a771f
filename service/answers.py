"""What people say to a case: an answer taken once, with the job that resumes it; cancelled; overturned."""

from datetime import UTC, datetime
from typing import ClassVar

import orjson

from cases.case import Case
from cases.decision import Answer, Decision, Escalation, Expiry, Review
from cases.problem import CasewrightError, Invalid, Problem
from graphs.escalations import AnsweredTwice, NoEscalation, StaleAnswer, check_answer
from policies.corpus import Corpus
from service.database import Connection, Pool
from service.intake import CaseIsOver, NoSuchCase
from service.listening import CASE_CHANNEL
from service.queue import Job, wish
from service.reviewers import check_reviewer
from service.urgency import urgency_of


class NotDecided(CasewrightError):
    """case {case} is {status}: only a decision that stands is overturned"""

    code: ClassVar[str] = "not_decided"


_NOT_LAID_OUT = Problem(
    code="not_laid_out",
    pointer="",
    detail="the case could not be laid out, so there is nothing to judge",
    hint='send {"expired": true} with number and digest to have it run again, or cancel it',
)
_OPEN = """
SELECT e.number, e.digest, e.body, e.answer IS NOT NULL OR e.closed_at IS NOT NULL AS answered, c.body AS "case"
FROM cases c JOIN escalations e ON e.case_id = c.id WHERE c.id = $1 ORDER BY e.raised_at DESC LIMIT 1 FOR UPDATE
"""
_ANSWER = "UPDATE escalations SET answer = $3, answered_by = $4, answered_at = now() WHERE case_id = $1 AND number = $2"


async def answer(pool: Pool, case_id: str, given: Answer, corpus: Corpus) -> None:
    """Take an answer, and have its case run on: both, or neither. Of two answers the first counts.

    Raises:
        NoSuchCase, NoEscalation: there is nothing to answer.
        StaleAnswer: it is for another number or digest.
        AnsweredTwice: there is an answer.
        NotYours: this reviewer may not take it.
        Invalid: it names clauses, parts or actions that are not there.
    """
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_OPEN, case_id)
        if row is None:
            known = await connection.fetchval("SELECT true FROM cases WHERE id = $1", case_id)
            raise NoEscalation(case=case_id) if known else NoSuchCase(case=case_id)
        if (given.number, given.digest) != (row["number"], row["digest"]):
            raise StaleAnswer(case=case_id, given=given.number, open=row["number"])
        if row["answered"]:
            raise AnsweredTwice(case=case_id, number=given.number)
        if given.number == 0 and not isinstance(given, Expiry):
            raise Invalid("the answer", (_NOT_LAID_OUT,))
        if isinstance(given, Review):
            await check_reviewer(connection, case_id, given.number, given.reviewer)
        check_answer(Escalation.model_validate_json(row["body"]), given, corpus)
        await _take(connection, Case.model_validate_json(row["case"]), given)


async def _take(connection: Connection, case: Case, given: Answer) -> None:
    who = given.reviewer if isinstance(given, Review) else type(given).__name__.lower()
    await connection.execute(_ANSWER, case.id, given.number, orjson.dumps(given.model_dump(mode="json")), who)
    urgency = urgency_of(case, datetime.now(UTC), raised=1 if isinstance(given, Expiry) else 0)
    await connection.execute(
        "UPDATE cases SET status = 'queued', attempts = 0, urgency = $2, begun_at = now() WHERE id = $1",
        case.id,
        urgency,
    )
    await wish(connection, [Job(case.id, given.number, urgency)])


_EXPIRED = """
SELECT case_id, number, digest FROM escalations
WHERE expires_at < now() AND answer IS NULL AND closed_at IS NULL ORDER BY expires_at LIMIT 500
"""


async def expire(pool: Pool, corpus: Corpus) -> int:
    """Answer what has waited too long with an expiry: a new round, at higher priority; it never decides."""
    rows = await pool.fetch(_EXPIRED)
    for row in rows:
        over = Expiry(number=row["number"], digest=row["digest"], at=datetime.now(UTC), expired=True)
        try:
            await answer(pool, row["case_id"], over, corpus)
        except (AnsweredTwice, StaleAnswer, NoEscalation):
            continue  # somebody has answered meanwhile
    return len(rows)


async def cancel(pool: Pool, case_id: str) -> None:
    """Take a case back that is not decided; a run of it that is on its way counts no more.

    Raises:
        NoSuchCase: it is not here.
        CaseIsOver: it is decided or cancelled.
    """
    async with pool.acquire() as connection, connection.transaction():
        status = await connection.fetchval("SELECT status FROM cases WHERE id = $1 FOR UPDATE", case_id)
        if status is None:
            raise NoSuchCase(case=case_id)
        if status in {"decided", "cancelled"}:
            raise CaseIsOver(case=case_id, status=status)
        await connection.execute(
            "UPDATE cases SET status = 'cancelled', closed_at = now(), epoch = epoch + 1 WHERE id = $1", case_id
        )
        await connection.execute(
            "UPDATE escalations SET closed_at = now() WHERE case_id = $1 AND closed_at IS NULL", case_id
        )
        await connection.execute("SELECT pg_notify($1, $2)", CASE_CHANNEL, case_id)


async def overturn(connection: Connection, case_id: str, by: str, why: str) -> None:
    """Reverse a decision: a new event, and its strike is taken back; the decision itself stays as it was made.

    Raises:
        NoSuchCase: it is not here.
        NotDecided: there is no decision, or it is overturned already.
    """
    row = await connection.fetchrow("SELECT status, overturned_at, result FROM cases WHERE id = $1 FOR UPDATE", case_id)
    if row is None:
        raise NoSuchCase(case=case_id)
    if row["status"] != "decided" or row["overturned_at"]:
        raise NotDecided(case=case_id, status="overturned" if row["overturned_at"] else row["status"])
    await connection.execute("UPDATE cases SET overturned_at = now() WHERE id = $1", case_id)
    await connection.execute("UPDATE effects SET reversed_at = now(), reversed_by = $2 WHERE case_id = $1", case_id, by)
    decision = Decision.model_validate(orjson.loads(row["result"])["decision"])
    told = {
        "by": by,
        "why": why,
        "outcome": decision.outcome,
        "action": decision.action.model_dump(mode="json") if decision.action else None,
    }
    await connection.execute(
        "INSERT INTO events (type, case_id, data) VALUES ('case.overturned', $1, $2)", case_id, told
    )
