"""Signing in and out, and taking up an invitation."""

from pydantic import ValidationError
from starlette.responses import Response

from cases.problem import CasewrightError
from console.accounts import SHORTEST_PASSWORD, Account, check_password, invited, take_up
from console.door import Door
from console.sessions import COOKIE, begin_session, end_session
from console.trail import note_act
from console.visit import Visit


async def sign_in_page(visit: Visit) -> Response:
    """The form to sign in with."""
    if visit.who:
        return visit.go(_back(visit))
    return visit.page("sign_in.html.j2", why="", name="", back=_back(visit))


async def sign_in(visit: Visit) -> Response:
    """Sign in; who was working on something goes on where they were."""
    name = visit.one("name").strip().lower()
    try:
        account = await check_password(visit.pool, name, visit.one("password"))
    except CasewrightError as error:
        await note_act(visit.pool, name[:100], "sign_in_failed")
        why = visit.words.known(f"refused.{error.code}", str(error)).format(**error.details)
        if visit.asks_for_part:
            return visit.data({"code": error.code, "why": why}, 422)
        return visit.page("sign_in.html.j2", 422, why=why, name=name, back=_back(visit))
    await note_act(visit.pool, account, "signed_in")
    return await signed_in(visit, account)


async def signed_in(visit: Visit, account: str, path: str = "") -> Response:
    """Begin a session, and send the browser on."""
    secret = await begin_session(visit.pool, account, visit.request.headers.get("user-agent", ""))
    answer = visit.data({"signed_in": account}) if visit.asks_for_part else visit.go(path or _back(visit))
    answer.set_cookie(
        COOKIE, secret, httponly=True, samesite="lax", secure=visit.request.url.scheme == "https", path="/"
    )
    return answer


def _back(visit: Visit) -> str:
    """Where to go on: only to a path of ours, never to another site."""
    path = visit.one("back")
    return path if path.startswith("/") and not path.startswith(("//", "/\\", "/sign-")) else "/"


async def token(visit: Visit) -> Response:
    """What forms of this session bring along: for a page that was open while its session ended."""
    return visit.data({"csrf": visit.who.csrf if visit.who else ""})


async def sign_out(visit: Visit) -> Response:
    """End this session."""
    if visit.who:
        await end_session(visit.pool, visit.account.id, visit.who.session_id)
        await visit.note("signed_out")
    answer = visit.go("/sign-in")
    answer.delete_cookie(COOKIE, path="/")
    return answer


async def welcome_page(visit: Visit) -> Response:
    """The form behind a link: to choose a password, and for the first administrator a name."""
    account = await invited(visit.pool, visit.request.path_params["token"])
    return _welcome(visit, account, "")


async def welcome(visit: Visit) -> Response:
    """Take up an invitation, and sign in."""
    account = await invited(visit.pool, visit.request.path_params["token"])
    try:
        first = None if account else _first(visit)
        chosen = await take_up(visit.pool, visit.request.path_params["token"], visit.one("password"), first)
    except ValidationError:
        return _welcome(visit, account, visit.words("welcome.bad_name"))
    except CasewrightError as error:
        why = visit.words.known(f"refused.{error.code}", str(error)).format(**error.details)
        return _welcome(visit, account, why)
    await note_act(visit.pool, chosen, "password_chosen")
    return await signed_in(visit, chosen)


def _first(visit: Visit) -> Account:
    everything = ("reviewer", "senior", "policy", "lead", "admin")
    return Account(id=visit.one("id").strip().lower(), name=visit.one("name").strip(), roles=everything)


def _welcome(visit: Visit, account: Account | None, why: str) -> Response:
    kept = {"id": visit.one("id"), "name": visit.one("name")}
    return visit.page(
        "welcome.html.j2", 422 if why else 200, invited=account, why=why, kept=kept, least=SHORTEST_PASSWORD
    )


DOORS = (
    Door("GET", "/sign-in", sign_in_page, open=True),
    Door("POST", "/sign-in", sign_in, open=True),
    Door("GET", "/token", token),
    Door("POST", "/sign-out", sign_out),
    Door("GET", "/welcome/{token}", welcome_page, open=True),
    Door("POST", "/welcome/{token}", welcome, open=True),
)
