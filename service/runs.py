"""One run of a case, from its claim to what it leaves: each write checks the epoch, so that of two runs one counts."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson
from pydantic import ValidationError

from cases.case import Case
from cases.decision import (
    Answer,
    Decision,
    Escalation,
    InformationRequest,
    Question,
    ReasonCode,
    digest_of,
    read_answer,
)
from cases.problem import CasewrightError
from graphs.passes import Line
from service.database import Connection, Pool
from service.headline import folded, headline_of, sought_in
from service.precedents import set_by
from service.urgency import urgency_of

log = logging.getLogger(__name__)
SUSPECT = 5
"""Claims without getting on, from which a case runs by itself: what takes workers down must not take others along.

Not sooner: by themselves cases are slow, and where workers are killed for other reasons many an innocent one comes to
three or four."""


class Superseded(CasewrightError):
    """another run of case {case} has taken over"""

    code: ClassVar[str] = "superseded"


class CapsToCount(CasewrightError):
    """what was decided alone must be counted before case {case} is"""

    code: ClassVar[str] = "caps_to_count"


class Held(CasewrightError):
    """the decision of case {case} may not take effect alone: {codes}"""

    code: ClassVar[str] = "held"

    def __init__(self, case: str, codes: tuple[ReasonCode, ...]) -> None:
        """Carry the reason codes."""
        self.codes = codes
        super().__init__(case=case, codes=", ".join(codes))


@dataclass(frozen=True)
class Paused:
    """Where a case's last run has paused, and the answer that has come since."""

    round: int
    thread: str
    interrupt_id: str
    answer: dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """The right to run a case.

    Attributes:
        epoch: of this run; whoever claims later makes it void.
        attempts: claims since the case last got on, this one included.
        paused: where it goes on; None where it runs from its input.
    """

    case: Case
    epoch: int
    attempts: int
    paused: Paused | None

    @property
    def opens(self) -> int:
        """The round that this run may open; one that was answered in its own round had its outcome held before."""
        return self.paused.round + 1 if self.paused else 1

    @property
    def thread(self) -> str:
        """The name of this run's checkpoints: its own, so that a run that was superseded changes nobody's."""
        return f"{self.case.id}/{self.epoch}"


_CLAIM = """
UPDATE cases SET status = 'running', epoch = epoch + 1, attempts = attempts + 1, begun_at = now()
WHERE id = $1 AND status IN ('queued', 'running') AND (attempts < $2 OR $3)
AND (resumes_at IS NULL OR resumes_at <= now())
RETURNING body, epoch, attempts
"""
_PAUSED = """
SELECT body, thread, interrupt_id, answer FROM escalations
WHERE case_id = $1 AND number > 0 AND closed_at IS NULL AND answer IS NOT NULL ORDER BY number DESC LIMIT 1
"""


async def claim(pool: Pool, case_id: str, *, alone: bool = False) -> Claim | None:
    """Claim a case that should run.

    Args:
        pool: the database.
        case_id: whose job has come.
        alone: the caller runs no other suspect beside it; without that, suspects are not claimed.

    Returns:
        None where the case needs no run, or none yet, for its answer may still be taken back; or where it is a person's
        now because nobody can read it any more.
    """
    row = await pool.fetchrow(_CLAIM, case_id, SUSPECT, alone)
    if row is None:
        return None
    try:
        case = Case.model_validate_json(row["body"])
    except ValidationError:
        log.exception("a stored case is none any more", extra={"case": case_id})
        async with pool.acquire() as connection:
            await _give_up(connection, (case_id, row["epoch"]), 1, None)
        return None
    waiting = await pool.fetchrow(_PAUSED, case_id) if row["epoch"] > 1 else None
    paused = None
    if waiting:
        number, answer = orjson.loads(waiting["body"])["round"], orjson.loads(waiting["answer"])
        paused = Paused(number, waiting["thread"], waiting["interrupt_id"], answer)
    return Claim(case, row["epoch"], row["attempts"], paused)


