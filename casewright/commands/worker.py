"""`casewright worker`: one more process that takes cases from the queue."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import ClassVar

import click
from prometheus_client import start_http_server

from cases.problem import CasewrightError
from casewright.commands.audit import run_quickly
from casewright.logs import log_to_stderr
from casewright.serving import SERVICE_DEFAULTS, Place, database_of, run_worker
from casewright.settings import read_settings
from casewright.watching import tracing, watches
from service.migrate import migrate
from service.worker_metrics import WorkerMetrics

_LOOK_S = 1.0


class NoPlaceForMetrics(CasewrightError):
    """metrics cannot be served on {host}:{port}: {why}"""

    code: ClassVar[str] = "no_place_for_metrics"
    hint: ClassVar[str] = "every worker of a machine needs a port of its own"


class Address(click.ParamType[tuple[str, int]]):
    """`PORT`, of this machine only, or `HOST:PORT`."""

    name = "[HOST:]PORT"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Read one."""
        host, _, port = value.rpartition(":")
        if not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - the last port there is
            self.fail(f"{value!r} is no port, and no host and port", param, ctx)
        return host or "127.0.0.1", int(port)


@click.command()
@click.option("--slot", type=click.IntRange(0), default=0, show_default=True, help="Which of this machine's workers.")
@click.option("--metrics", type=Address(), help="Where Prometheus reads what this process has done.")
@click.option("--parent", type=int, hidden=True, help="Stop when this process is no longer the parent.")
def command(slot: int, metrics: tuple[str, int] | None, parent: int | None) -> None:
    """Take cases from the queue until SIGTERM, then finish what is in flight.

    The database is that of CASEWRIGHT_DB, else the embedded one of CASEWRIGHT_HOME.
    """
    # No effect is the default here, as in `serve`: the owner says what may run alone.
    settings = read_settings(defaults=SERVICE_DEFAULTS)
    log_to_stderr(settings.log, settings.secrets)
    dsn, embedded = database_of(settings)

    async def work() -> None:
        await migrate(dsn)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        orphaned = asyncio.create_task(_orphaned(parent, stop))
        with _serving(metrics) as counted, tracing(settings, "worker") as traces:
            await run_worker(settings, dsn, stop, Place(slot, embedded), watches(counted, traces))
        orphaned.cancel()
        with suppress(asyncio.CancelledError):
            await orphaned

    run_quickly(work())


@contextmanager
def _serving(address: tuple[str, int] | None) -> Iterator[WorkerMetrics | None]:
    """Serve what is counted for the time of the block, from a thread; nothing where no address is named.

    Raises:
        NoPlaceForMetrics: somebody else has the port.
    """
    if address is None:
        yield None
        return
    counted = WorkerMetrics()
    try:
        server, thread = start_http_server(address[1], address[0], counted.registry)
    except OSError as error:
        raise NoPlaceForMetrics(host=address[0], port=address[1], why=error.strerror or error) from error
    try:
        yield counted
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def _orphaned(parent: int | None, stop: asyncio.Event) -> None:
    """A `serve` that was killed takes its workers along: they finish what is in flight, and end."""
    while parent is not None and os.getppid() == parent:  # noqa: ASYNC110 - the system tells it no other way
        await asyncio.sleep(_LOOK_S)
    if parent is not None:
        stop.set()
