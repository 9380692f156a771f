"""Signs of life from a thread of its own: a worker whose event loop is busy with cases is not dead."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import psycopg

from service.database import LIBPQ_PROBES

log = logging.getLogger(__name__)
_HANGING_S = 60.0
"""Seconds after which a loop that has not come round counts as hanging: its cases are better off elsewhere."""
_BEAT = "UPDATE pgqueuer SET heartbeat = now() WHERE queue_manager_id = %s AND status = 'picked'"


@asynccontextmanager
async def pulse(dsn: str, manager: UUID, every_s: float) -> AsyncIterator[None]:
    """Give signs of life for all jobs that a queue manager has picked, for the time of the block.

    Args:
        dsn: of the database.
        manager: the queue manager's id.
        every_s: seconds between two signs.
    """
    beating = _Thread(dsn, manager, every_s)
    rounds = asyncio.create_task(beating.come_round())
    beating.start()
    try:
        yield
    finally:
        rounds.cancel()
        with suppress(asyncio.CancelledError):
            await rounds
        beating.over.set()  # not joined: a dead wire may hold it, and nothing waits for its last beat


class _Thread(threading.Thread):
    def __init__(self, dsn: str, manager: UUID, every_s: float) -> None:
        super().__init__(name="pulse", daemon=True)
        self.over = threading.Event()
        self._dsn = dsn
        self._manager = manager
        self._every_s = every_s
        self._came_round = time.monotonic()

    async def come_round(self) -> None:
        while True:
            self._came_round = time.monotonic()
            await asyncio.sleep(1)

    def run(self) -> None:
        while not self.over.wait(self._every_s):
            with suppress(psycopg.OperationalError):  # away: tried again at the next beat
                self._beat_on()

    def _beat_on(self) -> None:
        # Its locks last for a statement each: the server need not be told to look after it.
        with psycopg.connect(self._dsn, autocommit=True, **LIBPQ_PROBES) as connection:
            while not self.over.wait(self._every_s):
                if time.monotonic() - self._came_round < _HANGING_S:
                    connection.execute(_BEAT, (self._manager,))
                else:
                    log.error("the event loop hangs; its cases are given up")
