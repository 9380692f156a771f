"""Bringing a database up to what this version needs: our numbered files, then the queue's and the checkpoints' own."""

import asyncio
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import ClassVar

import asyncpg
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from cases.problem import CasewrightError

_LOCK = 0x_CA5E_0001
_NAME = re.compile(r"^(\d{4})_[a-z_]+\.sql$")
_DONE = """
CREATE TABLE IF NOT EXISTS migrations (
    number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class NewerDatabase(CasewrightError):
    """the database is at migration {there}, this version of Casewright knows {known}"""

    code: ClassVar[str] = "newer_database"
    hint: ClassVar[str] = "upgrade Casewright on this machine, too"


@dataclass(frozen=True)
class Migration:
    """One numbered file."""

    number: int
    name: str
    sql: str


def migrations() -> list[Migration]:
    """Every migration that this version knows, in order."""
    found = [(match, file) for file in files("service.migrations").iterdir() if (match := _NAME.match(file.name))]
    listed = [Migration(int(match[1]), file.name, file.read_text(encoding="utf-8")) for match, file in found]
    return sorted(listed, key=lambda migration: migration.number)


async def migrate(dsn: str, upto: int | None = None) -> list[str]:
    """Apply what is missing; safe with many starters, for one at a time does it.

    Args:
        dsn: of the database.
        upto: the last migration to apply; the newest where none is named.

    Returns:
        Names of the migrations applied now.

    Raises:
        NewerDatabase: a later version has been here.
    """
    connection = await asyncpg.connect(dsn)
    try:
        # Asked for again and again, not waited for: a statement that waits would hold up the saver's own
        # CREATE INDEX CONCURRENTLY, and both would wait for each other.
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110 - no event crosses machines
            await asyncio.sleep(0.2)
        return await _migrate(connection, dsn, upto)
    finally:
        await connection.close()  # which frees the lock


async def _migrate(connection: "asyncpg.Connection[asyncpg.Record]", dsn: str, upto: int | None) -> list[str]:
    await connection.execute(_DONE)
    missing = [m for m in await _pending(connection) if m.number <= (upto or m.number)]
    for migration in missing:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO migrations (number, name) VALUES ($1, $2)", migration.number, migration.name
            )
    await _libraries(connection, dsn)
    return [migration.name for migration in missing]


async def _pending(connection: "asyncpg.Connection[asyncpg.Record]") -> list[Migration]:
    """What is not applied yet, also below the last: of two written at the same time, either may come first."""
    done = {row["number"] for row in await connection.fetch("SELECT number FROM migrations")}
    known = migrations()
    if max(done, default=0) > known[-1].number:
        raise NewerDatabase(there=max(done), known=known[-1].number)
    return [migration for migration in known if migration.number not in done]


async def pending(dsn: str) -> list[str]:
    """Names of the migrations that a database has not had; changes nothing.

    Args:
        dsn: of the database.

    Raises:
        NewerDatabase: a later version has been here.
    """
    connection = await asyncpg.connect(dsn)
    try:
        begun = await connection.fetchval("SELECT to_regclass('migrations') IS NOT NULL")
        missing = await _pending(connection) if begun else migrations()
    finally:
        await connection.close()
    return [migration.name for migration in missing]


async def _libraries(connection: "asyncpg.Connection[asyncpg.Record]", dsn: str) -> None:
    queue = Queries(AsyncpgDriver(connection))
    if await queue.schema_is_installed():
        await queue.apply_upgrade()
    else:
        await queue.install()
        await queue.optimize_autovacuum()
    async with AsyncPostgresSaver.from_conn_string(dsn) as saver:
        await saver.setup()
