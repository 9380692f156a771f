"""Connections to PostgreSQL: one pool a process, and what counts as the database being away."""

import re
import socket
from typing import Any, TypeAlias

import asyncpg
import orjson

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
AWAY: tuple[type[Exception], ...] = (
    OSError,  # refused, reset, no such socket, timed out
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,  # the pool or a connection is closed under us
    asyncpg.OperatorInterventionError,  # it shuts down, or starts up
    asyncpg.InsufficientResourcesError,  # its disk is full, or it has no connection left
    asyncpg.PostgresSystemError,  # its disk is broken
    asyncpg.ReadOnlySQLTransactionError,  # it is the standby now
    asyncpg.IdleInTransactionSessionTimeoutError,  # it took us for dead
    asyncpg.InternalClientError,
)
"""What is raised while the database is away or cannot write: whoever meets it tries again later."""

SILENCE_S = 15
"""Seconds after which a connection counts as cut whose other end says nothing, on either side."""
_PROBE_S = 5
LIBPQ_PROBES: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": _PROBE_S,
    "keepalives_interval": _PROBE_S,
    "keepalives_count": SILENCE_S // _PROBE_S,
    "tcp_user_timeout": SILENCE_S * 1000,
}
"""The same for connections over libpq, as it names them."""
_IDLE_IN_TRANSACTION_S = 60


async def open_pool(dsn: str, size: int = 10) -> Pool:
    """Open the process's pool; close it when done.

    Args:
        dsn: a libpq connection string or URI.
        size: connections at most.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        init=_prepare,
        reset=_nothing,
        command_timeout=60,
        timeout=10,
        server_settings={**server_probes(), "idle_in_transaction_session_timeout": f"{_IDLE_IN_TRANSACTION_S}s"},
    )


async def _nothing(_: Connection) -> None:
    """Leave a returned connection as it is: nobody here keeps state in one, and a reset is one trip more."""


def server_probes() -> dict[str, str]:
    """Have the server notice that we are cut off: else it keeps what we have locked for hours (tcp(7): two)."""
    return {
        "tcp_keepalives_idle": f"{_PROBE_S}",
        "tcp_keepalives_interval": f"{_PROBE_S}",
        "tcp_keepalives_count": f"{SILENCE_S // _PROBE_S}",
        "tcp_user_timeout": f"{SILENCE_S * 1000}",
    }


async def _prepare(connection: Connection) -> None:
    """Give and take jsonb as plain objects, and notice a dead wire."""
    _probe(connection._transport.get_extra_info("socket"))  # type: ignore[union-attr] # noqa: SLF001 - there is no other door
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_written, decoder=orjson.loads)


def _written(value: object) -> str:
    """JSON without U+0000, which a listing may hold and jsonb does not take: U+FFFD stands in its place."""
    return _NUL.sub(r"\1\\ufffd", orjson.dumps(value).decode())


def _probe(wire: Any) -> None:  # noqa: ANN401 - asyncio's stand-in for a socket
    """Ask a silent other end whether it is there (RFC 9293, 3.8.4), and do not wait for ever (RFC 5482)."""
    if wire.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    figures = {
        "TCP_KEEPIDLE": _PROBE_S,
        "TCP_KEEPINTVL": _PROBE_S,
        "TCP_KEEPCNT": SILENCE_S // _PROBE_S,
        "TCP_USER_TIMEOUT": SILENCE_S * 1000,
    }
    for name, figure in figures.items():
        if hasattr(socket, name):  # not every system has every one
            wire.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), figure)
