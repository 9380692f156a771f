"""What waits for a person: escalations that are open, in the order in which they press."""

from datetime import datetime
from typing import Any, ClassVar

from cases.decision import Escalation
from cases.problem import CasewrightError, Record
from service.choice import CHOSEN, OPEN, PRESSING, WaitingChoice, choice_values
from service.cursors import Place, read_place, write_place
from service.database import Pool
from service.reviewers import ASKED, OFFERED


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


_COLUMNS = """e.case_id, e.number, e.body AS escalation, e.region, e.language, e.types, c.seller_id, c.subject_id,
    c.appeal_of, e.due_at, e.deadline_at, e.raised_at, e.claimed_by, e.claimed_until, e.urgency"""
_ONE = f"""
SELECT {_COLUMNS} FROM escalations e JOIN cases c ON c.id = e.case_id WHERE e.case_id = $1 AND e.number = $2
"""  # noqa: S608 - constant
_LIST = f"""
SELECT {_COLUMNS} FROM {ASKED} JOIN cases c ON c.id = e.case_id
WHERE {OPEN} AND {CHOSEN} AND {OFFERED}
AND ($8::integer IS NULL OR (-e.urgency, e.raised_at, e.case_id) > (-$8, $9::timestamptz, $10::text))
ORDER BY {PRESSING} LIMIT $11
"""  # noqa: S608 - constant


async def read_raised(pool: Pool, case_id: str, number: int) -> Raised:
    """One escalation, open or not.

    Raises:
        NotRaised: there is none.
    """
    row = await pool.fetchrow(_ONE, case_id, number)
    if row is None:
        raise NotRaised(case=case_id, number=number)
    return _raised(dict(row))


async def listed_open(
    pool: Pool, choice: WaitingChoice, reviewer: str | None, cursor: str | None, limit: int
) -> RaisedPage:
    """A page of open escalations.

    Args:
        pool: of the database.
        choice: which ones; those that wait for a seller, too.
        reviewer: leaves out what this person is not offered; none: everything is listed.
        cursor: `next` of the page before.
        limit: escalations at most.

    Raises:
        BadCursor: it is none of ours.
    """
    place = read_place(cursor) if cursor else None
    after = (place.rank, place.at, place.row_id) if place else (None, None, None)
    rows = [dict(row) for row in await pool.fetch(_LIST, reviewer, *choice_values(choice), *after, limit + 1)]
    last = rows[limit - 1] if len(rows) > limit else None
    more = write_place(Place(last["raised_at"], last["case_id"], last["urgency"])) if last else None
    return RaisedPage(items=tuple(_raised(row) for row in rows[:limit]), next=more)


def _raised(row: dict[str, Any]) -> Raised:
    told = {name: value for name, value in row.items() if name not in {"escalation", "urgency"}}
    return Raised(**told, escalation=Escalation.model_validate_json(row["escalation"]))
