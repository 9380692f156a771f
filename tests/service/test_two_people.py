"""Decisions that take two people: kept, agreed, disputed, and never two firsts."""

import asyncio
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from cases.problem import Invalid
from graphs.replay import differences
from service.answers import TooLate, withdraw
from service.choice import ANYTHING
from service.escalations import listed_open
from service.guards import Guard, lift_guard, set_guard
from service.leases import claim_next, release
from service.opinions import earlier_answers, opinions
from service.reading import read
from service.replay import replay
from service.reviewers import NotYours, Reviewer, tell_reviewer
from tests.graphs.doubles import expiry, request, review, supplement
from tests.service.shift import GUILTY, OPEN, SHARP

ONE = "case-0001"
MINUTE = timedelta(minutes=1)
ANA, BUDI, SENI = "ana", "budi", "seni"
DECIDED = ["case.received", "case.escalated", "case.decided"]


def met(reviewer, **more):
    return review(f"{SHARP} met", reviewer=reviewer, **more)


def not_met(reviewer, **more):
    return review(f"{SHARP} not_met", reviewer=reviewer, **more)


@pytest.fixture
def with_two(on_shift):
    """On a shift where the removal of a listing takes two people."""

    def run(body, **about):
        async def inner(shift):
            await set_guard(shift.pool, Guard(kind="second", **(about or {"action": "remove_listing"})), "L. Ead")
            return await body(shift)

        return on_shift(inner)

    return run


async def offered(shift, reviewer):
    """What a reviewer is offered, by list and by claim."""
    page = await listed_open(shift.pool, ANYTHING, reviewer, None, 50)
    lease = await claim_next(shift.pool, reviewer)
    return [item.case_id for item in page.items], lease and lease[:2]


def test_the_first_of_two_is_kept_and_not_asked_again(with_two):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        await shift.pool.execute("DELETE FROM pgqueuer")
        assert (await claim_next(shift.pool, ANA))[:2] == (ONE, 1)
        assert await shift.answer(line, met(ANA)) == "seconded"
        assert (await read(shift.pool, ONE)).status == "waiting"
        assert (await shift.question(ONE))["row"]["claimed_by"] is None
        assert await shift.jobs(ONE) == 0
        assert await offered(shift, ANA) == ([], None)
        for again in (met(ANA), not_met(ANA)):
            with pytest.raises(NotYours, match="another person"):
                await shift.answer(line, again)
        assert await offered(shift, BUDI) == ([ONE], (ONE, 1))
        (opinion,) = await opinions(shift.pool, ONE, 1)
        assert (opinion.reviewer, opinion.review) == (ANA, met(ANA)(line))

    with_two(body)


def test_what_two_have_said_is_decided_and_names_both(with_two):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        assert await shift.answer(line, met(ANA, notice="Ours.")) == "seconded"
        assert await shift.answer(line, met(BUDI, notice="It is gone.")) == "taken"
        office = shift.office()
        decision = (await shift.run(ONE, shift.worker(office))).result["decision"]
        assert (decision["outcome"], decision["decided_by"]) == ("violation", "person")
        assert (decision["reviewer"], decision["second_reviewer"]) == (BUDI, ANA)
        assert decision["notice"] == "It is gone."
        assert [opinion.reviewer for opinion in await opinions(shift.pool, ONE, 1)] == [ANA, BUDI]
        assert await shift.events(ONE) == DECIDED
        then, now = await replay(shift.pool, ONE, office.desk, office.desk)
        assert differences(then, orjson.loads(orjson.dumps(now))) == []

    with_two(body)


OTHERWISE = {
    "another outcome": not_met(BUDI),
    "another action": met(BUDI, action="restrict_seller"),
    "nothing yet": review(f"{SHARP} unclear", reviewer=BUDI),
    "another clause first": met(BUDI, add_clauses=("claims.cure",)),
}


@pytest.mark.parametrize("otherwise", OTHERWISE)
def test_where_two_differ_a_senior_decides(with_two, otherwise):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        await shift.answer(line, met(ANA))
        assert await shift.answer(line, OTHERWISE[otherwise]) == "disputed"
        standing, row = await read(shift.pool, ONE), (await shift.question(ONE))["row"]
        assert (standing.status, standing.escalation.waiting_for, row["waiting_for"]) == ("waiting", "senior", "senior")
        assert [opinion.reviewer for opinion in await opinions(shift.pool, ONE, 1)] == [ANA, BUDI]
        for one in (ANA, BUDI):
            assert await offered(shift, one) == ([], None)
            with pytest.raises(NotYours):
                await shift.answer(line, met(one))
        assert await offered(shift, SENI) == ([ONE], (ONE, 1))
        assert await shift.answer(line, met(SENI)) == "taken"
        decision = (await shift.run(ONE)).result["decision"]
        assert decision["reviewer"] == SENI
        assert "second_reviewer" not in decision
        assert await shift.events(ONE) == DECIDED

    with_two(body)


