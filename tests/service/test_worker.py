"""The worker: one outcome a case, whatever fails on the way; and what may not be decided alone goes to a person."""

import asyncio
import logging
import re

import pytest

from agents.gate import ModelPaused
from cases.case import Seller
from cases.problem import Invalid
from graphs.escalations import AnsweredTwice
from service.answers import answer, cancel, expire, overturn
from service.guards import Guard, lift_guard, set_guard
from service.intake import CaseIsOver
from service.ledger import LedgerRecords
from service.reading import read
from service.runs import SUSPECT, Superseded, claim, conclude
from tests.graphs.doubles import bound, expiry, request, review, supplement
from tests.service.shift import GUILTY, OPEN, SHARP, Door, Stumbling, put_off_s
from tools.seller_history import SellerHistory

ONE = "case-0001"
SETTLED = review(f"{SHARP} met")


# A run and what it leaves


def test_a_case_is_decided_and_told_of_once(on_shift):
    async def body(shift):
        await shift.submit(ONE)
        standing = await shift.run(ONE)
        assert (standing.status, standing.outcome, standing.decided_by) == ("decided", "violation", "agent")
        assert standing.action == "remove_listing"
        assert await shift.events(ONE) == ["case.received", "case.decided"]

    on_shift(body)


def test_a_question_waits_and_its_answer_concludes(on_shift):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        assert (await read(shift.pool, ONE)).status == "waiting"
        await shift.answer(line, SETTLED)
        standing = await shift.run(ONE)
        assert (standing.status, standing.outcome, standing.decided_by) == ("decided", "violation", "person")
        assert await shift.events(ONE) == ["case.received", "case.escalated", "case.decided"]
        assert (await shift.question(ONE))["row"]["closed_at"]

    on_shift(body)


def test_a_request_to_the_seller_is_told_as_such_and_its_answer_begins_a_round(on_shift):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        await shift.answer(line, request())
        asked = (await shift.run(ONE)).result
        assert asked["escalation"]["waiting_for"] == "seller"
        await shift.answer(asked, supplement("It is razor sharp."))
        assert (await shift.run(ONE)).outcome == "violation"
        told = ["case.received", "case.escalated", "case.information_requested", "case.decided"]
        assert await shift.events(ONE) == told

    on_shift(body)


def test_a_job_for_a_case_that_needs_no_run_does_nothing(on_shift):
    async def body(shift):
        worker = shift.worker()
        await shift.submit("decided", "cancelled")
        await worker.take("decided")
        await cancel(shift.pool, "cancelled")
        await shift.escalated("waiting")
        for case_id in ("decided", "cancelled", "waiting", "unknown"):
            before = await shift.row(case_id), await shift.events(case_id)
            await worker.take(case_id)
            assert (await shift.row(case_id), await shift.events(case_id)) == before
        assert len(shift.offices[0].auditor.calls) == 2  # of the one case that it has run

    on_shift(body)


# Two runs of one case


def test_of_two_workers_on_one_case_the_later_counts(on_shift, caplog):
    caplog.set_level(logging.INFO, "service.worker")

    async def body(shift):
        door = Door()
        slow = shift.office(OPEN, door)
        await shift.submit(ONE)
        first = asyncio.create_task(shift.worker(slow).take(ONE))
        await door.reached.wait()
        standing = await shift.run(ONE)
        assert standing.outcome == "violation"
        door.opened.set()
        await first
        assert slow.auditor.calls == []  # it was told before it asked anybody
        assert await read(shift.pool, ONE) == standing
        assert await shift.events(ONE) == ["case.received", "case.decided"]

    on_shift(body)
    assert [record.message for record in caplog.records] == ["superseded"]