async def is_suspect(pool: Pool, case_id: str) -> bool:
    """Whether a case that could not be claimed may be claimed by itself."""
    query = "SELECT status IN ('queued', 'running') AND attempts >= $2 FROM cases WHERE id = $1"
    return bool(await pool.fetchval(query, case_id, SUSPECT))


# Nothing here announces by NOTIFY: PostgreSQL lets one transaction with a NOTIFY commit at a time, and so one decision
# would wait for the disk after the other. Those who wait are told when its event is numbered (service/events.py).
_CONCLUDE = """
WITH done AS (
    UPDATE cases SET status = 'decided', attempts = 0, closed_at = now(), result = $3, outcome = $4, action = $5,
                     decided_by = $6, judged = $16
    WHERE id = $1 AND epoch = $2 AND status = 'running'
    AND ($6 = 'person' OR NOT EXISTS (
        SELECT 1 FROM guards WHERE kind IN ('kill', 'person')
        AND (action = '' OR action = $5) AND (type = '' OR type = ANY($7))
    ))
    AND ($6 = 'person' OR $10 = '' OR $14 OR NOT EXISTS (
        SELECT 1 FROM guards WHERE kind LIKE 'cap_%'
        AND (action = '' OR action = $5) AND (type = '' OR type = ANY($7))
    ))
    AND ($6 = 'person' OR NOT EXISTS (
        SELECT 1 FROM subjects s WHERE s.id = cases.subject_id AND s.revision <> cases.revision
    ))
    RETURNING id, seller_id, subject_id
), closed AS (
    UPDATE escalations SET closed_at = now() FROM done WHERE case_id = done.id AND escalations.closed_at IS NULL
), effect AS (
    INSERT INTO effects (case_id, seller_id, subject_id, subject_title, type, clause_id, action, step, decided_by, at)
    SELECT id, seller_id, subject_id, $8, $9, $10, $5, $11, $6, $12 FROM done WHERE $10 <> ''
), told AS (
    INSERT INTO events (type, case_id, data) SELECT 'case.decided', id, $13 FROM done
), precedent AS (
    INSERT INTO precedents (case_id, clause_id, clause_sha256, parts, title, closed_at)
    SELECT id, p.clause_id, p.clause_sha256, p.parts, $8, now()
    FROM done, json_to_recordset($15::json) AS p (clause_id text, clause_sha256 text, parts json)
)
SELECT count(*) FROM done
"""


async def conclude(connection: Connection, claim: Claim, line: Line, *, within_caps: bool = False) -> None:
    """Write a decision down, with what it does, its event, and the precedents that a person's decision sets.

    All is one statement, under the case's key and epoch.

    Args:
        connection: in a transaction, or not.
        claim: of the run that has decided.
        line: its result.
        within_caps: the caller has counted, and holds the lock under which is counted.

    Raises:
        CapsToCount: there are caps, and nobody has counted.
        Superseded: another run has taken over.
        Held: a guard or a newer revision of the subject stands in the way of a decision made alone.
    """
    decision = Decision.model_validate(line["decision"])
    acted, case = decision.action, claim.case
    done = await connection.fetchval(
        _CONCLUDE,
        case.id,
        claim.epoch,
        orjson.dumps(line),
        decision.outcome,
        acted.name if acted else "",
        decision.decided_by,
        list(types_of(decision, case)),
        case.subject.title.replace("\0", "\ufffd"),
        _type_of(decision),
        acted.clause_id if acted else "",
        acted.step if acted else 0,
        decision.at,
        told_of(decision),
        within_caps,
        orjson.dumps(set_by(decision)).decode(),
        {**decision.usage.model_dump(), "model": decision.auditor.model or decision.auditor.name},
    )
    if done:
        return
    if not await _mine(connection, claim):
        raise Superseded(case=case.id)
    codes = await holding(connection, claim.case, decision)
    raise Held(case.id, codes) if codes else CapsToCount(case=case.id)


def told_of(decision: Decision) -> dict[str, Any]:
    """What the event of a decision says; the whole is read at the case."""
    return {
        "outcome": decision.outcome,
        "action": decision.action.model_dump(mode="json") if decision.action else None,
        "scope": list(decision.scope),
        "decided_by": decision.decided_by,
        "reasons": list(decision.reasons),
        "subject_revision": decision.subject_revision,
        "notice": decision.notice,
        "at": decision.at.isoformat(),
    }


