"""What happened, for whoever listens: outbox rows get their place in order, and are read by a cursor as CloudEvents."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeAlias

from cases.problem import CasewrightError
from service.cursors import BadCursor, read_position, write_position
from service.database import AWAY, Connection, Pool
from service.listening import CASE_CHANNEL, EVENT_CHANNEL, Listener

if TYPE_CHECKING:
    import asyncpg

EVENTS = ("case.received", "case.escalated", "case.information_requested", "case.decided", "case.overturned")
"""Every type of event there is."""
CloudEvent: TypeAlias = dict[str, Any]
"""CloudEvents 1.0 as JSON (structured mode), with the extension `sequence` that orders it among the others."""

_LOG = logging.getLogger(__name__)
_LOCK = 0x_CA5E_0002
_BATCH = 5000
"""Events that one transaction numbers or purges at most."""
_LOOK_S = 2.0
"""Seconds after which a waiting reader looks by itself: its listening connection may be away."""

_NUMBER = """
WITH unnumbered AS MATERIALIZED (SELECT seq FROM events WHERE position IS NULL ORDER BY seq LIMIT $1),
numbered AS MATERIALIZED (SELECT seq, nextval('event_positions') AS position FROM unnumbered ORDER BY seq)
UPDATE events SET position = numbered.position FROM numbered WHERE events.seq = numbered.seq
RETURNING events.position, events.case_id, events.type
"""
_ANNOUNCE = "SELECT pg_notify($1, $2) UNION ALL SELECT pg_notify($3, id) FROM unnest($4::text[]) AS id"
# A webhook that is being changed is waited for, and one that is gone meanwhile gets nothing.
_DELIVER = """
INSERT INTO deliveries (webhook_id, position)
SELECT w.id, e.position FROM events e JOIN webhooks w ON w.enabled AND (w.types = '{}' OR e.type = ANY (w.types))
WHERE e.position BETWEEN $1 AND $2
FOR SHARE OF w
"""
# One statement and so one snapshot: what is gone, what is there and the page belong together.
_PULL = """
WITH bounds AS (
    SELECT position AS gone, greatest(position, (SELECT max(position) FROM events)) AS last FROM event_horizon
)
SELECT b.gone, b.last, e.* FROM bounds b LEFT JOIN LATERAL (
    SELECT position, id, type, case_id, at, data FROM events
    WHERE position > $1 AND ($2::text[] = '{}' OR type = ANY ($2)) ORDER BY position LIMIT $3
) e ON true ORDER BY e.position
"""
_OLD = """
SELECT position FROM events e
WHERE position IS NOT NULL AND at < now() - $1::interval
AND NOT EXISTS (SELECT FROM deliveries d WHERE d.position = e.position AND d.status = 'pending')
LIMIT $2 FOR UPDATE SKIP LOCKED
"""


class CursorTooOld(CasewrightError):
    """events after this cursor have been purged"""

    code: ClassVar[str] = "cursor_too_old"
    hint: ClassVar[str] = "leave `after` out to begin with the oldest event kept, and read the cases anew"


class UnknownEvent(CasewrightError):
    """there is no event type {type}"""

    code: ClassVar[str] = "unknown_event"
    hint: ClassVar[str] = f"one of {', '.join(EVENTS)}"


def check_types(types: Sequence[str], pointer: str = "") -> tuple[str, ...]:
    """Give back types of events, each once.

    Raises:
        UnknownEvent: naming the first that is not in `EVENTS`, at `pointer` and its index.
    """
    for index, kind in enumerate(types):
        if kind not in EVENTS:
            raise UnknownEvent(f"{pointer}/{index}" if pointer else "", type=kind)
    return tuple(dict.fromkeys(types))


async def number_events(pool: Pool) -> int:
    """Give the outbox's unnumbered events their positions, and every webhook that wants one its delivery.

    One at a time does it, and only what is committed has a number: so numbers come in the order of commits, and a
    reader who has seen one will never find a smaller one later.

    Returns:
        How many were numbered.
    """
    total = 0
    while await pool.fetchval("SELECT EXISTS (SELECT FROM events WHERE position IS NULL)"):
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            done = await _number(connection)
        total += done
        if done < _BATCH:
            break
    return total


async def _number(connection: Connection) -> int:
    rows = await connection.fetch(_NUMBER, _BATCH)
    positions = [row["position"] for row in rows]
    if positions:
        await connection.execute(_DELIVER, min(positions), max(positions))
        news = {row["case_id"] for row in rows if row["type"] != "case.received"}  # nobody waits to hear that it came
        await connection.execute(_ANNOUNCE, EVENT_CHANNEL, str(max(positions)), CASE_CHANNEL, list(news))
    return len(positions)


async def keep_numbering(pool: Pool, every_s: float = 0.2) -> NoReturn:
    """Number events as they come, until cancelled; sits out a database that is away.

    Args:
        pool: of the database.
        every_s: seconds between two looks.
    """
    while True:
        try:
            await number_events(pool)
            await asyncio.sleep(every_s)
        except AWAY as error:
            _LOG.warning("events wait for the database: %s", type(error).__name__)
            await asyncio.sleep(max(every_s, 1.0))


async def pull(pool: Pool, after: int, types: Sequence[str] = (), limit: int = 100) -> tuple[list[CloudEvent], str]:
    """Read the events after a position, in order.

    Args:
        pool: of the database.
        after: the position that `read_position` gave; 0 begins with the oldest event kept.
        types: those wanted; none named: all.
        limit: events at most; at least one.

    Returns:
        The events, and the cursor to go on with (also where there was none).

    Raises:
        UnknownEvent: a type that does not exist.
        CursorTooOld: events after it are purged, so some would be missed.
        BadCursor: it is ahead of every event, so it is another database's.
    """
    limit = max(limit, 1)
    rows = await pool.fetch(_PULL, after, list(check_types(types)), limit)
    gone, last = rows[0]["gone"], rows[0]["last"]
    if after > last:
        raise BadCursor
    if 0 < after < gone:
        raise CursorTooOld
    found = [row for row in rows if row["position"] is not None]
    reached = found[-1]["position"] if len(found) == limit else last
    return [cloud_event(row) for row in found], write_position(reached)


def cloud_event(row: "asyncpg.Record") -> CloudEvent:
    """Make a CloudEvents 1.0 object of a row of `events` (https://github.com/cloudevents/spec, JSON format)."""
    return {
        "specversion": "1.0",
        "id": str(row["id"]),
        "source": "/casewright",
        "type": row["type"],
        "subject": row["case_id"],
        "time": _rfc3339(row["at"]),
        "datacontenttype": "application/json",
        "sequence": f"{row['position']:020d}",  # the Sequence extension: text that sorts as the positions do
        "data": row["data"],
    }


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


async def wait_for_events(
    pool: Pool, listener: Listener, after: int, types: Sequence[str] = (), limit: int = 100, seconds: float = 0
) -> tuple[list[CloudEvent], str]:
    """Read events as `pull` does; where there is none, wait for one.

    Args:
        pool: of the database.
        listener: the process's.
        after: as for `pull`, which also says what is raised.
        types: as for `pull`.
        limit: as for `pull`.
        seconds: to wait at most.

    Returns:
        As `pull`; no events where none came in time.
    """
    until = asyncio.get_running_loop().time() + seconds
    while True:
        news = listener.news()
        found, cursor = await pull(pool, after, types, limit)
        left = until - asyncio.get_running_loop().time()
        if found or left <= 0:
            return found, cursor
        after = read_position(cursor)
        with suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), min(left, _LOOK_S))


async def purge_events(pool: Pool, older_than: timedelta) -> int:
    """Delete old events whose deliveries are over, and the record of these.

    Args:
        pool: of the database.
        older_than: how old they must be.

    Returns:
        How many events went.
    """
    total = 0
    while True:
        async with pool.acquire() as connection, connection.transaction():
            positions = [row["position"] for row in await connection.fetch(_OLD, older_than, _BATCH)]
            gone = await _purge(connection, positions) if positions else 0
        total += gone
        if len(positions) < _BATCH:
            return total


async def _purge(connection: Connection, positions: list[int]) -> int:
    """Delete events that are locked; a replay asked for just before keeps its event."""
    await connection.execute("DELETE FROM deliveries WHERE position = ANY ($1) AND status <> 'pending'", positions)
    gone = await connection.fetch(
        "DELETE FROM events e WHERE position = ANY ($1)"
        " AND NOT EXISTS (SELECT FROM deliveries d WHERE d.position = e.position) RETURNING position",
        positions,
    )
    reached = max((row["position"] for row in gone), default=0)
    await connection.execute("UPDATE event_horizon SET position = greatest(position, $1)", reached)
    return len(gone)
