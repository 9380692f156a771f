"""A case as it is stored, with what is open in it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from cases.case import Case
from cases.decision import Answer, Decision, Escalation
from cases.evidence import Evidence
from cases.finding import Finding
from service.database import Pool
from service.intake import NoSuchCase
from service.opinions import earlier_answers

_READ = """
SELECT c.body, c.result, c.status, c.epoch, c.received_at, c.closed_at, c.overturned_at, c.due_at AS case_due,
       c.deadline_at AS case_deadline, c.decided_by, c.group_key,
       e.number, e.body AS asked, e.waiting_for, e.raised_at, e.expires_at, e.due_at, e.deadline_at,
       e.claimed_by, e.claimed_until, e.answer, e.answered_by, e.answered_at, e.closed_at AS over_at
FROM cases c LEFT JOIN escalations e ON e.case_id = c.id AND e.number = c.number WHERE c.id = $1
"""


@dataclass(frozen=True)
class Asked:
    """The last escalation of a case, and what has become of it.

    Attributes:
        due: the earlier of our clock and an authority's or seller's; None where there is none.
        answered_by: who has answered; empty while it is open.
    """

    escalation: Escalation
    waiting_for: str
    raised_at: datetime
    due: datetime | None
    claimed_by: str
    claimed_until: datetime | None
    answered_by: str
    answered_at: datetime | None
    over: bool

    @property
    def open(self) -> bool:
        """Whether an answer is wanted."""
        return not self.answered_by and not self.over


@dataclass(frozen=True)
class CaseFile:
    """All that is stored of a case and shown of it.

    Attributes:
        line: the last result line, as it was printed.
        asked: the last escalation; None where there was none.
        decision: where the case is decided.
        texts: of the clauses that were judged, as they were then, by id.
        earlier: answers that were given before the last escalation, in their order.
    """

    case: Case
    status: str
    received_at: datetime
    closed_at: datetime | None
    overturned_at: datetime | None
    decided_by: str
    line: dict[str, Any]
    asked: Asked | None
    decision: Decision | None
    earlier: tuple[Answer, ...] = ()

    @property
    def evidence(self) -> dict[str, Evidence]:
        """Every item by id."""
        return {item["id"]: Evidence.model_validate(item) for item in self.line.get("evidence", [])}

    @property
    def texts(self) -> dict[str, str]:
        """The text of each clause as it was judged."""
        found: dict[str, str] = self.line.get("clauses", {})
        return found

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Of the decision, else of the open escalation."""
        if self.decision:
            return self.decision.findings
        return self.asked.escalation.findings if self.asked else ()


async def read_file(pool: Pool, case_id: str) -> CaseFile:
    """Read a case with what is open in it; raises NoSuchCase."""
    row = await pool.fetchrow(_READ, case_id)
    if row is None:
        raise NoSuchCase(case=case_id)
    line = orjson.loads(row["result"]) if row["result"] else {}
    decided = line.get("decision") if row["status"] == "decided" else None
    return CaseFile(
        case=Case.model_validate_json(row["body"]),
        status=row["status"],
        received_at=row["received_at"],
        closed_at=row["closed_at"],
        overturned_at=row["overturned_at"],
        decided_by=row["decided_by"] or "",
        line=line,
        asked=_asked(dict(row)) if row["asked"] else None,
        decision=Decision.model_validate(decided) if decided else None,
        earlier=await earlier_answers(pool, case_id, row["number"]) if (row["number"] or 0) > 1 else (),
    )


def _asked(row: dict[str, Any]) -> Asked:
    clocks = [row[name] for name in ("due_at", "deadline_at", "expires_at") if row[name]]
    return Asked(
        escalation=Escalation.model_validate_json(row["asked"]),
        waiting_for=row["waiting_for"],
        raised_at=row["raised_at"],
        due=min(clocks, default=None),
        claimed_by=row["claimed_by"] or "",
        claimed_until=row["claimed_until"],
        answered_by=row["answered_by"] or "",
        answered_at=row["answered_at"],
        over=row["over_at"] is not None or row["status"] in {"decided", "cancelled"},
    )