def types_of(decision: Decision, case: Case) -> tuple[str, ...]:
    """The violation types that a decision is about: of the clause that carries it, else those that were raised."""
    carried = _type_of(decision)
    return (carried,) if carried else case.raised_types


def _type_of(decision: Decision) -> str:
    if decision.action is None:
        return ""
    return next(f.type for f in decision.findings if f.clause_id == decision.action.clause_id)


_HOLDING = """
SELECT kind FROM guards WHERE kind IN ('kill', 'person')
AND (action = '' OR action = $1) AND (type = '' OR type = ANY($2))
"""
_CHANGED = "SELECT revision <> $2 FROM subjects WHERE id = $1"


async def holding(connection: Connection, case: Case, decision: Decision) -> tuple[ReasonCode, ...]:
    """Why a decision may not take effect alone now, as reason codes."""
    codes: list[ReasonCode] = []
    if case.subject.revision and await connection.fetchval(_CHANGED, case.subject.id, case.subject.revision):
        codes.append("subject_changed")
    action = decision.action.name if decision.action else ""
    kinds = {row["kind"] for row in await connection.fetch(_HOLDING, action, list(types_of(decision, case)))}
    codes += ["action_held"] if "person" in kinds else []
    codes += ["kill_switch"] if "kill" in kinds else []
    return tuple(codes)


async def _mine(connection: Connection, claim: Claim) -> bool:
    query = "SELECT epoch = $2 AND status = 'running' FROM cases WHERE id = $1"
    return bool(await connection.fetchval(query, claim.case.id, claim.epoch))


_HAND_OVER = """
WITH done AS (
    UPDATE cases SET status = 'waiting', attempts = 0, number = $3, result = $4
    WHERE id = $1 AND epoch = $2 AND status = 'running'
    RETURNING id, region, coalesce(language, $5) AS language, due_at, deadline_at, group_key, appeal_of
), closed AS (
    UPDATE escalations SET closed_at = now() FROM done WHERE case_id = done.id AND escalations.closed_at IS NULL
), raised AS (
    INSERT INTO escalations (case_id, number, digest, body, reasons, waiting_for, region, language, types, thread,
                             interrupt_id, urgency, due_at, deadline_at, expires_at, group_key, appeal_of, headline,
                             sought)
    SELECT id, $3, $6, $7, $8, $9, region, language, $10, $11, $12, $13, due_at, deadline_at, $14, group_key,
           appeal_of, $17, $18 FROM done
), told AS (
    INSERT INTO events (type, case_id, data) SELECT $15, id, $16 FROM done
)
SELECT count(*) FROM done
"""


@dataclass(frozen=True)
class Handed:
    """A case handed to a person: the result line, the language it was read in, and where its run has paused."""

    line: Line
    language: str
    escalation: Escalation
    interrupt_id: str


async def hand_over(connection: Connection, claim: Claim, handed: Handed) -> None:
    """Write an escalation down, with its event; the run's checkpoints are kept by then.

    Raises:
        Superseded: another run has taken over.
    """
    escalation, answered = handed.escalation, read_answer(claim.paused.answer) if claim.paused else None
    asked = isinstance(answered, InformationRequest)
    done = await connection.fetchval(
        _HAND_OVER,
        claim.case.id,
        claim.epoch,
        escalation.number,
        orjson.dumps(handed.line),
        handed.language,
        escalation.digest,
        orjson.dumps(escalation.model_dump(mode="json")),
        list(escalation.reasons),
        escalation.waiting_for,
        list(_types_asked(escalation, claim.case)),
        claim.thread,
        handed.interrupt_id,
        urgency_of(claim.case, datetime.now(UTC)),
        escalation.expires_at,
        "case.information_requested" if asked else "case.escalated",
        _told_of_escalation(escalation, answered),
        headline_of(claim.case.subject.title, escalation).model_dump(),
        sought_in(claim.case),
    )
    if not done:
        raise Superseded(case=claim.case.id)


