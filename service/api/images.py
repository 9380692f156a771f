"""Pictures over HTTP: uploaded before the cases that name them."""

from fastapi import Request
from fastapi.responses import Response

from service.api.bodies import media_type_of, read_bytes
from service.api.operation import PICTURES, Body, Operation, Reply
from service.api.reception import TheReception
from service.api.replies import json_reply
from service.images import StoredImage, store_image


async def put_image(request: Request, reception: TheReception) -> Response:
    """Upload a picture. It is drawn anew, and a case names it by the `sha256` of this answer."""
    media_type_of(request, *PICTURES)
    limits = reception.settings.limits
    # Few at a time: a large picture takes a second and 200 MB to decode.
    async with reception.drawing:
        data = await read_bytes(request, "the picture", limits.image_bytes)
        return json_reply(await store_image(reception.pool, data, limits), 201)


def operations() -> tuple[Operation, ...]:
    """What is done with pictures."""
    binary = {"type": "string", "format": "binary"}
    return (
        Operation(
            "PUT",
            "/images",
            put_image,
            "submit",
            {201: Reply("Kept", StoredImage)},
            body=Body(dict.fromkeys(PICTURES, binary)),
        ),
    )
