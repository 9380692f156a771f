"""Delivering events to webhooks: at least once, signed, tried again for three days, never into a private network."""

import asyncio
import email.utils
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Any, NoReturn, Self, TypeAlias

import aiohttp
import orjson
from aiohttp.abc import AbstractResolver

from service.addresses import public_socket
from service.database import AWAY, Pool
from service.events import CloudEvent, cloud_event
from service.webhooks import BadWebhook, check_url, disable, sign

Form: TypeAlias = Callable[[CloudEvent], Awaitable[bytes | None]]
"""Writes the body for an event; None where it has none, and nothing is sent."""
Forms: TypeAlias = Mapping[str, Form]

RETRY_AFTER_S = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Seconds between the attempts: the example of Standard Webhooks, three days in all."""
GIVE_UP_AFTER = timedelta(days=5)
"""A receiver to which nothing gets through for so long is disabled."""

_LOG = logging.getLogger(__name__)
_TIMEOUT_S = 15.0
_LEASE_S = 60.0
"""Seconds for which a claimed delivery is nobody else's; more than a send may take."""
_AT_ONCE = 16
"""Sends to one receiver at a time; one while it fails, so that one that is down is not stormed."""
_ASKED_AT_MOST_S = 86_400.0
"""Of a receiver's Retry-After, no more is heeded."""
_SILENCE = timedelta(days=2)
"""More than the longest pause between attempts: a failure after so long begins a new count."""
_JITTER = 0.2
_READ_BYTES = 2048
_READ_S = 2.0
_TOLD = 200
"""Characters of a receiver's own words that are kept."""
_TAKEN = range(200, 300)
_GONE = 410

_DUE = """
SELECT w.id FROM webhooks w WHERE w.enabled AND w.id <> ALL ($1::text[])
AND EXISTS (SELECT FROM deliveries d WHERE d.webhook_id = w.id AND d.status = 'pending' AND d.next_at <= now())
"""
_CLAIM = """
WITH due AS (
    SELECT position FROM deliveries WHERE webhook_id = $1 AND status = 'pending' AND next_at <= now()
    ORDER BY next_at, position
    LIMIT (SELECT CASE WHEN failing_since IS NULL THEN $2::integer ELSE 1 END FROM webhooks WHERE id = $1)
    FOR UPDATE SKIP LOCKED
)
UPDATE deliveries d SET next_at = now() + $3::interval, attempts = d.attempts + 1
FROM due JOIN events e USING (position), webhooks w
WHERE d.webhook_id = $1 AND d.position = due.position AND w.id = $1 AND w.enabled
RETURNING d.next_at AS leased, d.attempts, w.url, w.form, e.position, e.id, e.type, e.case_id, e.at, e.data,
    CASE WHEN w.old_secret_until > now() THEN w.secrets ELSE w.secrets[1:1] END AS secrets
"""
# Who has lost the lease writes nothing: the delivery is another's, or is to be made again.
_DELIVERED = """
UPDATE deliveries SET status = 'delivered', delivered_at = now(), answered = $4, error = ''
WHERE webhook_id = $1 AND position = $2 AND next_at = $3
"""
_RECOVERED = "UPDATE webhooks SET failing_since = NULL, failed_at = NULL WHERE id = $1 AND failing_since IS NOT NULL"
_FAILING = """
UPDATE webhooks SET failed_at = now(),
    failing_since = CASE WHEN failed_at > now() - $2::interval THEN failing_since ELSE now() END
WHERE id = $1 RETURNING failing_since < now() - $3::interval AS over
"""
_FAILED = """
UPDATE deliveries SET answered = $4, error = $5,
    status = CASE WHEN $6::interval IS NULL THEN 'failed' ELSE 'pending' END,
    next_at = now() + coalesce($6, interval '0')
WHERE webhook_id = $1 AND position = $2 AND next_at = $3 AND status = 'pending'
"""


async def cloud_event_body(event: CloudEvent) -> bytes:
    """Write a CloudEvent as JSON."""
    return orjson.dumps(event)


@dataclass(frozen=True)
class _Claimed:
    """One delivery that is ours until its lease ends."""

    webhook_id: str
    url: str
    form: str
    secrets: tuple[str, ...]
    position: int
    leased: datetime
    attempts: int
    event: CloudEvent


