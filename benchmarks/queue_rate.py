"""How fast cases go into the queue and out of it, a few thousand deep and very deep; what upkeep costs there.

    python benchmarks/queue_rate.py [--cases 200000] [--rounds 4] [--steady 60] [--db DSN] [--json FILE]

Cases go in through `service.intake.submit`, with what a worker does beside (numbering, upkeep) running. They come out
through the worker itself, in a process of its own, whose desk ends at once (peers/taking.py): so that what is measured
is the queue, the claim and the conclusion. A deep and a shallow database on one server take turns.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from drills.databases import database_on, server_of

from cases.case import Case
from casewright.settings import shipped_policies
from casewright.synthetic import synthetic_cases
from policies.corpus import load_corpus
from service.database import Pool, open_pool
from service.events import keep_numbering
from service.intake import submit
from service.queue import analyze
from service.savers import open_saver
from service.upkeep import Task, keep, tasks

_HERE = Path(__file__).resolve().parent
_BATCH = 1000
_SHALLOW = 4000
_LAP = 2000
"""Cases that a lap measures; a shallow queue falls from 4,000 to 1,500 meanwhile, and is filled up again."""
_MEMORY_LAP = 20_000
_STEADY_CASES_S = 100
_STATS = """
SELECT n_dead_tup AS dead, autovacuum_count AS vacuums, pg_total_relation_size(relid) / 1048576.0 AS mb
FROM pg_stat_user_tables WHERE relname = $1
"""
Told = dict[str, Any]


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200_000, help="how deep the deep queue is")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steady", type=int, default=60, help="seconds of steady load; 0 leaves it out")
    parser.add_argument("--db", help="a PostgreSQL where two databases may be made; the embedded one otherwise")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    asked = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with server_of(asked.db or "embedded") as dsn:
        told = asyncio.run(measure(dsn, asked))
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1), encoding="utf-8")


async def measure(server: str, asked: argparse.Namespace) -> Told:
    """Everything, in turn."""
    async with database_on(server) as deep, database_on(server) as shallow:
        below, above = Queue(shallow, "shallow"), Queue(deep, "deep")
        async with below.open(), above.open():
            told: Told = {"enqueue": await enqueue(above, asked.cases)}
            told["upkeep_ms"] = await upkeep(above)
            told["trigger"] = await trigger(below)
            told["claims"] = await claims(below, above, asked.rounds)
            told["memory_mb"] = await memory(above)
            if asked.steady:
                told["steady"] = await steady(below, asked.steady)
        return told


class Queue:
    """One database, and a stream of cases to put into it."""

    def __init__(self, dsn: str, prefix: str) -> None:
        """Begin with an empty one."""
        self.dsn = dsn
        self._cases = synthetic_cases(None, 1, prefix)
        self.pool: Pool
        self.upkeep: list[Task]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Connect; what a worker does beside its cases runs meanwhile."""
        self.pool = await open_pool(self.dsn)
        async with open_saver(self.dsn) as saver:
            self.upkeep = tasks(self.pool, saver, load_corpus(shipped_policies()))
            beside = [asyncio.create_task(work) for work in (keep_numbering(self.pool), keep(self.pool, self.upkeep))]
            yield
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        await self.pool.close()

    def make(self, count: int) -> list[Case]:
        """The next cases."""
        return [Case.model_validate(plain) for plain in islice(self._cases, count)]

    def make_plain(self, count: int) -> list[dict[str, Any]]:
        """The next cases, as they would be sent."""
        return list(islice(self._cases, count))

    async def fill(self, depth: int) -> None:
        """Put in as many as are missing, and let upkeep see it."""
        waiting = await self.pool.fetchval("SELECT count(*) FROM pgqueuer WHERE status = 'queued'")
        for _ in range(0, max(0, depth - waiting), _BATCH):
            await submit(self.pool, self.make(min(_BATCH, depth)))
        await analyze(self.pool)

    async def take(self, cases: int, in_flight: int = 200) -> Told:
        """Have a worker in a process of its own take so many cases; what it measured."""
        command = [sys.executable, "-m", "peers.taking", self.dsn, "--cases", str(cases), "--in-flight", str(in_flight)]
        environment = {**os.environ, "PYTHONPATH": str(_HERE)}
        ran = await asyncio.create_subprocess_exec(*command, cwd=_HERE, env=environment, stdout=asyncio.subprocess.PIPE)
        out, _ = await ran.communicate()
        if ran.returncode:
            sys.exit("the worker has failed")
        taken: Told = json.loads(out)
        return taken

    async def counted(self, table: str) -> dict[str, float]:
        """What PostgreSQL counts of a table: dead rows, times vacuumed, size with its indexes."""
        row = await self.pool.fetchrow(_STATS, table)
        return {key: float(value) for key, value in dict(row or {}).items()}


