"""What a worker process says of itself, as it is scraped."""

import asyncio
import json
import signal
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from casewright.watching import watches
from service.database import open_pool
from service.intake import submit
from service.worker_metrics import WorkerMetrics
from tests.service.served import free_port, variables
from tests.service.test_metrics import case
from tests.service.working import settled, working


def samples(text):
    families = text_string_to_metric_families(text)
    return {(s.name, *sorted(s.labels.items())): s.value for family in families for s in family.samples}


def test_passes_and_model_calls_are_counted_as_they_were_made(dsn, corpus, tmp_path):
    async def body():
        counted, pool = WorkerMetrics(), await open_pool(dsn)
        rejects = {"do": "error", "status": 401, "match": {"case": "rejected"}}
        async with working(dsn, tmp_path, corpus, rejects, watches=watches(counted, None)) as (_, server):
            await submit(pool, [case("judged"), case("rejected")])
            await settled(pool, "judged", "rejected")
            stats = dict(server.stats)
        rows = await pool.fetch("SELECT answer FROM journal WHERE slot LIKE '%/investigate/%' OR slot LIKE '%/judge/%'")
        await pool.close()
        used = [json.loads(row["answer"])["usage"] for row in rows]
        return samples(generate_latest(counted.registry).decode()), stats, used

    found, stats, used = asyncio.run(body())
    assert found["casewright_passes_total", ("end", "escalated")] == 2
    assert found["casewright_pass_seconds_count",] == 2
    model = ("model", "scripted")
    answered = found["casewright_model_calls_total", ("end", "answered"), model]
    failed = found["casewright_model_calls_total", ("end", "failed"), model]
    assert answered + failed == stats["calls"]
    assert (answered, failed) == (len(used), 1)
    tokens = [found["casewright_model_tokens_total", ("kind", kind), model] for kind in ("in", "out")]
    assert tokens == [sum(one[name] for one in used) for name in ("tokens_in", "tokens_out")]
    assert found["casewright_model_cost_total", model] == pytest.approx(sum(float(one["cost"]) for one in used))
    assert min(*tokens, found["casewright_model_cost_total", model]) > 0


def test_a_worker_serves_them_where_it_is_told_to(dsn, tmp_path):
    port, home = free_port(), tmp_path / "data"
    command = ["casewright", "worker", "--metrics", str(port)]
    process = subprocess.Popen(command, env=variables(home, CASEWRIGHT_DB=dsn), stderr=subprocess.PIPE)
    try:
        until, text = time.monotonic() + 60, ""
        while not text and time.monotonic() < until:
            assert process.poll() is None, process.stderr.read()
            try:
                text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
            except urllib.error.URLError:
                time.sleep(0.1)
        assert "casewright_pass_seconds_bucket" in text
        second = subprocess.run(
            command, env=variables(home, CASEWRIGHT_DB=dsn), capture_output=True, text=True, timeout=60, check=False
        )
        assert (second.returncode, second.stderr[:20]) == (2, "no_place_for_metrics")
        assert "Traceback" not in second.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        process.stderr.close()


def test_a_port_that_is_none_is_refused(tmp_path):
    for wrong in ("70000", "here", "host:"):
        ran = subprocess.run(
            ["casewright", "worker", "--metrics", wrong],
            env=variables(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, "is no port" in ran.stderr) == (2, True)
