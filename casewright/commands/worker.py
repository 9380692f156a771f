"""`casewright worker`: one more process that takes cases from the queue."""

import asyncio
import os
import signal
from contextlib import suppress

import click

from casewright.commands.audit import run_quickly
from casewright.logs import log_to_stderr
from casewright.serving import SERVICE_DEFAULTS, database_of, run_worker
from casewright.settings import read_settings
from service.migrate import migrate

_LOOK_S = 1.0


@click.command()
@click.option("--slot", type=click.IntRange(0), default=0, show_default=True, help="Which of this machine's workers.")
@click.option("--parent", type=int, hidden=True, help="Stop when this process is no longer the parent.")
def command(slot: int, parent: int | None) -> None:
    """Take cases from the queue until SIGTERM, then finish what is in flight.

    The database is that of CASEWRIGHT_DB, else the embedded one of CASEWRIGHT_HOME.
    """
    # No effect is the default here, as in `serve`: the owner says what may run alone.
    settings = read_settings(defaults=SERVICE_DEFAULTS)
    log_to_stderr()
    dsn, embedded = database_of(settings)

    async def work() -> None:
        await migrate(dsn)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        orphaned = asyncio.create_task(_orphaned(parent, stop))
        await run_worker(settings, dsn, stop, slot, embedded)
        orphaned.cancel()
        with suppress(asyncio.CancelledError):
            await orphaned

    run_quickly(work())


async def _orphaned(parent: int | None, stop: asyncio.Event) -> None:
    """A `serve` that was killed takes its workers along: they finish what is in flight, and end."""
    while parent is not None and os.getppid() == parent:  # noqa: ASYNC110 - the system tells it no other way
        await asyncio.sleep(_LOOK_S)
    if parent is not None:
        stop.set()
