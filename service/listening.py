"""Waiting until a case has got on: one listening connection a process, which wakes whoever waits for that case."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import asyncpg

from service.database import AWAY

CHANNEL = "casewright_case"
"""Where it is announced, by its id, that a case has been decided, handed over or cancelled (LISTEN/NOTIFY)."""
_PROBE_S = 15.0
"""Seconds between questions whether the listening connection still lives."""

_LOG = logging.getLogger(__name__)


class CaseListener:
    """Tells those who wait for a case that there is news of it."""

    def __init__(self, dsn: str) -> None:
        """Take the connection string of the database itself: a pooler between (PgBouncer) forwards no announcements."""
        self._dsn = dsn
        self._waiting: dict[str, set[asyncio.Event]] = {}

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

    async def run(self) -> NoReturn:
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
            await connection.add_listener(CHANNEL, lambda *heard: self._wake([str(heard[-1])]))
            self._wake(list(self._waiting))  # of what was announced while nobody listened
            while not lost.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), _PROBE_S)
                if not lost.is_set():
                    await connection.execute("SELECT 1", timeout=10)  # a dead wire says nothing by itself
        finally:
            connection.terminate()

    def _wake(self, case_ids: list[str]) -> None:
        for case_id in case_ids:
            for news in self._waiting.get(case_id, ()):
                news.set()
