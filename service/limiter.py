"""The gate before each model that all machines share: requests and tokens a minute, and the breaker, in one row.

The limit is a generic cell rate algorithm (the leaky bucket as a meter of ITU-T I.371): a level drains at the rate, and
a call has its turn once there is room for it. All is reckoned by the database's clock, under the lock of the row.
"""

import asyncio
import logging
import random
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

import asyncpg

from agents.gate import ModelPaused, Ticket
from service.database import Pool

log = logging.getLogger(__name__)

_AHEAD_S = 2.0
"""How far ahead turns are given: a caller that knows its turn need not ask again, and nobody overtakes it."""
_PAUSE_AT_MOST_S = 20.0
"""A probe costs one call, and cases that were put off wait for the next: a longer pause saves little."""
_LOOKED_S = 0.25
"""Seconds for which a look that has found no failure counts; one of our own ends it at once."""
_FAILED = "it failed again and again"
_USED_UP = "its requests or tokens a minute are used up"

# `quick`: what is kept here is of no use a minute later, so that no commit need wait for the disk.
_ADMIT = """
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
held AS MATERIALIZED (SELECT * FROM model_limits WHERE name = $1 FOR UPDATE),
-- The time is read once the row is ours. A last turn that lies further ahead than any is given was put there by a
-- clock that has since been set back.
seen AS MATERIALIZED (
    SELECT now, requests, tokens, at, failures, open_until,
        failures >= $7::int AND open_until > now AS closed, failures >= $7 AS failing,
        greatest(now, least(at, now + make_interval(secs => $9::float8))) AS start
    FROM (SELECT held.*, clock_timestamp() AS now FROM held, quick) AS locked
),
drained AS (
    SELECT seen.*, greatest(0, requests - coalesce(passed * $3::float8, 0)) AS r,
        greatest(0, tokens - coalesce(passed * $5::float8, 0)) AS t
    FROM seen, LATERAL (SELECT greatest(0, extract(epoch FROM start - at)::float8) AS passed) AS since
),
-- A call with more tokens than the bucket holds has its turn when the bucket is empty, and fills it over the brim.
timed AS (
    SELECT drained.*, greatest(0, (r + 1 - $4::float8) / $3, (t - greatest(0, $6::float8 - $2::float8)) / $5) AS more
    FROM drained
),
judged AS MATERIALIZED (
    SELECT timed.*, extract(epoch FROM start - now)::float8 + more AS wait,
        start + make_interval(secs => more) AS turn,
        CASE WHEN closed THEN 'closed'
             WHEN extract(epoch FROM start - now)::float8 + more > $9 THEN 'later'
             WHEN failing THEN 'probe' ELSE 'turn' END AS word
    FROM timed
),
taken AS (
    UPDATE model_limits AS m SET
        requests = greatest(0, r - coalesce(more * $3, 0)) + 1,
        tokens = greatest(0, t - coalesce(more * $5, 0)) + $2,
        at = turn,
        open_until = CASE WHEN failing THEN turn + make_interval(secs => $8::float8) ELSE m.open_until END
    FROM judged WHERE m.name = $1 AND word IN ('turn', 'probe')
)
SELECT word, wait, failures, extract(epoch FROM open_until - now)::float8 AS closed_for FROM judged
"""

_LOOK = """
SELECT failures, failures >= $2 AS failing,
    coalesce(extract(epoch FROM open_until - clock_timestamp())::float8, 0) AS closed_for
FROM model_limits WHERE name = $1
"""

_BEGIN = "INSERT INTO model_limits (name) VALUES ($1) ON CONFLICT DO NOTHING"

_ANSWERED = """
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE model_limits SET
    tokens = tokens + $2::float8,
    failures = CASE WHEN $4 OR failures < $3 THEN 0 ELSE failures END,
    open_until = CASE WHEN $4 OR failures < $3 THEN NULL ELSE open_until END
FROM quick
WHERE name = $1 AND ($2 <> 0 OR (failures > 0 AND ($4::bool OR failures < $3::int)))
"""

