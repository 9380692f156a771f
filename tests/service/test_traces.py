"""Traces as a receiver gets them: OTLP over HTTP, decoded."""

import asyncio
import gzip
import subprocess
import sys
import threading
import time
from contextlib import asynccontextmanager

import httpx
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from casewright.settings import read_settings
from casewright.watching import tracing, watches
from service.api.app import make_app
from service.api.settings import ApiSettings
from service.database import open_pool
from service.keys import SCOPES, make_key
from tests.service.working import KEY, settled, working

MARK = "Marzipankartoffel"
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Receiver:
    """Takes spans on a port of its own, in a thread of its own, as a collector would."""

    def __init__(self):
        self.raw = []
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run)

    async def _take(self, request):
        body = await request.read()
        self.raw.append(gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body)
        return web.Response()

    def _run(self):
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        runner = web.AppRunner(app)

        async def start():
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # noqa: SLF001 - aiohttp tells it no other way

        self._loop.run_until_complete(start())
        self._started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    def __enter__(self):
        self._thread.start()
        self._started.wait(5)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def spans(self):
        """Every span: name, ids, kind, status, attributes as plain values, and the service that sent it."""
        found = []
        for raw in self.raw:
            sent = ExportTraceServiceRequest.FromString(raw)
            for resource in sent.resource_spans:
                told = {a.key: _plain(a.value) for a in resource.resource.attributes}
                found += [_span(span, told) for scope in resource.scope_spans for span in scope.spans]
        return found


def _plain(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(one) for one in value.array_value.values]
    return getattr(value, kind)


def _span(span, resource):
    return {
        "name": span.name,
        "id": span.span_id,
        "trace": span.trace_id.hex(),
        "parent": span.parent_span_id,
        "kind": span.kind,
        "failed": span.status.code == 2,
        "links": [link.trace_id.hex() for link in span.links],
        "events": len(span.events),
        "service": resource["service.name"],
        **{a.key: _plain(a.value) for a in span.attributes},
    }


def case(case_id):
    subject = {"kind": "listing", "id": f"L-{case_id}", "title": f"Cotton dress {MARK}", "description": MARK * 3}
    return {
        "id": case_id, "opened_at": "2026-03-14T09:30:00Z", "region": "SG", "language": "en", "seller_id": "S-1",
        "subject": subject,
    }  # fmt: skip


@asynccontextmanager
async def serving(dsn, corpus, traces):
    """The API as `serve` wraps it, and a caller of it."""
    pool = await open_pool(dsn)
    app = make_app(pool, corpus, ApiSettings(), dsn=dsn)
    try:
        async with app.router.lifespan_context(app):
            key = await make_key(pool, "tests", SCOPES)
            transport = httpx.ASGITransport(app=traces.around(app))
            headers = {"Authorization": f"Bearer {key.secret}"}
            async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers) as http:
                http.pool = pool
                yield http
    finally:
        await pool.close()