def test_a_superseded_run_can_neither_decide_nor_ask(on_shift):
    async def body(shift):
        await shift.submit(ONE, "other")
        line = (await shift.run("other")).result
        old, new = await claim(shift.pool, ONE), await claim(shift.pool, ONE)
        async with shift.pool.acquire() as connection:
            with pytest.raises(Superseded):
                await conclude(connection, old, {**line, "case_id": ONE})
        assert (await shift.row(ONE))["status"] == "running"
        async with shift.pool.acquire() as connection:
            await conclude(connection, new, line)
        assert await shift.events(ONE) == ["case.received", "case.decided"]

    on_shift(body)


def test_a_case_that_is_cancelled_while_it_runs_stays_cancelled(on_shift):
    async def body(shift):
        for says in (GUILTY, OPEN):
            case_id, door = f"case-{len(shift.offices)}", Door()
            await shift.submit(case_id)
            running = asyncio.create_task(shift.worker(shift.office(says, door)).take(case_id))
            await door.reached.wait()
            await cancel(shift.pool, case_id)
            door.opened.set()
            await running
            assert (await read(shift.pool, case_id)).status == "cancelled"
            assert await shift.events(case_id) == ["case.received"]
            with pytest.raises(CaseIsOver):
                await cancel(shift.pool, case_id)

    on_shift(body)


# Runs that fail


def test_a_run_that_fails_is_tried_again_with_growing_pauses(on_shift):
    async def body(shift):
        worker = shift.worker(shift.office(auditor=Stumbling(GUILTY, *[RuntimeError()] * 4)))
        await shift.submit(ONE)
        assert [await put_off_s(worker.take(ONE)) for _ in range(5)] == [1, 2, 4, 8, None]
        standing = await read(shift.pool, ONE)
        assert standing.outcome == "violation"
        assert (await shift.row(ONE))["attempts"] == 0
        assert await shift.events(ONE) == ["case.received", "case.decided"]

    on_shift(body)


def test_a_case_whose_runs_fail_goes_to_a_person_laid_out_without_tools_and_model(on_shift):
    async def body(shift):
        failing = shift.office(auditor=Stumbling(GUILTY, *[RuntimeError()] * 9))
        worker = shift.worker(failing, attempts=3)
        await shift.submit(ONE)
        while await put_off_s(worker.take(ONE)):
            assert (await read(shift.pool, ONE)).status == "running"
        standing = await read(shift.pool, ONE)
        assert (standing.status, len(failing.auditor.errors)) == ("waiting", 6)
        assert "run_failed" in standing.result["escalation"]["reasons"]
        assert standing.result["evidence"]
        await shift.answer(standing.result, review(f"{SHARP} not_met"))
        assert (await shift.run(ONE, worker)).decided_by == "person"

    on_shift(body)


def test_what_failed_once_does_not_keep_the_next_round_from_deciding(on_shift):
    async def body(shift):
        worker = shift.worker(shift.office(auditor=Stumbling(GUILTY, *[RuntimeError()] * 2)), attempts=2)
        await shift.submit(ONE)
        while await put_off_s(worker.take(ONE)):
            pass
        line = (await read(shift.pool, ONE)).result
        assert "run_failed" in line["escalation"]["reasons"]
        await shift.answer(line, supplement("It is sharp."))
        assert (await shift.run(ONE, worker)).decided_by == "agent"

    on_shift(body)


async def given_up(shift, case_id, **office):
    """Run a case until even its bare run has failed too often; then the person's bare question."""
    broken = shift.office(auditor=Stumbling({}, *[RuntimeError()] * 99), **office)
    worker = shift.worker(broken, bare=broken, attempts=2)
    while await put_off_s(worker.take(case_id)):
        pass
    return await shift.question(case_id)


def test_a_case_that_cannot_even_be_laid_out_asks_a_bare_question(on_shift):
    async def body(shift):
        await shift.submit(ONE)
        asked = await given_up(shift, ONE)
        assert (asked["row"]["number"], asked["escalation"]["reasons"]) == (0, ["run_failed"])
        assert await shift.events(ONE) == ["case.received", "case.escalated"]
        with pytest.raises(Invalid):
            await shift.answer(asked, SETTLED)
        with pytest.raises(Invalid):
            await shift.answer(asked, supplement("Hello?"))
        await shift.answer(asked, expiry())
        standing = await shift.run(ONE)
        assert (standing.outcome, standing.decided_by) == ("violation", "agent")
        assert await shift.events(ONE) == ["case.received", "case.escalated", "case.decided"]

    on_shift(body)


