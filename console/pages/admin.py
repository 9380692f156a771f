"""Administration: people, keys, webhooks and their deliveries, guards, the audit log, and who is at work."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, get_args

from pydantic import ValidationError
from starlette.responses import Response

from cases.problem import CasewrightError, problems_of
from console.accounts import (
    ROLES,
    Account,
    Role,
    accounts,
    disable_account,
    invite_again,
    make_account,
    set_roles,
)
from console.door import Door
from console.sessions import end_sessions, seen_last
from console.trail import acts
from console.visit import Visit
from service.duty import on_duty
from service.events import EVENTS
from service.guards import Guard, Kind, guards, lift_guard, set_guard
from service.keys import SCOPES, KeyWish, keys, make_key, revoke_key
from service.queue import backlog
from service.reviewers import Reviewer, reviewers, tell_reviewer
from service.webhooks import WebhookStore

_TABS = ("people", "keys", "webhooks", "guards", "audit", "workers")
_ADMIN: tuple[Role, ...] = ("admin",)


class Malformed(CasewrightError):
    """{why}"""

    code: ClassVar[str] = "malformed"


async def start(visit: Visit) -> Response:
    """The first tab."""
    return visit.go("/admin/people")


def _page(visit: Visit, tab: str, **values: Any) -> Response:  # noqa: ANN401 - a template's
    status = 422 if values.get("why") else 200
    shown = {"tab": tab, "tabs": _TABS, "why": "", "made": "", **values}
    return visit.page(f"admin_{tab}.html.j2", status, **shown)


async def _tried(visit: Visit, page: Callable[..., Awaitable[Response]], act: Awaitable[str]) -> Response:
    """The page after an act, with what it made that is shown once; or with why it did not work."""
    try:
        made = await act
    except CasewrightError as error:
        told = visit.words.known(f"refused.{error.code}", str(error))
        return await page(visit, why=told.format(**error.details) if "{" in told else told)
    except ValidationError as error:
        return await page(visit, why="; ".join(str(problem) for problem in problems_of(error)))
    return await page(visit, made=made) if made else visit.go(visit.request.url.path)


# People


async def people(visit: Visit, why: str = "", made: str = "") -> Response:
    """Everybody with an account, what they may do, and what they are offered."""
    skills = {reviewer.id: reviewer for reviewer in await reviewers(visit.pool)}
    return _page(
        visit,
        "people",
        people=await accounts(visit.pool),
        skills=skills,
        seen=await seen_last(visit.pool),
        roles=ROLES,
        why=why,
        made=made,
        typed={name: visit.one(name) for name in ("id", "name")},
    )


async def people_act(visit: Visit) -> Response:
    """Make an account, or change one."""
    doings = {
        "make": _make,
        "roles": _roles,
        "skills": _skills,
        "invite": _invite,
        "disable": _disable,
        "enable": _enable,
        "sign_out": _sign_out,
    }
    return await _tried(visit, people, _chosen(visit, doings))


async def _chosen(visit: Visit, doings: Mapping[str, Callable[[Visit], Awaitable[str]]]) -> str:
    act = doings.get(visit.one("act"))
    if act is None:
        raise Malformed(why=visit.words("admin.no_act"))
    return await act(visit)


async def _make(visit: Visit) -> str:
    account = Account.model_validate(
        {"id": visit.one("id").strip().lower(), "name": visit.one("name").strip(), "roles": visit.many("roles")}
    )
    token = await make_account(visit.pool, account, visit.account.id)
    await visit.note("account_made", account.id, roles=list(account.roles))
    return _link(visit, token)


def _link(visit: Visit, token: str) -> str:
    return f"{visit.request.base_url}welcome/{token}"


async def _roles(visit: Visit) -> str:
    wanted = tuple(role for role in ROLES if role in visit.many("roles"))
    await set_roles(visit.pool, visit.one("id"), wanted)
    await visit.note("roles_set", visit.one("id"), roles=list(wanted))
    return ""


async def _skills(visit: Visit) -> str:
    held = {reviewer.id: reviewer for reviewer in await reviewers(visit.pool)}.get(visit.one("id"))
    if held is None:
        raise Malformed(why=visit.words("admin.no_reviewer"))
    listed = {
        name: tuple(word for word in visit.one(name).replace(",", " ").split() if word)
        for name in ("languages", "regions", "types")
    }
    told = Reviewer.model_validate({"id": held.id, "tiers": held.tiers, **listed})
    await tell_reviewer(visit.pool, told)
    await visit.note("skills_set", held.id, **{name: list(values) for name, values in listed.items()})
    return ""


async def _invite(visit: Visit) -> str:
    token = await invite_again(visit.pool, visit.one("id"), visit.account.id)
    await visit.note("invited_again", visit.one("id"))
    return _link(visit, token)


async def _disable(visit: Visit) -> str:
    await disable_account(visit.pool, visit.one("id"), disabled=True)
    await visit.note("account_disabled", visit.one("id"))
    return ""


async def _enable(visit: Visit) -> str:
    await disable_account(visit.pool, visit.one("id"), disabled=False)
    await visit.note("account_enabled", visit.one("id"))
    return ""


async def _sign_out(visit: Visit) -> str:
    await end_sessions(visit.pool, visit.one("id"))
    await visit.note("sessions_ended", visit.one("id"))
    return ""


# Keys


async def key_page(visit: Visit, why: str = "", made: str = "") -> Response:
    """The API's keys."""
    return _page(visit, "keys", keys=await keys(visit.pool), scopes=SCOPES, why=why, made=made)


