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
class Crowd:
    """Cases in flight, and the stretch of time in which every place is taken.

    Attributes:
        spread_s: over how long the places are first taken, so that they do not march in step.
    """

    cases: Sequence[Recorded]
    in_flight: int
    spread_s: float
    begun: int = 0
    done: int = 0
    calls: int = 0
    window: list[tuple[float, int]] = field(default_factory=list)

    async def run(self, one: One) -> None:
        """Run all; `window` then holds time and calls at the first full turn-over and at the last start."""
        waiting = iter(self.cases)
        async with asyncio.TaskGroup() as group:
            for place in range(min(self.in_flight, len(self.cases))):
                group.create_task(self._place(waiting, one, self.spread_s * place / self.in_flight))

    async def _place(self, waiting: Any, one: One, after_s: float) -> None:  # noqa: ANN401 - an iterator that all share
        await asyncio.sleep(after_s)
        for case in waiting:
            self.enter()
            await one(case)
            self.leave(case)

    def enter(self) -> None:
        """A case begins."""
        self.begun += 1
        if self.begun == len(self.cases):
            self._mark()

    def leave(self, case: Recorded) -> None:
        """A case is done."""
        self.done += 1
        self.calls += case.calls
        if self.done == self.in_flight:
            self._mark()

    def _mark(self) -> None:
        self.window.append((time.perf_counter(), self.calls))


async def lap(cases: Sequence[Recorded], one: One, in_flight: int, latency_s: float) -> dict[str, Any]:
    """Warm up with the first `in_flight` cases, then measure the others; returns what `measured` says."""

    async def run(crowd: Crowd) -> None:
        await crowd.run(one)

    return await measured(cases, run, in_flight, latency_s)


async def measured(
    cases: Sequence[Recorded], run: Callable[[Crowd], Awaitable[object]], in_flight: int, latency_s: float
) -> dict[str, Any]:
    """Run the first `in_flight` cases to warm up, then measure the others.

    Returns:
        `cpu_ms`: milliseconds of CPU a case, user and system, all threads of this process. `calls`: model calls of all
        cases, the first ones included. `peak_mb`: peak resident memory. While every place is taken: `window_cases_s`,
        cases a second, and `of_ideal`, the share of its time that a place waits for the model (an arm that costs no
        time of its own reaches 1).
    """
    spread_s = latency_s * cases[0].calls
    await run(Crowd(cases[:in_flight], in_flight, spread_s))
    crowd = Crowd(cases[in_flight:], in_flight, spread_s)
    cpu = time.process_time()
    await run(crowd)
    cpu = time.process_time() - cpu
    found = {"cpu_ms": 1000 * cpu / crowd.done, "calls": sum(case.calls for case in cases)}
    (full, then), (last, by_then) = sorted(crowd.window)[:2]
    if last > full:
        found["window_cases_s"] = (by_then - then) / cases[0].calls / (last - full)
        found["of_ideal"] = (by_then - then) * latency_s / (in_flight * (last - full))
    return found | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def tell(found: dict[str, Any]) -> None:
    """Hand the figures to the process that started this one."""
    sys.stdout.buffer.write(orjson.dumps(found) + b"\n")
