"""Asking the database how far the cases are, also while it is away."""

import asyncio
import time
from typing import Any

import asyncpg

from service.database import AWAY

PATIENCE_S = 900.0
"""Within which a database is back, and every case over."""


async def look(dsn: str, query: str, *arguments: Any) -> list[asyncpg.Record]:  # noqa: ANN401 - a query's
    """Ask over a connection of its own, again and again while the database is away."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            connection = await asyncpg.connect(dsn, timeout=5, command_timeout=30)
            try:
                return await connection.fetch(query, *arguments)
            finally:
                connection.terminate()
        except AWAY:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.05)


async def at_work(dsn: str, count: int, seconds: float = 300.0) -> int:
    """Wait until so many cases are being run; gives how many are."""
    until = time.monotonic() + seconds
    while True:
        running: int = (await look(dsn, "SELECT count(*) FROM cases WHERE status = 'running'"))[0][0]
        if running >= count or time.monotonic() > until:
            return running
        await asyncio.sleep(0.2)


async def until_over(dsn: str, seconds: float = PATIENCE_S) -> float:
    """Wait until every case is decided or with a person; gives the seconds that it took."""
    began = time.monotonic()
    query = "SELECT count(*) FROM cases WHERE status NOT IN ('decided', 'waiting')"
    while (await look(dsn, query))[0][0] and time.monotonic() - began < seconds:  # noqa: ASYNC110 - no event crosses processes
        await asyncio.sleep(0.3)
    return time.monotonic() - began
