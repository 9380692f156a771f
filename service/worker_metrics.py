"""What one worker process has done, for Prometheus: its passes, and what its models were asked, took and cost."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram

from agents.model import Asking
from service.worker import Running

_PASS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_CALL_S = (0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 180)
_TOKENS = {"in": "tokens_in", "out": "tokens_out", "cached": "tokens_cached"}


class WorkerMetrics:
    """Counts as it watches passes and model calls.

    A model is counted by the name under which it is asked, which the settings give; what a server calls itself is no
    label, for it may say anything. A call that a run finds in its journal was not made, and is not counted.

    Attributes:
        registry: what is to be scraped.
    """

    def __init__(self) -> None:
        """Begin at nothing."""
        self.registry = registry = CollectorRegistry()
        passes, calls = "casewright_passes", "casewright_model_calls"
        self._passes = Counter(passes, "Passes of cases, by how they ended.", ["end"], registry=registry)
        self._seconds = Histogram("casewright_pass_seconds", "Seconds of a pass.", registry=registry, buckets=_PASS_S)
        self._calls = Counter(calls, "Questions to a model, attempts included.", ["model", "end"], registry=registry)
        self._call_seconds = Histogram(
            "casewright_model_call_seconds",
            "Seconds until a model has answered, waiting for its turn included.",
            ["model"],
            registry=registry,
            buckets=_CALL_S,
        )
        self._tokens = Counter(
            "casewright_model_tokens", "Tokens; those cached are among those in.", ["model", "kind"], registry=registry
        )
        self._cost = Counter(
            "casewright_model_cost", "Cost, in the price table's currency.", ["model"], registry=registry
        )

    @contextmanager
    def passing(self, running: Running) -> Iterator[None]:
        """Watch a pass."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._passes.labels(running.end).inc()
            self._seconds.observe(time.monotonic() - began)

    @contextmanager
    def asking(self, asking: Asking) -> Iterator[None]:
        """Watch a question to a model."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._calls.labels(asking.model, "answered" if asking.answer else "failed").inc()
            self._call_seconds.labels(asking.model).observe(time.monotonic() - began)
        self._used(asking)

    def _used(self, asking: Asking) -> None:
        usage = asking.answer["usage"] if asking.answer else {}
        for kind, name in _TOKENS.items():
            self._tokens.labels(asking.model, kind).inc(usage.get(name, 0))
        self._cost.labels(asking.model).inc(float(usage.get("cost", "0")))
