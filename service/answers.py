"""What people say to a case: an answer taken once, with the job that resumes it; withdrawn; cancelled; overturned."""

from datetime import UTC, datetime, timedelta
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
from service.opinions import TAKEN, Came, forget, opinions, take_back, weigh
from service.queue import Job, unwish, wish
from service.reviewers import LEASE, NotYours, check_reviewer
from service.urgency import urgency_of


class NotAnswered(CasewrightError):
    """nothing has been said to escalation {number} of case {case}"""

    code: ClassVar[str] = "not_answered"


class TooLate(CasewrightError):
    """what was said to escalation {number} of case {case} can be taken back no more"""

    code: ClassVar[str] = "too_late"
    hint: ClassVar[str] = "the case has gone on: answer what it asks next, or overturn its decision"


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
_NO_GRACE = timedelta(0)


async def answer(
    pool: Pool, case_id: str, given: Answer, corpus: Corpus, *, grace: timedelta = _NO_GRACE, by: str = ""
) -> Came:
    """Take an answer, and have its case run on: both, or neither. Of two answers the first counts.

    Args:
        pool: the database.
        case_id: that is answered.
        given: the answer.
        corpus: the policies in force.
        grace: for how long it may be withdrawn; the case runs on after that.
        by: who gives it, where the answer does not say so itself.

    Returns:
        Whether it was taken; a review that takes two people may be kept instead, see `Came`.

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
        case, came = Case.model_validate_json(row["case"]), TAKEN
        if isinstance(given, Review):
            came, given = await weigh(connection, case, given, corpus, grace)
        if came == TAKEN:
            await _take(connection, case, given, grace, by)
        return came


async def _take(connection: Connection, case: Case, given: Answer, grace: timedelta, by: str) -> None:
    who = given.reviewer if isinstance(given, Review) else by or type(given).__name__.lower()
    await connection.execute(_ANSWER, case.id, given.number, orjson.dumps(given.model_dump(mode="json")), who)
    urgency = urgency_of(case, datetime.now(UTC), raised=1 if isinstance(given, Expiry) else 0)
    await connection.execute(
        "UPDATE cases SET status = 'queued', attempts = 0, urgency = $2, begun_at = now(),"
        " resumes_at = CASE WHEN $3::interval > interval '0' THEN now() + $3 END WHERE id = $1",
        case.id,
        urgency,
        grace,
    )
    await wish(connection, [Job(case.id, given.number, urgency, grace)])


_GIVEN = """
SELECT answered_by, answer IS NOT NULL AS answered, closed_at IS NOT NULL AS closed FROM escalations
WHERE case_id = $1 AND number = $2 FOR UPDATE
"""
_REOPEN = """
WITH again AS (UPDATE cases SET status = 'waiting', resumes_at = NULL WHERE id = $1)
UPDATE escalations SET answer = NULL, answered_by = NULL, answered_at = NULL,
                       claimed_by = $3, claimed_until = now() + $4
WHERE case_id = $1 AND number = $2
"""


async def withdraw(pool: Pool, case_id: str, number: int, by: str) -> None:
    """Take back an answer, or an opinion that waits for a second: whoever gave it has the question on lease again.

    Of this and a worker that claims the case at the same moment exactly one happens.

    Raises:
        NoSuchCase: it is not here.
        NotAnswered: nothing has been said to this escalation.
        NotYours: somebody else has said it.
        TooLate: its grace is over, or the case has gone on.
    """
    async with pool.acquire() as connection, connection.transaction():
        # Whoever claims the case waits for this row, or we for theirs, and then sees what has become of it.
        case = await connection.fetchrow(
            "SELECT status = 'queued' AND resumes_at > now() AS held FROM cases WHERE id = $1 FOR UPDATE", case_id
        )
        if case is None:
            raise NoSuchCase(case=case_id)
        given = await connection.fetchrow(_GIVEN, case_id, number)
        said = [opinion.reviewer for opinion in await opinions(connection, case_id, number)]
        if given is None or not (given["answered"] or said):
            raise NotAnswered(case=case_id, number=number)
        if by not in ([given["answered_by"]] if given["answered"] else said):
            raise NotYours(reviewer=by, case=case_id, why="somebody else has answered")
        if given["answered"] and case["held"] and not given["closed"]:
            await forget(connection, case_id, number, by)
            await unwish(connection, Job(case_id, number, 0))
        elif given["answered"] or given["closed"] or not await take_back(connection, case_id, number, by):
            raise TooLate(case=case_id, number=number)
        await connection.execute(_REOPEN, case_id, number, by, LEASE)
        await connection.execute("SELECT pg_notify($1, $2)", CASE_CHANNEL, case_id)


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
