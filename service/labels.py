"""Blind second labels: of a share of what people have decided, another person judges the same questions, unseen."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from cases.decision import Decision, Escalation, Question
from cases.finding import Finding, Judgement, Key, PartFinding, Verdict
from cases.problem import Invalid, Problem, Record
from service.database import Connection, Pool
from service.leases import NoLease
from service.reviewers import ASKED, LEASE, MAY_TAKE, UNBIASED

FRESH = timedelta(days=14)
"""How long after its decision a case is labelled: while the policies are the same, and what is found can be mended."""
_LOCK = 0x_CA5E_0006
"""Who looks for a case holds it, so that two never come to the same one."""


class Blind(Record):
    """A decided case as it was before a person had said anything.

    Attributes:
        questions: those that are to be judged, each about a part.
        escalation: without a recommendation, and without any person's ballot.
        evidence, clauses: as in the case's result.
        claimed_until: until when it is leased.
    """

    case_id: str
    number: int
    questions: tuple[Question, ...]
    escalation: Escalation
    evidence: tuple[dict[str, Any], ...]
    clauses: dict[str, str]
    claimed_until: datetime


class Agreement(Record):
    """How often second labels say what was decided, of one type in one region.

    Attributes:
        labels: cases that were labelled.
        same: those with the same verdict on every part that was asked about.
        differing: ids of the others.
    """

    type: str
    region: str
    labels: int
    same: int
    differing: tuple[str, ...] = ()


_KEEP = """
UPDATE labels SET claimed_until = now() + $2 WHERE reviewer = $1 AND given_at IS NULL
RETURNING case_id, number, claimed_until
"""
# A case is drawn by a hash of its id, so that who asks again with the same share draws the same cases.
_DRAWN = """
('x' || left(encode(sha256(convert_to('blind label ' || c.id, 'UTF8')), 'hex'), 8))::bit(32)::bigint
    < $3::float8 * 4294967296
"""
_NEXT = f"""
INSERT INTO labels (case_id, number, reviewer, claimed_until)
SELECT e.case_id, e.number, $1, now() + $2
FROM {ASKED} JOIN cases c ON c.id = e.case_id AND c.number = e.number LEFT JOIN labels l ON l.case_id = c.id
WHERE c.status = 'decided' AND c.decided_by = 'person' AND c.closed_at > now() - $4::interval AND {_DRAWN}
AND e.headline ->> 'part' <> '' AND (l.case_id IS NULL OR (l.given_at IS NULL AND l.claimed_until < now()))
AND NOT EXISTS (SELECT 1 FROM escalations a WHERE a.case_id = c.id AND a.answered_by = $1)
AND NOT EXISTS (SELECT 1 FROM opinions o WHERE o.case_id = c.id AND o.reviewer = $1)
AND NOT EXISTS (SELECT 1 FROM notes n WHERE n.case_id = c.id AND n.by = $1)
AND {MAY_TAKE} AND {UNBIASED}
ORDER BY c.closed_at LIMIT 1
ON CONFLICT (case_id) DO UPDATE SET reviewer = $1, claimed_until = now() + $2
RETURNING case_id, number, claimed_until
"""  # noqa: S608 - constant
_READ = """
SELECT e.body, c.result, c.region FROM escalations e JOIN cases c ON c.id = e.case_id
WHERE e.case_id = $1 AND e.number = $2
"""
_HELD = "SELECT number FROM labels WHERE case_id = $1 AND reviewer = $2 AND given_at IS NULL FOR UPDATE"
_GIVE = """
UPDATE labels SET judgements = $2, type = $3, region = $4, differing = $5, given_at = now() WHERE case_id = $1
"""
_AGREEMENT = """
SELECT type, region, count(*) AS labels, count(*) FILTER (WHERE differing = '{}') AS same,
    coalesce(array_agg(case_id ORDER BY given_at) FILTER (WHERE differing <> '{}'), '{}') AS differing
