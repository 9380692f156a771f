"""Doors: each page and act of the console, with who may come in, and what everybody must bring along."""

import hmac
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cases.problem import CasewrightError
from console.accounts import Role
from console.sessions import COOKIE, SignedIn, find_session
from console.visit import Console, Form, FormTooLarge, Visit, read_form
from console.words import Words, choose_tongue

log = logging.getLogger(__name__)
Handler = Callable[[Visit], Awaitable[Response]]
_READING = {"GET", "HEAD"}


@dataclass(frozen=True)
class Door:
    """One page or act.

    Attributes:
        roles: any one of which lets in; none: whoever is signed in.
        open: nobody need be signed in.
    """

    method: str
    path: str
    handler: Handler
    roles: tuple[Role, ...] = ()
    open: bool = False

    def route(self, console: Console) -> Route:
        """The route that leads through this door."""

        async def enter(request: Request) -> Response:
            who = await _who(request, console)
            visit = Visit(request, console, who, _words(request, who))
            if not self.open and who is None:
                return _to_the_entrance(visit)
            if who and not self.open and not who.account.may(*self.roles):
                return refusal(visit, 403, "refused.role")
            if request.method in _READING:
                return await self._answer(visit)
            return await self._act(visit)

        return Route(self.path, enter, methods=[self.method], name=self.handler.__name__)

    async def _act(self, visit: Visit) -> Response:
        """Let in what changes something: from a page of ours, with the token that only it can read."""
        try:
            sent = await read_form(visit.request)
        except FormTooLarge:
            return refusal(visit, 413, "refused.too_large")
        if not _ours(visit, sent):
            return refusal(visit, 403, "refused.csrf")
        return await self._answer(Visit(visit.request, visit.console, visit.who, visit.words, sent))

    async def _answer(self, visit: Visit) -> Response:
        try:
            return await self.handler(visit)
        except CasewrightError as error:
            return refusal(visit, _STATUSES.get(error.code, 422), "refused.error", code=error.code, why=str(error))


_STATUSES = {
    "no_such_case": 404,
    "no_such_clause": 404,
    "not_raised": 404,
    "no_escalation": 404,
    "not_yours": 403,
    "stale_answer": 409,
    "answered_twice": 409,
    "on_lease": 409,
    "too_late": 409,
    "case_is_over": 409,
    "not_decided": 409,
    "nothing_to_appeal": 409,
    "another_body": 409,
}


async def _who(request: Request, console: Console) -> SignedIn | None:
    secret = request.cookies.get(COOKIE)
    return await find_session(console.pool, secret, console.settings) if secret else None


def _words(request: Request, who: SignedIn | None) -> Words:
    wanted = who.account.tongue if who else ""
    zone = (who.account.zone if who else "") or request.cookies.get("zone", "")
    return Words(choose_tongue(wanted, request.headers.get("accept-language", "")), zone[:64])


def _ours(visit: Visit, sent: Form) -> bool:
    """Whether a page of ours sends this: the browser says so (Fetch Metadata), and the session's token comes along."""
    if visit.request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    if visit.who is None:
        return True
    token = visit.request.headers.get("x-csrf") or (sent.get("csrf") or [""])[-1]
    return hmac.compare_digest(token.encode(), visit.who.csrf.encode())


def _to_the_entrance(visit: Visit) -> Response:
    """Nobody is signed in (any more): the script is told, and keeps what was being written; a browser is sent on."""
    if visit.asks_for_part:
        return visit.data({"code": "signed_out", "why": visit.words("refused.signed_out")}, 401)
    path = visit.request.url.path + (f"?{visit.request.url.query}" if visit.request.url.query else "")
    back = f"?back={quote(path)}" if visit.request.method == "GET" and path != "/" else ""
    return RedirectResponse(f"/sign-in{back}", 303)


def refusal(visit: Visit, status: int, key: str, **values: object) -> Response:
    """A page that says why not; data where the script asks."""
    why = visit.words(key, **values)
    if visit.asks_for_part:
        return visit.data({"code": str(values.get("code", key)), "why": why}, status)
    return visit.page("refused.html.j2", status, why=why)