def test_a_stored_case_that_nobody_can_read_any_more_goes_to_a_person(on_shift, caplog):
    async def body(shift):
        await shift.submit(ONE)
        await shift.pool.execute("UPDATE cases SET body = '{}' WHERE id = $1", ONE)
        await shift.worker().take(ONE)
        assert await shift.events(ONE) == ["case.received", "case.escalated"]
        assert (await shift.row(ONE))["status"] == "waiting"

    on_shift(body)
    assert "a stored case is none any more" in caplog.text


def test_an_answer_survives_its_runs_failing(on_shift):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        await shift.answer(line, supplement("It is sharp."))
        asked = await given_up(shift, ONE)
        assert asked["row"]["number"] == 0
        await shift.answer(asked, expiry())
        standing = await shift.run(ONE)
        assert standing.outcome == "violation"
        assert [item["text"] for item in standing.result["evidence"]].count("It is sharp.") == 1

    on_shift(body)


def test_an_outage_of_the_model_puts_cases_off_and_counts_against_none(on_shift):
    async def body(shift):
        away = [ModelPaused("script-1", "it fails", 7.0)] * 20
        worker = shift.worker(shift.office(auditor=Stumbling(GUILTY, *away)))
        await shift.submit(ONE)
        for _ in range(20):
            assert await put_off_s(worker.take(ONE)) >= 7
            row = await shift.row(ONE)
            assert (row["status"], row["attempts"]) == ("queued", 0)
        assert (await shift.run(ONE, worker)).decided_by == "agent"

    on_shift(body)


def test_suspects_run_one_at_a_time_and_hold_up_nobody(on_shift):
    async def body(shift):
        suspects = [f"suspect-{n}" for n in range(4)]
        await shift.submit(*suspects, "innocent")
        for case_id in suspects * SUSPECT:
            await claim(shift.pool, case_id)  # and gone, as with a worker that was killed
        assert await claim(shift.pool, suspects[0]) is None
        door = Door()
        worker = shift.worker(shift.office(GUILTY, door))
        running = [asyncio.create_task(worker.take(case_id)) for case_id in suspects]
        await door.reached.wait()
        assert (await shift.run("innocent")).outcome == "violation"
        door.opened.set()
        await asyncio.gather(*running)
        assert door.most == 1
        assert {(await read(shift.pool, case_id)).status for case_id in suspects} == {"decided"}

    on_shift(body)


# What may not take effect alone


async def held_for(shift, case_id, code):
    """Run a case that must be held for a reason, and have a person conclude it."""
    standing = await shift.run(case_id)
    assert (standing.status, standing.result["escalation"]["reasons"]) == ("waiting", [code])
    assert standing.result["escalation"]["recommended"]["outcome"] == "violation"
    await shift.answer(standing.result, review(confirmed=True))
    standing = await shift.run(case_id)
    assert (standing.status, standing.outcome, standing.decided_by) == ("decided", "violation", "person")
    assert await shift.events(case_id) == ["case.received", "case.escalated", "case.decided"]


@pytest.mark.parametrize("about", [{}, {"action": "remove_listing"}, {"type": "prohibited.blades"}])
@pytest.mark.parametrize(
    ("kind", "cap", "code"),
    [
        ("kill", None, "kill_switch"),
        ("person", None, "action_held"),
        ("cap_per_hour", 0, "cap_reached"),
        ("cap_per_seller", 0, "cap_reached"),
    ],
)
def test_a_guard_holds_a_decision_for_a_person(on_shift, kind, cap, code, about):
    async def body(shift):
        guard = Guard(kind=kind, cap=cap, **about)
        await set_guard(shift.pool, guard, "M. Anager")
        await shift.submit(ONE, "after")
        await held_for(shift, ONE, code)
        assert await lift_guard(shift.pool, guard)
        assert (await shift.run("after")).decided_by == "agent"

    on_shift(body)


