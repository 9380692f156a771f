"""How many decisions rest on a clause."""

from datetime import datetime

from cases.problem import Record
from service.database import Pool

_RESTING = """
SELECT count(*) AS decided, count(*) FILTER (WHERE decided_by = 'person') AS by_people,
       count(*) FILTER (WHERE reversed_at IS NOT NULL) AS overturned, max(at) AS last
FROM effects WHERE clause_id = $1
"""
_PRECEDENTS = """
SELECT count(*) FROM precedents p JOIN cases c ON c.id = p.case_id
WHERE p.clause_id = $1 AND c.overturned_at IS NULL
"""


class Resting(Record):
    """What rests on a clause.

    Attributes:
        decided: decisions whose action comes from it; `by_people` and `overturned` are of these.
        last: day of the newest of them.
        precedents: people's decisions in which it was judged, whatever came of it; none that was overturned.
    """

    decided: int = 0
    by_people: int = 0
    overturned: int = 0
    last: datetime | None = None
    precedents: int = 0


async def resting_on(pool: Pool, clause_id: str) -> Resting:
    """Count what rests on a clause."""
    row = await pool.fetchrow(_RESTING, clause_id)
    precedents = await pool.fetchval(_PRECEDENTS, clause_id)
    return Resting(**dict(row or {}), precedents=precedents)
