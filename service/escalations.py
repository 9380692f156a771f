"""What waits for a person: escalations that are open, in the order in which they press."""

from datetime import datetime
from typing import Any, ClassVar

from cases.decision import Escalation, WaitingFor
from cases.problem import CasewrightError, Record
from service.cursors import Place, read_place, write_place
from service.database import Pool
from service.reviewers import MAY_TAKE, NOT_ONES_OWN


class NotRaised(CasewrightError):
    """case {case} has no escalation {number}"""

    code: ClassVar[str] = "not_raised"


class Raised(Record):
    """An escalation, and what the desk goes by.

    Attributes:
        due_at: our clock; `deadline_at`: an authority's or a seller's.
        claimed_by: who has it on lease, until `claimed_until`.
    """

    case_id: str
    number: int
    escalation: Escalation
    region: str
    language: str
    types: tuple[str, ...]
    seller_id: str
    subject_id: str
    appeal_of: str | None = None
    due_at: datetime | None = None
    deadline_at: datetime | None = None
    raised_at: datetime
    claimed_by: str | None = None
    claimed_until: datetime | None = None


class RaisedPage(Record):
    """Some open escalations, the most pressing first; `next` reads on."""

    items: tuple[Raised, ...]
    next: str | None = None


class OpenChoice(Record):
    """Which open escalations are wanted; what is not named does not matter.

    Attributes:
        reviewer: who may take them.
        language: `en` is `en-GB` too.
        type: of violation, among those that are asked about.
    """

    reviewer: str | None = None
    waiting_for: WaitingFor | None = None
    region: str | None = None
    language: str | None = None
    type: str | None = None


_SELECT = """
SELECT e.case_id, e.number, e.body AS escalation, e.region, e.language, e.types, c.seller_id, c.subject_id, c.appeal_of,
       e.due_at, e.deadline_at, e.raised_at, e.claimed_by, e.claimed_until, e.urgency
FROM escalations e JOIN cases c ON c.id = e.case_id LEFT JOIN cases o ON o.id = c.appeal_of
"""
_ONE = f"{_SELECT} WHERE e.case_id = $1 AND e.number = $2"
_LIST = f"""{_SELECT}
WHERE e.answer IS NULL AND e.closed_at IS NULL
AND ($1::text IS NULL OR ({MAY_TAKE} AND {NOT_ONES_OWN}))
AND ($2::text IS NULL OR e.waiting_for = $2) AND ($3::text IS NULL OR e.region = $3)
AND ($4::text IS NULL OR e.language = $4 OR split_part(e.language, '-', 1) = $4)
AND ($5::text IS NULL OR $5 = ANY(e.types))
AND ($6::integer IS NULL OR (-e.urgency, e.raised_at, e.case_id) > (-$6, $7::timestamptz, $8::text))
ORDER BY -e.urgency, e.raised_at, e.case_id LIMIT $9
"""


async def read_raised(pool: Pool, case_id: str, number: int) -> Raised:
    """One escalation, open or not.

    Raises:
        NotRaised: there is none.
    """
    row = await pool.fetchrow(_ONE, case_id, number)
    if row is None:
        raise NotRaised(case=case_id, number=number)
    return _raised(dict(row))


async def listed_open(pool: Pool, choice: OpenChoice, cursor: str | None, limit: int) -> RaisedPage:
    """A page of open escalations; raises BadCursor."""
    place = read_place(cursor) if cursor else None
    after = (place.rank, place.at, place.row_id) if place else (None, None, None)
    chosen = (choice.reviewer, choice.waiting_for, choice.region, choice.language, choice.type)
    rows = [dict(row) for row in await pool.fetch(_LIST, *chosen, *after, limit + 1)]
    last = rows[limit - 1] if len(rows) > limit else None
    more = write_place(Place(last["raised_at"], last["case_id"], last["urgency"])) if last else None
    return RaisedPage(items=tuple(_raised(row) for row in rows[:limit]), next=more)


def _raised(row: dict[str, Any]) -> Raised:
    told = {name: value for name, value in row.items() if name not in {"escalation", "urgency"}}
    return Raised(**told, escalation=Escalation.model_validate_json(row["escalation"]))
