"""The console in Chromium: the example cases served by the product, people signed in, what the browser complains of."""

import asyncio
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import asyncpg
import pytest
from playwright.sync_api import sync_playwright

from cases.case import read_case
from console.accounts import Account, make_account, take_up
from service.database import open_pool
from service.intake import submit
from tests.service.served import serving

PASSWORD = "long enough to be safe"  # noqa: S105 - of accounts that live as long as a test
EVERYTHING = ("reviewer", "senior", "policy", "lead", "admin")
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium():
    """Where Chromium is. Without one the tests of the pages are skipped, but not in CI."""
    found = next((path for name in _PROGRAMS if (path := shutil.which(name))), None)
    if found is None and not os.environ.get("CI"):
        pytest.skip("there is no Chromium here: install Debian's package `chromium`, or another build of it")
    assert found, "CI needs Chromium (.ci/run installs it)"
    return found


class House:
    """A served console, its database, and a browser.

    Attributes:
        url: of its root.
        dsn: of its database.
    """

    def __init__(self, url, dsn, browser):
        self.url, self.dsn, self.browser = url, dsn, browser
        self._signed_in = {}

    def do(self, body):
        """Run `await body(pool)` on the database."""

        async def inner():
            pool = await open_pool(self.dsn)
            try:
                return await body(pool)
            finally:
                await pool.close()

        # In a thread: Playwright has a loop of its own running in this one.
        with ThreadPoolExecutor(1) as aside:
            return aside.submit(asyncio.run, inner()).result()

    def account(self, name, roles=EVERYTHING):
        """Make an account that can sign in."""

        async def body(pool):
            account = Account(id=name, name=name.title(), roles=roles)
            token = await make_account(pool, account, "tests")
            await take_up(pool, token, PASSWORD)

        self.do(body)
        return name

    def sign_out(self, name):
        """End somebody's sessions."""
        self.do(lambda pool: pool.execute("UPDATE sessions SET ended_at = now() WHERE account = $1", name))
        self._signed_in.pop(name, None)

    def value(self, query, *values):
        """One value out of the database."""
        return self.do(lambda pool: pool.fetchval(query, *values))

    def submit(self, *cases):
        """Submit cases, and wait until each waits for a person."""

        async def body(pool):
            await submit(pool, [read_case(case) for case in cases])

        self.do(body)
        waiting = "SELECT count(*) = $2 FROM cases WHERE id = ANY($1) AND status = 'waiting'"
        self.waits_for(waiting, [case["id"] for case in cases], len(cases), seconds=120)

    def waits_for(self, query, *values, seconds=30):
        """Wait until a query gives something true; gives it."""
        until = time.monotonic() + seconds
        while not (found := self.value(query, *values)):
            assert time.monotonic() < until, f"nothing true came of {query}"
            time.sleep(0.05)
        return found

    @contextmanager
    def visit(self, name=None, **context):
        """A browser of one's own, signed in where a name is given; an error in its console fails the test."""
        usual = {"viewport": {"width": 1440, "height": 900}, "base_url": self.url}
        opened = self.browser.new_context(storage_state=self._signed_in.get(name), **{**usual, **context})
        page = opened.new_page()
        page.complaints = []
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        try:
            if name in self._signed_in:
                page.goto("/")
            elif name:
                sign_in(page, name)
                self._signed_in[name] = opened.storage_state()
            yield page
        finally:
            opened.close()
        page.complaints = [c for c in page.complaints if "404" not in c]
        assert page.complaints == [], page.complaints


def sign_in(page, name):
    """Sign in by the page."""
    page.goto("/sign-in")
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/sign-in" not in url)


@contextmanager
def house(server, home, name, **variables):
    """Serve the example cases from a database of their own, and open a browser."""
    program = chromium()

    async def fresh():
        connection = await asyncpg.connect(server.dsn)
        await connection.execute(f"DROP DATABASE IF EXISTS {name} (FORCE)")
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    asyncio.run(fresh())
    dsn = server.dsn.replace("/postgres?", f"/{name}?")
    with (
        serving(home, options=("--demo",), CASEWRIGHT_DB=dsn, CASEWRIGHT_BLIND_SHARE="0", **variables) as served,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            opened = House(served.url, dsn, browser)
            everything = "SELECT count(*) >= 24 FROM cases WHERE status = 'waiting'"
            opened.waits_for(everything, seconds=120)
            yield opened
        finally:
            browser.close()