@pytest.fixture
def traced(dsn, corpus, tmp_path):
    """Run a body against API and worker under traces; gives the spans, and what was sent as it was sent."""

    def run(body, *replies, **variables):
        async def inner(url):
            with tracing(read_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": url}), "worker") as traces:
                async with (
                    serving(dsn, corpus, traces) as http,
                    working(dsn, tmp_path, corpus, *replies, watches=watches(None, traces), **variables),
                ):
                    await body(http)

        with Receiver() as receiver:
            asyncio.run(inner(receiver.url))
        return receiver.spans(), b"".join(receiver.raw)

    return run


def named(spans, name):
    return [span for span in spans if span["name"] == name]


def test_a_case_is_one_trace_from_its_submission_to_its_decision(traced):
    async def body(http):
        answered = await http.post("/api/v1/cases", json=case("c-1"), headers={"traceparent": PARENT})
        assert answered.status_code == 202
        await settled(http.pool, "c-1")

    search = {"do": "call_tool", "match": {"kind": "investigate", "turn": 0}, "times": 1}
    search["calls"] = [{"name": "policy_search", "arguments": {"query": f"dresses {MARK}"}}]
    spans, raw = traced(body, search)
    assert {span["trace"] for span in spans} == {PARENT[3:35]}
    (post,), (run,) = named(spans, "POST /api/v1/cases"), named(spans, "case")
    assert (post["parent"].hex(), post["http.response.status_code"], post["kind"]) == (PARENT[36:52], 202, 2)
    assert run["parent"] == post["id"]
    assert (run["casewright.case.id"], run["casewright.epoch"], run["casewright.end"]) == ("c-1", 1, "escalated")
    assert run["casewright.reasons"] == ["automation_off"]
    nodes = {span["name"]: span for span in spans if "casewright.node" in span}
    assert {"prepare", "gather", "retrieve", "investigate", "use_tools", "verify", "assess"} <= nodes.keys()
    assert {span["parent"] for span in nodes.values()} == {run["id"]}
    calls = named(spans, "chat scripted")
    assert len(calls) >= 3
    assert {call["parent"] for call in calls} <= {
        nodes["challenge"]["id"],
        *ids(spans, "investigate"),
        *ids(spans, "challenge"),
    }
    for call in calls:
        assert (call["gen_ai.operation.name"], call["gen_ai.provider.name"]) == ("chat", "openai")
        assert (call["gen_ai.request.model"], call["gen_ai.response.model"]) == ("scripted", "scripted")
        assert call["gen_ai.usage.input_tokens"] > 100
        assert call["gen_ai.usage.output_tokens"] > 0
        assert (call["server.address"], call["kind"]) == ("127.0.0.1", 3)
    (asked,) = named(spans, "execute_tool policy_search")
    assert (asked["gen_ai.operation.name"], asked["gen_ai.tool.name"]) == ("execute_tool", "policy_search")
    assert asked["parent"] == nodes["use_tools"]["id"]
    assert named(spans, "execute_tool image_checks") != []
    for secret in (MARK, KEY, "cw_"):
        assert secret.encode() not in raw


def ids(spans, name):
    return {span["id"] for span in named(spans, name)}


def test_cases_of_a_batch_have_traces_of_their_own_that_point_back(traced):
    async def body(http):
        await http.post("/api/v1/cases", json=[case("a"), case("b")])
        await settled(http.pool, "a", "b")

    spans, _ = traced(body, CASEWRIGHT_AUDITOR="rulebook")
    (post,) = named(spans, "POST /api/v1/cases")
    runs = named(spans, "case")
    assert len(runs) == 2
    assert len({post["trace"], *(run["trace"] for run in runs)}) == 3
    assert [run["links"] for run in runs] == [[post["trace"]]] * 2


def test_what_fails_is_told_by_its_kind_and_not_in_its_words(traced):
    async def body(http):
        await http.get("/healthz")
        missing = await http.get(f"/api/v1/cases/{MARK}?seller_id={MARK}")
        assert missing.status_code == 404
        await http.post("/api/v1/cases", json=case("c-1"))
        await settled(http.pool, "c-1")

    down = {"do": "error", "status": 401, "text": f"You said {MARK} with {KEY}"}
    spans, raw = traced(body, down)
    assert named(spans, "GET /healthz") == []
    (asked,) = named(spans, "GET /api/v1/cases/{case_id}")
    assert asked["http.response.status_code"] == 404
    calls = named(spans, "chat scripted")
    assert {(call["error.type"], call["failed"]) for call in calls} == {("RequestRejected", True)}
    assert [span["events"] for span in spans] == [0] * len(spans)
    (run,) = named(spans, "case")
    assert "model_unavailable" in run["casewright.reasons"]
    assert MARK.encode() not in raw
    assert KEY.encode() not in raw


def test_a_receiver_that_is_away_delays_nothing(dsn, corpus, tmp_path):
    async def inner():
        settings = read_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
        with tracing(settings, "worker") as traces:
            async with (
                serving(dsn, corpus, traces) as http,
                working(dsn, tmp_path, corpus, watches=watches(None, traces), CASEWRIGHT_AUDITOR="rulebook"),
            ):
                await http.post("/api/v1/cases", json=case("c-1"))
                assert await settled(http.pool, "c-1") == {"c-1": "waiting"}
            began = time.monotonic()
        assert time.monotonic() - began < 10

    asyncio.run(inner())


def test_without_an_endpoint_nothing_of_ours_is_even_imported(root):
    """What PgQueuer and Chroma import for themselves is their affair."""
    code = (
        "import sys, casewright.commands.serve, casewright.commands.worker;"
        "print([name for name in ('casewright.tracing', 'opentelemetry.exporter') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
