"""Grace: an answer can be taken back for a while, and of that and a run exactly one happens."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from service.answers import NotAnswered, TooLate, cancel, withdraw
from service.intake import NoSuchCase
from service.leases import claim_next
from service.metrics import ServiceMetrics
from service.queue import wish_again
from service.reading import read
from service.reviewers import NotYours
from service.runs import claim
from tests.graphs.doubles import request, review
from tests.service.shift import SHARP

ONE = "case-0001"
MINUTE = timedelta(minutes=1)
SOON = timedelta(seconds=0.4)
ANA, BUDI = "ana", "budi"
DECIDED = ["case.received", "case.escalated", "case.decided"]


def met(reviewer, **more):
    return review(f"{SHARP} met", reviewer=reviewer, **more)


def not_met(reviewer, **more):
    return review(f"{SHARP} not_met", reviewer=reviewer, **more)


def test_a_case_runs_on_when_its_answers_grace_is_over_and_no_sooner(on_shift):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        stop, begun = asyncio.Event(), asyncio.get_running_loop().time()
        working = asyncio.create_task(shift.worker().work(stop))
        assert await shift.answer(line, met(ANA), grace=timedelta(seconds=1.5)) == "taken"
        assert await claim(shift.pool, ONE) is None
        while (await read(shift.pool, ONE)).status != "decided":
            assert asyncio.get_running_loop().time() < begun + 20
            await asyncio.sleep(0.05)
        assert asyncio.get_running_loop().time() - begun > 1.5
        stop.set()
        await working
        assert await shift.events(ONE) == DECIDED

    on_shift(body)


def test_an_answer_that_is_withdrawn_leaves_the_question_as_it_was_with_whoever_had_it(on_shift):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        await shift.pool.execute("DELETE FROM pgqueuer")
        before = await shift.question(ONE)
        await shift.answer(line, not_met(ANA), grace=MINUTE)
        standing = await read(shift.pool, ONE)
        assert (standing.status, standing.escalation) == ("queued", None)
        await withdraw(shift.pool, ONE, 1, ANA)
        standing, after = await read(shift.pool, ONE), await shift.question(ONE)
        assert (standing.status, standing.escalation.number) == ("waiting", 1)
        assert after["row"]["claimed_by"] == ANA
        assert after["row"]["claimed_until"] > datetime.now(UTC) + timedelta(minutes=14)
        same = ("digest", "body", "answer", "answered_by", "answered_at", "closed_at", "waiting_for", "thread")
        assert [after["row"][name] for name in same] == [before["row"][name] for name in same]
        assert await shift.jobs(ONE) == 0
        assert await claim_next(shift.pool, BUDI) is None
        assert await claim(shift.pool, ONE) is None
        await shift.answer(line, met(ANA))
        assert await shift.jobs(ONE) == 1
        standing = await shift.run(ONE)
        assert (standing.outcome, standing.decided_by) == ("violation", "person")
        assert await shift.events(ONE) == DECIDED

    on_shift(body)


def test_only_what_was_said_is_withdrawn_and_only_by_who_said_it(on_shift):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        for case_id, number, error in ((ONE, 1, NotAnswered), (ONE, 2, NotAnswered), ("nowhere", 1, NoSuchCase)):
            with pytest.raises(error):
                await withdraw(shift.pool, case_id, number, ANA)
        await shift.answer(line, met(ANA), grace=MINUTE)
        with pytest.raises(NotYours):
            await withdraw(shift.pool, ONE, 1, BUDI)
        assert (await read(shift.pool, ONE)).status == "queued"

    on_shift(body)


def test_a_question_to_the_seller_is_withdrawn_by_who_has_put_it(on_shift):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        await shift.answer(line, request(), grace=MINUTE, by=ANA)
        with pytest.raises(NotYours):
            await withdraw(shift.pool, ONE, 1, "informationrequest")
        await withdraw(shift.pool, ONE, 1, ANA)
        assert (await read(shift.pool, ONE)).status == "waiting"

    on_shift(body)


async def without_grace(shift, line):
    await shift.answer(line, met(ANA))


async def after_grace(shift, line):
    await shift.answer(line, met(ANA), grace=timedelta(milliseconds=5))
    await asyncio.sleep(0.05)


async def claimed(shift, line):
    await after_grace(shift, line)
    assert await claim(shift.pool, line["case_id"])


async def gone_on(shift, line):
    await after_grace(shift, line)
    await shift.run(line["case_id"])


async def cancelled(shift, line):
    await shift.answer(line, met(ANA), grace=MINUTE)
    await cancel(shift.pool, line["case_id"])


@pytest.mark.parametrize("what", [without_grace, after_grace, claimed, gone_on, cancelled])
def test_what_has_gone_on_is_not_withdrawn(on_shift, what):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        await what(shift, line)
        before = await shift.row(ONE)
        with pytest.raises(TooLate):
            await withdraw(shift.pool, ONE, 1, ANA)
        assert await shift.row(ONE) == before
        assert (await shift.question(ONE))["row"]["answer"]

    on_shift(body)


def test_of_a_withdrawal_and_a_worker_at_the_same_moment_exactly_one_happens(on_shift):
    """At the very end of the grace, again and again, with nothing between them but the database."""
    times, grace = 150, 0.02

    async def worker(shift, case_id):
        while True:
            if claimed := await claim(shift.pool, case_id):
                return claimed
            if (await shift.row(case_id))["status"] == "waiting":
                return None

    async def person(shift, case_id, after):
        await asyncio.sleep(after)
        try:
            await withdraw(shift.pool, case_id, 1, ANA)
        except TooLate:
            return False
        return True

    async def once(shift, line, after):
        case_id = line["case_id"]
        await shift.answer(line, met(ANA), grace=timedelta(seconds=grace))
        ran, withdrawn = await asyncio.gather(worker(shift, case_id), person(shift, case_id, max(0.0, after)))
        row, asked = await shift.row(case_id), (await shift.question(case_id))["row"]
        assert (ran is None) is withdrawn
        assert (row["status"], asked["answer"] is None) == (("waiting", True) if withdrawn else ("running", False))
        return withdrawn

    async def body(shift):
        came, after = [], grace
        for line in await shift.escalated(*(f"case-{n}" for n in range(times))):
            came.append(await once(shift, line, after))
            after += 0.001 if came[-1] else -0.001  # to where it is now the one, now the other, on whatever machine
        assert times / 10 < sum(came) < times * 9 / 10, sum(came)

    on_shift(body)


def test_upkeep_takes_no_answer_in_its_grace_for_lost(on_shift):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        await shift.pool.execute("DELETE FROM pgqueuer")
        await shift.answer(line, met(ANA), grace=SOON)
        assert await wish_again(shift.pool, after_s=0) == 0
        await shift.pool.execute("DELETE FROM pgqueuer")
        assert await wish_again(shift.pool, after_s=0) == 0
        await asyncio.sleep(SOON.total_seconds())
        assert await wish_again(shift.pool, after_s=0) == 1
        assert (await shift.run(ONE)).decided_by == "person"

    on_shift(body)


def test_an_answer_in_its_grace_waits_for_no_worker(on_shift):
    async def oldest(shift):
        text = (await ServiceMetrics(shift.pool).text()).decode()
        (line,) = [line for line in text.splitlines() if line.startswith("casewright_queue_oldest_seconds")]
        return float(line.split()[1])

    async def body(shift):
        first, second = await shift.escalated(ONE, "case-0002")
        await shift.answer(first, met(ANA), grace=MINUTE)
        await asyncio.sleep(0.2)
        assert await oldest(shift) == 0
        await shift.answer(second, met(ANA))
        await asyncio.sleep(0.2)
        assert 0.2 <= await oldest(shift) < 20

    on_shift(body)


# Over HTTP


async def told(http, reviewer):
    escalation = (await http.get("/api/v1/cases/remedy")).json()["escalation"]
    bound = {"number": escalation["number"], "digest": escalation["digest"], "at": datetime.now(UTC).isoformat()}
    return bound | {"reviewer": reviewer, "confirmed": True}


def test_an_answer_is_given_with_grace_and_withdrawn_over_http(with_worked_api):
    async def body(http):
        answers, sent = "/api/v1/cases/remedy/answers", await told(http, ANA)
        long = await http.post(answers, params={"grace_s": 61}, json=sent)
        given = await http.post(answers, params={"grace_s": 60}, json=sent)
        others = [await http.delete(f"{answers}/{n}", params={"reviewer": who}) for n, who in ((1, BUDI), (2, ANA))]
        nobody = await http.delete(f"{answers}/1")
        nowhere = await http.delete("/api/v1/cases/none/answers/1", params={"reviewer": ANA})
        back = await http.delete(f"{answers}/1", params={"reviewer": ANA})
        at_once = await http.post(answers, json=sent)
        late = await http.delete(f"{answers}/1", params={"reviewer": ANA})
        return long, given, others, (nobody, nowhere), back, at_once, late

    long, given, others, (nobody, nowhere), back, at_once, late = with_worked_api(body)
    assert (long.status_code, long.json()["problems"][0]["pointer"]) == (422, "?grace_s")
    assert (given.status_code, given.json()["status"]) == (202, "queued")
    assert [(one.status_code, one.json()["code"]) for one in others] == [(403, "not_yours"), (409, "not_answered")]
    assert (nobody.status_code, nowhere.status_code) == (422, 404)
    assert (back.status_code, back.json()["status"], back.json()["escalation"]["number"]) == (200, "waiting", 1)
    assert at_once.status_code == 202
    assert (late.status_code, late.json()["code"]) == (409, "too_late")
