"""The process tree of `serve`: workers that are started again when they end, and all of it stopped in order."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress

from casewright.settings import inherited

log = logging.getLogger(__name__)
_DRAIN_S = 30.0
"""Seconds that a worker has to finish what is in flight; what it does not is taken up by the next."""
_SHORT_S = 10.0
"""A worker that lives shorter is started again ever more slowly."""
_PAUSE_AT_MOST_S = 30.0


async def keep_worker(slot: int, changes: Mapping[str, str], stop: asyncio.Event) -> None:
    """Keep one worker process running until told to stop.

    Args:
        slot: which of this machine's workers it is, from 0.
        changes: variables that it gets besides this process's own.
        stop: ends it: SIGTERM, so that it finishes what is in flight, then SIGKILL.
    """
    pause = 1.0
    while not stop.is_set():
        begun = time.monotonic()
        process = await _start(slot, changes)
        await _ended_or(stop, process)
        if stop.is_set():
            await _end(process)
            return
        pause = 1.0 if time.monotonic() - begun > _SHORT_S else min(_PAUSE_AT_MOST_S, pause * 2)
        log.warning("a worker ended; it is started again", extra={"slot": slot, "status": process.returncode})
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)


async def _start(slot: int, changes: Mapping[str, str]) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "casewright", "worker", "--slot", str(slot), "--parent", str(os.getpid()))
    # A group of its own: Ctrl-C at the terminal reaches this process, which then ends them in order.
    return await asyncio.create_subprocess_exec(*command, env=inherited(changes), start_new_session=True)


async def _ended_or(stop: asyncio.Event, process: asyncio.subprocess.Process) -> None:
    tasks = [asyncio.create_task(stop.wait()), asyncio.create_task(process.wait())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _DRAIN_S)
    except TimeoutError:
        log.warning("a worker did not finish in time", extra={"pid": process.pid})
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
