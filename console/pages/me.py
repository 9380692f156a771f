"""One's own account: how the pages look, which pictures are veiled, where one is signed in, one's password."""

from datetime import UTC, datetime
from zoneinfo import available_timezones

from starlette.responses import Response

from cases.problem import CasewrightError
from console.accounts import SHORTEST_PASSWORD, change_password, tell_preferences
from console.door import Door
from console.pages.signing_in import signed_in
from console.sessions import end_session, end_sessions, sessions_of
from console.visit import Visit
from console.words import TONGUES
from service.exposure import exposure


async def page(visit: Visit, why: str = "") -> Response:
    """What somebody may choose for themselves."""
    assert visit.who is not None  # noqa: S101 - the door has seen to it
    return visit.page(
        "me.html.j2",
        422 if why else 200,
        tongues=TONGUES,
        zones=sorted(available_timezones()),
        types=[(name, info.graphic) for name, info in sorted(visit.console.corpus.types.items())],
        sessions=await sessions_of(visit.pool, visit.account.id),
        this=visit.who.session_id,
        exposure=await exposure(visit.pool, visit.account.id, visit.account.made_at or datetime.now(UTC)),
        least=SHORTEST_PASSWORD,
        why=why,
    )


async def choose(visit: Visit) -> Response:
    """Keep what was chosen; what makes no sense is left as it was."""
    held = visit.account
    types = set(visit.console.corpus.types)
    wanted = {
        "name": visit.one("name").strip()[:200] or held.name,
        "tongue": visit.one("tongue") if visit.one("tongue") in TONGUES else "",
        "theme": visit.one("theme") if visit.one("theme") in {"light", "dark"} else "",
        "zone": visit.one("zone") if visit.one("zone") in available_timezones() else "",
        "unveiled": tuple(t for t in visit.many("unveiled") if t in types),
        "veiled": tuple(t for t in visit.many("veiled") if t in types),
    }
    await tell_preferences(visit.pool, held.model_copy(update=wanted))
    await visit.note("preferences_set", held.id)
    return visit.go("/me")


async def password(visit: Visit) -> Response:
    """Choose another password; every session but a new one ends."""
    try:
        await change_password(visit.pool, visit.account.id, visit.one("old"), visit.one("new"))
    except CasewrightError as error:
        told = visit.words.known(f"refused.{error.code}", str(error))
        return await page(visit, told.format(**error.details))
    await visit.note("password_changed", visit.account.id)
    return await signed_in(visit, visit.account.id, "/me")


async def end(visit: Visit) -> Response:
    """End one session, or all others."""
    assert visit.who is not None  # noqa: S101 - the door has seen to it
    if visit.one("id"):
        await end_session(visit.pool, visit.account.id, visit.one("id"))
    else:
        await end_sessions(visit.pool, visit.account.id, besides=visit.who.session_id)
    await visit.note("sessions_ended", visit.account.id)
    return visit.go("/me")


DOORS = (
    Door("GET", "/me", page),
    Door("POST", "/me", choose),
    Door("POST", "/me/password", password),
    Door("POST", "/me/sessions", end),
)