def test_only_a_senior_settles_a_dispute_where_tiers_are_listed(with_two):
    async def body(shift):
        for name, tiers in ((ANA, ["reviewer"]), (BUDI, ["reviewer"]), ("cleo", ["reviewer"]), (SENI, ["senior"])):
            await tell_reviewer(shift.pool, Reviewer(id=name, tiers=tiers))
        (line,) = await shift.escalated(ONE)
        await shift.answer(line, met(ANA))
        await shift.answer(line, not_met(BUDI))
        assert await offered(shift, "cleo") == ([], None)
        with pytest.raises(NotYours):
            await shift.answer(line, met("cleo"))
        assert await shift.answer(line, not_met(SENI)) == "taken"

    with_two(body)


def test_of_two_at_once_exactly_one_is_first(with_two):
    async def both(shift, line, one, other):
        return sorted(map(str, await asyncio.gather(shift.answer(line, one), shift.answer(line, other))))

    async def body(shift):
        lines = await shift.escalated(*(f"case-{n}" for n in range(60)))
        agreed = await asyncio.gather(*(both(shift, line, met(ANA), met(BUDI)) for line in lines[:30]))
        differed = await asyncio.gather(
            *(both(shift, line, met(ANA), met(BUDI, action="restrict_seller")) for line in lines[30:])
        )
        assert agreed == [["seconded", "taken"]] * 30
        assert differed == [["disputed", "seconded"]] * 30
        for line in lines:
            assert len(await opinions(shift.pool, line["case_id"], 1)) == 2

    with_two(body, type="prohibited.blades")


def test_one_person_twice_at_once_is_one_person(with_two):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        came = await asyncio.gather(*(shift.answer(line, met(ANA)) for _ in range(5)), return_exceptions=True)
        assert sorted(type(one).__name__ for one in came) == ["NotYours"] * 4 + ["str"]
        assert len(await opinions(shift.pool, ONE, 1)) == 1

    with_two(body)


@pytest.mark.parametrize(
    ("about", "given"),
    [
        ({"action": "suspend_seller"}, met(ANA)),
        ({"type": "prohibited.swords"}, met(ANA)),
        ({"action": "remove_listing"}, not_met(ANA)),
        ({"action": "remove_listing"}, review(f"{SHARP} unclear", reviewer=ANA)),
        ({"action": "remove_listing"}, met(ANA, action="restrict_seller")),
        ({"action": "remove_listing"}, request()),
        ({"action": "remove_listing"}, supplement("It is razor sharp.")),
        ({"action": "remove_listing"}, expiry()),
    ],
)
def test_what_no_guard_asks_two_for_takes_one(with_two, about, given):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        assert await shift.answer(line, given) == "taken"
        assert await opinions(shift.pool, ONE, 1) == ()

    with_two(body, **about)


@pytest.mark.parametrize("about", [{}, {"type": "prohibited.blades"}, {"action": "restrict_seller"}])
def test_a_guard_is_about_the_action_that_would_be_taken(on_shift, about):
    async def body(shift):
        await set_guard(shift.pool, Guard(kind="second", **about), "L. Ead")
        (line,) = await shift.escalated(ONE)
        assert await shift.answer(line, met(ANA, action="restrict_seller")) == "seconded"

    on_shift(body)


def test_a_recommendation_that_is_confirmed_takes_two_as_well(with_two):
    async def body(shift):
        (line,) = await shift.escalated(ONE, says=GUILTY, appeal={"of": "case-0000", "statement": "No."})
        assert await shift.answer(line, review(confirmed=True, reviewer=ANA)) == "seconded"
        assert await shift.answer(line, met(BUDI)) == "taken"

    async def with_first(shift):
        await shift.submit("case-0000")
        await shift.run("case-0000")
        await body(shift)

    with_two(with_first)


def test_a_guard_that_is_lifted_leaves_what_waits_to_its_second_person(with_two):
    async def body(shift):
        first, second = await shift.escalated(ONE, "case-0002")
        await shift.answer(first, met(ANA))
        await lift_guard(shift.pool, Guard(kind="second", action="remove_listing"))
        assert await shift.answer(first, not_met(BUDI)) == "disputed"
        assert await shift.answer(second, met(ANA)) == "taken"

    with_two(body)


def test_a_new_round_asks_two_anew(with_two):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        await shift.answer(line, met(ANA))
        assert await shift.answer(line, supplement("It may be sharp.")) == "taken"
        again = (await shift.run(ONE, shift.worker(shift.office(OPEN)))).result
        assert (again["status"], again["escalation"]["number"]) == ("escalated", 2)
        assert await shift.answer(again, met(ANA)) == "seconded"
        assert await shift.answer(again, met(BUDI)) == "taken"
        assert [len(await opinions(shift.pool, ONE, number)) for number in (1, 2)] == [1, 2]
        assert [type(one).__name__ for one in await earlier_answers(shift.pool, ONE, 2)] == ["Supplement"]

    with_two(body)