@pytest.mark.parametrize("about", [{"action": "suspend_seller"}, {"type": "prohibited.swords"}])
def test_a_guard_about_something_else_holds_nothing(on_shift, about):
    async def body(shift):
        for kind, cap in (("kill", None), ("person", None), ("cap_per_hour", 0), ("cap_per_seller", 0)):
            await set_guard(shift.pool, Guard(kind=kind, cap=cap, **about), "M. Anager")
        await shift.submit(ONE)
        assert (await shift.run(ONE)).decided_by == "agent"

    on_shift(body)


def test_a_guard_that_is_set_while_a_case_runs_holds_it(on_shift):
    async def body(shift):
        door = Door()
        await shift.submit(ONE)
        running = asyncio.create_task(shift.worker(shift.office(GUILTY, door)).take(ONE))
        await door.reached.wait()
        await set_guard(shift.pool, Guard(kind="kill"), "M. Anager")
        door.opened.set()
        await running
        assert (await read(shift.pool, ONE)).status == "waiting"

    on_shift(body)


def test_a_subject_that_has_changed_since_is_not_acted_on_alone(on_shift):
    async def body(shift):
        await shift.pool.execute("INSERT INTO subjects (id, revision) VALUES ('L-77', '8')")
        await shift.submit(ONE, subject={"revision": "7"})
        await held_for(shift, ONE, "subject_changed")
        await shift.submit("newer", subject={"revision": "8"})
        await shift.submit("unknown")
        assert (await shift.run("newer")).decided_by == "agent"
        assert (await shift.run("unknown")).decided_by == "agent"

    on_shift(body)


@pytest.mark.parametrize("kind", ["cap_per_hour", "cap_per_seller"])
def test_a_cap_is_exact_however_many_conclude_at_once(on_shift, kind):
    async def body(shift):
        await set_guard(shift.pool, Guard(kind=kind, cap=7), "M. Anager")
        ids = [f"case-{n}" for n in range(50)]
        await shift.submit(*ids)
        workers = [shift.worker() for _ in range(3)]
        await asyncio.gather(*(workers[n % 3].take(case_id) for n, case_id in enumerate(ids)))
        standings = [await read(shift.pool, case_id) for case_id in ids]
        assert [standing.status for standing in standings].count("decided") == 7
        held = [s.result["escalation"]["reasons"] for s in standings if s.status == "waiting"]
        assert held == [["cap_reached"]] * 43

    on_shift(body)


# Answers


def test_of_two_answers_at_once_one_counts(on_shift):
    async def body(shift):
        lines = await shift.escalated(*(f"case-{n}" for n in range(100)))
        given = [(SETTLED, review(f"{SHARP} not_met", reviewer="A. Nother")) for _ in lines]
        tries = [shift.answer(line, one) for line, both in zip(lines, given, strict=True) for one in both]
        came = await asyncio.gather(*tries, return_exceptions=True)
        for first, second in zip(came[::2], came[1::2], strict=True):
            assert {type(first), type(second)} == {AnsweredTwice, str}, (first, second)
        for line, first in list(zip(lines, came[::2], strict=True))[:20]:
            standing = await shift.run(line["case_id"])
            assert standing.outcome == ("violation" if first == "taken" else "no_violation")
            assert await shift.events(line["case_id"]) == ["case.received", "case.escalated", "case.decided"]

    on_shift(body)


