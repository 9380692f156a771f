"""Traces by OpenTelemetry, where an endpoint for them is set: requests, passes of cases, their steps, model calls.

Names follow the semantic conventions (HTTP; GenAI: https://opentelemetry.io/docs/specs/semconv/gen-ai/). No span holds
a text of a case, a prompt, an answer or an error's words; ids, names, codes and counts only.
"""

import threading
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pgqueuer.models import Job
from pgqueuer.ports.tracing import TRACER, TracingProtocol
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agents.model import Asking
from graphs.desk import Step
from service.worker import Running

_UNTRACED = {"/healthz", "/readyz", "/metrics"}
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_FLUSH_S = 3.0
_SHOWN = 100
"""Characters of what a server calls itself."""
_PROPAGATOR = TraceContextTextMapPropagator()
_LINKS: ContextVar[tuple[Link, ...]] = ContextVar("links", default=())
"""Of the run that this task is in the course of."""


class Traces:
    """What watches a process, and sends what it sees."""

    def __init__(self, endpoint: str, process: str) -> None:
        """Begin to send.

        Args:
            endpoint: of OTLP over HTTP, without `/v1/traces`. Headers, sampling and the rest of OpenTelemetry's own
                variables are the SDK's to read.
            process: `api` or `worker`.
        """
        named = {"service.name": f"casewright-{process}", "service.version": version("casewright")}
        self._provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        self._exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("casewright")
        TRACER.tracer = QueueTraces()  # the library knows no other place for it than one a process

    def close(self) -> None:
        """Send what is left, and end; waits for the receiver some seconds at most."""
        TRACER.tracer = None
        # The SDK's own flush takes as long as the exporter tries again, whatever time it is given.
        flushing = threading.Thread(target=self._provider.force_flush, daemon=True)
        flushing.start()
        flushing.join(_FLUSH_S)
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
        self._provider.shutdown()

    @contextmanager
    def passing(self, running: Running) -> Iterator[None]:
        """Watch a pass of a case."""
        claim = running.claim
        begun = {"casewright.case.id": claim.case.id, "casewright.epoch": claim.epoch}
        with _span(self._tracer, "case", SpanKind.CONSUMER, begun, _LINKS.get()) as span:
            try:
                yield
            finally:
                span.set_attributes({"casewright.end": running.end, **_told(running.line)})
                if running.end == "failed":
                    span.set_status(StatusCode.ERROR)

    @contextmanager
    def stepping(self, step: Step) -> Iterator[None]:
        """Watch a step: a node of the graph, or a tool."""
        if step.kind == "node":
            with _span(self._tracer, step.name, SpanKind.INTERNAL, {"casewright.node": step.name}):
                yield
            return
        called = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": step.name,
            "gen_ai.tool.type": "function",
        }
        with _span(self._tracer, f"execute_tool {step.name}", SpanKind.INTERNAL, called) as span:
            yield
            if step.failed:
                span.set_attribute("error.type", "unavailable")
                span.set_status(StatusCode.ERROR)

    @contextmanager
    def asking(self, asking: Asking) -> Iterator[None]:
        """Watch a question to a model."""
        place = urlsplit(asking.base_url)
        asked: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",  # the form of its API, which every endpoint here speaks
            "gen_ai.request.model": asking.model,
            "server.address": place.hostname or "",
            "server.port": place.port or (443 if place.scheme == "https" else 80),
        }
        with _span(self._tracer, f"chat {asking.model}", SpanKind.CLIENT, asked) as span:
            yield
            if asking.answer:
                span.set_attributes(_answered(asking.answer))

    def around(self, app: ASGIApp) -> ASGIApp:
        """Have an app's requests watched."""
        return TracedRequests(app, self._tracer)


@contextmanager
def _span(
    tracer: Tracer, name: str, kind: SpanKind, attributes: Mapping[str, Any], links: tuple[Link, ...] = ()
) -> Iterator[Span]:
    """A span that tells of an error its kind and no more: an error's words may quote a listing."""
    with tracer.start_as_current_span(
        name, kind=kind, attributes=attributes, links=links, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise


def _told(line: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a result says that is no text."""
    if line is None:
        return {}
    told = line.get("decision") or line["escalation"]
    found = {"casewright.status": line["status"], "casewright.reasons": tuple(told["reasons"])}
    if line.get("decision"):
        found |= {"casewright.outcome": told["outcome"], "casewright.decided_by": told["decided_by"]}
    return found


def _answered(answer: Mapping[str, Any]) -> dict[str, Any]:
    usage = answer["usage"]
    return {
        "gen_ai.response.model": answer["answered_by"][:_SHOWN],
        "gen_ai.response.finish_reasons": (answer["finish_reason"][:_SHOWN],),
        "gen_ai.usage.input_tokens": usage.get("tokens_in", 0),
        "gen_ai.usage.output_tokens": usage.get("tokens_out", 0),
        "gen_ai.usage.cache_read.input_tokens": usage.get("tokens_cached", 0),
        "casewright.attempts": answer["attempts"],
    }


class QueueTraces(TracingProtocol):
    """Carries W3C trace context in a job's headers (PgQueuer's own port).

    A case that was submitted alone is run in the trace of its submission. Those of a batch have traces of their own,
    with a link to it: a thousand runs in one trace are of no use to anybody.
    """

    def trace_publish(self, entrypoints: list[str]) -> Generator[dict[str, object], None, None]:
        """Give the headers of each job."""
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        name = "parent" if len(entrypoints) == 1 else "link"
        for _ in entrypoints:
            yield {"casewright": {name: carrier}} if carrier else {}

    @asynccontextmanager
    async def trace_process(self, job: Job) -> AsyncIterator[None]:
        """Put a job's trace in force while it runs."""
        sent: Any = (job.headers or {}).get("casewright") or {}
        parent = _PROPAGATOR.extract(sent.get("parent") or {}, Context())
        linked = trace.get_current_span(_PROPAGATOR.extract(sent.get("link") or {}, Context())).get_span_context()
        attached = context.attach(parent)
        reset = _LINKS.set((Link(linked),) if linked.is_valid else ())
        try:
            yield
        finally:
            _LINKS.reset(reset)
            context.detach(attached)


class TracedRequests:
    """ASGI middleware: a span a request, in its sender's trace where it names one."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        """Stand around an app."""
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or scope["path"] in _UNTRACED:
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        attached = context.attach(_PROPAGATOR.extract(headers, Context()))
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        try:
            with _span(self._tracer, method, SpanKind.SERVER, {"http.request.method": method}) as span:

                async def send_noting(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        _note(span, scope, message["status"])
                    await send(message)

                await self._app(scope, receive, send_noting)
        finally:
            context.detach(attached)


def _note(span: Span, scope: Scope, status: int) -> None:
    """The route, not the path: a path names cases, and its query sellers."""
    route = getattr(scope.get("route"), "path", "")
    if route:
        span.update_name(f"{scope['method']} {route}")
        span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:  # noqa: PLR2004 - a fault of ours
        span.set_status(StatusCode.ERROR)
