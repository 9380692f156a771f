"""Replaying a case of the service: its record gives its last result again, or the service's word was not its record."""

from typing import Any

import orjson

from cases.journal import CaseJournal, MemoryJournal
from graphs.passes import Line
from graphs.replay import MakeDesk, replayed
from service.database import Pool
from service.intake import NoSuchCase
from service.journal import recorded

_ANSWERS = """
SELECT answer FROM escalations WHERE case_id = $1 AND number > 0 AND answer IS NOT NULL ORDER BY number
"""


async def replay(pool: Pool, case_id: str, full: MakeDesk, bare: MakeDesk) -> tuple[Line | None, Line]:
    """Rebuild a case's last result from what was recorded.

    Args:
        pool: the database.
        case_id: of a case that was decided or handed to a person.
        full: lays out its desk.
        bare: lays out one without tools and auditor, for a case that was laid out so.

    Returns:
        The result as it was written then, and as it is now.

    Raises:
        NoSuchCase: it is not here.
        NotInJournal, MadeOtherwise: see `graphs.replay`.
    """
    row = await pool.fetchrow("SELECT result FROM cases WHERE id = $1", case_id)
    if row is None:
        raise NoSuchCase(case=case_id)
    journal = CaseJournal(MemoryJournal(), case_id, await recorded(pool, case_id), replaying=True)
    answers: list[dict[str, Any]] = [orjson.loads(row["answer"]) for row in await pool.fetch(_ANSWERS, case_id)]
    nobody = journal.recorded("1/pin")["auditor"]["name"] == "none"
    now = await replayed(case_id, journal, answers, bare if nobody else full)
    return (orjson.loads(row["result"]) if row["result"] else None), now
