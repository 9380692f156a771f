import asyncio
import json
import shutil
import tempfile
from pathlib import Path

import asyncpg
import httpx
import pytest

from cases.case import read_case
from casewright.serving import open_worker
from casewright.settings import read_settings
from policies.corpus import load_corpus
from service.api.app import make_app
from service.api.settings import ApiSettings
from service.database import open_pool
from service.delivery import Deliverer
from service.embedded import EmbeddedPostgres
from service.intake import submit
from service.keys import SCOPES, make_key
from service.migrate import migrate
from service.webhooks import WebhookStore
from tests.service.receiver import receiving
from tests.service.shift import open_shift

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def server():
    """One PostgreSQL for the tests of a process."""
    folder = Path(tempfile.mkdtemp(prefix="cw-"))
    folder.chmod(0o755)  # as root, the database runs under an account of its own
    running = EmbeddedPostgres.start(folder)
    yield running
    running.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _template(server):
    """A migrated database that every test's own is copied from."""

    async def make():
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("CREATE DATABASE template_cw")
        await connection.close()
        await migrate(_named(server.dsn, "template_cw"))

    asyncio.run(make())


@pytest.fixture
def dsn(server, _template, request):
    """A database of the test's own, freshly migrated."""
    yield from _copied(server, "template_cw", request)


@pytest.fixture
def worked_dsn(server, worked, request):
    """A database of the test's own, in which a worker has been through the cases of `worked`."""
    yield from _copied(server, worked, request)


@pytest.fixture
def empty_dsn(server, request):
    """A database of the test's own, in which nothing is."""
    yield from _copied(server, "template1", request)


def _copied(server, template, request):
    name = f"t{abs(hash((request.node.nodeid, template)))}"

    async def run(*statements):
        connection = await asyncpg.connect(server.dsn)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(run(f"DROP DATABASE IF EXISTS {name} (FORCE)", f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield _named(server.dsn, name)
    asyncio.run(run(f"DROP DATABASE IF EXISTS {name} (FORCE)"))


@pytest.fixture(scope="session")
def examples():
    """The demo's cases, by id."""
    lines = (ROOT / "examples" / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    return {case["id"]: case for case in map(json.loads, lines)}


@pytest.fixture(scope="session")
def worked(server, _template, examples, tmp_path_factory):
    """A database in which a worker of the product has decided `spray` and `hemp` and asks a person about `remedy`."""
    spray = examples["03-pepper-spray-sg"]
    listed = spray["subject"] | {"listed_at": "2026-01-05T08:00:00Z"}
    cases = {
        "spray": spray | {"region": "DE", "subject": listed},
        "hemp": examples["05-hemp-the-day-after"],
        "remedy": examples["12-registered-remedy"],
    }
    given = {"CASEWRIGHT_HOME": str(tmp_path_factory.mktemp("home")), "CASEWRIGHT_AUTOMATION": "provisional"}

    async def make():
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("CREATE DATABASE template_worked TEMPLATE template_cw")
        await connection.close()
        async with open_worker(read_settings(given), _named(server.dsn, "template_worked")) as (worker, _):
            await submit(worker.pool, [read_case(case | {"id": name}) for name, case in cases.items()])
            for name in cases:
                await worker.take(name)

    asyncio.run(make())
    return "template_worked"


@pytest.fixture
def with_pool(dsn):
    """Run an async test body with a pool on the test's database: `with_pool(body)`."""

    def run(body):
        async def inner():
            pool = await open_pool(dsn)
            try:
                return await body(pool)
            finally:
                await pool.close()

        return asyncio.run(inner())

    return run


@pytest.fixture
def delivering(with_pool):
    """Run a body with a store, a receiver and a deliverer whose pauses are nothing; other settings by name."""

    def run(body, **settings):
        async def inner(pool):
            async with (
                receiving() as receiver,
                Deliverer(pool, **{"allow_private": True, "scale": 0.0, **settings}) as deliverer,
            ):
                return await body(pool, WebhookStore(pool, allow_private=True), receiver, deliverer)

        return with_pool(inner)

    return run


@pytest.fixture
def on_shift(dsn, tmp_path):
    """Run an async test body with workers over the test's database: `on_shift(body)`."""

    def run(body):
        async def inner():
            async with open_shift(dsn, tmp_path) as shift:
                return await body(shift)

        return asyncio.run(inner())

    return run


def _named(dsn, database):
    return dsn.replace("/postgres?", f"/{database}?")


@pytest.fixture(scope="session")
def corpus():
    """The policies that Casewright comes with."""
    return load_corpus(ROOT / "policies")


@pytest.fixture
def with_api(dsn, corpus):
    """Run an async test body against the API over HTTP, in this process: `with_api(body, **settings)`.

    The body is given a caller: an HTTP client whose key has every scope, with the app's `pool` beside it.
    """

    return _api(dsn, corpus)


@pytest.fixture
def with_worked_api(worked_dsn, corpus):
    """As `with_api`, on a database with cases that a worker has been through."""
    return _api(worked_dsn, corpus)


def _api(dsn, corpus):
    def run(body, **settings):
        async def inner():
            pool = await open_pool(dsn)
            app = make_app(pool, corpus, ApiSettings(**settings), dsn=dsn)
            try:
                async with app.router.lifespan_context(app):
                    key = await make_key(pool, "tests", SCOPES)
                    async with _caller(app, key.secret) as http:
                        http.pool, http.app = pool, app
                        return await body(http)
            finally:
                await pool.close()

        return asyncio.run(inner())

    return run


def _caller(app, secret):
    headers = {"Authorization": f"Bearer {secret}"}
    # What the server would log as its own fault comes out as an error here.
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers)
