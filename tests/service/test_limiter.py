"""The gate that machines share, in a real PostgreSQL: each gate of a test is a machine's own."""

import asyncio
import itertools
import json
import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agents.endpoint import Endpoint
from agents.gate import ModelPaused, Ticket
from agents.model import EXAMPLE_PRICES, ModelSettings, Prices
from agents.script import Script, ScriptedModel
from service.database import AWAY
from service.limiter import SharedGate

CALLERS = Path(__file__).with_name("callers.py")
URL = "http://models/v1"


def gates(pool, count=2, requests=None, tokens=None, **more):
    return [SharedGate(pool, URL, requests, tokens, **more) for _ in range(count)]


async def row(pool):
    return await pool.fetchrow("SELECT * FROM model_limits WHERE name = $1", f"{URL}|m")


async def fail(gate, times):
    for _ in range(times):
        await gate.failed(await gate.admit("m", 100), "status 503")


async def took(awaitable):
    began = time.monotonic()
    return await awaitable, time.monotonic() - began


def most_in(passed, window):
    """The most calls that any window of so many seconds has seen, wherever it begins."""
    return max(sum(start <= at < start + window for at in passed) for start in passed)


@pytest.mark.parametrize(("requests", "tokens"), [(1200, 0), (0, 144_000)])
def test_two_processes_keep_one_rate_together_and_use_it(dsn, requests, tokens):
    """20 calls a second, be it by requests or by tokens (120 a call)."""
    command = [sys.executable, str(CALLERS), dsn, "25", str(requests), str(tokens), "4"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    apart = [json.loads(process.communicate(timeout=60)[0]) for process in both]
    passed = sorted(at for one in apart for at in one)
    # Both are at work: before that, one may have had the rate to itself.
    passed = [at for at in passed if at > max(one[0] for one in apart)]
    burst, late = 20 + 4, 0.3  # tokens are corrected after the call: those of some calls in flight come on top
    for window in (0.5, 1, 2, 4):
        assert most_in(passed, window) <= burst + 20 * (window + late), window
    assert len(passed) / (passed[-1] - passed[0]) > 20 * 0.8
    assert min(len([at for at in one if at >= passed[0]]) for one in apart) > len(passed) * 0.4


def test_no_minute_sees_more_requests_than_were_set(with_pool):
    """A minute is long for a test: a limit of 60 lets one through a second, whatever has been saved up."""

    async def body(pool):
        first, second = gates(pool, requests=60)
        await first.admit("m", 1)
        await pool.execute("UPDATE model_limits SET at = at - interval '1 hour'")
        passed = []

        async def one(gate):
            await gate.admit("m", 1)
            passed.append(time.monotonic())

        await asyncio.gather(*(one(gate) for gate in (first, second, first, second)))
        gaps = [later - earlier for earlier, later in itertools.pairwise(passed)]
        assert min(gaps) > 0.8
        assert passed[-1] - passed[0] > 2.9
        assert max(gaps) < 2

    with_pool(body)


def test_each_model_has_its_own_rate(with_pool):
    async def body(pool):
        (gate,) = gates(pool, 1, requests=1)
        _, waited = await took(asyncio.gather(gate.admit("m", 1), gate.admit("n", 1)))
        assert waited < 0.5

    with_pool(body)


def test_tokens_are_put_right_by_what_the_model_used(with_pool):
    async def body(pool):
        first, second = gates(pool, tokens=6000)  # 100 a second
        await first.answered(await first.admit("m", 10), 200)
        _, waited = await took(second.admit("m", 100))
        assert 1.8 < waited < 2.5
        ticket = await first.admit("m", 100)
        await first.answered(ticket, 5)
        _, waited = await took(second.admit("m", 10))
        assert waited < 0.5
        # Where the model does not say what it used, the estimate stands.
        before = (await row(pool))["tokens"]
        await first.answered(Ticket("m", 90), None)
        assert (await row(pool))["tokens"] == before

    with_pool(body)


def test_a_call_larger_than_the_bucket_has_its_turn_and_pays_for_it(with_pool):
    async def body(pool):
        first, second = gates(pool, tokens=60_000)  # 1,000 a second
        small = [asyncio.create_task(first.admit("m", 300)) for _ in range(10)]
        await asyncio.sleep(0.1)
        _, waited = await took(second.admit("m", 1500))
        assert waited < 4
        await asyncio.gather(*small)
        _, waited = await took(first.admit("m", 300))
        assert waited > 0.1
        assert (await row(pool))["tokens"] >= 300

    with_pool(body)


def test_those_who_wait_in_a_process_have_their_turns_in_order(with_pool):
    async def body(pool):
        (gate,) = gates(pool, 1, requests=600)
        order = []

        async def one(number):
            await gate.admit("m", 1)
            order.append(number)

        await asyncio.gather(*(one(number) for number in range(25)))
        assert order == sorted(order)

    with_pool(body)


def test_a_turn_that_would_come_too_late_is_told_at_once(with_pool):
    async def body(pool):
        (gate,) = gates(pool, 1, requests=1, patience_s=30)
        await gate.admit("m", 1)
        began = time.monotonic()
        with pytest.raises(ModelPaused) as told:
            await gate.admit("m", 1)
        assert time.monotonic() - began < 1
        assert 50 < told.value.after_s <= 60

    with_pool(body)


def test_a_queue_that_is_too_long_is_told_within_the_patience(with_pool):
    async def body(pool):
        (gate,) = gates(pool, 1, requests=60, patience_s=1)
        asked = await asyncio.gather(*(gate.admit("m", 1) for _ in range(9)), return_exceptions=True)
        assert sum(isinstance(said, ModelPaused) for said in asked) >= 5
        assert sum(isinstance(said, Ticket) for said in asked) >= 1

    with_pool(body)


def test_a_clock_that_was_set_back_stops_nobody(with_pool):
    async def body(pool):
        (gate,) = gates(pool, 1, requests=600)
        await gate.admit("m", 1)
        await pool.execute("UPDATE model_limits SET at = now() + interval '1 hour'")
        _, waited = await took(gate.admit("m", 1))
        assert waited < 3

    with_pool(body)


@pytest.mark.parametrize("requests", [None, 60_000])
def test_five_failures_in_a_row_over_all_machines_close_the_gate(with_pool, caplog, requests):
    async def body(pool):
        first, second = gates(pool, requests=requests)
        await fail(first, 2)
        await fail(second, 2)
        await first.answered(await first.admit("m", 100), 120)
        await fail(second, 2)
        await fail(first, 2)
        ticket = await second.admit("m", 100)
        await fail(first, 1)
        for gate in (first, second):
            with pytest.raises(ModelPaused) as told:
                await gate.admit("m", 100)
            assert 13 < told.value.after_s <= 15
        # What was let through before neither opens the gate nor makes the pause longer.
        held = await row(pool)
        await second.answered(ticket, 100)
        await first.failed(ticket, "status 503")
        assert (await row(pool))["open_until"] == held["open_until"]
        assert (await row(pool))["failures"] == 5
        await first.admit("other", 100)

    with caplog.at_level(logging.WARNING):
        with_pool(body)
    assert "m takes no calls for 15 s after 5 failures in a row: status 503" in caplog.text


@pytest.mark.parametrize("requests", [None, 60_000])
def test_one_caller_of_all_tries_the_model_again(with_pool, requests):
    async def body(pool):
        both = gates(pool, requests=requests, breaker_pause_s=0.5)
        await fail(both[0], 5)

        async def twenty():
            asked = await asyncio.gather(*(both[i % 2].admit("m", 100) for i in range(20)), return_exceptions=True)
            passed = [said for said in asked if isinstance(said, Ticket)]
            paused = [said for said in asked if isinstance(said, ModelPaused)]
            assert len(passed) + len(paused) == 20, asked
            return passed, paused

        assert (await twenty())[0] == []
        await asyncio.sleep(0.55)
        (probe,), paused = await twenty()
        assert probe.probe
        assert len(paused) == 19
        assert all(0 < said.after_s <= 0.5 for said in paused)
        await both[0].failed(probe, "status 503")  # the pause doubles
        await asyncio.sleep(0.6)
        assert (await twenty())[0] == []
        await asyncio.sleep(0.5)
        (probe,), _ = await twenty()
        await both[1].answered(probe, 120)
        passed, paused = await twenty()
        assert (len(passed), paused) == (20, [])
        assert not any(ticket.probe for ticket in passed)
        assert (await row(pool))["failures"] == 0

    with_pool(body)


def test_the_pause_grows_to_twenty_seconds(with_pool):
    async def body(pool):
        (gate,) = gates(pool, 1)
        pauses = []
        await fail(gate, 5)
        for _ in range(4):
            with pytest.raises(ModelPaused) as told:
                await gate.admit("m", 100)
            pauses.append(round(told.value.after_s))
            await pool.execute("UPDATE model_limits SET open_until = now()")
            await fail(gate, 1)
        assert pauses == [15, 20, 20, 20]
        await pool.execute("UPDATE model_limits SET failures = 100000, open_until = now()")
        await fail(gate, 1)
        (stricter,) = gates(pool, 1, breaker_failures=2)
        await pool.execute("UPDATE model_limits SET failures = 3, open_until = NULL")
        assert (await stricter.admit("m", 100)).probe

    with_pool(body)


def test_a_probe_that_is_not_heard_of_is_followed_by_another(with_pool):
    async def body(pool):
        first, second = gates(pool, breaker_pause_s=0.2, probe_s=0.4)
        await fail(first, 5)
        await asyncio.sleep(0.25)
        assert (await first.admit("m", 100)).probe  # and its process is killed
        with pytest.raises(ModelPaused):
            await second.admit("m", 100)
        await asyncio.sleep(0.45)
        assert (await second.admit("m", 100)).probe

    with_pool(body)


def test_a_call_costs_one_statement_and_writes_only_what_it_must(with_pool):
    async def body(pool):
        written = "SELECT xmin::text, ctid::text FROM model_limits"
        (breaker,) = gates(pool, 1)
        await fail(breaker, 1)
        await breaker.answered(await breaker.admit("m", 100), 120)
        before = await pool.fetchrow(written)
        await breaker.answered(await breaker.admit("m", 100), 120)
        assert await pool.fetchrow(written) == before
        (by_requests,) = gates(pool, 1, requests=600)
        ticket = await by_requests.admit("m", 100)
        before = await pool.fetchrow(written)
        await by_requests.answered(ticket, 120)
        assert await pool.fetchrow(written) == before

    with_pool(body)


@pytest.mark.parametrize("requests", [None, 600])
def test_a_database_that_is_away_is_raised(with_pool, requests):
    async def body(pool):
        (gate,) = gates(pool, 1, requests=requests)
        ticket = await gate.admit("m", 100)
        await pool.close()
        await asyncio.sleep(0.3)  # a look that has found no failure counts for a quarter of a second
        for call in (gate.admit("m", 100), gate.answered(ticket, 120), gate.failed(ticket, "status 503")):
            with pytest.raises(AWAY):
                await call

    with_pool(body)


def test_an_outage_stops_the_calls_of_two_machines_and_one_call_ends_it(with_pool):
    async def body(pool):
        down = {"do": "error", "status": 503, "match": {"text": "down"}}
        # The probe is on its way for a while, so that the others meet the closed gate.
        script = Script.model_validate({"replies": [down, {"do": "refuse"}], "latency_s": 0.2})
        async with ScriptedModel(script) as server:
            settings = ModelSettings(base_url=server.base_url, model="m", backoff_s=0.01, attempts=4)
            both = [Endpoint(settings, Prices.read(EXAMPLE_PRICES), gate) for gate in gates(pool, breaker_pause_s=1.5)]

            async def ten(text):
                request = {"model": "m", "messages": [{"role": "user", "content": text}]}
                calls = [both[i % 2].complete(request, json.dumps(request).encode()) for i in range(10)]
                said = await asyncio.gather(*calls, return_exceptions=True)
                return [type(one) for one in said]

            assert await ten("down") == [ModelPaused] * 10
            sent = server.stats["calls"]
            assert sent < 20  # of 40 attempts
            assert await ten("down") == [ModelPaused] * 10
            assert server.stats["calls"] == sent
            await asyncio.sleep(1.6)
            assert sorted(kind.__name__ for kind in await ten("up")) == ["ModelPaused"] * 9 + ["dict"]
            assert server.stats["calls"] == sent + 1
            assert await ten("up") == [dict] * 10
            for endpoint in both:
                await endpoint.aclose()

    with_pool(body)