def test_an_answer_and_its_job_come_together_or_not_at_all(on_shift):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        await shift.pool.execute("DELETE FROM pgqueuer")
        async with shift.pool.acquire() as other, other.transaction():
            await other.execute("LOCK TABLE pgqueuer IN ACCESS EXCLUSIVE MODE")
            answering = asyncio.create_task(shift.answer(line, SETTLED))
            while not (waiting := await other.fetchval(WAITS)):  # noqa: ASYNC110 - a lock in a database sets no event
                await asyncio.sleep(0.01)
            await other.execute("SELECT pg_terminate_backend($1)", waiting)  # the answer is written, its job is not
            with pytest.raises(Exception, match=r"terminat|closed"):
                await answering
        row = (await shift.question(ONE))["row"]
        assert (row["answer"], (await read(shift.pool, ONE)).status, await shift.jobs(ONE)) == (None, "waiting", 0)
        await shift.answer(line, SETTLED)
        assert await shift.jobs(ONE) == 1
        assert (await shift.run(ONE)).decided_by == "person"

    on_shift(body)


WAITS = "SELECT pid FROM pg_locks WHERE relation = 'pgqueuer'::regclass AND NOT granted"


def test_an_expiry_begins_a_new_round_sooner_and_never_decides(on_shift):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        await shift.pool.execute("UPDATE escalations SET expires_at = now() + interval '1 minute'")
        assert await expire(shift.pool, shift.corpus) == 0
        await shift.pool.execute("UPDATE escalations SET expires_at = now() - interval '1 minute'")
        before = await shift.row(ONE)
        assert await expire(shift.pool, shift.corpus) == 1
        after = await shift.row(ONE)
        assert after["status"] == "queued"
        assert after["urgency"] > before["urgency"]
        job = await shift.pool.fetchval("SELECT max(priority) FROM pgqueuer WHERE payload = $1", ONE.encode())
        assert job == after["urgency"]
        assert await expire(shift.pool, shift.corpus) == 0
        again = (await shift.run(ONE, shift.worker(shift.office(OPEN)))).result["escalation"]
        assert (again["round"], again["number"]) == (2, 2)
        assert await shift.events(ONE) == ["case.received", "case.escalated", "case.escalated"]
        with pytest.raises(Exception, match="the one that is open is 2"):
            await answer(shift.pool, ONE, SETTLED(line), shift.corpus)
        assert bound(line)["number"] == 1

    on_shift(body)


# Strikes


def test_a_decision_moves_the_sellers_ladder_and_its_overturn_moves_it_back(on_shift):
    async def body(shift):
        seller = Seller.model_validate({"id": "S-9", "opened_at": "2024-01-01T00:00:00Z", "country": "SG"})
        record = seller.model_dump(mode="json")
        await shift.pool.execute("INSERT INTO sellers (id, record) VALUES ('S-9', $1)", record)
        worker = shift.worker(shift.office(GUILTY, SellerHistory(LedgerRecords(shift.pool))))
        actions = []
        for day, case_id in enumerate(("first", "second", "third"), 15):
            await shift.submit(case_id, opened_at=f"2026-03-{day}T09:30:00Z")
            actions.append((await shift.run(case_id, worker)).action)
        assert actions == ["remove_listing", "remove_listing", "restrict_seller"]
        async with shift.pool.acquire() as connection, connection.transaction():
            await overturn(connection, "first", "S. Enior", "It was a toy.")
            await overturn(connection, "third", "S. Enior", "It was a toy.")
        await shift.submit("fourth", opened_at="2026-03-18T09:30:00Z")
        assert (await shift.run("fourth", worker)).action == "remove_listing"
        assert await shift.events("first") == ["case.received", "case.decided", "case.overturned"]

    on_shift(body)


# Locks


def test_no_two_parts_of_the_service_wait_for_each_others_lock(root):
    found = [
        number
        for file in sorted((root / "service").rglob("*.py"))
        for number in re.findall(r"0x_?CA5E_[0-9A-F]{4}", file.read_text(encoding="utf-8"))
    ]
    assert len(found) >= 3
    assert len(set(found)) == len(found)
