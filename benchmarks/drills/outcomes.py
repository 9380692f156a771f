"""What came of the cases sent: counted in SQL, and printed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from cases.case import Case
from drills.lasting import Lasting
from drills.looking import look

_OUTCOMES = """
SELECT c.id, c.status, c.attempts, c.epoch, c.result IS NOT NULL AS told,
    (SELECT count(*) FROM events e WHERE e.case_id = c.id AND e.type = 'case.received') AS received,
    (SELECT count(*) FROM events e WHERE e.case_id = c.id AND e.type = 'case.decided') AS decided,
    (SELECT count(*) FROM events e WHERE e.case_id = c.id AND e.type = 'case.escalated') AS escalated,
    (SELECT count(*) FROM escalations x WHERE x.case_id = c.id AND x.closed_at IS NULL) AS open,
    ARRAY(SELECT unnest(reasons) FROM escalations x WHERE x.case_id = c.id AND x.closed_at IS NULL) AS reasons
FROM cases c ORDER BY c.id
"""


@dataclass(frozen=True)
class Outcome:
    """What came of all cases.

    Attributes:
        lost: that have no outcome, or no event of it.
        twice: that have more than one.
        reasons: of the escalations, how many name each.
    """

    cases: int
    decided: int
    waiting: int
    lost: list[str]
    twice: list[str]
    runs: int
    reasons: Counter[str]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost or doubled."""
        return not self.lost and not self.twice


async def outcome(dsn: str, sent: Sequence[Case]) -> Outcome:
    """Count the outcomes of the cases sent."""
    rows = {row["id"]: row for row in await look(dsn, _OUTCOMES)}
    found = [rows[case.id] for case in sent if case.id in rows]
    lost = [case.id for case in sent if case.id not in rows] + [row["id"] for row in found if not _has_one(row)]
    twice = [row["id"] for row in found if row["decided"] + row["escalated"] > 1 or row["received"] > 1]
    reasons = Counter(reason for row in found for reason in row["reasons"])
    statuses = Counter(row["status"] for row in found)
    runs = sum(row["epoch"] for row in found)
    return Outcome(len(sent), statuses["decided"], statuses["waiting"], lost, twice, runs, reasons)


def _has_one(row: asyncpg.Record) -> bool:
    if row["status"] == "decided":
        return bool(row["told"] and row["received"] and row["decided"])
    return bool(row["status"] == "waiting" and row["received"] and row["escalated"] and row["open"] == 1)


def verdict(came: Outcome, workers: Lasting) -> bool:
    """Print what came of all, and tell whether nothing was lost or doubled and every worker lived."""
    print(
        f"{came.cases} cases: {came.decided} decided, {came.waiting} with people; lost {len(came.lost)}, "
        f"twice {len(came.twice)}; runs {came.runs}; workers that died {len(workers.dead)}"
    )
    print("reasons of those with people:", dict(came.reasons.most_common()))
    for name, cases in (("lost", came.lost), ("twice", came.twice)):
        if cases:
            print(f"{name}:", ", ".join(cases[:20]))
    return came.is_clean and not workers.dead


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table."""
    shown = [head, *(["" if cell is None else _cell(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in shown) for i in range(len(head))]
    for row in shown:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