# Calls that were let through before the gate closed still fail while it is closed; there only the probe's counts.
_FAILED_ONCE = """
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
now_failed AS (
    INSERT INTO model_limits AS m (name, failures, open_until)
    SELECT $1, 1, CASE WHEN $2::int <= 1 THEN clock_timestamp() + make_interval(secs => $4::float8) END FROM quick
    ON CONFLICT (name) DO UPDATE SET
        failures = m.failures + 1,
        open_until = CASE WHEN m.failures + 1 >= $2 THEN clock_timestamp() + make_interval(
            secs => least($5::float8, $4 * power(2, least(m.failures + 1 - $2, 16)))) END
    WHERE $3::bool OR m.failures < $2
    RETURNING failures, open_until
)
SELECT failures, extract(epoch FROM open_until - clock_timestamp())::float8 AS closed_for FROM now_failed
"""


@dataclass(frozen=True)
class _Rate:
    """A limit a minute as a bucket: what drains a second, and what it holds.

    It holds a second's worth, so that calls are spread over the minute; it drains so much slower that what it holds and
    what drains in a minute together come to the limit: no minute, wherever it begins, sees more.
    """

    drains: float | None
    holds: float | None

    @classmethod
    def of(cls, a_minute: int | None) -> "_Rate":
        if a_minute is None:
            return cls(None, None)
        holds = max(1.0, a_minute / 60)
        return cls((a_minute + 1 - holds) / 60, holds)


