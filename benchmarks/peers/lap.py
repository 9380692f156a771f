"""Run an arm's cases, so many in flight, and say what they cost this process."""

import asyncio
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from peers.record import Recorded

One = Callable[[Recorded], Awaitable[object]]


@dataclass
class _Crowd:
    """Cases in flight, and the stretch of time in which every place is taken."""

    cases: Sequence[Recorded]
    one: One
    in_flight: int
    begun: int = 0
    done: int = 0
    calls: int = 0
    window: list[tuple[float, int]] = field(default_factory=list)

    async def run(self) -> None:
        """Run all; `window` then holds time and calls at the first full turn-over and at the last start."""
        waiting = iter(self.cases)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.in_flight, len(self.cases))):
                group.create_task(self._place(waiting))

    async def _place(self, waiting: Any) -> None:  # noqa: ANN401 - an iterator that all places share
        for case in waiting:
            self.begun += 1
            if self.begun == len(self.cases):
                self._mark()
            await self.one(case)
            self.done += 1
            self.calls += case.calls
            if self.done == self.in_flight:
                self._mark()

    def _mark(self) -> None:
        self.window.append((time.perf_counter(), self.calls))


async def lap(cases: Sequence[Recorded], one: One, in_flight: int, latency_s: float) -> dict[str, Any]:
    """Warm up with the first `in_flight` cases, then measure the others.

    Returns:
        `cpu_ms`: milliseconds of CPU a case, user and system, all threads of this process. `cases_s`: cases a second.
        `of_ideal`: while every place is taken, the share of its time that a place waits for the model; an arm that
        costs no time of its own reaches 1. `peak_mb`: peak resident memory.
    """
    await _Crowd(cases[:in_flight], one, in_flight).run()
    crowd = _Crowd(cases[in_flight:], one, in_flight)
    cpu, began = time.process_time(), time.perf_counter()
    await crowd.run()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    measured = {"cases": crowd.done, "cpu_ms": 1000 * cpu / crowd.done, "cases_s": crowd.done / wall}
    (full_at, calls_then), (last_at, calls_last) = sorted(crowd.window)[:2]
    if last_at > full_at and latency_s:
        measured["of_ideal"] = (calls_last - calls_then) * latency_s / (in_flight * (last_at - full_at))
    return measured | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def tell(measured: dict[str, Any]) -> None:
    """Hand the figures to the process that started this one."""
    sys.stdout.buffer.write(orjson.dumps(measured) + b"\n")
