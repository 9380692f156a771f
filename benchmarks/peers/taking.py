"""A worker whose desk ends at once: what the queue, a claim and a conclusion cost, with no graph between them.

The desk concludes the case by itself and ends the run by the door that a run which was overtaken takes; all else is the
worker's own: claiming jobs and cases, heartbeats, epochs, the event, the job's end.
"""

import argparse
import asyncio
import json
import time
from datetime import UTC, datetime
from typing import NoReturn

import psutil

from agents.auditor import NoAuditor
from cases.case import Case
from cases.decision import Decision
from cases.journal import CaseJournal
from casewright.commands.audit import run_quickly
from service.database import Pool, open_pool
from service.guards import conclude_guarded
from service.runs import Claim, Superseded
from service.savers import open_saver
from service.worker import Worker, WorkerSettings

_WARM = 500
"""Cases before the measured ones."""
_SAMPLE_S = 0.2


class Concluding:
    """Decides every case at once, and counts."""

    def __init__(self, pool: Pool, count: int) -> None:
        """Stop after `count` cases and those to warm up with; what is in flight then is finished, and not measured."""
        self._pool = pool
        self._last = _WARM + count
        self._done = 0
        self.stop = asyncio.Event()
        self.marks: list[tuple[float, float]] = []

    async def desk(self, case: Case, journal: CaseJournal) -> NoReturn:  # noqa: ARG002 - as MakeDesk says
        """Conclude the case instead of laying it out."""
        decision = Decision(
            case_id=case.id,
            outcome="no_violation",
            scope=(case.region,),
            findings=(),
            rationale="",
            snapshot="",
            auditor=NoAuditor().name,
            at=datetime.now(UTC),
        )
        line = {"case_id": case.id, "status": "decided", "decision": decision.model_dump(mode="json")}
        await conclude_guarded(self._pool, Claim(case, 1, 1, None), line)
        self._done += 1
        if self._done in {_WARM, self._last}:
            self.marks.append((time.perf_counter(), time.process_time()))
        if self._done == self._last:
            self.stop.set()
        raise Superseded(case=case.id)


async def run(given: argparse.Namespace) -> None:
    """Take so many cases from a queue that holds more; print how fast, and what memory it took."""
    pool = await open_pool(given.dsn, 20)
    async with open_saver(given.dsn) as saver:
        taken = Concluding(pool, given.cases)
        worker = Worker(pool, saver, taken.desk, taken.desk, WorkerSettings(in_flight=given.in_flight))
        memory: list[int] = []
        sampling = asyncio.create_task(_sample(memory))
        await worker.work(taken.stop)
        sampling.cancel()
    await pool.close()
    (begun, cpu), (ended, cpu_then) = taken.marks
    told = {"cases_s": given.cases / (ended - begun), "cpu_ms": 1000 * (cpu_then - cpu) / given.cases}
    print(json.dumps(told | {"rss_mb": [round(each / 2**20, 1) for each in memory]}))


async def _sample(memory: list[int]) -> NoReturn:
    process = psutil.Process()
    while True:
        memory.append(process.memory_info().rss)
        await asyncio.sleep(_SAMPLE_S)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dsn")
    parser.add_argument("--cases", type=int, required=True)
    parser.add_argument("--in-flight", type=int, default=200)
    run_quickly(run(parser.parse_args()))