def _types_asked(escalation: Escalation, case: Case) -> Sequence[str]:
    """What a reviewer must know to take it: the types of the clauses that are asked about, else those raised."""
    types = {finding.clause_id: finding.type for finding in escalation.findings}
    asked = [types[question.clause_id] for question in escalation.questions if question.clause_id in types]
    return tuple(dict.fromkeys(asked)) or case.raised_types


def _told_of_escalation(escalation: Escalation, answered: Answer | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "number": escalation.number,
        "digest": escalation.digest,
        "reasons": list(escalation.reasons),
        "waiting_for": escalation.waiting_for,
        "meanwhile": escalation.meanwhile,
        "questions": [question.text for question in escalation.questions],
        "expires_at": escalation.expires_at.isoformat() if escalation.expires_at else None,
    }
    if isinstance(answered, InformationRequest):
        told["question"], told["until"] = answered.question, answered.until.isoformat()
    return told


_GIVE_UP = """
WITH done AS (
    UPDATE cases SET status = 'waiting', attempts = 0, number = 0
    WHERE id = $1 AND epoch = $2 AND status = 'running'
    RETURNING id, region, coalesce(language, '') AS language, types, due_at, deadline_at, group_key, appeal_of
), raised AS (
    INSERT INTO escalations (case_id, number, digest, body, reasons, waiting_for, region, language, types, thread,
                             interrupt_id, urgency, due_at, deadline_at, group_key, appeal_of, headline, sought)
    SELECT id, 0, $3, $4, '{run_failed}', 'reviewer', region, language, types, '', '', $5, due_at, deadline_at,
           group_key, appeal_of, $7, $8 FROM done
    ON CONFLICT (case_id, number) DO UPDATE SET digest = $3, body = $4, raised_at = now(), answer = NULL,
        answered_by = NULL, answered_at = NULL, closed_at = NULL, claimed_by = NULL, claimed_until = NULL
)
INSERT INTO events (type, case_id, data) SELECT 'case.escalated', id, $6 FROM done
"""


async def give_up(connection: Connection, claim: Claim) -> None:
    """Hand a case to a person that cannot even be laid out: a bare question under number 0, which no run ever gives.

    The answer is an expiry, which has it run again once the cause is mended; or the case is cancelled.
    """
    current = claim.paused.round if claim.paused else 1
    await _give_up(connection, (claim.case.id, claim.epoch), current, claim.case)


async def _give_up(connection: Connection, run: tuple[str, int], current: int, case: Case | None) -> None:
    case_id, epoch = run
    text = "Its run has failed again and again. Mend the cause and have it run again, or cancel it and decide by hand."
    question = Question(kind="policy", text=text, would_settle="The service's log says how it failed.")
    bare = Escalation(
        case_id=case_id,
        number=0,
        digest=digest_of({"id": case_id}, [], "", epoch),
        round=current,
        reasons=("run_failed",),
        questions=(question,),
    )
    told, body = _told_of_escalation(bare, None), orjson.dumps(bare.model_dump(mode="json"))
    urgency = urgency_of(case, datetime.now(UTC)) if case else 0
    headline = headline_of(case.subject.title if case else "", bare).model_dump()
    sought = sought_in(case) if case else folded(case_id)
    await connection.execute(_GIVE_UP, case_id, epoch, bare.digest, body, urgency, told, headline, sought)


async def put_off(pool: Pool, claim: Claim) -> None:
    """Give a claim back without counting it: what came between was not the case's fault."""
    await pool.execute(
        "UPDATE cases SET status = 'queued', attempts = attempts - 1 WHERE id = $1 AND epoch = $2"
        " AND status = 'running'",
        claim.case.id,
        claim.epoch,
    )


async def excuse(pool: Pool, claim: Claim) -> None:
    """Take a claim out of the count that another has superseded: who made it lives, and was only slow to say so."""
    await pool.execute(
        "UPDATE cases SET attempts = attempts - 1 WHERE id = $1 AND epoch > $2 AND status = 'running' AND attempts > 1",
        claim.case.id,
        claim.epoch,
    )
