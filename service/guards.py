"""What may run alone, and what takes two people: guards that the company sets while cases run."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from cases.case import Counted, ViolationType
from cases.decision import Decision
from cases.problem import Record
from graphs.passes import Line
from service.appeals import settle_appeal
from service.database import Connection, Pool
from service.runs import CapsToCount, Claim, Held, conclude, types_of

Kind = Literal["person", "kill", "second", "cap_per_hour", "cap_per_seller"]
_LOCK = 0x_CA5E_0003
"""Whoever counts for a cap holds it until the decision is written, so that two do not both take the last place."""


def _only_caps_have_caps(schema: dict[str, Any]) -> None:
    """Say in the JSON Schema what `_capped` checks."""
    capped = {"properties": {"kind": {"enum": ["cap_per_hour", "cap_per_seller"]}}}
    number = {"required": ["cap"], "properties": {"cap": {"type": "integer"}}}
    schema.update({"if": capped, "then": number, "else": {"properties": {"cap": {"type": "null"}}}})


class Guard(Record):
    """One guard.

    Attributes:
        kind: `person`: a person decides; `kill`: nothing runs alone any more; `second`: where a person decides, another
            must come to the same; `cap_per_hour`: at most `cap` actions decided alone in any hour; `cap_per_seller`: at
            most `cap` against one seller in any day.
        action: that it is about; empty for every one.
        type: of violation that it is about; empty for every one.
    """

    model_config = ConfigDict(json_schema_extra=_only_caps_have_caps)

    kind: Kind
    action: str = Field("", max_length=100)
    type: ViolationType | Literal[""] = ""
    cap: Annotated[int, Field(strict=True, ge=0, le=1_000_000), Counted] | None = None

    @model_validator(mode="after")
    def _capped(self) -> Self:
        if (self.cap is not None) != self.kind.startswith("cap_"):
            msg = "`cap` goes with cap_per_hour and cap_per_seller, and only with these"
            raise ValueError(msg)
        return self


class SetGuard(Guard):
    """A guard as it stands: who has set it, and when."""

    set_by: str
    set_at: datetime


async def set_guard(pool: Pool, guard: Guard, by: str) -> None:
    """Set a guard; it holds from the next decision on, those of running cases included."""
    await pool.execute(
        "INSERT INTO guards (kind, action, type, cap, set_by) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (kind, action, type) DO UPDATE SET cap = $4, set_by = $5, set_at = now()",
        guard.kind,
        guard.action,
        guard.type,
        guard.cap,
        by,
    )


async def lift_guard(pool: Pool, guard: Guard) -> bool:
    """Lift a guard; whether there was one."""
    query = "DELETE FROM guards WHERE kind = $1 AND action = $2 AND type = $3"
    return await pool.execute(query, guard.kind, guard.action, guard.type) != "DELETE 0"


async def guards(pool: Pool) -> list[SetGuard]:
    """Every guard that is set."""
    rows = await pool.fetch("SELECT kind, action, type, cap, set_by, set_at FROM guards ORDER BY kind, action, type")
    return [SetGuard.model_validate(dict(row)) for row in rows]


async def conclude_guarded(pool: Pool, claim: Claim, line: Line) -> None:
    """Conclude a case if no guard stands in the way; where there are caps, count under a lock.

    Raises:
        Held: with the reason codes.
        Superseded: another run has taken over.
    """
    async with pool.acquire() as connection:
        if claim.case.appeal:
            async with connection.transaction():
                await conclude(connection, claim, line)
                await settle_appeal(connection, claim.case, line)
            return
        try:
            await conclude(connection, claim, line)
        except CapsToCount:
            async with connection.transaction():
                await _conclude_within_caps(connection, claim, line)


async def _conclude_within_caps(connection: Connection, claim: Claim, line: Line) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    if await _over_caps(connection, claim, Decision.model_validate(line["decision"])):
        raise Held(claim.case.id, ("cap_reached",))
    await conclude(connection, claim, line, within_caps=True)


_OVER = """
SELECT EXISTS (
    SELECT 1 FROM guards g WHERE kind LIKE 'cap_%' AND (action = '' OR action = $1) AND (type = '' OR type = ANY($2))
    AND cap <= (
        SELECT count(*) FROM effects e
        WHERE decided_by = 'agent' AND (g.action = '' OR e.action = g.action) AND (g.type = '' OR e.type = g.type)
        AND CASE g.kind WHEN 'cap_per_hour' THEN concluded_at > now() - interval '1 hour'
            ELSE e.seller_id = $3 AND concluded_at > now() - interval '1 day' END
    )
)
"""


async def _over_caps(connection: Connection, claim: Claim, decision: Decision) -> bool:
    action = decision.action.name if decision.action else ""
    types = list(types_of(decision, claim.case))
    return bool(await connection.fetchval(_OVER, action, types, claim.case.seller_id))
