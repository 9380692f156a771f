"""Where paused runs last: LangGraph's own checkpointer on PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from graphs.passes import PLAIN, Saver
from service.database import AWAY, LIBPQ_PROBES, Pool, server_probes

GONE: tuple[type[Exception], ...] = (
    *AWAY,
    psycopg.OperationalError,
    psycopg.errors.ReadOnlySqlTransaction,
    PoolTimeout,
)
"""What is raised while the database is away, by either driver."""


async def _have_probed(connection: psycopg.AsyncConnection[DictRow]) -> None:
    for name, figure in server_probes().items():
        await connection.execute("SELECT set_config(%s, %s, false)", (name, figure))


@asynccontextmanager
async def open_saver(dsn: str, size: int = 4) -> AsyncIterator[AsyncPostgresSaver]:
    """Open the checkpointer; connections that have died are replaced when they are asked for."""
    pool: AsyncConnectionPool[psycopg.AsyncConnection[DictRow]] = AsyncConnectionPool(
        dsn,
        min_size=0,
        max_size=size,
        open=False,
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row, **LIBPQ_PROBES},
        configure=_have_probed,
        check=AsyncConnectionPool.check_connection,
    )
    async with pool:
        yield AsyncPostgresSaver(pool, serde=PLAIN)


# A thread is needed while its case may go on from it. Runs that were superseded leave threads that nobody needs.
_IDLE = """
SELECT DISTINCT k.thread_id FROM checkpoints k
WHERE NOT EXISTS (SELECT 1 FROM escalations e WHERE e.thread = k.thread_id AND e.closed_at IS NULL)
AND NOT EXISTS (
    SELECT 1 FROM cases c WHERE c.status = 'running' AND k.thread_id = c.id || '/' || c.epoch
)
LIMIT 500
"""


async def prune(pool: Pool, saver: Saver) -> int:
    """Delete checkpoints that no case goes on from any more; returns how many runs' there were."""
    threads = [row["thread_id"] for row in await pool.fetch(_IDLE)]
    for thread in threads:
        await saver.adelete_thread(thread)
    return len(threads)
