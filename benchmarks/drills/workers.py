"""Worker processes that are killed and started again, and what the database says of the cases in their hands."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from drills.processes import end_workers, start_worker
from service.database import Pool

if TYPE_CHECKING:
    import subprocess

_HELD = """
SELECT c.id, c.epoch, c.status = 'running' AS claimed
FROM pgqueuer q JOIN cases c ON c.id = convert_from(q.payload, 'UTF8')
WHERE q.status = 'picked' AND q.queue_manager_id = ANY($1::uuid[]) AND c.status IN ('queued', 'running')
"""
_STILL = """
SELECT count(*) FROM cases JOIN unnest($1::text[], $2::integer[]) AS held (id, epoch) USING (id, epoch)
WHERE status IN ('queued', 'running')
"""
_NAMES = "SELECT DISTINCT queue_manager_id FROM pgqueuer WHERE queue_manager_id IS NOT NULL"
_LISTENS = (
    "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND query LIKE 'LISTEN%pgqueuer%')"
)


class InHand(NamedTuple):
    """A case in a worker's hands: its epoch, and whether the worker had claimed it, beyond its job."""

    epoch: int
    claimed: bool


Held = dict[str, InHand]
"""Cases in a worker's hands."""


@dataclass
class Crew:
    """The machine's workers, one a slot, started again when they are killed.

    Attributes:
        folder: for their logs.
        names: under which each slot's process claims jobs; they tell whose a case is.
    """

    environment: Mapping[str, str]
    folder: Path
    running: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    names: dict[int, set[object]] = field(default_factory=dict)
    _logs: dict[int, Path] = field(default_factory=dict)
    _gone: set[object] = field(default_factory=set)
    _starts: int = 0

    async def start(self, pool: Pool, slot: int, patience_s: float = 120.0) -> None:
        """Start the worker of a slot; returns once it listens for jobs."""
        self._starts += 1
        name, log = f"drill-{self._starts}", self.folder / f"worker-{self._starts}.log"
        self.names.pop(slot, None)
        self._logs[slot] = log
        self.running[slot] = self._spawn(slot, name, log)
        until = time.monotonic() + patience_s
        while not await pool.fetchval(_LISTENS, name):
            self._despair(slot, until)
            await asyncio.sleep(0.05)

    def _spawn(self, slot: int, name: str, log: Path) -> "subprocess.Popen[bytes]":
        dsn = self.environment["CASEWRIGHT_DB"]
        named = f"{dsn}{'&' if '?' in dsn else '?'}application_name={name}"
        return start_worker(slot, {**self.environment, "CASEWRIGHT_DB": named}, log)

    async def meet(self, pool: Pool, slot: int, feed: Callable[[], Awaitable[None]], patience_s: float = 60.0) -> None:
        """Learn the name of a slot's process by feeding it until it has claimed something; all others' are known."""
        until = time.monotonic() + patience_s
        while slot not in self.names:
            known = self._gone.union(*self.names.values())
            fresh = {row[0] for row in await pool.fetch(_NAMES)} - known
            if fresh:
                self.names[slot] = fresh
                return
            self._despair(slot, until)
            await feed()
            await asyncio.sleep(0.3)

    def _despair(self, slot: int, until: float) -> None:
        if time.monotonic() > until or self.running[slot].poll() is not None:
            message = f"worker {slot} takes nothing; it says:\n{self._logs[slot].read_text()[-3000:]}"
            raise RuntimeError(message)

    async def kill(self, pool: Pool, slot: int) -> tuple[float, Held]:
        """Kill a slot's process; when that was, and what was in its hands."""
        self.running[slot].send_signal(signal.SIGKILL)
        at = time.time()
        self.running[slot].wait()
        rows = await pool.fetch(_HELD, list(self.names[slot]))
        self._gone |= self.names[slot]
        return at, {row["id"]: InHand(row["epoch"], row["claimed"]) for row in rows}

    def stop(self) -> None:
        """Have every worker finish what is in flight, and end."""
        end_workers(list(self.running.values()))


@contextmanager
def crew(environment: Mapping[str, str], folder: Path) -> Iterator[Crew]:
    """Workers for the time of the block."""
    made = Crew(environment, folder)
    try:
        yield made
    finally:
        made.stop()


async def until_taken_up(pool: Pool, held: Held, since: float, patience_s: float) -> float:
    """Wait until every case is claimed again or done; the seconds that took since `since`, at most the patience."""
    while await pool.fetchval(_STILL, list(held), [case.epoch for case in held.values()]):
        if time.time() - since > patience_s:
            break
        await asyncio.sleep(0.1)
    return time.time() - since
