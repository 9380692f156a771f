"""What has become of a case: each time a person was asked, and what was said; its strike, appeals, labels, events."""

from datetime import datetime
from typing import Any, Literal

import orjson

from cases.decision import Answer, Question, read_answer
from cases.problem import Record
from service.database import Pool
from service.intake import NoSuchCase
from service.opinions import Opinion, opinions


class Turn(Record):
    """One time that somebody was asked.

    Attributes:
        number: of the escalation.
        waiting_for: who was asked: reviewer, senior, seller, policy_team.
        answered_by: a reviewer's id, or the answer's kind where nobody is named.
        closed_at: when the case went on.
        opinions: of two people, where it took two.
    """

    number: int
    waiting_for: str
    reasons: tuple[str, ...]
    questions: tuple[Question, ...]
    raised_at: datetime
    answer: Answer | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None
    closed_at: datetime | None = None
    opinions: tuple[Opinion, ...] = ()


class Strike(Record):
    """What a decision did, and who has taken it back."""

    type: str
    clause_id: str
    action: str
    step: int
    at: datetime
    reversed_at: datetime | None = None
    reversed_by: str = ""


class AppealMade(Record):
    """A case that appeals against this one, and what came of it."""

    case_id: str
    status: Literal["queued", "running", "waiting", "decided", "cancelled"]
    outcome: Literal["violation", "no_violation"] | None = None


class BlindLabel(Record):
    """What a second person has said without knowing the decision.

    Attributes:
        differing: parts judged otherwise than decided, `clause|part`.
    """

    reviewer: str
    given_at: datetime
    judgements: tuple[dict[str, Any], ...]
    differing: tuple[str, ...]


class Happened(Record):
    """One event, as those were told who listen."""

    type: str
    at: datetime
    data: dict[str, Any]


class History(Record):
    """All of it, each in the order in which it came.

    Attributes:
        strike: as the ledger keeps it; None where the decision did nothing.
        appeal_of: the case that this one appeals against.
    """

    turns: tuple[Turn, ...]
    strike: Strike | None = None
    appeal_of: str | None = None
    appeals: tuple[AppealMade, ...] = ()
    label: BlindLabel | None = None
    events: tuple[Happened, ...] = ()

    @property
    def overturned(self) -> dict[str, Any]:
        """By whom and why the decision was overturned; empty where it was not."""
        return next((event.data for event in self.events if event.type == "case.overturned"), {})


_TURNS = """
SELECT number, waiting_for, reasons, body, raised_at, answer, answered_by, answered_at, closed_at FROM escalations
WHERE case_id = $1 AND number > 0 ORDER BY number
"""
_STRIKE = "SELECT type, clause_id, action, step, at, reversed_at, reversed_by FROM effects WHERE case_id = $1"
_APPEALS = "SELECT id AS case_id, status, outcome FROM cases WHERE appeal_of = $1 ORDER BY received_at, id"
_LABEL = """
SELECT reviewer, given_at, judgements, coalesce(differing, '{}') AS differing FROM labels
WHERE case_id = $1 AND given_at IS NOT NULL AND judgements IS NOT NULL
"""
_EVENTS = "SELECT type, at, data FROM events WHERE case_id = $1 ORDER BY seq"


async def history(pool: Pool, case_id: str) -> History:
    """Read what has become of a case; raises NoSuchCase."""
    row = await pool.fetchrow("SELECT appeal_of FROM cases WHERE id = $1", case_id)
    if row is None:
        raise NoSuchCase(case=case_id)
    strike, label = await pool.fetchrow(_STRIKE, case_id), await pool.fetchrow(_LABEL, case_id)
    return History(
        turns=tuple([await _turn(pool, case_id, dict(row)) for row in await pool.fetch(_TURNS, case_id)]),
        strike=Strike(**dict(strike)) if strike else None,
        appeal_of=row["appeal_of"],
        appeals=tuple(AppealMade(**dict(appeal)) for appeal in await pool.fetch(_APPEALS, case_id)),
        label=BlindLabel(**dict(label)) if label else None,
        events=tuple(Happened(**dict(event)) for event in await pool.fetch(_EVENTS, case_id)),
    )


async def _turn(pool: Pool, case_id: str, row: dict[str, Any]) -> Turn:
    body, answer = orjson.loads(row.pop("body")), row.pop("answer")
    return Turn(
        **row,
        questions=body["questions"],
        answer=read_answer(bytes(answer)) if answer else None,
        opinions=await opinions(pool, case_id, row["number"]),
    )
