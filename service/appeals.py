"""Appeals: a case that carries the first one, goes to somebody else, and overturns it where it comes out otherwise."""

from typing import ClassVar

from cases.case import Appeal, Case, Image
from cases.decision import Decision
from cases.problem import CasewrightError
from graphs.passes import Line
from service.answers import overturn
from service.database import Connection, Pool
from service.intake import NoSuchCase


class NothingToAppeal(CasewrightError):
    """case {case} is {status}: an appeal is against a violation that was decided and stands"""

    code: ClassVar[str] = "nothing_to_appeal"


async def appealed(pool: Pool, case_id: str) -> Case:
    """The case that is appealed against, as it came in.

    Raises:
        NoSuchCase: it is not here.
        NothingToAppeal: it has no violation that stands.
    """
    row = await pool.fetchrow("SELECT body, status, outcome, overturned_at FROM cases WHERE id = $1", case_id)
    if row is None:
        raise NoSuchCase(case=case_id)
    if row["status"] != "decided" or row["outcome"] != "violation" or row["overturned_at"]:
        told = "overturned" if row["overturned_at"] else row["outcome"] or row["status"]
        raise NothingToAppeal(case=case_id, status=told)
    return Case.model_validate_json(row["body"])


async def appeal_of(
    pool: Pool, case_id: str, appeal_id: str, statement: str, documents: tuple[Image, ...] = ()
) -> Case:
    """Make the case that appeals against another: the same listing, day and region, so that the same rules hold.

    Raises:
        NoSuchCase, NothingToAppeal: as `appealed`.
    """
    first = await appealed(pool, case_id)
    appeal = Appeal(of=case_id, statement=statement, documents=documents)
    return first.model_copy(update={"id": appeal_id, "appeal": appeal, "due_at": None})


async def settle_appeal(connection: Connection, case: Case, line: Line) -> None:
    """Overturn the decision that a case appeals against, where a person has found no violation; in one transaction."""
    decision = Decision.model_validate(line["decision"])
    if case.appeal is None or decision.outcome == "violation":
        return
    standing = await connection.fetchval(
        "SELECT true FROM cases WHERE id = $1 AND status = 'decided' AND overturned_at IS NULL", case.appeal.of
    )
    if standing:
        await overturn(connection, case.appeal.of, decision.reviewer or "appeal", f"appeal {case.id}")
