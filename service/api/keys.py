"""API keys over HTTP."""

from fastapi import Request
from fastapi.responses import Response

from cases.problem import Record
from service.api.bodies import read_body
from service.api.operation import JSON, Body, Operation, Reply
from service.api.paths import PathId
from service.api.reception import TheReception
from service.api.replies import empty_reply, json_reply
from service.keys import Key, KeyWish, NewKey, keys, make_key, revoke_key


class Keys(Record):
    """Every key, without its secret."""

    items: tuple[Key, ...]


async def list_keys(reception: TheReception) -> Response:
    """List every key, the revoked ones too."""
    return json_reply(Keys(items=tuple(await keys(reception.pool))))


async def create_key(request: Request, reception: TheReception) -> Response:
    """Make a key. Its secret is in this answer and nowhere else."""
    wish = await read_body(request, KeyWish, "the key", reception.settings.body_bytes)
    return json_reply(await make_key(reception.pool, wish.name, wish.scopes), 201)


async def delete_key(reception: TheReception, key_id: PathId) -> Response:
    """Revoke a key; every process notices within five seconds."""
    await revoke_key(reception.pool, key_id)
    reception.keys.forget()
    return empty_reply()


def operations() -> tuple[Operation, ...]:
    """What is done with keys."""
    return (
        Operation("GET", "/keys", list_keys, "admin", {200: Reply("Every key", Keys)}),
        Operation("POST", "/keys", create_key, "admin", {201: Reply("Made", NewKey)}, body=Body({JSON: KeyWish})),
        Operation("DELETE", "/keys/{key_id}", delete_key, "admin", {204: Reply("Revoked")}, (404, 422)),
    )