class SharedGate:
    """Lets calls through at the rate that was set, and none while a model fails; the same for every machine.

    A database that is away is raised as asyncpg raises it. A caller that is cancelled gives its turn to nobody.
    """

    unlimited: ClassVar[_Rate] = _Rate.of(None)

    def __init__(  # noqa: PLR0913 - each is a figure that a company may set
        self,
        pool: Pool,
        endpoint: str,
        requests_per_minute: int | None,
        tokens_per_minute: int | None,
        breaker_failures: int = 5,
        breaker_pause_s: float = 15.0,
        *,
        probe_s: float = 90.0,
        patience_s: float = 60.0,
    ) -> None:
        """Take the limits; nothing is asked yet.

        Args:
            pool: of the service's database.
            endpoint: base URL; with a model's name, it names the row.
            requests_per_minute: to each model; none means no limit.
            tokens_per_minute: as above, in and out. A minute may go over by the calls in flight, for what they take is
                estimated until they are answered, and by one call that is larger than a second's worth.
            breaker_failures: failures in a row, over all machines, that close the gate.
            breaker_pause_s: how long it is closed at first; each probe that fails doubles it, up to 20 s.
            probe_s: after which a probe that is not heard of counts as lost, and another goes; longer than an attempt.
            patience_s: how long a call waits for its turn before it is paused; a round has no more than its seconds.
        """
        self._pool = pool
        self._endpoint = endpoint
        self._requests = _Rate.of(requests_per_minute)
        self._tokens = _Rate.of(tokens_per_minute)
        self._failures = breaker_failures
        self._pause_s = breaker_pause_s
        self._probe_s = probe_s
        self._patience_s = patience_s
        # One caller a model and process asks; the others stand behind it, first come, first served.
        self._queues: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._clear_until: dict[str, float] = {}

    async def admit(self, model: str, tokens: int) -> Ticket:
        """Wait for a turn.

        Raises:
            ModelPaused: the gate is closed, or no turn comes within the patience.
        """
        if self._requests == self._tokens == self.unlimited:
            return await self._unless_closed(model, tokens)
        since = time.monotonic()
        queue = self._queues[model]
        try:
            async with asyncio.timeout(self._patience_s):
                await queue.acquire()
        except TimeoutError:
            raise ModelPaused(model, _USED_UP, self._pause_s) from None
        try:
            # Also while the turn is waited for: a process that took turn after turn would leave none to the others.
            return await self._turn(model, tokens, since)
        finally:
            queue.release()

    async def answered(self, ticket: Ticket, tokens_used: int | None) -> None:
        """Put the tokens right; end a row of failures, and open the gate after a probe."""
        counted = self._tokens != self.unlimited and tokens_used is not None
        if not counted and self._is_clear(ticket.model):
            return  # no tokens are reckoned, and no failures are there to be forgotten
        over = float((tokens_used or 0) - ticket.tokens) if counted else 0.0
        await self._pool.execute(_ANSWERED, self._name(ticket.model), over, self._failures, ticket.probe)
        if ticket.probe:
            log.warning("%s answers again", ticket.model)

    async def failed(self, ticket: Ticket, why: str) -> None:
        """Count a failure; at the last one, and after a probe, close the gate."""
        self._clear_until.pop(ticket.model, None)
        figures = (self._failures, ticket.probe, self._pause_s, _PAUSE_AT_MOST_S)
        row = await self._pool.fetchrow(_FAILED_ONCE, self._name(ticket.model), *figures)
        if row and row["closed_for"] is not None:
            told = (ticket.model, row["closed_for"], row["failures"], why)
            log.warning("%s takes no calls for %.0f s after %d failures in a row: %s", *told)

    def _is_clear(self, model: str) -> bool:
        return time.monotonic() < self._clear_until.get(model, 0.0)

    def _name(self, model: str) -> str:
        return f"{self._endpoint}|{model}"

    async def _unless_closed(self, model: str, tokens: int) -> Ticket:
        """With no rate to keep, a look now and then is enough: nothing is locked or written while the model answers."""
        if self._is_clear(model):
            return Ticket(model, tokens)
        row = await self._pool.fetchrow(_LOOK, self._name(model), self._failures)
        if row is None or not row["failures"]:
            self._clear_until[model] = time.monotonic() + _LOOKED_S
        if row is None or not row["failing"]:
            return Ticket(model, tokens)
        if row["closed_for"] > 0:
            raise self._closed(model, row)
        return await self._turn(model, tokens, time.monotonic())

    async def _turn(self, model: str, tokens: int, since: float) -> Ticket:
        """Ask until a turn is given, and wait for it."""
        while True:
            row = await self._ask(model, tokens)
            if row["word"] == "closed":
                raise self._closed(model, row)
            if row["word"] != "later":
                await asyncio.sleep(max(0.0, row["wait"]))
                return Ticket(model, tokens, probe=row["word"] == "probe")
            if time.monotonic() - since + row["wait"] > self._patience_s:
                raise ModelPaused(model, _USED_UP, row["wait"])
            # At random, so that of many machines the quickest is not always the first.
            sooner = _AHEAD_S * (1 + random.random()) / 2  # noqa: S311 - spreads turns, guards nothing
            await asyncio.sleep(row["wait"] - sooner)

    async def _ask(self, model: str, tokens: int) -> asyncpg.Record:
        """Ask once, in one statement; the first call ever makes the row."""
        name = self._name(model)
        rates = (self._requests.drains, self._requests.holds, self._tokens.drains, self._tokens.holds)
        asked = (name, float(tokens), *rates, self._failures, self._probe_s, _AHEAD_S)
        row = await self._pool.fetchrow(_ADMIT, *asked)
        while row is None:
            await self._pool.execute(_BEGIN, name)
            row = await self._pool.fetchrow(_ADMIT, *asked)
        return row

    def _closed(self, model: str, row: asyncpg.Record) -> ModelPaused:
        """Closed for longer than a pause lasts, it waits for a probe, whose answer is likely to come before."""
        pause = min(_PAUSE_AT_MOST_S, self._pause_s * 2.0 ** min(row["failures"] - self._failures, 16))
        return ModelPaused(model, _FAILED, row["closed_for"] if row["closed_for"] <= pause else self._pause_s)
