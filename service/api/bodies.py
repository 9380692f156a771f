"""Reading what a request carries: by its media type, no further than its limit, as the records of ours."""

from email.message import Message
from typing import Any, TypeVar

import orjson
from fastapi import Request

from cases.case import read_record
from cases.problem import Invalid, Problem, Record
from service.api.operation import JSON
from service.api.problems import TooLarge, WrongMediaType

_R = TypeVar("_R", bound=Record)


def media_type_of(request: Request, *taken: str) -> str:
    """The request's media type, without its parameters; raises WrongMediaType where it is none of those taken."""
    header = Message()
    header["Content-Type"] = request.headers.get("Content-Type", "") or "none/none"
    given = header.get_content_type()
    if given not in taken:
        raise WrongMediaType(given=repr(request.headers.get("Content-Type", "")))
    return given


async def read_bytes(request: Request, what: str, most: int, most_of_array: int | None = None) -> bytes:
    """Read a body, and stop where it becomes too large.

    Args:
        request: whose body.
        what: it is, for the message.
        most: bytes.
        most_of_array: bytes where its first character opens a JSON array.

    Raises:
        TooLarge: it has more bytes, or says so.
    """
    read = bytearray()
    limit = max(most, most_of_array or 0)
    _check_length(request, what, limit)
    begun = limit == most
    async for chunk in request.stream():
        read += chunk
        first = b"" if begun else bytes(read[:most].lstrip()[:1])
        if first or (not begun and len(read) > most):
            begun = True
            limit = limit if first == b"[" else most
            _check_length(request, what, limit)
        if len(read) > limit:
            raise TooLarge(what=what, most=limit)
    return bytes(read)


def _check_length(request: Request, what: str, most: int) -> None:
    said = request.headers.get("Content-Length", "")
    if said.isascii() and said.isdigit() and int(said[:20]) > most:
        raise TooLarge(what=what, most=most)


async def read_object(request: Request, what: str, most: int) -> dict[str, Any]:
    """Read a body that is one JSON object.

    Raises:
        WrongMediaType, TooLarge: as said.
        Invalid: it is something else.
    """
    media_type_of(request, JSON)
    return object_of(await read_bytes(request, what, most), what)


def object_of(data: bytes, what: str) -> dict[str, Any]:
    """Parse one JSON object; raises Invalid."""
    found = json_of(data, what)
    if not isinstance(found, dict):
        problem = Problem(code="not_an_object", pointer="", detail="expected a JSON object")
        raise Invalid(what, (problem,))
    return found


def json_of(data: bytes, what: str) -> Any:  # noqa: ANN401 - JSON
    """Parse JSON; raises Invalid."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        problem = Problem(code="not_json", pointer="", detail=str(error), hint="send JSON in UTF-8")
        raise Invalid(what, (problem,)) from error


async def read_body(request: Request, kind: type[_R], what: str, most: int) -> _R:
    """Read a body that is one record of a kind; raises as `read_object` does."""
    return read_record(kind, what, await read_object(request, what, most))


async def read_named(request: Request, kind: type[_R], what: str, name: str, most: int) -> _R:
    """Read a record whose id stands in the path, and may be left out in the body; raises as `read_object` does."""
    sent = await read_object(request, what, most)
    if sent.get("id", name) != name:
        detail = f"the path says {name}"
        raise Invalid(what, (Problem(code="another_id", pointer="/id", detail=detail, hint="leave it out"),))
    return read_record(kind, what, sent | {"id": name})


def under(pointer: str, error: Invalid) -> Invalid:
    """The same problems, in a document that holds the one they were found in at `pointer`."""
    moved = (problem.model_copy(update={"pointer": pointer + problem.pointer}) for problem in error.problems)
    return Invalid(str(error.details["what"]), tuple(moved))
