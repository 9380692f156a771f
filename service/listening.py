"""Hearing what the database announces: one listening connection a process, which wakes whoever waits."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import NoReturn

import asyncpg

from service.database import AWAY

CASE_CHANNEL = "casewright_case"
"""Where it is announced, by its id, that a case has been decided, handed over or cancelled (LISTEN/NOTIFY)."""
EVENT_CHANNEL = "casewright_event"
"""Where numbered events are announced."""
_PROBE_S = 15.0
"""Seconds between questions whether the listening connection still lives."""

_LOG = logging.getLogger(__name__)


class Listener:
    """Tells those who wait that there are new events, or news of their case."""

    def __init__(self, dsn: str) -> None:
        """Take the connection string of the database itself: a pooler between (PgBouncer) forwards no announcements."""
        self._dsn = dsn
        self._news = asyncio.Event()
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def news(self) -> asyncio.Event:
        """The event that is set at the next announcement. Ask for it before looking, so that none falls between."""
        return self._news

    @contextmanager
    def news_of(self, case_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set at news of a case. Begin before looking at it, so that none falls between."""
        news = asyncio.Event()
        self._waiting.setdefault(case_id, set()).add(news)
        try:
            yield news
        finally:
            waiting = self._waiting[case_id]
            waiting.discard(news)
            if not waiting:
                del self._waiting[case_id]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Listener"]:
        """Listen for the time of the block."""
        task = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> NoReturn:
        """Listen until cancelled, connecting again whenever the connection is lost."""
        while True:
            try:
                await self._listen()
            except AWAY as error:
                _LOG.warning("the listening connection is away: %s", type(error).__name__)
            await asyncio.sleep(1.0)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=10)
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(EVENT_CHANNEL, lambda *_: self._tell())
            await connection.add_listener(CASE_CHANNEL, lambda *heard: self._wake([str(heard[-1])]))
            self._tell()  # of what was announced while nobody listened
            self._wake(list(self._waiting))
            while not lost.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), _PROBE_S)
                if not lost.is_set():
                    await connection.execute("SELECT 1", timeout=10)  # a dead wire says nothing by itself
        finally:
            connection.terminate()

    def _tell(self) -> None:
        told, self._news = self._news, asyncio.Event()
        told.set()

    def _wake(self, case_ids: list[str]) -> None:
        for case_id in case_ids:
            for news in self._waiting.get(case_id, ()):
                news.set()
