"""The console as an app: its doors, what they share, and the headers that every answer carries."""

import gzip
import hashlib
import mimetypes
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents.blocks import show
from console.door import refusal
from console.pages import doors
from console.settings import ConsoleSettings
from console.visit import Console, Rebuild, Visit
from console.words import Words, choose_tongue
from policies.corpus import Corpus
from service.api.paths import SlashesInIds
from service.api.settings import ApiSettings
from service.database import Pool

_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, nothing inline (CSP level 3)."""
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


def make_console(
    pool: Pool, corpus: Corpus, settings: ConsoleSettings, api: ApiSettings, rebuild: Rebuild | None = None
) -> ASGIApp:
    """Make the console.

    Args:
        pool: of the database; the caller closes it after the app.
        corpus: the policies in force.
        settings: of the pages.
        api: of the API beside it, whose limits hold here, too.
        rebuild: rebuilds a case's result from its record; none: the pages do not offer it.
    """
    files = _static_files()
    addresses = {name: f"/static/{file.version}/{name}" for name, file in files.items()}
    console = Console(pool, corpus, settings, api, _templates(), addresses, rebuild)
    routes = [door.route(console) for door in doors()]
    routes.append(Route("/static/{version}/{name}", _serving(files), name="static"))

    async def not_found(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        words = Words(choose_tongue("", request.headers.get("accept-language", "")))
        return refusal(Visit(request, console, None, words), status, "refused.nowhere")

    async def broken(request: Request, _: Exception) -> Response:
        words = Words(choose_tongue("", request.headers.get("accept-language", "")))
        return refusal(Visit(request, console, None, words), 500, "refused.broken")

    handlers: dict[Any, Any] = {404: not_found, 405: not_found, 500: broken}
    app = Starlette(routes=routes, exception_handlers=handlers)
    return _Headers(SlashesInIds(GZipMiddleware(app, minimum_size=800, compresslevel=4)))


def _templates() -> Environment:
    """Templates in which everything is escaped, nothing may be missing, and no character of others hides."""
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["show"] = shown
    made.globals["now"] = lambda: datetime.now(UTC)
    return made


def shown(text: str) -> str:
    """Others' words with every character that does not show written by name, line ends kept."""
    return "\n".join(show(line) for line in str(text).split("\n"))


@dataclass(frozen=True)
class _File:
    content: bytes
    packed: bytes
    media_type: str
    version: str


def _static_files() -> Mapping[str, _File]:
    found = {}
    for path in sorted((_HERE / "static").iterdir()):
        content = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        version = hashlib.sha256(content).hexdigest()[:12]
        found[path.name] = _File(content, gzip.compress(content, mtime=0), kind, version)
    return found


def _serving(files: Mapping[str, _File]) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        file = files.get(request.path_params["name"])
        if file is None:
            raise HTTPException(404)
        # The address changes with the content, so that it may be kept for ever (RFC 8246).
        headers = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(file.packed, headers={**headers, "content-encoding": "gzip"}, media_type=file.media_type)
        return Response(file.content, headers=headers, media_type=file.media_type)

    return serve


class _Headers:
    """ASGI middleware: what a browser may do with our answers, and that pages are kept nowhere."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before an app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in message["headers"]}
                kept = () if b"cache-control" in names else ((b"cache-control", b"no-store"),)
                message["headers"] = [*message["headers"], *_HEADERS, *kept]
            await send(message)

        await self._app(scope, receive, send_safely)