async def key_act(visit: Visit) -> Response:
    """Make a key, or revoke one."""
    return await _tried(visit, key_page, _chosen(visit, {"make": _make_key, "revoke": _revoke_key}))


async def _make_key(visit: Visit) -> str:
    wish = KeyWish.model_validate({"name": visit.one("name").strip(), "scopes": visit.many("scopes")})
    made = await make_key(visit.pool, wish.name, wish.scopes)
    await visit.note("key_made", made.id, name=made.name, scopes=list(made.scopes))
    return made.secret


async def _revoke_key(visit: Visit) -> str:
    await revoke_key(visit.pool, visit.one("id"))
    await visit.note("key_revoked", visit.one("id"))
    return ""


# Webhooks


def _store(visit: Visit) -> WebhookStore:
    return WebhookStore(visit.pool, allow_private=visit.console.api.webhook_private)


async def webhook_page(visit: Visit, why: str = "", made: str = "") -> Response:
    """The receivers of events; of one that is chosen, what was delivered."""
    store, chosen = _store(visit), visit.request.query_params.get("id", "")
    before = visit.request.query_params.get("before", "")
    listed = await store.listed()
    known = chosen in {one.id for one in listed}
    deliveries = await store.deliveries(chosen, before=int(before) if before.isdigit() else None) if known else []
    return _page(
        visit, "webhooks", hooks=listed, chosen=chosen, deliveries=deliveries, events=EVENTS, why=why, made=made
    )


async def webhook_act(visit: Visit) -> Response:
    """Add a receiver, or change one."""
    doings = {
        "make": _make_hook,
        "rotate": _rotate,
        "enable": _enable_hook,
        "stop": _stop_hook,
        "delete": _delete_hook,
        "replay": _replay,
    }
    return await _tried(visit, webhook_page, _chosen(visit, doings))


async def _make_hook(visit: Visit) -> str:
    hook, secret = await _store(visit).make(visit.one("url").strip(), visit.many("types"))
    await visit.note("webhook_made", hook.id, url=hook.url)
    return secret


async def _rotate(visit: Visit) -> str:
    secret = await _store(visit).rotate(visit.one("id"))
    await visit.note("webhook_secret_rotated", visit.one("id"))
    return secret


async def _enable_hook(visit: Visit) -> str:
    await _store(visit).change(visit.one("id"), enabled=True)
    await visit.note("webhook_enabled", visit.one("id"))
    return ""


