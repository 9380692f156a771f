"""Who may take which questions: by language, market, violation type and tier; an appeal goes to somebody else."""

from datetime import timedelta
from typing import ClassVar, Literal, get_args

from pydantic import Field

from cases.case import Id, Language, Region, ViolationType
from cases.problem import CasewrightError, Record
from service.database import Connection, Pool

Tier = Literal["reviewer", "senior", "policy_team"]
LEASE = timedelta(minutes=15)
"""How long a question stays in somebody's hand from the last that was heard of them."""


class NotYours(CasewrightError):
    """{reviewer} may not take case {case}: {why}"""

    code: ClassVar[str] = "not_yours"
    hint: ClassVar[str] = "it goes to a reviewer whose languages, markets, types and tiers cover it"


class OnLease(CasewrightError):
    """case {case} is on lease to {holder} until {until}"""

    code: ClassVar[str] = "on_lease"
    hint: ClassVar[str] = "take another, or come again when it is given back or the lease is over"


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


_SKILLS = "SELECT id, languages, regions, types, tiers FROM reviewers WHERE id = $1"


async def skills_of(connection: "Connection | Pool", reviewer: str | None) -> Reviewer | None:
    """What a reviewer may take: everything where nobody is listed, or named; None where others are listed, not they."""
    rows = await connection.fetch(_SKILLS, reviewer)
    if rows:
        return Reviewer.model_validate(dict(rows[0]))
    listed = reviewer is not None and await connection.fetchval("SELECT EXISTS (SELECT 1 FROM reviewers)")
    return None if listed else Reviewer(id=reviewer or "anybody", tiers=get_args(Tier))


def skilled(languages: str, regions: str, types: str, tiers: str) -> str:
    """The condition that an escalation `e` is within somebody's skills, from where in the query these stand."""
    return f"""(
        ({languages} = '{{}}' OR e.language = ANY({languages}) OR split_part(e.language, '-', 1) = ANY({languages}))
        AND ({regions} = '{{}}' OR e.region = ANY({regions}) OR split_part(e.region, '-', 1) = ANY({regions}))
        AND ({types} = '{{}}' OR e.types <@ {types}) AND (e.waiting_for = ANY({tiers}) OR e.waiting_for = 'seller')
    )"""


# For a query from `ASKED`; $1 is the reviewer, or NULL for nobody in particular, to whom everything is shown.
ASKED = "escalations e LEFT JOIN reviewers r ON r.id = $1::text"
# Where nobody is listed, the key's scope alone says who may answer.
MAY_TAKE = f"""(
    CASE WHEN r.id IS NULL THEN $1::text IS NULL OR NOT EXISTS (SELECT 1 FROM reviewers)
    ELSE {skilled("r.languages", "r.regions", "r.types", "r.tiers")} END
)"""  # noqa: S608 - constant
_SAID = """EXISTS (
    SELECT 1 FROM opinions p WHERE p.case_id = e.case_id AND p.number = e.number AND p.reviewer = $1
)"""
_ANSWERED_FIRST = "EXISTS (SELECT 1 FROM escalations f WHERE f.case_id = {}.appeal_of AND f.answered_by = $1)"
_SAID_FIRST = "EXISTS (SELECT 1 FROM opinions f WHERE f.case_id = {}.appeal_of AND f.reviewer = $1)"
_SKIPPED = """EXISTS (
    SELECT 1 FROM skips s WHERE s.case_id = e.case_id AND s.reviewer = $1 AND (s.until IS NULL OR s.until > now())
)"""
UNBIASED = """NOT EXISTS (
    SELECT 1 FROM skips s WHERE s.case_id = e.case_id AND s.reviewer = $1 AND s.reason = 'conflict_of_interest'
)"""
NOT_FOR_THEM = (_SAID, _ANSWERED_FIRST.format("e"), _SAID_FIRST.format("e"), _SKIPPED)
"""Why a question within somebody's skills is not offered to them: they have said their opinion of it, or had a say in
the decision that it appeals against; or they have passed it on."""
OFFERED = " AND ".join((MAY_TAKE, *(f"NOT {why}" for why in NOT_FOR_THEM)))

_MAY = f"""
SELECT {MAY_TAKE} AS skilled, NOT {_SAID} AS unsaid, {UNBIASED} AS unbiased,
    NOT ({_ANSWERED_FIRST.format("c")} OR {_SAID_FIRST.format("c")}) AS uninvolved,
    CASE WHEN e.claimed_until > now() AND e.claimed_by <> $1 THEN e.claimed_by END AS holder, e.claimed_until
FROM {ASKED} JOIN cases c ON c.id = e.case_id WHERE e.case_id = $2 AND e.number = $3
"""  # noqa: S608 - constant
_WHY_NOT = {
    "skilled": "not their language, market, type or tier",
    "unsaid": "they have answered it: it wants another person",
    "uninvolved": "it appeals against their own decision",
    "unbiased": "they have a conflict of interest",
}


async def check_reviewer(connection: Connection, case_id: str, number: int, reviewer: str) -> None:
    """Let a reviewer take or answer what they may, unless somebody else has it in hand.

    Raises:
        NotYours: it asks for another language, market, type or tier; it wants another person's opinion; it appeals
            against a decision in which they had a say; or they have said that they have a conflict of interest.
        OnLease: another person's lease runs.
    """
    row = await connection.fetchrow(_MAY, reviewer, case_id, number)
    for fact, why in _WHY_NOT.items():
        if row is None or not row[fact]:
            raise NotYours(reviewer=reviewer, case=case_id, why=why)
    if row and row["holder"]:
        raise OnLease(case=case_id, holder=row["holder"], until=row["claimed_until"].isoformat(timespec="seconds"))