@dataclass(frozen=True)
class _Answer:
    """How a send went.

    Attributes:
        status: the receiver's; None where it gave none.
        error: why it failed; empty where it did not.
        retry_after_s: when the receiver wants to be asked again.
        ours: it failed before the receiver was asked.
    """

    status: int | None = None
    error: str = ""
    retry_after_s: float = 0.0
    ours: bool = False


class Deliverer:
    """Sends what is due. Any number of them may run: a delivery is leased to one at a time.

    Each event comes at least once, always under its own `webhook-id`; who is killed between sending and recording
    sends it again. No order is promised: `sequence` in the event tells it.
    """

    def __init__(
        self,
        pool: Pool,
        forms: Forms = MappingProxyType({}),
        *,
        allow_private: bool = False,
        scale: float = 1.0,
        lease_s: float = _LEASE_S,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """Take the pool and what is sent; `async with` opens the connections.

        Args:
            pool: of the database.
            forms: how a webhook's `form` is written, beside `cloudevent`.
            allow_private: send to private addresses and without TLS, too.
            scale: of the pauses between attempts; 1 is days.
            lease_s: seconds for which a claimed delivery is ours.
            resolver: of names; the system's where none is given.
        """
        self._pool = pool
        self._forms: Forms = {"cloudevent": cloud_event_body, **forms}
        self._allow_private = allow_private
        self._scale = scale
        self._lease = timedelta(seconds=lease_s)
        self._resolver = resolver
        self._lanes: dict[str, asyncio.Task[int]] = {}

    async def __aenter__(self) -> Self:
        """Open the connections."""
        connector = aiohttp.TCPConnector(
            limit=100,
            limit_per_host=_AT_ONCE,
            resolver=self._resolver,
            socket_factory=None if self._allow_private else public_socket,
        )
        self._http = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,  # a proxy would resolve names for us
            headers={"User-Agent": "Casewright"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Break off what is being sent, which comes due again, and close the connections."""
        for lane in self._lanes.values():
            lane.cancel()
        await asyncio.gather(*self._lanes.values(), return_exceptions=True)
        await self._http.close()

    async def run(self, every_s: float = 0.5) -> NoReturn:
        """Deliver what comes due, until cancelled; sits out a database that is away.

        Args:
            every_s: seconds between two looks.
        """
        while True:
            try:
                await self._open_lanes()
            except AWAY as error:
                _LOG.warning("deliveries wait for the database: %s", type(error).__name__)
            await asyncio.sleep(every_s)

    async def deliver_due(self) -> int:
        """Send what is due now, once.

        Returns:
            How many sends were made.
        """
        lanes = await self._open_lanes()
        return sum(await asyncio.gather(*lanes))

    async def _open_lanes(self) -> list[asyncio.Task[int]]:
        """Begin a lane for every webhook that has something due and has none: a slow receiver holds up only its own."""
        rows = await self._pool.fetch(_DUE, list(self._lanes))
        opened = []
        for row in rows:
            lane = asyncio.create_task(self._lane(row["id"]))
            self._lanes[row["id"]] = lane
            lane.add_done_callback(partial(self._close_lane, row["id"]))
            opened.append(lane)
        return opened

    def _close_lane(self, webhook_id: str, lane: "asyncio.Task[int]") -> None:
        del self._lanes[webhook_id]
        if not lane.cancelled() and (error := lane.exception()):
            _LOG.warning("deliveries to %s broke off: %s", webhook_id, type(error).__name__)

    async def _lane(self, webhook_id: str) -> int:
        sends = 0
        while claimed := await self._claim(webhook_id):
            ended = await asyncio.gather(*map(self._deliver, claimed), return_exceptions=True)
            for error in filter(None, ended):
                raise error  # the database is away; what was sent and not recorded comes due again
            sends += len(claimed)
        return sends

    async def _claim(self, webhook_id: str) -> list[_Claimed]:
        rows = await self._pool.fetch(_CLAIM, webhook_id, _AT_ONCE, self._lease)
        return [_claimed(webhook_id, row) for row in rows]

    async def _deliver(self, claimed: _Claimed) -> None:
        try:
            body = await self._forms[claimed.form](claimed.event)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - an event that cannot be written must fail, not stop the others
            _LOG.exception("event %s cannot be written as %s", claimed.event["id"], claimed.form)
            answer = _Answer(error=f"cannot be written as {claimed.form}: {type(error).__name__}", ours=True)
        else:
            answer = _Answer() if body is None else await self._send(claimed, body)
        await (self._record_failed if answer.error else self._record_delivered)(claimed, answer)

    async def _send(self, claimed: _Claimed, body: bytes) -> _Answer:
        try:
            check_url(claimed.url, allow_private=self._allow_private)
            headers = _headers(claimed, body)
            async with self._http.post(claimed.url, data=body, headers=headers, allow_redirects=False) as response:
                return await _answer(response)
        except BadWebhook as error:
            return _Answer(error=str(error))
        except TimeoutError:
            return _Answer(error=f"no answer within {_TIMEOUT_S:.0f} s")
        except (aiohttp.ClientError, OSError) as error:
            return _Answer(error=_readable(str(error) or type(error).__name__))

    async def _record_delivered(self, claimed: _Claimed, answer: _Answer) -> None:
        key = (claimed.webhook_id, claimed.position, claimed.leased)
        await self._pool.execute(_DELIVERED, *key, answer.status)
        if answer.status:
            await self._pool.execute(_RECOVERED, claimed.webhook_id)

    async def _record_failed(self, claimed: _Claimed, answer: _Answer) -> None:
        pause = None if answer.status == _GONE else self._pause(claimed.attempts, answer)
        key = (claimed.webhook_id, claimed.position, claimed.leased)
        async with self._pool.acquire() as connection, connection.transaction():
            # The webhook first, as whoever disables it does: so nobody waits for each other.
            over = not answer.ours and await connection.fetchval(_FAILING, claimed.webhook_id, _SILENCE, GIVE_UP_AFTER)
            await connection.execute(_FAILED, *key, answer.status, answer.error, pause)
            if answer.status == _GONE:
                await disable(connection, claimed.webhook_id, "the receiver answered 410 Gone")
            elif over:
                await disable(connection, claimed.webhook_id, f"nothing got through for {GIVE_UP_AFTER.days} days")

    def _pause(self, attempts: int, answer: _Answer) -> timedelta | None:
        """Until the next attempt; None where there is no further one."""
        if attempts > len(RETRY_AFTER_S):
            return None
        ours = RETRY_AFTER_S[attempts - 1] * self._scale * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads load, guards nothing
        return timedelta(seconds=max(ours, min(answer.retry_after_s, _ASKED_AT_MOST_S)))


def _claimed(webhook_id: str, row: Any) -> _Claimed:  # noqa: ANN401 - a row
    return _Claimed(
        webhook_id=webhook_id,
        url=row["url"],
        form=row["form"],
        secrets=tuple(row["secrets"]),
        position=row["position"],
        leased=row["leased"],
        attempts=row["attempts"],
        event=cloud_event(row),
    )


def _headers(claimed: _Claimed, body: bytes) -> dict[str, str]:
    now = int(time.time())
    return {
        "content-type": "application/cloudevents+json" if claimed.form == "cloudevent" else "application/json",
        "webhook-id": claimed.event["id"],
        "webhook-timestamp": str(now),
        "webhook-signature": sign(claimed.secrets, claimed.event["id"], now, body),
    }


async def _answer(response: aiohttp.ClientResponse) -> _Answer:
    told = await _first_words(response)
    if response.status in _TAKEN:
        return _Answer(response.status)
    error = f"answered {response.status}" + (f": {told}" if told else "")
    return _Answer(response.status, error, _seconds(response.headers.get("Retry-After", "")))


async def _first_words(response: aiohttp.ClientResponse) -> str:
    """Read a little of the body, so that the connection can serve again; what is longer is left, and it is closed."""
    try:
        async with asyncio.timeout(_READ_S):
            return _readable((await response.content.read(_READ_BYTES)).decode("utf-8", "replace"))
    except (aiohttp.ClientError, OSError):
        return ""  # the status has come, and is what counts


def _readable(text: str) -> str:
    """What may be shown of text that others wrote: on one line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text)[:_TOLD].strip()


def _seconds(retry_after: str) -> float:
    """Seconds that a Retry-After header (RFC 9110, 10.2.3) names: a number or a date; 0 where it is neither."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        at = email.utils.parsedate_to_datetime(retry_after)
    except (ValueError, TypeError):
        return 0.0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max((at - datetime.now(UTC)).total_seconds(), 0.0)