def test_nobody_names_their_own_second(on_shift):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        with pytest.raises(Invalid) as refused:
            await shift.answer(line, met(ANA, second_reviewer=BUDI))
        assert [problem.pointer for problem in refused.value.problems] == ["/second_reviewer"]
        assert (await read(shift.pool, ONE)).status == "waiting"

    on_shift(body)


def test_an_appeal_goes_to_neither_of_the_two(with_two):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        for one in (ANA, BUDI):
            await shift.answer(line, met(one))
        await shift.run(ONE)
        (appeal,) = await shift.escalated("appeal", appeal={"of": ONE, "statement": "It is blunt."})
        for one in (ANA, BUDI):
            assert await offered(shift, one) == ([], None)
            with pytest.raises(NotYours, match="their own decision"):
                await shift.answer(appeal, not_met(one))
        assert await offered(shift, SENI) == (["appeal"], ("appeal", 1))
        assert await shift.answer(appeal, not_met(SENI)) == "taken"

    with_two(body)


# With grace


def test_an_opinion_can_be_taken_back_while_its_grace_lasts_and_nobody_has_spoken_after(with_two):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        await shift.answer(line, met(ANA), grace=MINUTE)
        await withdraw(shift.pool, ONE, 1, ANA)
        assert await opinions(shift.pool, ONE, 1) == ()
        assert (await shift.question(ONE))["row"]["claimed_by"] == ANA
        await shift.answer(line, met(ANA), grace=MINUTE)
        await shift.answer(line, not_met(BUDI), grace=MINUTE)
        with pytest.raises(TooLate):
            await withdraw(shift.pool, ONE, 1, ANA)
        await withdraw(shift.pool, ONE, 1, BUDI)
        standing, row = await read(shift.pool, ONE), (await shift.question(ONE))["row"]
        assert (standing.escalation.waiting_for, row["waiting_for"]) == ("reviewer", "reviewer")
        assert await shift.answer(line, met(BUDI)) == "taken"
        with pytest.raises(NotYours):
            await withdraw(shift.pool, ONE, 1, ANA)

    with_two(body)


def test_an_opinion_without_grace_stays(with_two):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        await shift.answer(line, met(ANA))
        with pytest.raises(TooLate):
            await withdraw(shift.pool, ONE, 1, ANA)

    with_two(body)


def test_a_second_word_that_is_withdrawn_leaves_the_first(with_two):
    async def body(shift):
        (line,) = await shift.escalated(ONE)
        await shift.answer(line, met(ANA))
        await shift.answer(line, met(BUDI), grace=MINUTE)
        await withdraw(shift.pool, ONE, 1, BUDI)
        assert [opinion.reviewer for opinion in await opinions(shift.pool, ONE, 1)] == [ANA]
        await release(shift.pool, BUDI, ONE)
        assert await shift.answer(line, met("cleo")) == "taken"
        decision = (await shift.run(ONE)).result["decision"]
        assert (decision["reviewer"], decision["second_reviewer"]) == ("cleo", ANA)

    with_two(body)


# Over HTTP


async def told(http, reviewer, **more):
    escalation = (await http.get("/api/v1/cases/remedy")).json()["escalation"]
    bound = {"number": escalation["number"], "digest": escalation["digest"], "at": datetime.now(UTC).isoformat()}
    return bound | {"reviewer": reviewer} | more


def test_two_people_decide_over_http(with_worked_api):
    async def body(http):
        guard = await http.put("/api/v1/guards", json={"kind": "second"})
        answers = "/api/v1/cases/remedy/answers"
        named = await http.post(answers, json=await told(http, ANA, second_reviewer=BUDI))
        keys = (("supplements.disease-claims", "authorised"), ("supplements.traditional-remedies", "registered"))
        parts = [{"clause_id": c, "part": p, "verdict": "not_met", "basis": "person"} for c, p in keys]
        said = [await http.post(answers, json=await told(http, who, judgements=parts)) for who in (ANA, ANA, BUDI)]
        document = (await http.get("/openapi.json")).json()["components"]["schemas"]
        lifted = await http.delete("/api/v1/guards", params={"kind": "second"})
        return guard, named, said, document, lifted

    guard, named, (first, again, second), document, lifted = with_worked_api(body)
    assert [(one["kind"], one["action"]) for one in guard.json()["items"]] == [("second", "")]
    assert (named.status_code, named.json()["problems"][0]["pointer"]) == (422, "/second_reviewer")
    assert (first.status_code, first.json()["status"], first.json()["escalation"]["number"]) == (202, "waiting", 1)
    assert (again.status_code, again.json()["code"]) == (403, "not_yours")
    assert (second.status_code, second.json()["status"]) == (202, "queued")
    assert "second_reviewer" not in document["Review"]["properties"]
    assert "second" in document["Guard"]["properties"]["kind"]["enum"]
    assert lifted.status_code == 204
