"""What the platform tells of its subjects and sellers, over HTTP."""

from fastapi import Request
from fastapi.responses import Response

from cases.case import Seller
from service.api.bodies import read_body, read_named
from service.api.operation import JSON, Body, Operation, Reply, WithoutId
from service.api.paths import PathId
from service.api.reception import TheReception
from service.api.replies import json_reply
from service.platform import Revision, ToldSubject, seller_of, tell_seller, tell_subject


async def put_subject(request: Request, reception: TheReception, subject_id: PathId) -> Response:
    """Tell which revision of a subject is the current one: a decision on another does not take effect alone."""
    told = await read_body(request, Revision, "the subject", reception.settings.body_bytes)
    return json_reply(await tell_subject(reception.pool, subject_id, told.revision))


async def put_seller(request: Request, reception: TheReception, seller_id: PathId) -> Response:
    """Tell what the platform knows of a seller; it takes the place of what was told before."""
    seller = await read_named(request, Seller, "the seller record", seller_id, reception.settings.body_bytes)
    await tell_seller(reception.pool, seller)
    return json_reply(seller)


async def read_seller(reception: TheReception, seller_id: PathId) -> Response:
    """Read a seller's record as it was told."""
    return json_reply(await seller_of(reception.pool, seller_id))


def operations() -> tuple[Operation, ...]:
    """What the platform tells."""
    record, path = Reply("The record", Seller), "/sellers/{seller_id}"
    return (
        Operation(
            "PUT",
            "/subjects/{subject_id}",
            put_subject,
            "submit",
            {200: Reply("As told", ToldSubject)},
            body=Body({JSON: Revision}),
        ),
        Operation("PUT", path, put_seller, "submit", {200: record}, body=Body({JSON: WithoutId(Seller)})),
        Operation("GET", path, read_seller, "submit", {200: record}, (404, 422)),
    )
