"""The people's part over HTTP: what waits for whom, answers given and withdrawn, appeals, and decisions reversed."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import Path, Query, Request
from fastapi.responses import Response
from pydantic import Field, StringConstraints

from cases.case import Case, Id, Image, Language, Limits, Region, ViolationType, read_record
from cases.decision import Expiry, InformationRequest, ReasonCode, Review, Supplement, WaitingFor, read_answer
from cases.problem import Invalid, Problem, Record, pointer_of
from service.answers import answer, overturn, withdraw
from service.api.bodies import read_body, read_object, under
from service.api.operation import JSON, Body, Operation, Reply
from service.api.paths import PathId
from service.api.reception import Reception, TheReception
from service.api.replies import json_reply
from service.api.submitting import check_uploaded, read_http_case, submit_one
from service.appeals import appeal_of, appealed
from service.choice import WaitingChoice
from service.escalations import RaisedPage, listed_open
from service.reading import Standing, read


class EscalationQuery(Record):
    """Which open escalations are listed; `reviewer` leaves out what that person is not offered."""

    reviewer: Id | None = None
    waiting_for: WaitingFor | None = None
    region: Region | None = None
    language: Language | None = None
    type: ViolationType | None = None
    reason: ReasonCode | None = None
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=500)

    @property
    def choice(self) -> WaitingChoice:
        """The facets that are named."""
        return WaitingChoice(
            waiting_for=self.waiting_for,
            types=(self.type,) if self.type else (),
            reasons=(self.reason,) if self.reason else (),
            regions=(self.region,) if self.region else (),
            languages=(self.language,) if self.language else (),
        )


class AnswerQuery(Record):
    """For how many seconds an answer may be withdrawn; its case runs on after that."""

    grace_s: int = Field(0, ge=0, le=60)


class WithdrawQuery(Record):
    """Who takes their answer back."""

    reviewer: Id


EscalationNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]


class OverturnWish(Record):
    """Who reverses a decision, and why."""

    reviewer: Id
    why: Annotated[str, StringConstraints(min_length=1, max_length=10_000, pattern=r"^[^\x00]+$")]


class AppealWish(Record):
    """A seller's objection, in words; the case is made of the one it objects to.

    Attributes:
        id: of the new case; `appeal-` and the first one's id where none is given.
        documents: pictures that were uploaded before.
    """

    statement: Annotated[str, StringConstraints(min_length=1, max_length=100_000)]
    documents: tuple[Image, ...] = Field((), max_length=100)
    id: Id | None = None


_LONGEST_ID = 200


class AppealCase(Record):
    """An appeal as a case of its own, whose `appeal.of` is the case in the path."""

    case: Case


async def list_escalations(reception: TheReception, query: Annotated[EscalationQuery, Query()]) -> Response:
    """List what is open, the most pressing first."""
    return json_reply(await listed_open(reception.pool, query.choice, query.reviewer, query.cursor, query.limit))


async def answer_case(
    request: Request, reception: TheReception, case_id: PathId, query: Annotated[AnswerQuery, Query()]
) -> Response:
    """Answer the open escalation of a case, under its number and digest; of two answers the first counts.

    Where a guard wants two people, the first one's review is kept, and the case goes on waiting.
    """
    given = read_answer(await read_object(request, "the answer", reception.settings.body_bytes))
    if isinstance(given, Supplement):
        check_uploaded("the answer", {"/documents": given.documents})
    await answer(reception.pool, case_id, given, reception.corpus, grace=timedelta(seconds=query.grace_s))
    return json_reply(await read(reception.pool, case_id), 202)


async def withdraw_answer(
    reception: TheReception, case_id: PathId, number: EscalationNumber, query: Annotated[WithdrawQuery, Query()]
) -> Response:
    """Take an answer back while its grace lasts: the question is open again, on lease to who had answered."""
    await withdraw(reception.pool, case_id, number, query.reviewer)
    return json_reply(await read(reception.pool, case_id))


async def appeal_case(request: Request, reception: TheReception, case_id: PathId) -> Response:
    """Appeal against a decision: with a statement, or with a whole case of your own. It goes to another reviewer."""
    sent = await read_object(request, "the appeal", reception.settings.case_bytes)
    if "case" in sent:
        case = _own_case(sent, case_id, reception.settings.limits)
        await appealed(reception.pool, case_id)
    else:
        case = await _made_case(reception, sent, case_id)
    return await submit_one(request, reception, case)


def _own_case(sent: dict[str, Any], original_id: str, limits: Limits) -> Case:
    others = [name for name in sent if name != "case"]
    wrong = [Problem(code="unknown_field", pointer=pointer_of((n,)), detail="not beside a case") for n in others]
    try:
        case = read_http_case(sent["case"], limits)
    except Invalid as error:
        raise Invalid("the appeal", (*under("/case", error).problems, *wrong)) from error
    if case.appeal is None or case.appeal.of != original_id:
        detail = f"it appeals against {original_id}, so it must say so"
        wrong.append(Problem(code="not_this_case", pointer="/case/appeal/of", detail=detail))
    if wrong:
        raise Invalid("the appeal", tuple(wrong))
    return case


async def _made_case(reception: Reception, sent: dict[str, Any], original_id: str) -> Case:
    wish = read_record(AppealWish, "the appeal", sent)
    check_uploaded("the appeal", {"/documents": wish.documents})
    appeal_id = wish.id or f"appeal-{original_id}"
    if len(appeal_id) > _LONGEST_ID:
        detail = "the first case's id is too long to make one of it"
        raise Invalid("the appeal", (Problem(code="missing", pointer="/id", detail=detail, hint="give an id"),))
    return await appeal_of(reception.pool, original_id, appeal_id, wish.statement, wish.documents)


async def overturn_case(request: Request, reception: TheReception, case_id: PathId) -> Response:
    """Reverse a decision: a new event, and its strike is taken back; the decision stays as it was made."""
    wish = await read_body(request, OverturnWish, "the request", reception.settings.body_bytes)
    async with reception.pool.acquire() as connection, connection.transaction():
        await overturn(connection, case_id, wish.reviewer, wish.why)
    return json_reply(await read(reception.pool, case_id))


def operations() -> tuple[Operation, ...]:
    """What people do."""
    answers = Body({JSON: (Review, Supplement, InformationRequest, Expiry)})
    page = Reply("A page", RaisedPage)
    known, taken = Reply("Known already, or settled while you waited", Standing), Reply("Taken", Standing)
    on = {202: Reply("Taken; the case runs on, or waits for a second person", Standing)}
    over, reversed_ = "/cases/{case_id}/overturn", {200: Reply("Reversed", Standing)}
    return (
        Operation("GET", "/escalations", list_escalations, "review", {200: page}, (422,)),
        Operation("POST", "/cases/{case_id}/answers", answer_case, "review", on, (403, 404, 409), answers),
        Operation(
            "DELETE",
            "/cases/{case_id}/answers/{number}",
            withdraw_answer,
            "review",
            {200: Reply("Withdrawn; the question is open again", Standing)},
            (403, 404, 409, 422),
        ),
        Operation(
            "POST",
            "/cases/{case_id}/appeal",
            appeal_case,
            "submit",
            {200: known, 202: taken},
            (404, 409),
            Body({JSON: (AppealWish, AppealCase)}),
            waits=True,
        ),
        Operation("POST", over, overturn_case, "review", reversed_, (404, 409), Body({JSON: OverturnWish})),
    )