FROM labels WHERE given_at >= $1 GROUP BY type, region ORDER BY type, region
"""


async def next_blind(pool: Pool, reviewer: str, share: float) -> Blind | None:
    """Lease a case for a blind label: the one that a reviewer holds already, else the longest decided.

    It was decided by others within 14 days: none of its answers, opinions and notes are the reviewer's. They may take
    it by their skills, and nobody has labelled it.

    Args:
        pool: of the database.
        reviewer: who will judge.
        share: of what people decide, 0 to 1: how much of it is drawn.

    Returns:
        The case; None where there is none.
    """
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_KEEP, reviewer, LEASE)
        if row is None:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            row = await connection.fetchrow(_NEXT, reviewer, LEASE, share, FRESH)
        return await _blind(connection, *row) if row else None


async def give_label(pool: Pool, reviewer: str, case_id: str, judgements: Sequence[Judgement]) -> tuple[Key, ...]:
    """Store a blind label; it has no effect on the case.

    Args:
        pool: of the database.
        reviewer: who has the case from `next_blind`.
        case_id: of the case.
        judgements: one of each part that is asked about.

    Returns:
        Parts that were decided otherwise.

    Raises:
        NoLease: they have not leased it, or somebody else has by now, or it is labelled.
        Invalid: a part is not judged, or one that is not asked about is.
    """
    async with pool.acquire() as connection, connection.transaction():
        number = await connection.fetchval(_HELD, case_id, reviewer)
        row = await connection.fetchrow(_READ, case_id, number)
        if row is None:
            raise NoLease(reviewer=reviewer, case=case_id)
        asked = _asked(Escalation.model_validate_json(row["body"]))
        _check(asked, judgements)
        decision = Decision.model_validate(orjson.loads(row["result"])["decision"])
        decided = _verdicts(decision)
        differing = tuple(said.key for said in judgements if decided.get(said.key, "unclear") != said.verdict)
        types = {finding.clause_id: finding.type for finding in decision.findings}
        told = [said.model_dump(mode="json") for said in judgements]
        parts = ["|".join(key) for key in differing]
        await connection.execute(_GIVE, case_id, told, types.get(asked[0].clause_id, ""), row["region"], parts)
    return differing


async def agreement(pool: Pool, since: datetime) -> tuple[Agreement, ...]:
    """How the labels that were given since a moment agree with what was decided, by type and region."""
    return tuple(Agreement(**row) for row in await pool.fetch(_AGREEMENT, since))


async def _blind(connection: Connection, case_id: str, number: int, claimed_until: datetime) -> Blind:
    (row,) = await connection.fetch(_READ, case_id, number)
    escalation, result = Escalation.model_validate_json(row["body"]), orjson.loads(row["result"])
    findings = tuple(_without_persons(finding) for finding in escalation.findings)
    return Blind(
        case_id=case_id,
        number=number,
        questions=_asked(escalation),
        escalation=escalation.model_copy(update={"recommended": None, "findings": findings}),
        evidence=tuple(result["evidence"]),
        clauses=result["clauses"],
        claimed_until=claimed_until,
    )


def _asked(escalation: Escalation) -> tuple[Question, ...]:
    return tuple(question for question in escalation.questions if question.part)


def _verdicts(decision: Decision) -> dict[Key, Verdict]:
    return {(finding.clause_id, part.part): part.verdict for finding in decision.findings for part in finding.parts}


def _without_persons(finding: Finding) -> Finding:
    """A finding as if nobody had said anything: of two questions about a case, the second knows the first's answer."""
    parts = tuple(_unsaid(part) for part in finding.parts)
    if parts == finding.parts:
        return finding
    return finding.model_copy(update={"parts": parts, "status": "open", "settled_by": None, "lifted_by": None})


def _unsaid(part: PartFinding) -> PartFinding:
    ballots = tuple(ballot for ballot in part.ballots if ballot.judge.prompt != "person")
    if part.basis != "person":
        return part.model_copy(update={"ballots": ballots})
    return part.model_copy(update={"ballots": ballots, "verdict": "unclear", "basis": "silent"})


def _check(asked: Sequence[Question], judgements: Sequence[Judgement]) -> None:
    wanted, given = {(question.clause_id, question.part) for question in asked}, [said.key for said in judgements]
    problems = [
        Problem(code="unknown_name", pointer=f"/judgements/{i}/part", detail=f"{key[1]!r} is not asked about, or twice")
        for i, key in enumerate(given)
        if key not in wanted or key in given[:i]
    ]
    problems += [
        Problem(code="missing", pointer="/judgements", detail=f"{part} of {clause_id} is not judged")
        for clause_id, part in sorted(wanted - set(given))
    ]
    if problems:
        raise Invalid("the label", tuple(problems))


async def holds_blind(pool: Pool, reviewer: str, case_id: str) -> bool:
    """Whether a reviewer has a case for a blind label that is not given yet.

    Also after its lease is over, as long as nobody else has it: they are offered it again, and must not have looked.
    """
    query = "SELECT true FROM labels WHERE case_id = $1 AND reviewer = $2 AND given_at IS NULL"
    return bool(await pool.fetchval(query, case_id, reviewer))
