"""Webhooks over HTTP: who gets which events, and how their deliveries went."""

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import Field, StringConstraints

from cases.case import Counted, Flag
from cases.problem import Record
from service.api.bodies import read_body
from service.api.operation import JSON, Body, Operation, Reply
from service.api.paths import PathId
from service.api.reception import TheReception
from service.api.replies import empty_reply, json_reply
from service.events import EVENTS
from service.webhooks import Delivery, Form, Status, Webhook

Url = Annotated[
    str, StringConstraints(max_length=2000, pattern=r"^[!-~]+$"), Field(json_schema_extra={"format": "uri"})
]
EventType = Annotated[str, Field(json_schema_extra={"enum": list(EVENTS)})]


class WebhookWish(Record):
    """A new receiver. No type named: every event."""

    url: Url
    types: tuple[EventType, ...] = Field((), max_length=100)
    form: Form = "cloudevent"


class WebhookChange(Record):
    """What is changed of a receiver; what is left out stays as it is."""

    url: Url | None = None
    types: tuple[EventType, ...] | None = Field(None, max_length=100)
    form: Form | None = None
    enabled: Flag | None = None


class NewWebhook(Webhook):
    """A receiver just made, with the secret that signs what it gets: the one time that it is shown."""

    secret: str


class Secret(Record):
    """A new secret: the one time that it is shown. The one before signs too for 24 hours."""

    secret: str


class Webhooks(Record):
    """Every receiver."""

    items: tuple[Webhook, ...]


class DeliveryQuery(Record):
    """Which deliveries are listed: before a position, newest first."""

    status: Status | None = None
    before: int | None = Field(None, ge=0, lt=2**63)
    limit: int = Field(100, ge=1, le=1000)


class Deliveries(Record):
    """Some deliveries, newest event first; `next` is the `before` of the page after."""

    items: tuple[Delivery, ...]
    next: int | None = None


class ReplayWish(Record):
    """From which event's position on everything is delivered again."""

    from_: Annotated[int, Field(alias="from", strict=True, ge=0, lt=2**63), Counted]


class Replayed(Record):
    """How many deliveries are due now."""

    due: int


async def list_webhooks(reception: TheReception) -> Response:
    """List every receiver."""
    return json_reply(Webhooks(items=tuple(await reception.webhooks.listed())))


async def create_webhook(request: Request, reception: TheReception) -> Response:
    """Make a receiver of the events from now on. Its secret is in this answer and nowhere else."""
    wish = await read_body(request, WebhookWish, "the webhook", reception.settings.body_bytes)
    webhook, secret = await reception.webhooks.make(wish.url, wish.types, wish.form)
    return json_reply(NewWebhook(**webhook.model_dump(), secret=secret), 201)


async def read_webhook(reception: TheReception, webhook_id: PathId) -> Response:
    """Read one receiver."""
    return json_reply(await reception.webhooks.read(webhook_id))


async def change_webhook(request: Request, reception: TheReception, webhook_id: PathId) -> Response:
    """Change a receiver, switch it off or on."""
    change = await read_body(request, WebhookChange, "the webhook", reception.settings.body_bytes)
    changed = await reception.webhooks.change(
        webhook_id, url=change.url, types=change.types, form=change.form, enabled=change.enabled
    )
    return json_reply(changed)


async def delete_webhook(reception: TheReception, webhook_id: PathId) -> Response:
    """Delete a receiver, with the record of its deliveries."""
    await reception.webhooks.delete(webhook_id)
    return empty_reply()


async def rotate_secret(reception: TheReception, webhook_id: PathId) -> Response:
    """Give a receiver a new secret. The one before signs too for 24 hours, or until the next rotation."""
    return json_reply(Secret(secret=await reception.webhooks.rotate(webhook_id)))


async def list_deliveries(
    reception: TheReception, webhook_id: PathId, query: Annotated[DeliveryQuery, Query()]
) -> Response:
    """List how deliveries went, newest event first."""
    found = await reception.webhooks.deliveries(webhook_id, query.status, query.before, query.limit)
    more = found[-1].position if len(found) == query.limit else None
    return json_reply(Deliveries(items=tuple(found), next=more))


async def replay_webhook(request: Request, reception: TheReception, webhook_id: PathId) -> Response:
    """Deliver again every kept event from a position on, under the ids that they had."""
    wish = await read_body(request, ReplayWish, "the request", reception.settings.body_bytes)
    return json_reply(Replayed(due=await reception.webhooks.replay(webhook_id, wish.from_)), 202)


def operations() -> tuple[Operation, ...]:
    """What is done with webhooks."""
    every, one, path = Reply("Every receiver", Webhooks), Reply("The receiver", Webhook), "/webhooks/{webhook_id}"
    made, again = Reply("Made", NewWebhook), Reply("They are due now", Replayed)
    new, change, replay = Body({JSON: WebhookWish}), Body({JSON: WebhookChange}), Body({JSON: ReplayWish})
    rotated, deliveries = Reply("Rotated", Secret), Reply("A page", Deliveries)
    return (
        Operation("GET", "/webhooks", list_webhooks, "admin", {200: every}),
        Operation("POST", "/webhooks", create_webhook, "admin", {201: made}, body=new),
        Operation("GET", path, read_webhook, "admin", {200: one}, (404, 422)),
        Operation("PATCH", path, change_webhook, "admin", {200: one}, (404,), change),
        Operation("DELETE", path, delete_webhook, "admin", {204: Reply("Deleted")}, (404, 422)),
        Operation("POST", f"{path}/rotate", rotate_secret, "admin", {200: rotated}, (404, 422)),
        Operation("GET", f"{path}/deliveries", list_deliveries, "admin", {200: deliveries}, (404, 422)),
        Operation("POST", f"{path}/replay", replay_webhook, "admin", {202: again}, (404, 409), replay),
    )
