"""How much a reviewer has seen of what is veiled: pictures looked at, and for how long."""

import math
from datetime import datetime

from cases.problem import Record
from service.database import Pool

_LONGEST_S = 3600.0
"""Seconds of one look at most: a page that was left open is nobody looking."""


class Exposure(Record):
    """What somebody has looked at.

    Attributes:
        looks: times that a picture was revealed.
        seconds: of all of them.
        images, cases: how many different ones.
        last_at: of the last look.
    """

    looks: int = 0
    seconds: float = 0.0
    images: int = 0
    cases: int = 0
    last_at: datetime | None = None


_NOTE = """
INSERT INTO exposures (reviewer, case_id, image, seconds) SELECT $1, id, $3, $4 FROM cases WHERE id = $2
"""
_SUM = """
SELECT count(*) AS looks, coalesce(sum(seconds), 0) AS seconds, count(DISTINCT (case_id, image)) AS images,
    count(DISTINCT case_id) AS cases, max(at) AS last_at
FROM exposures WHERE reviewer = $1 AND at >= $2
"""


async def note_exposure(pool: Pool, reviewer: str, case_id: str, image: str, seconds: float) -> None:
    """Note that somebody has looked at a veiled picture.

    Args:
        pool: of the database.
        reviewer: who.
        case_id: of the case that shows it; one that is not here is passed over.
        image: which of its pictures, such as `image:1`.
        seconds: for how long; what a browser says is taken for 0 to 3,600.
    """
    seen = min(max(seconds, 0.0), _LONGEST_S) if math.isfinite(seconds) else 0.0
    await pool.execute(_NOTE, reviewer, case_id, image, seen)


async def exposure(pool: Pool, reviewer: str, since: datetime) -> Exposure:
    """What somebody has looked at since a moment."""
    (row,) = await pool.fetch(_SUM, reviewer, since)
    return Exposure(**row)
