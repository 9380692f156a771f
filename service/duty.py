"""Who is on duty: every worker process says again and again, in a row of its own, that it is at work."""

import asyncio
import logging
import os
import socket
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from importlib.metadata import version
from typing import NoReturn

from cases.problem import Record
from service.database import AWAY, Pool

log = logging.getLogger(__name__)
EVERY_S = 5.0
"""Seconds between two signs of life."""
GONE_S = 20.0
"""Seconds without one after which a worker counts as gone."""

_HERE = """
INSERT INTO workers (id, host, pid, slot, version, running) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO UPDATE SET running = $6, seen_at = now()
"""
_FORGET = "DELETE FROM workers WHERE seen_at < now() - interval '1 day'"


class OnDuty(Record):
    """A worker process that has said of late that it is there.

    Attributes:
        running: cases that it has in flight.
    """

    host: str
    pid: int
    slot: int
    version: str
    running: int
    begun_at: datetime
    seen_at: datetime


async def on_duty(pool: Pool) -> list[OnDuty]:
    """Every worker that is at work."""
    rows = await pool.fetch(
        "SELECT host, pid, slot, version, running, begun_at, seen_at FROM workers"
        " WHERE seen_at > now() - make_interval(secs => $1) ORDER BY host, slot",
        GONE_S,
    )
    return [OnDuty(**dict(row)) for row in rows]


async def be_on_duty(pool: Pool, slot: int, running: Callable[[], int], every_s: float = EVERY_S) -> NoReturn:
    """Tell the database that this worker is at work, until cancelled; then that it is not.

    Args:
        pool: of the database.
        slot: which of its machine's workers it is.
        running: how many cases it has in flight.
        every_s: seconds between two signs of life.
    """
    worker = uuid.uuid4()
    fixed = (worker, socket.gethostname(), os.getpid(), slot, version("casewright"))
    try:
        while True:
            try:
                await pool.execute(_HERE, *fixed, running())
                await pool.execute(_FORGET)
            except AWAY as error:
                log.warning("a sign of life waits for the database", extra={"why": type(error).__name__})
            await asyncio.sleep(every_s)
    finally:
        with suppress(*AWAY, TimeoutError):
            await pool.execute("DELETE FROM workers WHERE id = $1", worker, timeout=2)
