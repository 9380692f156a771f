"""Who may take which questions: by language, market, violation type and tier; an appeal goes to somebody else."""

from datetime import timedelta
from typing import ClassVar, Literal

import orjson
from pydantic import Field

from cases.case import Id, Language, Region, ViolationType
from cases.problem import CasewrightError, Record
from service.database import Connection, Pool

Tier = Literal["reviewer", "senior", "policy_team"]
LEASE = timedelta(minutes=15)


class NotYours(CasewrightError):
    """{reviewer} may not take case {case}: {why}"""

    code: ClassVar[str] = "not_yours"
    hint: ClassVar[str] = "it goes to a reviewer whose languages, markets, types and tiers cover it"


class Reviewer(Record):
    """What a reviewer may take; an empty list means everything."""

    id: Id
    languages: tuple[Language, ...] = Field((), max_length=200)
    regions: tuple[Region, ...] = Field((), max_length=500)
    types: tuple[ViolationType, ...] = Field((), max_length=500)
    tiers: tuple[Tier, ...] = ("reviewer",)


async def tell_reviewer(pool: Pool, reviewer: Reviewer) -> None:
    """Put a reviewer on the list, or change what one may take."""
    await pool.execute(
        "INSERT INTO reviewers (id, languages, regions, types, tiers) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id)"
        " DO UPDATE SET languages = $2, regions = $3, types = $4, tiers = $5, told_at = now()",
        reviewer.id,
        list(reviewer.languages),
        list(reviewer.regions),
        list(reviewer.types),
        list(reviewer.tiers),
    )


async def forget_reviewer(pool: Pool, reviewer_id: str) -> bool:
    """Take a reviewer off the list; whether there was one."""
    return await pool.execute("DELETE FROM reviewers WHERE id = $1", reviewer_id) != "DELETE 0"


async def reviewers(pool: Pool) -> list[Reviewer]:
    """Everybody on the list."""
    rows = await pool.fetch("SELECT id, languages, regions, types, tiers FROM reviewers ORDER BY id")
    return [Reviewer.model_validate(dict(row)) for row in rows]


# $1 is the reviewer. Where nobody is listed, the key's scope alone says who may answer.
MAY_TAKE = """(
    NOT EXISTS (SELECT 1 FROM reviewers)
    OR EXISTS (
        SELECT 1 FROM reviewers r WHERE r.id = $1
        AND (r.languages = '{}' OR split_part(e.language, '-', 1) = ANY(r.languages) OR e.language = ANY(r.languages))
        AND (r.regions = '{}' OR e.region = ANY(r.regions) OR split_part(e.region, '-', 1) = ANY(r.regions))
        AND (r.types = '{}' OR e.types <@ r.types)
        AND (e.waiting_for = ANY(r.tiers) OR e.waiting_for = 'seller')
    )
)"""
# With `o` the case that is appealed against. As json, not jsonb: that would refuse U+0000, which a listing may hold.
# Nor what one has said one's opinion of already: it wants another person (service/opinions.py).
NOT_ONES_OWN = """(
    (o.result IS NULL OR convert_from(o.result, 'UTF8')::json #>> '{decision,reviewer}' IS DISTINCT FROM $1)
    AND NOT EXISTS (SELECT 1 FROM opinions p WHERE (p.case_id, p.number, p.reviewer) = (e.case_id, e.number, $1))
    AND NOT EXISTS (SELECT 1 FROM opinions p WHERE (p.case_id, p.reviewer) = (c.appeal_of, $1))
)"""
_MAY = f"SELECT {MAY_TAKE} FROM escalations e WHERE case_id = $2 AND number = $3"  # noqa: S608 - constant
_FIRST = "SELECT o.result FROM cases c JOIN cases o ON o.id = c.appeal_of WHERE c.id = $1"


async def check_reviewer(connection: Connection, case_id: str, number: int, reviewer: str) -> None:
    """Let a reviewer answer what they may.

    Raises:
        NotYours: it asks for another language, market, type or tier; or it appeals against their own decision.
    """
    if not await connection.fetchval(_MAY, reviewer, case_id, number):
        raise NotYours(reviewer=reviewer, case=case_id, why="not their language, market, type or tier")
    first = await connection.fetchval(_FIRST, case_id)
    if first and orjson.loads(first).get("decision", {}).get("reviewer") == reviewer:
        raise NotYours(reviewer=reviewer, case=case_id, why="it appeals against their own decision")


_CLAIM = f"""
UPDATE escalations SET claimed_by = $1, claimed_until = now() + $2
WHERE (case_id, number) = (
    SELECT e.case_id, e.number FROM escalations e JOIN cases c ON c.id = e.case_id
    LEFT JOIN cases o ON o.id = c.appeal_of
    WHERE e.answer IS NULL AND e.closed_at IS NULL AND e.waiting_for <> 'seller'
    AND (e.claimed_until IS NULL OR e.claimed_until < now() OR e.claimed_by = $1)
    AND {NOT_ONES_OWN} AND {MAY_TAKE}
    ORDER BY e.urgency DESC, e.raised_at LIMIT 1 FOR UPDATE OF e SKIP LOCKED
)
RETURNING case_id, number
"""  # noqa: S608 - constant


async def claim_next(pool: Pool, reviewer: str) -> tuple[str, int] | None:
    """Lease the most urgent question that a reviewer may take; the case's id and the escalation's number, or None."""
    row = await pool.fetchrow(_CLAIM, reviewer, LEASE)
    return (row["case_id"], row["number"]) if row else None
