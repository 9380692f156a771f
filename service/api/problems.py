"""Refusals: every one an RFC 9457 problem document, whatever went wrong where."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import ClassVar

import asyncpg
import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from cases.problem import CasewrightError, Invalid, Problem, Record
from graphs.escalations import AnsweredTwice, NoEscalation, StaleAnswer
from service.answers import NotAnswered, NotDecided, TooLate
from service.appeals import NothingToAppeal
from service.database import AWAY
from service.escalations import NotRaised
from service.events import CursorTooOld
from service.intake import AnotherBody, CaseIsOver, NoSuchCase
from service.keys import NoSuchKey
from service.leases import NoLease
from service.platform import NoSuchSeller
from service.reviewers import NotYours, OnLease
from service.webhooks import NoSuchWebhook, WebhookDisabled

_LOG = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5


class Refused(CasewrightError):
    """the request is refused"""

    status: ClassVar[int] = 400
    headers: ClassVar[Mapping[str, str]] = {}


class TooLarge(Refused):
    """{what} is larger than {most} bytes"""

    code: ClassVar[str] = "too_large"
    hint: ClassVar[str] = "send less at once"
    status: ClassVar[int] = 413


class WrongMediaType(Refused):
    """the media type {given} is not taken here"""

    code: ClassVar[str] = "wrong_media_type"
    hint: ClassVar[str] = "set Content-Type to one of those that the document at /openapi.json names"
    status: ClassVar[int] = 415


class Overloaded(Refused):
    """{waiting} cases wait already, and {most} may"""

    code: ClassVar[str] = "overloaded"
    hint: ClassVar[str] = "send the same again later; nothing of it was taken"
    status: ClassVar[int] = 503
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": str(RETRY_AFTER_S)}


class Busy(Refused):
    """as many {what} run already as may"""

    code: ClassVar[str] = "busy"
    hint: ClassVar[str] = "come again when one of them is over"
    status: ClassVar[int] = 429
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": str(RETRY_AFTER_S)}


# What the rooms below raise; whatever is not named here is an input that cannot be taken.
_STATUS: dict[type[CasewrightError], int] = {
    NotYours: 403,
    NoSuchCase: 404,
    NoSuchKey: 404,
    NoSuchSeller: 404,
    NotRaised: 404,
    NoSuchWebhook: 404,
    AnotherBody: 409,
    AnsweredTwice: 409,
    CaseIsOver: 409,
    NoEscalation: 409,
    NoLease: 409,
    NotAnswered: 409,
    NotDecided: 409,
    NothingToAppeal: 409,
    OnLease: 409,
    StaleAnswer: 409,
    TooLate: 409,
    WebhookDisabled: 409,
    CursorTooOld: 410,
}
UNREADABLE = 422


class ProblemDocument(Record):
    """A refusal as RFC 9457 has it.

    Attributes:
        type: `about:blank`: the status and the code say all there is.
        code: for machines; a closed vocabulary.
        problems: what is wrong where; a pointer is into the body (RFC 6901), or `?name` for a query parameter.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    problems: tuple[Problem, ...] = ()


def problem_answer(
    status: int, code: str, detail: str, problems: Sequence[Problem] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """A refusal, ready to send."""
    document = ProblemDocument(
        title=HTTPStatus(status).phrase, status=status, detail=detail, code=code, problems=tuple(problems)
    )
    return Response(orjson.dumps(document.model_dump()), status, headers, MEDIA_TYPE)


def refusal_of(error: CasewrightError) -> Response:
    """An error of ours as a refusal."""
    status = error.status if isinstance(error, Refused) else status_of(error)
    headers = error.headers if isinstance(error, Refused) else {}
    problems = error.problems if isinstance(error, Invalid) else (error.problem,)
    detail = f"{error.details['what']} is not valid" if isinstance(error, Invalid) else str(error)
    return problem_answer(status, error.code, detail, problems, headers)


def status_of(error: CasewrightError) -> int:
    """The status under which an error of the rooms below is told."""
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), UNREADABLE)


def handle_problems(app: FastAPI) -> None:
    """Have an app answer every error by a problem document."""
    app.add_exception_handler(CasewrightError, _ours)
    app.add_exception_handler(RequestValidationError, _parameters)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(asyncpg.DataError, _not_storable)
    for kind in AWAY:
        app.add_exception_handler(kind, _away)
    app.add_exception_handler(asyncpg.TransactionRollbackError, _away)
    app.add_exception_handler(Exception, _unforeseen)


async def _ours(_: Request, error: Exception) -> Response:
    return refusal_of(error) if isinstance(error, CasewrightError) else await _unforeseen(_, error)


async def _parameters(_: Request, error: Exception) -> Response:
    """What stands in the path or the query; bodies are read by our own readers."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    problems = [_parameter_problem(item["loc"], item["type"], item["msg"]) for item in found]
    detail = "; ".join(str(problem) for problem in problems)
    return problem_answer(UNREADABLE, "invalid", detail, problems)


def _parameter_problem(location: Sequence[str | int], kind: str, message: str) -> Problem:
    place, name = str(location[0]), str(location[-1])
    code = {"missing": "missing", "extra_forbidden": "unknown_parameter"}.get(kind, "invalid_value")
    return Problem(code=code, pointer=f"?{name}" if place == "query" else name, detail=message)


async def _http(request: Request, error: Exception) -> Response:
    """What the router says: no such path, no such method on it."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(_methods(request))
        detail = f"{request.method} is not done here; {allowed} is"
        return problem_answer(status, "method_not_allowed", detail, headers={"Allow": allowed})
    if status == HTTPStatus.NOT_FOUND:
        return problem_answer(status, "not_found", "nothing is served under this path")
    return problem_answer(status, "refused", HTTPStatus(status).phrase)


def _methods(request: Request) -> list[str]:
    """Every method of a path: each stands as a route of its own."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    path = request.scope["path"]
    return sorted({m for route in routes if route.path_regex.match(path) for m in route.methods or ()})


async def _gone(_: Request, __: Exception) -> Response:
    return problem_answer(400, "cut_off", "the request ended before its body did")


async def _not_storable(_: Request, error: Exception) -> Response:
    """A net under the checks of each field: what PostgreSQL cannot hold is an input that cannot be taken."""
    _LOG.warning("the database cannot hold what was sent: %s", type(error).__name__)
    return problem_answer(UNREADABLE, "not_storable", "a text holds characters that cannot be stored, such as U+0000")


async def _away(_: Request, error: Exception) -> Response:
    _LOG.warning("the database is away: %s", type(error).__name__)
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    detail = "the database is away; nothing of this was taken"
    return problem_answer(503, "database_away", detail, headers=headers)


async def _unforeseen(_: Request, error: Exception) -> Response:
    """What nobody thought of: told in the log, and no word of it outside."""
    _LOG.error("a request failed: %s", type(error).__name__)
    return problem_answer(500, "internal", "something went wrong in Casewright; its log says what")
