"""The app: every operation on one reception, nothing global, nothing at import."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from policies.corpus import Corpus
from service.api import (
    cases,
    events,
    guards,
    health,
    images,
    keys,
    leases,
    people,
    platform,
    reports,
    reviewers,
    statements,
    webhooks,
)
from service.api.document import document
from service.api.operation import Operation, Schema
from service.api.paths import SlashesInIds
from service.api.problems import handle_problems
from service.api.reception import Reception
from service.api.settings import ApiSettings
from service.database import Pool


def make_app(pool: Pool, corpus: Corpus, settings: ApiSettings, *, dsn: str) -> FastAPI:
    """Make the API.

    Args:
        pool: of the database; the caller closes it after the app.
        corpus: the policies in force, against which answers and guards are checked.
        settings: how much it takes, and from whom.
        dsn: of the database itself, for the connection that listens: a pooler between forwards no announcements.
    """
    reception = Reception.furnish(pool, dsn, corpus, settings)
    # No page of documentation: those of FastAPI load their scripts from elsewhere.
    app = _Api(docs_url=None, redoc_url=None, lifespan=_listening, redirect_slashes=False)
    app.state.reception = reception
    handle_problems(app)
    served = operations()
    for operation in served:
        operation.add_to(app)
    app.add_middleware(SlashesInIds)
    app.add_middleware(SafeHeaders)
    return app


def operations() -> tuple[Operation, ...]:
    """Everything that the API does."""
    served = (
        cases,
        people,
        leases,
        statements,
        images,
        reports,
        platform,
        events,
        webhooks,
        guards,
        reviewers,
        keys,
        health,
    )
    return tuple(operation for part in served for operation in part.operations())


class _Api(FastAPI):
    def openapi(self) -> Schema:
        """The document, written at its first reading."""
        if self.openapi_schema is None:
            self.openapi_schema = document(self, operations(), self.state.reception)
        return self.openapi_schema


@asynccontextmanager
async def _listening(app: FastAPI) -> AsyncIterator[None]:
    reception: Reception = app.state.reception
    async with reception.listener.listening():
        yield


class SafeHeaders:
    """ASGI middleware: no answer is sniffed for another type than it has, and none is kept on the way."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before an app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"x-content-type-options", b"nosniff"),
                    (b"cache-control", b"no-store"),
                ]
            await send(message)

        await self._app(scope, receive, send_safely)
