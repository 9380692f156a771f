"""Leases over HTTP: a question is claimed, given back, or skipped with a reason."""

from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import ConfigDict, Field

from cases.case import Counted, Id, Language, Region, ViolationType, read_record
from cases.decision import ReasonCode
from cases.problem import Record
from service.api.bodies import read_body, read_object
from service.api.operation import JSON, Body, Operation, Reply
from service.api.paths import PathId
from service.api.reception import TheReception
from service.api.replies import empty_reply, json_reply
from service.choice import WaitingChoice
from service.escalations import Raised, read_raised
from service.intake import NoSuchCase
from service.leases import claim_next, claim_one, release
from service.routing import SkipNote, SkipReason, skip


class ClaimWish(Record):
    """Who asks for the next question, and of what; of several values any one will do.

    Attributes:
        besides: ids of cases that they have in hand already and do not mean.
    """

    reviewer: Id
    types: tuple[ViolationType, ...] = Field((), max_length=500)
    reasons: tuple[ReasonCode, ...] = Field((), max_length=100)
    regions: tuple[Region, ...] = Field((), max_length=500)
    languages: tuple[Language, ...] = Field((), max_length=200)
    besides: tuple[Id, ...] = Field((), max_length=100)


class ClaimOneWish(Record):
    """Who asks for the open question of this case."""

    reviewer: Id
    case_id: Id


def _skill_is_named(schema: dict[str, Any]) -> None:
    """Say in the JSON Schema what `skip` checks."""
    named = {"required": ["note"], "properties": {"note": {"pattern": r"\S"}}}
    schema.update({"if": {"properties": {"reason": {"const": "not_my_skill"}}}, "then": named})


class SkipWish(Record):
    """Who passes a question on, and why.

    Attributes:
        number: of the escalation in hand.
        note: of `not_my_skill` it has to name the language or market.
    """

    model_config = ConfigDict(json_schema_extra=_skill_is_named)

    reviewer: Id
    number: Annotated[int, Field(strict=True, ge=0, lt=2**31), Counted]
    reason: SkipReason
    note: SkipNote = ""


class LeaseQuery(Record):
    """Whose lease."""

    reviewer: Id


async def claim_escalation(request: Request, reception: TheReception) -> Response:
    """Lease the most pressing question that a reviewer is offered, or the one named; 204 where none is left."""
    sent = await read_object(request, "the claim", reception.settings.body_bytes)
    if "case_id" in sent:
        one = read_record(ClaimOneWish, "the claim", sent)
        return json_reply(await read_raised(reception.pool, *(await claim_one(reception.pool, **dict(one)))[:2]))
    wish = read_record(ClaimWish, "the claim", sent)
    choice = WaitingChoice(**wish.model_dump(exclude={"reviewer", "besides"}))
    lease = await claim_next(reception.pool, wish.reviewer, choice, wish.besides)
    return json_reply(await read_raised(reception.pool, *lease[:2])) if lease else empty_reply()


async def give_back(reception: TheReception, case_id: PathId, query: Annotated[LeaseQuery, Query()]) -> Response:
    """Give a question back; one that this reviewer does not hold stays where it is."""
    if not await release(reception.pool, query.reviewer, case_id):
        await _known(reception, case_id)
    return empty_reply()


async def skip_case(request: Request, reception: TheReception, case_id: PathId) -> Response:
    """Give a question back with a reason: it is not offered to this reviewer again, after `later` for two hours."""
    wish = await read_body(request, SkipWish, "the skip", reception.settings.body_bytes)
    await skip(reception.pool, wish.reviewer, case_id, wish.number, wish.reason, wish.note)
    return empty_reply()


async def _known(reception: TheReception, case_id: str) -> None:
    if not await reception.pool.fetchval("SELECT true FROM cases WHERE id = $1", case_id):
        raise NoSuchCase(case=case_id)


def operations() -> tuple[Operation, ...]:
    """What is done with leases."""
    on_lease, left = Reply("On lease to this reviewer", Raised), Reply("Nothing is left for this reviewer")
    claim, given = Body({JSON: (ClaimWish, ClaimOneWish)}), {204: Reply("Given back")}
    path, body = "/escalations/claim", Body({JSON: SkipWish})
    return (
        Operation("POST", path, claim_escalation, "review", {200: on_lease, 204: left}, (403, 404, 409), claim),
        Operation("DELETE", "/cases/{case_id}/lease", give_back, "review", given, (404, 422)),
        Operation("POST", "/cases/{case_id}/skip", skip_case, "review", given, (404, 409), body),
    )
