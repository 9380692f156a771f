"""The audit log: every act of everybody in the console, added to and never changed."""

from datetime import datetime
from typing import Any

from cases.problem import Record
from service.database import Pool


class Act(Record):
    """One act.

    Attributes:
        act: what was done, one of the words in the pages' catalogue under `act`.
        about: a case, an account, a key: what it was done to.
    """

    seq: int
    at: datetime
    who: str
    act: str
    about: str
    detail: dict[str, Any]


async def note_act(pool: Pool, who: str, act: str, about: str = "", **detail: Any) -> None:  # noqa: ANN401 - JSON
    """Write an act down."""
    await pool.execute("INSERT INTO acts (who, act, about, detail) VALUES ($1, $2, $3, $4)", who, act, about, detail)


async def acts(pool: Pool, *, about: str = "", who: str = "", before: int | None = None, limit: int = 100) -> list[Act]:
    """Acts, the latest first; `before` reads on from one."""
    rows = await pool.fetch(
        "SELECT seq, at, who, act, about, detail FROM acts WHERE ($1 = '' OR about = $1) AND ($2 = '' OR who = $2)"
        " AND ($3::bigint IS NULL OR seq < $3) ORDER BY seq DESC LIMIT $4",
        about,
        who,
        before,
        limit,
    )
    return [Act(**dict(row)) for row in rows]
