"""Casewright's worker on PostgreSQL: cases from the queue, everything on, as `casewright worker` runs.

Journal, claims, epochs, events and their numbering, conclusions, heartbeats, deliveries and upkeep are the product's.
The cases are in the queue when the clock starts: taking them in is another process's work.
"""

import argparse
import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil
from drills.databases import database_on
from peers.bare import arguments
from peers.lap import Crowd, measured, tell
from peers.machinery import repeating
from peers.ours import all_steps
from peers.record import Recorded, read_record, settings_of

from casewright.commands.audit import run_quickly
from casewright.serving import open_worker, running
from casewright.settings import Settings
from service.intake import submit
from service.limiter import SharedGate
from service.worker import Worker, WorkerSettings


@asynccontextmanager
async def opened(given: argparse.Namespace, settings: Settings, cases: Sequence[Recorded]) -> AsyncIterator[Worker]:
    """The worker, and what runs beside it; with nodes that only repeat where the machinery alone is asked for."""
    async with contextlib.AsyncExitStack() as open_:
        dsn = await open_.enter_async_context(database_on(given.server))
        worker, beside = await open_.enter_async_context(open_worker(settings, dsn))
        worker.settings = WorkerSettings(in_flight=given.in_flight)
        if given.kind == "machinery":
            model = settings.model_settings()
            gate = SharedGate(worker.pool, model.base_url, model.requests_per_minute, model.tokens_per_minute)
            steps = await all_steps(worker.desk, cases)
            worker.desk = await open_.enter_async_context(repeating(settings, worker.desk, steps, gate))
        await open_.enter_async_context(running(beside))
        gc.freeze()
        yield worker


@dataclass
class Shift:
    """The worker's run over one crowd of cases, all of them in the queue when it begins; it ends with the last."""

    worker: Worker
    crowd: Crowd

    def __post_init__(self) -> None:
        """Know the cases by id."""
        self._by_id = {case.id: case for case in self.crowd.cases}
        self._places: Iterator[int] = iter(range(self.crowd.in_flight))
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Work until every case is done."""
        take = self.worker.take

        async def counted(case_id: str) -> None:
            if (place := next(self._places, None)) is not None:  # the first ones take their places one by one
                await asyncio.sleep(self.crowd.spread_s * place / self.crowd.in_flight)
            self.crowd.enter()
            await take(case_id)
            self.crowd.leave(self._by_id[case_id])
            if self.crowd.done == len(self._by_id):
                self._stop.set()

        self.worker.take = counted  # type: ignore[method-assign] # the job's own way in, with a clock at it
        await self.worker.work(self._stop)
        self.worker.take = take  # type: ignore[method-assign] # as above


def server_cpu(pid: int) -> float:
    """Seconds of CPU that a PostgreSQL server has taken, with the backends that have ended."""
    main = psutil.Process(pid)
    spent = sum(main.cpu_times()[:4])
    for child in main.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            spent += sum(child.cpu_times()[:2])
    return spent


async def run(given: argparse.Namespace) -> None:
    """Measure the arm; `server_cpu_ms` is the database's CPU a case, beside what `measured` says."""
    cases = read_record(given.record, given.cases + given.in_flight)
    spent: list[float] = []
    async with opened(given, settings_of(given.record.parent, given.url), cases) as worker:

        async def shift(crowd: Crowd) -> None:
            await submit(worker.pool, [case.case for case in crowd.cases])
            spent.append(server_cpu(given.server_pid))
            await Shift(worker, crowd).run()
            spent.append(server_cpu(given.server_pid))

        found = await measured(cases, shift, given.in_flight, given.latency)
        outcomes = await worker.pool.fetch("SELECT status, count(*) FROM cases GROUP BY status")
    if sum(row["count"] for row in outcomes if row["status"] in {"decided", "waiting"}) != len(cases):
        raise SystemExit(f"not every case was done: {outcomes}")
    tell(found | {"server_cpu_ms": 1000 * (spent[3] - spent[2]) / given.cases})


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--kind", choices=("worker", "machinery"), default="worker")
    parser.add_argument("--server", required=True, help="connection string of a PostgreSQL server")
    parser.add_argument("--server-pid", type=int, required=True, help="its main process, on this machine")
    parser.add_argument("--scratch", help="not used: the database is on the server")
    run_quickly(run(parser.parse_args()))
