"""What Prometheus asks of the service: one look at the database, a few cheap questions, at most every few seconds.

Exposition: https://prometheus.io/docs/instrumenting/exposition_formats/. No label has values that an outsider can add
to: no ids of cases, no sellers, no types that the corpus does not know.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.database import AWAY, Connection, Pool
from service.duty import GONE_S

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FRESH_S = 5.0
"""Seconds for which one look serves every scraper."""
Rows = Sequence[asyncpg.Record]

_STATUSES = ("queued", "running", "waiting", "decided", "cancelled")
_ASKED = ("reviewer", "senior", "seller", "policy_team")
_CASES = """
SELECT status, count(*) AS count FROM cases WHERE status IN ('queued', 'running', 'waiting') GROUP BY status
UNION ALL SELECT 'cancelled', count(*) FROM cases WHERE status = 'cancelled'
UNION ALL SELECT 'decided', coalesce(sum(count), 0)::bigint FROM tallies WHERE event = 'case.decided'
"""
_OLDEST = """
SELECT coalesce(extract(epoch FROM now() - least(
    (SELECT min(received_at) FROM cases WHERE status = 'queued' AND number = 0),
    (SELECT min(greatest(e.answered_at, c.resumes_at)) FROM escalations e JOIN cases c ON c.id = e.case_id
     WHERE e.answer IS NOT NULL AND e.closed_at IS NULL AND (c.resumes_at IS NULL OR c.resumes_at <= now()))
))::float8, 0) AS seconds
"""
_QUESTIONS = """
SELECT waiting_for, count(*) AS count, extract(epoch FROM now() - min(raised_at))::float8 AS seconds
FROM escalations WHERE answer IS NULL AND closed_at IS NULL GROUP BY waiting_for
"""
_REASONS = """
SELECT reason, sum(count)::bigint AS count FROM (
    SELECT reasons, count(*) AS count FROM escalations WHERE answer IS NULL AND closed_at IS NULL GROUP BY reasons
) AS same, unnest(reasons) AS reason GROUP BY reason
"""
_TALLIES = "SELECT event, type, outcome, decided_by, count FROM tallies"
_DELIVERIES = """
SELECT 'pending' AS status, count(*) AS count FROM deliveries WHERE status = 'pending'
UNION ALL SELECT 'failed', count(*) FROM deliveries WHERE status = 'failed'
"""
_UNNUMBERED = "SELECT count(*) AS count FROM events WHERE position IS NULL"
_MODELS = "SELECT name, failures, open_until IS NOT NULL AS closed FROM model_limits"
_WORKERS = """
SELECT count(*) AS count, coalesce(sum(running), 0)::bigint AS running FROM workers
WHERE seen_at > now() - make_interval(secs => $1)
"""


class ServiceMetrics:
    """The service as its database knows it; the same whichever process is asked."""

    def __init__(self, pool: Pool) -> None:
        """Look at a database; not before it is asked."""
        self._pool = pool
        self._looking = asyncio.Lock()
        self._text = b""
        self._until = 0.0

    async def text(self) -> bytes:
        """The metrics in Prometheus's text format; of a database that is away, that it is."""
        async with self._looking:
            if time.monotonic() >= self._until:
                self._text = exposition(await self._look())
                self._until = time.monotonic() + _FRESH_S
        return self._text

    async def _look(self) -> list[Metric]:
        up = GaugeMetricFamily("casewright_database_up", "Whether the service's database answers.")
        try:
            async with self._pool.acquire(timeout=5) as connection:
                metrics = await _read(connection)
        except AWAY:  # a timeout is an OSError, too
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        return [up, *metrics]


async def _read(connection: Connection) -> list[Metric]:
    questions = await connection.fetch(_QUESTIONS)
    return [
        _cases(await connection.fetch(_CASES)),
        _one("queue_oldest_seconds", "Longest wait for a worker.", await connection.fetchval(_OLDEST)),
        _by("questions", "Questions that wait for somebody.", "waiting_for", _filled(questions, _ASKED, "waiting_for")),
        _by(
            "questions_oldest_seconds",
            "Longest wait for somebody.",
            "waiting_for",
            ((row["waiting_for"], row["seconds"]) for row in questions),
        ),
        _by(
            "questions_by_reason",
            "Questions that wait, once for each of their reasons.",
            "reason",
            _counts(await connection.fetch(_REASONS), "reason"),
        ),
        *_told(await connection.fetch(_TALLIES)),
        _by(
            "deliveries",
            "Deliveries to webhooks that are not through.",
            "status",
            _counts(await connection.fetch(_DELIVERIES), "status"),
        ),
        _one("events_unnumbered", "Events that no listener can read yet.", await connection.fetchval(_UNNUMBERED)),
        *_models(await connection.fetch(_MODELS)),
        *_workers(await connection.fetch(_WORKERS, GONE_S)),
    ]


def exposition(metrics: Iterable[Metric]) -> bytes:
    """Write metrics in Prometheus's text format, through a registry of their own."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Given(metrics))
    return generate_latest(registry)


class _Given(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics

    def describe(self) -> Iterable[Metric]:
        return []


def _counts(rows: Rows, label: str) -> list[tuple[str, float]]:
    return [(row[label], row["count"]) for row in rows]


def _filled(rows: Rows, names: Sequence[str], label: str) -> list[tuple[str, float]]:
    """A count for each name, also where there is nothing: an alert on a series that is not there never fires."""
    return list({**dict.fromkeys(names, 0), **dict(_counts(rows, label))}.items())


def _by(name: str, says: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(f"casewright_{name}", says, labels=[label])
    for value, amount in values:
        family.add_metric([value], amount)
    return family


def _one(name: str, says: str, amount: float) -> Metric:
    return GaugeMetricFamily(f"casewright_{name}", says, value=amount)


def _cases(rows: Rows) -> Metric:
    return _by("cases", "Cases by status.", "status", _filled(rows, _STATUSES, "status"))


_EVENTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "case.received": ("received", "Cases taken in.", ("type",)),
    "case.escalated": ("escalated", "Times that a case was handed to a person.", ("type",)),
    "case.information_requested": ("information_requested", "Times that a seller was asked.", ("type",)),
    "case.decided": ("decided", "Decisions.", ("type", "outcome", "decided_by")),
    "case.overturned": ("overturned", "Decisions overturned.", ("type", "outcome", "decided_by")),
}


def _told(rows: Rows) -> list[Metric]:
    families: dict[str, Any] = {
        event: CounterMetricFamily(f"casewright_cases_{name}", says, labels=labels)
        for event, (name, says, labels) in _EVENTS.items()
    }
    for row in rows:
        families[row["event"]].add_metric([row[label] for label in _EVENTS[row["event"]][2]], row["count"])
    return list(families.values())


def _models(rows: Rows) -> list[Metric]:
    labels = ["endpoint", "model"]
    closed = GaugeMetricFamily("casewright_model_gate_closed", "Whether a model is kept from calls.", labels=labels)
    failures = GaugeMetricFamily("casewright_model_failures", "Failures of a model in a row.", labels=labels)
    for row in rows:
        endpoint, _, model = row["name"].rpartition("|")
        closed.add_metric([endpoint, model], row["closed"])
        failures.add_metric([endpoint, model], row["failures"])
    return [closed, failures]


def _workers(rows: Rows) -> list[Metric]:
    alive = _one("workers", "Worker processes that have given a sign of life lately.", rows[0]["count"])
    return [alive, _one("workers_running", "Cases in flight in them.", rows[0]["running"])]
