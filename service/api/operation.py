"""One operation of the API: what is done under which path and method, by whom, and with which answers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Depends, FastAPI

from cases.problem import Record
from service.api.access import Needs
from service.keys import Scope

PREFIX = "/api/v1"
JSON = "application/json"
LINES = "application/x-ndjson"
PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif", "application/octet-stream")

Schema = dict[str, Any]


@dataclass(frozen=True)
class WithoutId:
    """A type whose id stands in the path: in the body it may be left out."""

    of: type[Record]


@dataclass(frozen=True)
class Body:
    """What a request carries.

    Attributes:
        content: by media type, a type of ours, or a JSON Schema.
        required: whether it must be there.
    """

    content: Mapping[str, Any]
    required: bool = True


@dataclass(frozen=True)
class Reply:
    """An answer that is no refusal.

    Attributes:
        means: when it comes.
        body: a type of ours, a JSON Schema, or None for none.
        headers: by name, what each says.
    """

    means: str
    body: Any = None
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        path: below the prefix; one that begins with two slashes stands outside it.
        scope: that a key must have; None asks for no key.
        refusals: statuses of its refusals, besides those that every operation may give.
        waits: whether it heeds `Prefer: wait=N`.
    """

    method: str
    path: str
    handler: Callable[..., Awaitable[Any]]
    scope: Scope | None
    replies: Mapping[int, Reply]
    refusals: tuple[int, ...] = ()
    body: Body | None = None
    waits: bool = False

    @property
    def full_path(self) -> str:
        """The path as it is asked for."""
        return self.path[1:] if self.path.startswith("//") else PREFIX + self.path

    @property
    def statuses(self) -> tuple[int, ...]:
        """Every status of a refusal."""
        access = (401, 403) if self.scope else ()
        body = (413, 415, 422) if self.body else ()
        return tuple(sorted({*self.refusals, *access, *body, 503}))

    def add_to(self, app: FastAPI) -> None:
        """Have an app serve it."""
        app.add_api_route(
            self.full_path,
            self.handler,
            methods=[self.method],
            response_model=None,
            dependencies=[Depends(Needs(self.scope))] if self.scope else [],
        )
