"""The queue: jobs that wish a case to be run. What is true stands in `cases`; a job may come twice, or be lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from service.database import Connection, Pool

ENTRYPOINT = "case"
_LOST_S = 20
"""Seconds after which a case that should run and has no job is given one again."""


@dataclass(frozen=True)
class Job:
    """A wish to have a case run.

    Attributes:
        number: of the escalation whose answer it takes up; 0 for the first pass. A case's jobs are told apart by it:
            that of the pass before may still be on its way out.
        urgency: see `service.urgency`.
        after: it is due no sooner than that from now.
    """

    case_id: str
    number: int
    urgency: int
    after: timedelta = timedelta(0)

    @property
    def key(self) -> str:
        """What tells it from other jobs."""
        return f"{self.number}/{self.case_id}"


async def wish(connection: Connection, jobs: Sequence[Job]) -> None:
    """Put jobs into the queue, in the connection's transaction; one that is there already is not put in twice."""
    if not jobs:
        return
    queries = Queries(AsyncpgDriver(connection))  # type: ignore[arg-type]  # a pool's proxy serves as its connection
    await queries.enqueue(
        [ENTRYPOINT] * len(jobs),
        [job.case_id.encode() for job in jobs],
        [job.urgency for job in jobs],
        [job.after for job in jobs],
        dedupe_key=[job.key for job in jobs],
        on_conflict="skip",
    )


async def unwish(connection: Connection, job: Job) -> None:
    """Take a job out of the queue that no worker has picked.

    One that is picked at this moment finds that its case needs no run; if the case is answered anew before it has
    found so, the new job is one that was lost, and is given again.
    """
    await connection.execute("DELETE FROM pgqueuer WHERE dedupe_key = $1 AND status = 'queued'", job.key)


_LOST = """
SELECT c.id, c.number, c.urgency FROM cases c
WHERE c.status IN ('queued', 'running') AND coalesce(c.begun_at, c.received_at) < now() - make_interval(secs => $1)
AND (c.resumes_at IS NULL OR c.resumes_at < now())
AND NOT EXISTS (
    SELECT 1 FROM pgqueuer q WHERE q.dedupe_key = c.number || '/' || c.id AND q.status IN ('queued', 'picked')
)
LIMIT 10000
"""


async def wish_again(pool: Pool, after_s: float = _LOST_S) -> int:
    """Give a job to every case that should run and has none; returns how many there were."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("DELETE FROM pgqueuer WHERE status = 'failed'")
        lost = await connection.fetch(_LOST, after_s)
        await wish(connection, [Job(row["id"], row["number"], row["urgency"]) for row in lost])
    return len(lost)


async def backlog(pool: Pool) -> int:
    """Cases that wait for a worker."""
    found: int = await pool.fetchval("SELECT count(*) FROM cases WHERE status = 'queued'")
    return found


async def tidy(pool: Pool, keep: timedelta = timedelta(hours=1)) -> None:
    """Purge the queue's log, which only its own tools read."""
    await pool.execute("DELETE FROM pgqueuer_log WHERE created < now() - $1::interval", keep)


_GROWN = """
SELECT relid::regclass::text AS name FROM pg_stat_user_tables
WHERE relid IN ('pgqueuer'::regclass, 'cases'::regclass) AND n_mod_since_analyze >= greatest(2000, n_live_tup / 2)
"""


async def analyze(pool: Pool, tables: Sequence[str] = ("pgqueuer", "cases")) -> None:
    """Tell the planner how deep the queue has become: claiming from a deep one is several times slower otherwise."""
    await pool.execute(f"ANALYZE {', '.join(tables)}")


async def analyze_grown(pool: Pool) -> None:
    """Analyse those of the queue's tables that have changed so much that the planner's picture of them is wrong.

    What has changed is PostgreSQL's own count, the same for every process.
    """
    if tables := [row["name"] for row in await pool.fetch(_GROWN)]:
        await analyze(pool, tables)
