"""Guards over HTTP: what may run alone, and what takes two people."""

from typing import Annotated, ClassVar, Literal

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import Field

from cases.case import ViolationType
from cases.problem import Invalid, Problem, Record
from policies.corpus import Corpus
from service.api.access import Caller
from service.api.bodies import read_body
from service.api.operation import JSON, Body, Operation, Reply
from service.api.problems import Refused
from service.api.reception import TheReception
from service.api.replies import empty_reply, json_reply
from service.guards import Guard, Kind, SetGuard, guards, lift_guard, set_guard


class NoSuchGuard(Refused):
    """no such guard is set"""

    code: ClassVar[str] = "no_such_guard"
    status: ClassVar[int] = 404


class Guards(Record):
    """Every guard that is set."""

    items: tuple[SetGuard, ...]


class GuardQuery(Record):
    """Which guard is lifted."""

    kind: Kind
    action: str = Field("", max_length=100, pattern=r"^[^\x00]*$")
    type: ViolationType | Literal[""] = ""


async def list_guards(reception: TheReception) -> Response:
    """List every guard that is set."""
    return json_reply(Guards(items=tuple(await guards(reception.pool))))


async def put_guard(request: Request, reception: TheReception, caller: Caller) -> Response:
    """Set a guard; it holds from the next decision on."""
    guard = await read_body(request, Guard, "the guard", reception.settings.body_bytes)
    _check_names(guard, reception.corpus)
    await set_guard(reception.pool, guard, caller)
    return json_reply(Guards(items=tuple(await guards(reception.pool))))


def _check_names(guard: Guard, corpus: Corpus) -> None:
    """A guard for an action that nobody takes guards nothing, and looks as if it did."""
    wrong = []
    if guard.action and guard.action not in corpus.actions:
        wrong.append(_unknown("action", guard.action, sorted(corpus.actions)))
    if guard.type and guard.type not in corpus.types:
        wrong.append(_unknown("type", guard.type, sorted(corpus.types)))
    if wrong:
        raise Invalid("the guard", tuple(wrong))


def _unknown(name: str, given: str, known: list[str]) -> Problem:
    detail = f"{given!r} is not known here"
    return Problem(code="unknown_name", pointer=f"/{name}", detail=detail, hint=f"one of {', '.join(known)}")


async def delete_guard(reception: TheReception, query: Annotated[GuardQuery, Query()]) -> Response:
    """Lift a guard."""
    wanted = Guard.model_construct(kind=query.kind, action=query.action, type=query.type)
    if not await lift_guard(reception.pool, wanted):
        raise NoSuchGuard
    return empty_reply()


def operations() -> tuple[Operation, ...]:
    """What is done with guards."""
    every = Reply("Every guard", Guards)
    return (
        Operation("GET", "/guards", list_guards, "admin", {200: every}),
        Operation("PUT", "/guards", put_guard, "admin", {200: every}, body=Body({JSON: Guard})),
        Operation("DELETE", "/guards", delete_guard, "admin", {204: Reply("Lifted")}, (404, 422)),
    )
