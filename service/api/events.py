"""Events over HTTP: pulled with a cursor, and waited for."""

from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import Response
from pydantic import Field

from cases.problem import Record
from service.api.operation import Operation, Reply
from service.api.reception import TheReception
from service.api.replies import json_reply
from service.cursors import read_position
from service.events import wait_for_events


class EventQuery(Record):
    """Which events are read.

    Attributes:
        after: `next` of the answer before; empty begins with the oldest event kept.
        types: with commas between; empty for every one.
        wait: seconds to wait for an event where there is none.
    """

    after: str = ""
    types: str = ""
    limit: int = Field(100, ge=1, le=1000)
    wait: int = Field(0, ge=0, le=60)


class Events(Record):
    """Some events as CloudEvents 1.0, in order; `next` reads on, also where there was none."""

    items: tuple[dict[str, Any], ...]
    next: str


async def read_events(reception: TheReception, query: Annotated[EventQuery, Query()]) -> Response:
    """Read events, or wait until there are some."""
    types = [name for name in query.types.split(",") if name]
    after, seconds = read_position(query.after), min(query.wait, reception.settings.longest_wait)
    items, cursor = await wait_for_events(reception.pool, reception.listener, after, types, query.limit, seconds)
    return json_reply(Events(items=tuple(items), next=cursor))


def operations() -> tuple[Operation, ...]:
    """What is done with events."""
    return (Operation("GET", "/events", read_events, "events", {200: Reply("Events", Events)}, (410, 422)),)
