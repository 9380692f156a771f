"""What Prometheus reads of the service, from a real database."""

import asyncio
import json

from prometheus_client.parser import text_string_to_metric_families

from cases.case import read_case
from service.database import open_pool
from service.duty import be_on_duty
from service.events import number_events
from service.intake import submit
from service.metrics import ServiceMetrics
from service.tallies import tally

TYPES = ("ip.counterfeit", "weapons.bladed")


def case(case_id, *suspected, seller="S-1"):
    return read_case(
        {
            "id": case_id,
            "opened_at": "2026-03-14T09:30:00Z",
            "region": "SG",
            "seller_id": seller,
            "subject": {"kind": "listing", "id": f"L-{case_id}", "title": "A title"},
            "suspected": suspected,
        }
    )


async def scraped(pool):
    """Every sample by name and labels, as Prometheus's own parser reads them."""
    text = (await ServiceMetrics(pool).text()).decode()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(samples, name, **labels):
    return samples.get((f"casewright_{name}", *sorted(labels.items())))


async def decide(pool, case_id, outcome="no_violation", by="agent", kind=""):
    await pool.execute(
        "UPDATE cases SET status = 'decided', closed_at = now(), outcome = $2, decided_by = $3 WHERE id = $1",
        case_id, outcome, by,
    )  # fmt: skip
    if kind:
        await pool.execute(
            "INSERT INTO effects (case_id, seller_id, subject_id, subject_title, type, clause_id, action, step,"
            " decided_by, at) VALUES ($1, 's', 'l', 't', $2, 'c', 'remove', 1, $3, now())",
            case_id, kind, by,
        )  # fmt: skip
    data = {"outcome": outcome, "decided_by": by}
    await pool.execute("INSERT INTO events (type, case_id, data) VALUES ('case.decided', $1, $2)", case_id, data)


async def ask(pool, case_id, waiting_for, *reasons, hours=0):
    await pool.execute("UPDATE cases SET status = 'waiting', number = 1 WHERE id = $1", case_id)
    await pool.execute(
        "INSERT INTO escalations (case_id, number, digest, body, reasons, waiting_for, region, language, types, thread,"
        " interrupt_id, raised_at) VALUES ($1, 1, 'd', '', $2, $3, 'SG', 'en', '{}', '', '',"
        " now() - make_interval(hours => $4))",
        case_id, list(reasons), waiting_for, hours,
    )  # fmt: skip


def test_cases_are_told_by_status_with_the_longest_wait(with_pool):
    async def body(pool):
        empty = await scraped(pool)
        assert of(empty, "cases", status="queued") == 0
        assert of(empty, "queue_oldest_seconds") == 0
        await submit(pool, [case(f"c-{n}") for n in range(5)])
        await pool.execute("UPDATE cases SET received_at = now() - interval '2 hours' WHERE id = 'c-0'")
        await pool.execute("UPDATE cases SET status = 'cancelled', closed_at = now() WHERE id = 'c-4'")
        await decide(pool, "c-3")
        await number_events(pool)
        await tally(pool, TYPES)
        found = await scraped(pool)
        told = {status: of(found, "cases", status=status) for status in ("queued", "decided", "cancelled", "waiting")}
        assert told == {"queued": 3, "decided": 1, "cancelled": 1, "waiting": 0}
        assert 7200 <= of(found, "queue_oldest_seconds") < 7300

    with_pool(body)


def test_a_case_that_was_answered_waits_from_its_answer_on(with_pool):
    async def body(pool):
        await submit(pool, [case("old")])
        await pool.execute("UPDATE cases SET received_at = now() - interval '9 days'")
        await ask(pool, "old", "reviewer", "open_question", hours=100)
        await pool.execute("UPDATE escalations SET answer = '{}', answered_at = now() - interval '1 minute'")
        await pool.execute("UPDATE cases SET status = 'queued'")
        found = await scraped(pool)
        assert 60 <= of(found, "queue_oldest_seconds") < 90
        assert of(found, "questions", waiting_for="reviewer") == 0

    with_pool(body)


def test_questions_are_told_by_whom_they_wait_for_and_why(with_pool):
    async def body(pool):
        await submit(pool, [case(f"c-{n}") for n in range(3)])
        await ask(pool, "c-0", "reviewer", "open_question", "rule_gap", hours=3)
        await ask(pool, "c-1", "reviewer", "open_question")
        await ask(pool, "c-2", "seller", "open_question", hours=1)
        found = await scraped(pool)
        assert of(found, "questions", waiting_for="reviewer") == 2
        assert of(found, "questions", waiting_for="senior") == 0
        assert 10800 <= of(found, "questions_oldest_seconds", waiting_for="reviewer") < 10900
        assert of(found, "questions_by_reason", reason="open_question") == 3
        assert of(found, "questions_by_reason", reason="rule_gap") == 1

    with_pool(body)