async def _stop_hook(visit: Visit) -> str:
    await _store(visit).change(visit.one("id"), enabled=False)
    await visit.note("webhook_stopped", visit.one("id"))
    return ""


async def _delete_hook(visit: Visit) -> str:
    await _store(visit).delete(visit.one("id"))
    await visit.note("webhook_deleted", visit.one("id"))
    return ""


async def _replay(visit: Visit) -> str:
    position = visit.one("from")
    if not (position.isascii() and position.isdigit() and int(position) < 2**63):
        raise Malformed(why=visit.words("admin.position"))
    due = await _store(visit).replay(visit.one("id"), int(position))
    await visit.note("webhook_replayed", visit.one("id"), position=int(position), due=due)
    return ""


# Guards


async def guard_page(visit: Visit, why: str = "", made: str = "") -> Response:
    """What may run alone, and what takes two people."""
    corpus = visit.console.corpus
    held = await guards(visit.pool)
    killed = any(guard.kind == "kill" and not guard.action and not guard.type for guard in held)
    types, actions = sorted(corpus.types), tuple(corpus.actions)
    return _page(
        visit, "guards", guards=held, killed=killed, kinds=get_args(Kind), types=types, actions=actions,
        why=why, made=made,
    )  # fmt: skip


async def guard_act(visit: Visit) -> Response:
    """Set a guard, or lift one."""
    return await _tried(visit, guard_page, _chosen(visit, {"set": _set, "lift": _lift}))


def _guard(visit: Visit) -> Guard:
    cap = visit.one("cap").strip()
    told = {name: visit.one(name) for name in ("kind", "action", "type")}
    return Guard.model_validate({**told, "cap": int(cap) if cap.isascii() and cap.isdigit() else None})


async def _set(visit: Visit) -> str:
    guard = _guard(visit)
    _known(visit, guard)
    await set_guard(visit.pool, guard, visit.account.id)
    await visit.note("guard_set", guard.kind, action=guard.action, type=guard.type, cap=guard.cap)
    return ""


def _known(visit: Visit, guard: Guard) -> None:
    corpus = visit.console.corpus
    if (guard.action and guard.action not in corpus.actions) or (guard.type and guard.type not in corpus.types):
        raise Malformed(why=visit.words("admin.unknown_guard"))


async def _lift(visit: Visit) -> str:
    guard = _guard(visit)
    await lift_guard(visit.pool, guard)
    await visit.note("guard_lifted", guard.kind, action=guard.action, type=guard.type)
    return ""


# What was done, and who is at work


async def audit_page(visit: Visit) -> Response:
    """The audit log, the latest first."""
    before = visit.one("before")
    found = await acts(
        visit.pool,
        about=visit.one("about").strip(),
        who=visit.one("who").strip(),
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,  # noqa: PLR2004 - bigint
    )
    return _page(visit, "audit", acts=found, about=visit.one("about"), who=visit.one("who"))


async def worker_page(visit: Visit) -> Response:
    """Who is at work, how long the queue is, and whether the model answers."""
    limits = await visit.pool.fetch("SELECT name, failures, open_until > now() AS away FROM model_limits ORDER BY name")
    return _page(visit, "workers", workers=await on_duty(visit.pool), backlog=await backlog(visit.pool), models=limits)


DOORS = (
    Door("GET", "/admin", start, roles=_ADMIN),
    Door("GET", "/admin/people", people, roles=_ADMIN),
    Door("POST", "/admin/people", people_act, roles=_ADMIN),
    Door("GET", "/admin/keys", key_page, roles=_ADMIN),
    Door("POST", "/admin/keys", key_act, roles=_ADMIN),
    Door("GET", "/admin/webhooks", webhook_page, roles=_ADMIN),
    Door("POST", "/admin/webhooks", webhook_act, roles=_ADMIN),
    Door("GET", "/admin/guards", guard_page, roles=_ADMIN),
    Door("POST", "/admin/guards", guard_act, roles=_ADMIN),
    Door("GET", "/admin/audit", audit_page, roles=_ADMIN),
    Door("GET", "/admin/workers", worker_page, roles=_ADMIN),
)
