"""Connections to PostgreSQL: one pool a process, and what counts as the database being away."""

from typing import TypeAlias

import asyncpg
import orjson

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

AWAY: tuple[type[Exception], ...] = (
    OSError,  # refused, reset, no such socket, timed out
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,  # the pool or a connection is closed under us
    asyncpg.OperatorInterventionError,  # it shuts down, or starts up
    asyncpg.InsufficientResourcesError,  # its disk is full, or it has no connection left
    asyncpg.InternalClientError,
)
"""What is raised while the database is away or cannot write: whoever meets it tries again later."""


async def open_pool(dsn: str, size: int = 10) -> Pool:
    """Open the process's pool; close it when done.

    Args:
        dsn: a libpq connection string or URI.
        size: connections at most.
    """
    return await asyncpg.create_pool(
        dsn, min_size=1, max_size=size, init=_as_json, reset=_nothing, command_timeout=60, timeout=10
    )


async def _nothing(_: Connection) -> None:
    """Leave a returned connection as it is: nobody here keeps state in one, and a reset is one trip more."""


async def _as_json(connection: Connection) -> None:
    """Give and take jsonb as plain objects."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
    )
