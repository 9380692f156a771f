"""`casewright serve`: API, workers and, where none is named, a database: all that a queue needs, in one tree."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple, get_args

import click
import uvicorn
from starlette.types import ASGIApp

from casewright.commands.audit import run_quickly
from casewright.demonstration import example_variables, for_examples, submit_examples
from casewright.logs import log_to_stderr
from casewright.rebuilding import Rebuilder
from casewright.serving import SERVICE_DEFAULTS, auditor_of, beside, coop_mapping, database_of
from casewright.settings import Settings, read_settings
from casewright.tree import keep_worker
from casewright.watching import tracing
from console.accounts import invite_first, nobody_yet
from console.app import make_console
from policies.corpus import load_corpus
from service.api.app import make_app
from service.api.settings import ApiSettings
from service.database import Pool, open_pool
from service.embedded import EmbeddedPostgres
from service.keys import Scope, make_key
from service.migrate import migrate

_CONNECTIONS = 20


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8400, show_default=True)
@click.option("--workers", type=click.IntRange(0, 64), help="Processes that take cases; CASEWRIGHT_WORKERS, or 1.")
@click.option("--demo", is_flag=True, help="Serve the example cases, from a data folder of their own.")
def command(host: str, port: int, workers: int | None, *, demo: bool) -> None:
    """Serve the escalation queue: API, console and workers, until SIGTERM.

    The database is that of CASEWRIGHT_DB, else an embedded one in CASEWRIGHT_HOME. Nothing is decided without a person
    until CASEWRIGHT_AUTOMATION says so.
    """
    settings = read_settings(defaults=SERVICE_DEFAULTS)
    settings = for_examples(settings) if demo else settings
    log_to_stderr(settings.log, settings.secrets)
    dsn, embedded = database_of(settings)
    count = settings.service.workers if workers is None else workers
    try:
        run_quickly(_serve(settings, Database(dsn, embedded), (host, port), count, demo=demo))
    finally:
        if embedded:
            embedded.stop()


class Database(NamedTuple):
    """Where the service's database is; `embedded` where it is our own."""

    dsn: str
    embedded: EmbeddedPostgres | None


async def _serve(settings: Settings, database: Database, address: tuple[str, int], workers: int, *, demo: bool) -> None:
    dsn, embedded = database
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    for name in await migrate(dsn):
        click.echo(f"Database: {name} applied.", err=True)
    async with AsyncExitStack() as opened:
        if embedded:
            kept = asyncio.create_task(embedded.keep_running())
            opened.callback(kept.cancel)
        pool = await open_pool(dsn, _CONNECTIONS)
        opened.push_async_callback(pool.close)
        key = await _first_key(pool, settings.home)
        if demo:
            await submit_examples(pool)
        api = ApiSettings(
            backlog=settings.service.backlog,
            coop=coop_mapping(settings),
            webhook_private=settings.service.webhook_private,
        )
        corpus = load_corpus(settings.policies)
        rebuilder = Rebuilder(settings, pool, corpus)
        opened.push_async_callback(rebuilder.aclose)
        console = make_console(pool, corpus, settings.console, api, rebuilder)
        app: ASGIApp = beside(make_app(pool, corpus, api, dsn=dsn), console)
        traces = opened.enter_context(tracing(settings, "api"))
        app = traces.around(app) if traces else app
        first = await invite_first(pool) if await nobody_yet(pool) else ""
        _greet(settings, embedded, address, workers, Doors(key, first))
        async with asyncio.TaskGroup() as group:
            changes = {"CASEWRIGHT_DB": dsn, **(example_variables(settings) if demo else {})}
            for slot in range(workers):
                group.create_task(keep_worker(slot, changes, stop))
            group.create_task(_listen(app, address, stop))


async def _listen(app: ASGIApp, address: tuple[str, int], stop: asyncio.Event) -> None:
    """Serve HTTP until told to stop; the server's own taking of signals leads to the same."""
    config = uvicorn.Config(app, host=address[0], port=address[1], log_config=None, lifespan="on")
    server = uvicorn.Server(config)

    async def end() -> None:
        await stop.wait()
        server.should_exit = True

    ending = asyncio.create_task(end())
    try:
        await server.serve()
    finally:
        ending.cancel()
        stop.set()


async def _first_key(pool: Pool, home: Path) -> Path | None:
    """Make a key with every scope where there is none yet, in a file that only this account reads; returns the file."""
    if await pool.fetchval("SELECT EXISTS (SELECT 1 FROM keys)"):
        return None
    made = await make_key(pool, "first", get_args(Scope))
    return await asyncio.to_thread(_keep_key, home / "api-key", made.secret)


def _keep_key(path: Path, key: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(key + "\n")
    return path


class Doors(NamedTuple):
    """How one gets in: the file of a key just made, and the token of the link that makes the first account."""

    key: Path | None
    first: str


def _greet(
    settings: Settings, embedded: EmbeddedPostgres | None, address: tuple[str, int], workers: int, doors: Doors
) -> None:
    alone = {
        "off": "off: every case goes to a person, with a recommendation (set CASEWRIGHT_AUTOMATION=provisional to"
        " let through what is settled and verified)",
        "provisional": "provisional: what is settled and verified is decided alone",
        "certified": "certified: there are no certificates yet, so every case goes to a person",
    }
    place = f"embedded, in {settings.home}" if embedded else "as CASEWRIGHT_DB names it"
    base = f"http://{address[0]}:{address[1]}"
    click.echo(f"Casewright serves on {base}/api/v1", err=True)
    click.echo(f"  database    {place}", err=True)
    click.echo(f"  workers     {workers}, judged by the {auditor_of(settings)} auditor", err=True)
    click.echo(f"  automation  {alone[settings.audit.automation]}", err=True)
    if doors.key:
        click.echo(f"  key         made for you, in {doors.key}; `casewright submit` finds it there", err=True)
    told = f"{base}/welcome/{doors.first}  (good once: it makes the first account)" if doors.first else base
    click.echo(f"  console     {told}", err=True)
