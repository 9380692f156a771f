"""Ids in paths: one may hold a slash, which comes as %2F, and the router must not cut there."""

from typing import Annotated
from urllib.parse import quote, unquote

from pydantic import BeforeValidator
from starlette.types import ASGIApp, Receive, Scope, Send

from cases.case import Id
from service.api.operation import PREFIX

_SLASH = "\x1f"
"""Stands for a slash of an id until the path is cut: no id has it."""


class SlashesInIds:
    """ASGI middleware: keeps the slashes of ids apart from those of the path."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before an app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "http" and b"%" in scope.get("raw_path", b""):
            steps = scope["raw_path"].decode("ascii", "replace").split("/")
            scope = {**scope, "path": "/".join(_step(step) for step in steps)}
        await self._app(scope, receive, send)


def _step(raw: str) -> str:
    return unquote(raw).replace(_SLASH, "\x00").replace("/", _SLASH)


def _with_slashes(value: object) -> object:
    return value.replace(_SLASH, "/") if isinstance(value, str) else value


PathId = Annotated[Id, BeforeValidator(_with_slashes)]
"""A handler's parameter: an id in the path."""


def case_path(case_id: str) -> str:
    """Where a case is read."""
    return f"{PREFIX}/cases/{quote(case_id, safe='')}"
