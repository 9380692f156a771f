"""Visitors of a console in this process, on a shift's database and corpus."""

from contextlib import asynccontextmanager

import httpx

from console.accounts import Account, make_account, take_up
from console.app import make_console
from console.sessions import COOKIE, begin_session, find_session
from console.settings import ConsoleSettings
from service.api.settings import ApiSettings


class Visitor(httpx.AsyncClient):
    """Somebody who is signed in; `act` sends a form with the token that only our pages have."""

    csrf = ""

    async def act(self, path, **form):
        return await self.post(path, data={**form, "csrf": self.csrf})

    async def text(self, path):
        """A page that has to be there."""
        answered = await self.get(path)
        assert answered.status_code == 200, answered.text
        return answered.text


@asynccontextmanager
async def visitor(shift, name="nadia", roles=("reviewer",), rebuild=None):
    """A visitor with an account of these roles."""
    settings = ConsoleSettings()
    if not await shift.pool.fetchval("SELECT true FROM accounts WHERE id = $1", name):
        token = await make_account(shift.pool, Account(id=name, name=f"{name.title()} Tan", roles=roles), "tests")
        await take_up(shift.pool, token, "long enough to be safe")
    app = make_console(shift.pool, shift.corpus, settings, ApiSettings(), rebuild)
    secret = await begin_session(shift.pool, name, "tests")
    signed_in = await find_session(shift.pool, secret, settings)
    async with Visitor(transport=httpx.ASGITransport(app=app), base_url="http://console") as http:
        http.cookies.set(COOKIE, secret)
        http.csrf = signed_in.csrf
        yield http
