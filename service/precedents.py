"""People's decisions as precedents: each is kept clause by clause with the decision, and found again by likeness."""

from collections.abc import Sequence
from typing import Any

import orjson

from cases.case import Case
from cases.decision import Decision
from cases.finding import Finding
from service.database import Pool
from tools.precedents import Precedent, Precedents, most_similar

_LOOKED_AT = 1000
"""The newest of a clause are compared by title: more of them say nothing new, and comparing takes the loop's time."""
_FIND = """
SELECT p.case_id, p.clause_id, p.clause_sha256, p.parts, p.title, p.closed_at, c.region, c.outcome
FROM precedents p JOIN cases c ON c.id = p.case_id
WHERE p.clause_id = ANY ($1) AND c.overturned_at IS NULL ORDER BY p.closed_at DESC LIMIT $2
"""


class PostgresPrecedents:
    """The precedents' port: what people have decided here and nobody has overturned, and what `others` know."""

    def __init__(self, pool: Pool, others: Precedents | None = None) -> None:
        """Look in the database, and in `others` for cases that were not decided here."""
        self._pool = pool
        self._others = others

    async def similar(self, case: Case, clause_ids: Sequence[str]) -> Sequence[Precedent]:
        """Precedents of the clauses, by resemblance of titles; the case's own region first among equals."""
        rows = await self._pool.fetch(_FIND, list(clause_ids), _LOOKED_AT)
        ours = [_read(dict(row)) for row in rows]
        if self._others is None:
            return most_similar(case, ours)
        known = {item.case_id for item in ours}
        theirs = await self._others.similar(case, clause_ids)
        return most_similar(case, [*ours, *(item for item in theirs if item.case_id not in known)])


def _read(row: dict[str, Any]) -> Precedent:
    return Precedent(**{**row, "parts": orjson.loads(row["parts"]), "decided_by": "person"})


def set_by(decision: Decision) -> list[dict[str, Any]]:
    """What a decision says of each clause that it can be a precedent of; nothing where no person has decided."""
    if decision.decided_by != "person":
        return []
    return [
        {
            "clause_id": finding.clause_id,
            "clause_sha256": finding.clause_sha256,
            "parts": {part.part: part.verdict for part in finding.parts},
        }
        for finding in decision.findings
        if _tells(finding)
    ]


def _tells(finding: Finding) -> bool:
    """Whether the case has something to say of the clause: of most candidates only that nothing speaks for them."""
    return any(part.basis in {"person", "contrary"} or part.verdict == "met" for part in finding.parts)