async def enqueue(queue: Queue, count: int) -> Told:
    """Put the cases in, in batches; how fast, and how often the planner was told meanwhile."""
    looked: list[tuple[float, int]] = []
    watching = asyncio.create_task(_watch(queue.pool, looked))
    spent = {"validate": 0.0, "submit": 0.0}
    rates = []
    for _ in range(count // _BATCH):
        plain = queue.make_plain(_BATCH)
        begun = time.perf_counter()
        cases = [Case.model_validate(each) for each in plain]
        between = time.perf_counter()
        await submit(queue.pool, cases)
        spent["validate"] += between - begun
        spent["submit"] += time.perf_counter() - between
        rates.append(_BATCH / (time.perf_counter() - between))
    watching.cancel()
    tenth = max(1, len(rates) // 10)
    told: Told = {
        "submit_s": count / spent["submit"],
        "with_validation_s": count / (spent["submit"] + spent["validate"]),
        "first_tenth_s": statistics.mean(rates[:tenth]),
        "last_tenth_s": statistics.mean(rates[-tenth:]),
        "analyzed_at": [depth for _, depth in looked],
    }
    print(f"\n{count:,} cases in, batches of {_BATCH:,}: {told['submit_s']:,.0f} a second")
    print(f"  with validation {told['with_validation_s']:,.0f}; first tenth {told['first_tenth_s']:,.0f}, ", end="")
    print(f"last {told['last_tenth_s']:,.0f}; ANALYZE by upkeep alone, at depths {told['analyzed_at']}")
    return told


async def _watch(pool: Pool, looked: list[tuple[float, int]]) -> None:
    """Note the depth at each ANALYZE of the queue."""
    query = "SELECT analyze_count, n_live_tup FROM pg_stat_user_tables WHERE relname = 'pgqueuer'"
    seen = 0
    while True:
        row = await pool.fetchrow(query)
        if row and row["analyze_count"] > seen:
            seen = row["analyze_count"]
            looked.append((time.perf_counter(), row["n_live_tup"]))
        await asyncio.sleep(0.2)


async def upkeep(queue: Queue) -> dict[str, float]:
    """Each of upkeep's tasks at this depth, in milliseconds, median of three; prints them."""
    await analyze(queue.pool)
    told = {}
    print("\nUpkeep at this depth: ms, and how often")
    for task in queue.upkeep:
        took = []
        for _ in range(3):
            begun = time.perf_counter()
            await task.do()
            took.append(1000 * (time.perf_counter() - begun))
        told[task.name] = statistics.median(took)
        print(f"  {task.name:12} {told[task.name]:8.1f} ms, every {task.every_s:,.0f} s")
    return told


async def trigger(queue: Queue) -> Told:
    """What PgQueuer's own trigger (a NOTIFY a statement) costs: in batches, and one by one from twenty senders."""
    told: Told = {}
    print("\nCases in a second, with PgQueuer's trigger and without it")
    for name, senders, size in (("batches of 1,000", 1, _BATCH), ("single, 20 senders", 20, 1)):
        rates: dict[bool, list[float]] = {True: [], False: []}
        for on in (True, False) * 3:
            await queue.pool.execute(f"ALTER TABLE pgqueuer {'ENABLE' if on else 'DISABLE'} TRIGGER USER")
            rates[on].append(await _send(queue, senders, size))
        await queue.pool.execute("ALTER TABLE pgqueuer ENABLE TRIGGER USER")
        told[name] = {"with": statistics.median(rates[True]), "without": statistics.median(rates[False])}
        print(f"  {name:20} {told[name]['with']:8,.0f} {told[name]['without']:8,.0f}")
    return told


async def _send(queue: Queue, senders: int, size: int) -> float:
    batches = [queue.make(size) for _ in range(200 if size == 1 else 5)]
    waiting = iter(batches)

    async def send() -> None:
        for batch in waiting:
            await submit(queue.pool, batch)

    begun = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(senders)))
    return len(batches) * size / (time.perf_counter() - begun)


