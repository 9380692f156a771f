"""Upkeep: what has to be done again and again, by whichever worker comes first; the others pass their turn."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from graphs.passes import Saver
from policies.corpus import Corpus
from service.answers import expire
from service.database import Pool
from service.events import purge_events
from service.queue import analyze_grown, tidy, wish_again
from service.savers import GONE, prune
from service.tallies import tally

log = logging.getLogger(__name__)
_KEPT = timedelta(days=90)
"""How long events can be pulled."""
_EARLY = 0.75
"""Of a task's interval: whoever comes sooner after it was done, by any process, passes."""


@dataclass(frozen=True)
class Task:
    """One thing to be done every so often."""

    name: str
    every_s: float
    do: Callable[[], Awaitable[object]]


def tasks(pool: Pool, saver: Saver, corpus: Corpus) -> list[Task]:
    """Everything that a service wants done."""
    types = sorted(corpus.types)
    return [
        Task("lost jobs", 15, lambda: wish_again(pool)),
        Task("expiries", 30, lambda: expire(pool, corpus)),
        Task("depth", 5, lambda: analyze_grown(pool)),
        Task("tallies", 5, lambda: tally(pool, types)),
        Task("checkpoints", 60, lambda: prune(pool, saver)),
        Task("queue log", 600, lambda: tidy(pool)),
        Task("old events", 3600, lambda: purge_events(pool, _KEPT)),
    ]


async def keep(pool: Pool, todo: list[Task]) -> NoReturn:
    """Do all of it for ever, each task by itself: one that fails or is slow holds up no other."""
    async with asyncio.TaskGroup() as group:
        for task in todo:
            group.create_task(_again(pool, task))
    raise AssertionError  # the tasks do not end


async def _again(pool: Pool, task: Task) -> NoReturn:
    while True:
        await asyncio.sleep(task.every_s * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load, guards nothing
        try:
            await _in_turn(pool, task)
        except GONE as error:
            log.warning("upkeep waits for the database", extra={"task": task.name, "why": type(error).__name__})
        except Exception:
            log.exception("upkeep failed", extra={"task": task.name})


_RESTS = """
SELECT EXISTS (
    SELECT 1 FROM upkeep
    WHERE task = $1 AND done_at BETWEEN clock_timestamp() - make_interval(secs => $2) AND clock_timestamp()
)
"""
_DONE = """
INSERT INTO upkeep (task, done_at) VALUES ($1, clock_timestamp())
ON CONFLICT (task) DO UPDATE SET done_at = clock_timestamp()
"""


async def _in_turn(pool: Pool, task: Task) -> None:
    """Do a task unless another process is at it, or has just done it: ten workers do no more of it than one.

    No transaction: one that idles while its task works is broken off.
    """
    async with pool.acquire() as connection:
        name = f"casewright {task.name}"
        if await connection.fetchval("SELECT pg_try_advisory_lock(hashtext($1))", name):
            try:
                if not await connection.fetchval(_RESTS, task.name, _EARLY * task.every_s):
                    await task.do()
                    await connection.execute(_DONE, task.name)
            finally:
                await connection.execute("SELECT pg_advisory_unlock(hashtext($1))", name)
