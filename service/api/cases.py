"""Cases over HTTP: submitted, read, listed, exported, cancelled."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Query
from fastapi.responses import Response, StreamingResponse
from pydantic import Field

from cases.case import Case, Id, Moment, Region
from cases.problem import Record
from service.answers import cancel
from service.api.operation import JSON, LINES, Body, Operation, Reply
from service.api.paths import PathId
from service.api.problems import Busy
from service.api.reception import Reception, TheReception
from service.api.replies import json_reply
from service.api.submitting import BatchReceipt, submit_cases
from service.reading import Choice, Page, Standing, Status, export, listed, read

_CHUNK = 64_000
"""Bytes of an export that are sent together."""


class CaseQuery(Record):
    """Which cases are listed; what is not named does not matter."""

    status: Status | None = None
    seller_id: Id | None = None
    subject_id: Id | None = None
    region: Region | None = None
    cursor: str | None = None
    limit: int = Field(100, ge=1, le=1000)


class ExportQuery(Record):
    """Which cases are exported: received from a moment on, and before another."""

    status: Status | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None


async def read_case(reception: TheReception, case_id: PathId) -> Response:
    """Read how a case stands, with its last result."""
    return json_reply(await read(reception.pool, case_id))


async def list_cases(reception: TheReception, query: Annotated[CaseQuery, Query()]) -> Response:
    """List cases, oldest first; `next` of one page is the `cursor` of the one after."""
    choice = Choice(status=query.status, seller_id=query.seller_id, subject_id=query.subject_id, region=query.region)
    return json_reply(await listed(reception.pool, choice, query.cursor, query.limit))


async def cancel_case(reception: TheReception, case_id: PathId) -> Response:
    """Take a case back that is not decided."""
    await cancel(reception.pool, case_id)
    return json_reply(await read(reception.pool, case_id))


async def export_cases(reception: TheReception, query: Annotated[ExportQuery, Query()]) -> Response:
    """Export the last result of every chosen case, one a line, however many there are."""
    if reception.exports.locked():
        raise Busy(what="exports")
    choice = Choice(status=query.status, received_from=query.from_, received_to=query.to)
    lines = _chunks(reception, choice)
    first = await anext(lines, b"")  # so that what goes wrong at the beginning is still told by a status
    return StreamingResponse(_after(first, lines), media_type=LINES)


async def _chunks(reception: Reception, choice: Choice) -> AsyncIterator[bytes]:
    async with reception.exports:
        held = bytearray()
        async for line in export(reception.pool, choice):
            held += line
            if len(held) >= _CHUNK:
                yield bytes(held)
                held.clear()
        yield bytes(held)


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


_LOCATION = {"Location": "where the case is read"}
_WAITED = {"Preference-Applied": "the wait that was granted, where one was asked for"}
_BATCH = {"type": "array", "items": Case, "minItems": 1, "maxItems": 1000}


def operations() -> tuple[Operation, ...]:
    """What is done with cases."""
    return (
        Operation(
            "POST",
            "/cases",
            submit_cases,
            "submit",
            {
                200: Reply("Known already, or settled while you waited", Standing, headers=_LOCATION | _WAITED),
                202: Reply("Taken", (Standing, BatchReceipt), headers=_LOCATION | _WAITED),
            },
            (409,),
            Body({JSON: (Case, _BATCH), LINES: {"type": "string", "description": "one case a line"}}),
            waits=True,
        ),
        Operation("GET", "/cases", list_cases, "read", {200: Reply("A page", Page)}, (422,)),
        Operation("GET", "/cases/{case_id}", read_case, "read", {200: Reply("The case", Standing)}, (404, 422)),
        Operation(
            "POST",
            "/cases/{case_id}/cancel",
            cancel_case,
            "submit",
            {200: Reply("Cancelled", Standing)},
            (404, 409, 422),
        ),
        Operation(
            "GET",
            "/export",
            export_cases,
            "read",
            {200: Reply("Result lines", {"type": "string", "description": "one result a line"}, LINES)},
            (422, 429),
        ),
    )