def test_what_has_happened_is_counted_once_however_often_it_is_counted(with_pool):
    async def body(pool):
        await submit(pool, [case("a", "weapons.bladed"), case("b", "weapons.bladed"), case("c")])
        await decide(pool, "a", "violation", "person", "ip.counterfeit")
        await decide(pool, "b")
        assert await tally(pool, TYPES) == 0  # what has no number yet may still be overtaken
        await number_events(pool)
        counts = await asyncio.gather(*(tally(pool, TYPES) for _ in range(5)))
        assert sum(counts) == 5
        await decide(pool, "c")
        await number_events(pool)
        assert await tally(pool, TYPES) == 1
        found = await scraped(pool)
        decided = {"type": "ip.counterfeit", "outcome": "violation", "decided_by": "person"}
        assert of(found, "cases_decided_total", **decided) == 1
        assert of(found, "cases_decided_total", type="weapons.bladed", outcome="no_violation", decided_by="agent") == 1
        assert of(found, "cases_decided_total", type="", outcome="no_violation", decided_by="agent") == 1
        assert of(found, "cases_received_total", type="weapons.bladed") == 2

    with_pool(body)


def test_names_that_anybody_can_make_up_are_no_labels(with_pool):
    async def body(pool):
        made_up = [case(f"c-{n}", f"made.up_{'x' * n}", seller=f"SELLER-{n}") for n in range(1, 40)]
        await submit(pool, [*made_up, case("z", "made.up", "ip.counterfeit")])
        await number_events(pool)
        await tally(pool, TYPES)
        text = (await ServiceMetrics(pool).text()).decode()
        assert 'casewright_cases_received_total{type="other"} 39.0' in text
        assert 'casewright_cases_received_total{type="ip.counterfeit"} 1.0' in text
        assert "made.up" not in text
        assert "SELLER" not in text

    with_pool(body)


def test_events_deliveries_and_models_are_told(with_pool):
    async def body(pool):
        await submit(pool, [case("a"), case("b")])
        found = await scraped(pool)
        assert of(found, "events_unnumbered") == 2
        await pool.execute("INSERT INTO webhooks (id, url, secrets) VALUES ('w', 'https://x', '{s}')")
        await number_events(pool)
        await pool.execute(
            "UPDATE deliveries SET status = 'failed' WHERE position = (SELECT min(position) FROM events)"
        )
        await pool.execute(
            "INSERT INTO model_limits (name, failures, open_until) VALUES ('http://m/v1|big', 6, now()),"
            " ('http://m/v1|small', 1, NULL)"
        )
        found = await scraped(pool)
        assert of(found, "events_unnumbered") == 0
        assert [of(found, "deliveries", status=status) for status in ("pending", "failed")] == [1, 1]
        big, small = ({"endpoint": "http://m/v1", "model": name} for name in ("big", "small"))
        assert (of(found, "model_gate_closed", **big), of(found, "model_failures", **big)) == (1, 6)
        assert (of(found, "model_gate_closed", **small), of(found, "model_failures", **small)) == (0, 1)

    with_pool(body)


def test_a_worker_is_there_while_it_says_so(with_pool):
    async def body(pool):
        on_duty = [asyncio.create_task(be_on_duty(pool, slot, lambda: 7, 0.05)) for slot in range(2)]
        await asyncio.sleep(0.3)
        found = await scraped(pool)
        assert (of(found, "workers"), of(found, "workers_running")) == (2, 14)
        on_duty[0].cancel()
        await asyncio.gather(on_duty[0], return_exceptions=True)
        assert of(await scraped(pool), "workers") == 1
        on_duty[1].cancel()
        await asyncio.gather(on_duty[1], return_exceptions=True)
        # One that was killed says nothing at all.
        await pool.execute(
            "INSERT INTO workers (id, host, pid, slot, version, seen_at)"
            " VALUES (gen_random_uuid(), 'h', 1, 0, '', now() - interval '30 seconds')"
        )
        assert of(await scraped(pool), "workers") == 0

    with_pool(body)


def test_one_look_serves_all_who_ask_within_seconds(with_pool):
    async def body(pool):
        metrics = ServiceMetrics(pool)
        first = await asyncio.gather(*(metrics.text() for _ in range(10)))
        await submit(pool, [case("a")])
        assert {*first, await metrics.text()} == {first[0]}
        assert await ServiceMetrics(pool).text() != first[0]

    with_pool(body)


def test_a_database_that_is_away_is_said_to_be(dsn):
    async def body():
        pool = await open_pool(dsn)
        assert of(await scraped(pool), "database_up") == 1
        await pool.close()
        assert await scraped(pool) == {("casewright_database_up",): 0}

    asyncio.run(body())


def test_the_api_gives_them_without_a_key(with_api):
    async def body(http):
        del http.headers["Authorization"]
        answered = await http.get("/metrics")
        assert answered.status_code == 200
        assert answered.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert 'casewright_cases{status="queued"} 0.0' in answered.text
        document = json.dumps((await http.get("/openapi.json")).json()["paths"]["/metrics"])
        assert "text/plain" in document

    with_api(body)