async def claims(below: Queue, above: Queue, rounds: int) -> Told:
    """Cases out, a second, in turn from the shallow queue and from the deep one; prints them and their ratio."""
    rates: dict[str, list[float]] = {"shallow": [], "deep": []}
    cpu = []
    for _ in range(rounds):
        await below.fill(_SHALLOW)
        for name, queue in (("shallow", below), ("deep", above)):
            taken = await queue.take(_LAP)
            rates[name].append(taken["cases_s"])
            cpu.append(taken["cpu_ms"])
    ratios = [deep / shallow for shallow, deep in zip(rates["shallow"], rates["deep"], strict=True)]
    print(f"\nCases out a second, laps of {_LAP:,} in turn: median (range)")
    for name, values in rates.items():
        print(f"  {name:8} {statistics.median(values):6.0f} ({min(values):.0f} to {max(values):.0f})")
    print(f"  deep to shallow {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}); ", end="")
    print(f"worker's CPU {statistics.median(cpu):.2f} ms a case")
    return {**rates, "ratio": statistics.median(ratios), "cpu_ms": statistics.median(cpu)}


async def memory(queue: Queue) -> Told:
    """The worker's resident memory over a long lap; prints it."""
    waiting = await queue.pool.fetchval("SELECT count(*) FROM pgqueuer WHERE status = 'queued'")
    taken = await queue.take(min(_MEMORY_LAP, waiting - 1000))
    rss: list[float] = taken["rss_mb"][5:]  # it has started by then
    told = {"first": rss[0], "last": rss[-1], "peak": max(rss), "middle": rss[len(rss) // 2]}
    print(f"\nWorker's memory over {min(_MEMORY_LAP, waiting - 1000):,} cases: ", end="")
    print(", ".join(f"{name} {value:.1f} MB" for name, value in told.items()))
    return told


async def steady(queue: Queue, seconds: int) -> dict[str, list[dict[str, float]]]:
    """Steady load on a queue that keeps up: what dead rows and sizes come to; prints them."""
    await queue.take(await queue.pool.fetchval("SELECT count(*) FROM pgqueuer WHERE status = 'queued'") - 700)
    told: dict[str, list[dict[str, float]]] = {"pgqueuer": [], "cases": [], "events": []}
    taking = asyncio.create_task(queue.take(_STEADY_CASES_S * seconds - 1000))
    begun = time.perf_counter()
    for tick in range(10 * seconds):
        await submit(queue.pool, queue.make(_STEADY_CASES_S // 10))
        if tick % (seconds * 10 // 4) == 0:
            for table, rows in told.items():
                rows.append(await queue.counted(table))
        await asyncio.sleep(max(0.0, begun + (tick + 1) / 10 - time.perf_counter()))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(taking, 60)
    print(f"\n{_STEADY_CASES_S} cases a second for {seconds} s: dead rows, size, vacuumed, at each quarter")
    for table, rows in told.items():
        rows.append(await queue.counted(table))
        shown = "; ".join(f"{row['dead']:6,.0f} {row['mb']:5.1f} MB {row['vacuums']:.0f}x" for row in rows)
        print(f"  {table:9} {shown}")
    return told


if __name__ == "__main__":
    main()
