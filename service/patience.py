"""Sitting out a database that is away: whoever needs it waits, and one asks for all of them."""

import asyncio
import time

from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.ports.driver import NotifyCallback

from service.database import AWAY, Pool

_ASK_S = 5.0
"""Seconds in which a database that is there answers a bare question."""


class Patience:
    """Tells everybody in a process when the database is back.

    Attributes:
        over: set when nobody shall wait any longer, for the process ends.
    """

    def __init__(self, pool: Pool, every_s: float = 0.5) -> None:
        """Ask through the process's pool.

        Args:
            pool: of the database.
            every_s: seconds between two questions.
        """
        self.over = asyncio.Event()
        self._pool = pool
        self._every_s = every_s
        self._asking = asyncio.Lock()
        self._answered_at = 0.0

    async def until_back(self) -> bool:
        """Wait until the database answers; False where it did not before all was over."""
        since = time.monotonic()
        async with self._asking:
            while self._answered_at < since and not self.over.is_set():
                await self._ask()
        return self._answered_at >= since

    async def _ask(self) -> None:
        try:
            await self._pool.fetchval("SELECT 1", timeout=_ASK_S)
        except AWAY:
            await asyncio.sleep(self._every_s)
        else:
            self._answered_at = time.monotonic()


class PatientDriver(AsyncpgPoolDriver):
    """The queue's way to the database, which sits out its absences: the queue's own loop ends at the first.

    What it does again, it may have done before without hearing of it. Jobs picked so have no run, and are picked again
    when their heartbeat is missed; all else that the queue says may be said twice.
    """

    def __init__(self, pool: Pool, patience: Patience, beat_s: float) -> None:
        """Take the pool and how to wait.

        Args:
            pool: of the database.
            patience: the process's.
            beat_s: seconds within which every running job of this process gives a sign of life again.
        """
        super().__init__(pool)
        self._patience = patience
        self._beat_s = beat_s
        self._heard: list[tuple[str, NotifyCallback]] = []
        self._is_lost = False
        self._opening = asyncio.Lock()

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        """Ask, again and again while the database is away."""
        while True:
            try:
                await self._listen_again()
                return await super().fetch(query, *args)
            except AWAY:
                if not await self._patience.until_back():
                    raise
                # Runs say first that they live, here and elsewhere, lest they be taken for a dead worker's.
                await asyncio.sleep(self._beat_s)

    async def execute(self, query: str, *args: object) -> str:
        """Tell, again and again while the database is away."""
        while True:
            try:
                return await super().execute(query, *args)
            except AWAY:
                if not await self._patience.until_back():
                    raise

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        """Listen, on whichever connection is the listening one."""
        await self._listen(channel, callback)
        self._heard.append((channel, callback))

    async def _listen(self, channel: str, callback: NotifyCallback) -> None:
        await super().add_listener(channel, callback)
        if self._listener_connection is not None:
            self._listener_connection.add_termination_listener(self._lose)

    def _lose(self, _: object) -> None:
        """Forget a connection that is closed: the pool has taken it back by itself."""
        self._listener_connection = None
        self._is_lost = True

    async def _listen_again(self) -> None:
        """Have another connection listen where the last one was lost; nobody else would notice."""
        async with self._opening:
            if self._is_lost:
                for channel, callback in self._heard:
                    await self._listen(channel, callback)
                self._is_lost = False
