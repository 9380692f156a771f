"""A visit: one request of somebody to the console, and what an answer is made with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson
from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cases.problem import CasewrightError
from console.accounts import Account, Role
from console.sessions import SignedIn
from console.settings import ConsoleSettings
from console.trail import note_act
from console.words import Words
from policies.corpus import Corpus
from service.api.settings import ApiSettings
from service.database import Pool

_LARGEST_FORM = 1_000_000
"""Bytes: a notice, a request and some hundred judgements are far less."""


class FormTooLarge(CasewrightError):
    """what was sent is larger than {most} bytes"""


Rebuild = Callable[[str], Awaitable[list[str]]]
"""Rebuilds a case's last result from its record: JSON pointers at which it differs from what was written."""


@dataclass(frozen=True)
class Console:
    """What every visit shares.

    Attributes:
        corpus: the policies in force.
        api: the API's settings: what is done through the console obeys the same limits.
        static: the versioned address of each file that the pages load.
        rebuild: none where nothing is there to rebuild with.
    """

    pool: Pool
    corpus: Corpus
    settings: ConsoleSettings
    api: ApiSettings
    templates: Environment
    static: Mapping[str, str]
    rebuild: Rebuild | None = None


Form = dict[str, list[str]]


_ALSO = {"queue": "/cases"}
"""Where else one is under an entry of the menu."""


class Place(NamedTuple):
    """An entry of the main menu."""

    name: str
    path: str
    here: bool


_PLACES: tuple[tuple[str, tuple[Role, ...]], ...] = (
    ("queue", ("reviewer", "senior", "policy")),
    ("decisions", ()),
    ("policies", ()),
    ("numbers", ("senior", "policy", "lead", "admin")),
    ("admin", ("admin",)),
)


@dataclass(frozen=True)
class Visit:
    """One request.

    Attributes:
        who: is signed in; None on the pages that need nobody.
        words: in the reader's language and time zone.
        sent: the form that was sent along; a field may come several times.
    """

    request: Request
    console: Console
    who: SignedIn | None
    words: Words
    sent: Form = field(default_factory=dict)

    @property
    def pool(self) -> Pool:
        """The database."""
        return self.console.pool

    @property
    def account(self) -> Account:
        """Who is signed in; only on pages that need somebody."""
        assert self.who is not None  # noqa: S101 - the door has seen to it
        return self.who.account

    @property
    def places(self) -> list[Place]:
        """The main menu, as far as this account may go."""
        path = self.request.url.path
        may = [name for name, roles in _PLACES if self.account.may(*roles)]
        return [Place(name, f"/{name}", path.startswith((f"/{name}", _ALSO.get(name, "//")))) for name in may]

    @property
    def asks_for_part(self) -> bool:
        """Whether the page's script asks, for a part of a page or for data."""
        headers = self.request.headers
        # Who goes back is given the whole page again, though it is the script that asks for it.
        part = "hx-request" in headers and "hx-history-restore-request" not in headers
        return part or headers.get("x-asks") == "part"

    def one(self, name: str) -> str:
        """A field of the form, or of the address; empty where it is not there."""
        values = self.sent.get(name) or self.request.query_params.getlist(name)
        return values[-1] if values else ""

    def many(self, name: str) -> list[str]:
        """All values of a field of the form, or of the address."""
        return self.sent.get(name) or self.request.query_params.getlist(name)

    def action(self, name: str) -> str:
        """What an action is called: in the pages' language where it has a name there, else by the corpus."""
        info = self.console.corpus.actions.get(name)
        return self.words.known(f"action.{name}", info.title if info else name)

    def page(self, template: str, status: int = 200, **values: Any) -> Response:  # noqa: ANN401 - a template's
        """A page, or a part of one."""
        given = {"v": self, "t": self.words, "static": self.console.static, **values}
        return HTMLResponse(self.console.templates.get_template(template).render(given), status)

    def data(self, value: object, status: int = 200) -> Response:
        """Data for the page's script."""
        return Response(orjson.dumps(value), status, media_type="application/json")

    def go(self, path: str) -> Response:
        """Send the browser on, after something was done (RFC 9110, 15.4.4)."""
        if "hx-request" in self.request.headers:
            return Response(status_code=204, headers={"HX-Redirect": path})
        return RedirectResponse(path, 303)

    async def note(self, act: str, about: str = "", **detail: Any) -> None:  # noqa: ANN401 - JSON
        """Write down in the audit log what was done by whoever is signed in."""
        await note_act(self.pool, self.account.id, act, about, **detail)


async def read_form(request: Request) -> Form:
    """The form that a request carries: as a browser sends one, or as JSON whose values are texts or lists of texts.

    Raises:
        FormTooLarge: it is larger than any honest one.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            raise FormTooLarge(most=_LARGEST_FORM)
    if request.headers.get("content-type", "").startswith("application/json"):
        return _of_json(bytes(body))
    found: Form = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return found


def _of_json(body: bytes) -> Form:
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    pairs = read.items() if isinstance(read, dict) else ()
    return {name: [str(v) for v in value] if isinstance(value, list) else [str(value)] for name, value in pairs}
