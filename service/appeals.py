"""Appeals: a case that carries the one it objects to, and goes to another reviewer."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from cases.case import Appeal, Case, Id, Image
from cases.problem import CasewrightError, Record
from service.database import Pool
from service.reading import case_of

_PREFIX = "appeal-"


class NothingToAppeal(CasewrightError):
    """case {case} is {status}: only against a decision is there an appeal"""

    code: ClassVar[str] = "nothing_to_appeal"


class AppealWish(Record):
    """A seller's objection, in words; the case is made of the one it objects to.

    Attributes:
        id: of the new case; `appeal-` and the first one's id where none is given.
        documents: pictures that were uploaded before.
    """

    statement: Annotated[str, StringConstraints(min_length=1, max_length=100_000)]
    documents: tuple[Image, ...] = Field((), max_length=100)
    id: Id | None = None


async def check_decided(pool: Pool, case_id: str) -> Case:
    """The case that is appealed against, as it came in.

    Raises:
        NoSuchCase: it is not here.
        NothingToAppeal: it is not decided.
    """
    original = await case_of(pool, case_id)
    status = await pool.fetchval("SELECT status FROM cases WHERE id = $1", case_id)
    if status != "decided":
        raise NothingToAppeal(case=case_id, status=status)
    return original


def case_of_appeal(original: Case, wish: AppealWish) -> Case:
    """The case that an appeal opens: the first one's facts as they were, without its clocks and its place in line."""
    return original.model_copy(
        update={
            "id": wish.id or f"{_PREFIX}{original.id}",
            "appeal": Appeal(of=original.id, statement=wish.statement, documents=wish.documents),
            "reports": tuple(report.model_copy(update={"due_at": None}) for report in original.reports),
            "due_at": None,
            "priority": 0,
            "group_key": None,
        }
    )
