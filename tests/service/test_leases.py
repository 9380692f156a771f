"""Leases: of two reviewers one has a case in hand, the other is told who; and what is passed on goes on."""

import asyncio
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from cases.problem import Invalid
from graphs.escalations import AnsweredTwice, NoEscalation
from service.answers import cancel
from service.choice import WaitingChoice
from service.escalations import NotRaised, read_raised
from service.intake import NoSuchCase
from service.leases import LEASE, NoLease, claim_next, claim_one, keep_lease, release
from service.notes import notes
from service.reviewers import NotYours, OnLease, Reviewer, tell_reviewer
from service.routing import SKIP_REASONS, skip, to_policy_team, to_senior
from tests.graphs.doubles import request, review
from tests.service.shift import SHARP

SETTLED = review(f"{SHARP} met", reviewer="ana")


async def lapse(pool):
    await pool.execute("UPDATE escalations SET claimed_until = now() - interval '1 second'")


async def in_hand(shift, who="ana", *ids):
    """Cases that ask a person, the first in this reviewer's hand."""
    await shift.escalated(*(ids or ("one",)))
    return await claim_next(shift.pool, who)


# Claims


def test_of_two_who_claim_at_once_each_gets_another_case_or_one_gets_none(on_shift):
    async def body(shift):
        await shift.escalated("a", "b")
        got = []
        for turn in range(100):
            if turn == 50:
                await shift.answer(await shift.question("b"), SETTLED)
            got.append(await asyncio.gather(*(claim_next(shift.pool, who) for who in ("ana", "budi"))))
            await shift.pool.execute("UPDATE escalations SET claimed_by = NULL, claimed_until = NULL")
        return got

    got = on_shift(body)
    both, one = got[:50], got[50:]
    assert {tuple(sorted(lease.case_id for lease in pair)) for pair in both} == {("a", "b")}
    assert {tuple(lease.case_id for lease in pair if lease) for pair in one} == {("a",)}


def test_the_most_pressing_comes_first_and_what_is_in_hand_is_left_out(on_shift):
    async def body(shift):
        soon = datetime.now(UTC) + timedelta(hours=1)
        await shift.escalated("later")
        await shift.escalated("soon", due_at=soon.isoformat())
        first = await claim_next(shift.pool, "ana")
        again = await claim_next(shift.pool, "ana")
        ahead = await claim_next(shift.pool, "ana", besides=["soon"])
        rest = await claim_next(shift.pool, "ana", besides=["soon", "later"])
        return first, again, ahead, rest

    first, again, ahead, rest = on_shift(body)
    assert (first.case_id, first.number, again.case_id, ahead.case_id, rest) == ("soon", 1, "soon", "later", None)
    assert timedelta(minutes=14) < first.until - datetime.now(UTC) <= LEASE


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({"regions": ["SG"]}, "here"),
        ({"regions": ["MY"]}, "there"),
        ({"regions": ["MY", "ID"]}, "there"),
        ({"languages": ["ms"]}, "there"),
        ({"types": ["prohibited.blades"]}, "here"),
        ({"types": ["restricted.vapes"]}, None),
        ({"reasons": ["open_question"]}, "here"),
        ({"reasons": ["sampled"]}, None),
        ({"regions": ["MY"], "languages": ["en"]}, None),
        ({"waiting_for": "senior"}, None),
        ({"q": "THERE"}, "there"),
    ],
)
def test_a_claim_keeps_to_what_is_chosen(on_shift, chosen, found):
    async def body(shift):
        await shift.escalated("here")
        await shift.escalated("there", region="MY", language="ms")
        lease = await claim_next(shift.pool, "ana", WaitingChoice(**chosen))
        assert (lease and lease.case_id) == found

    on_shift(body)


def test_this_one_is_leased_unless_somebody_else_has_it_and_then_it_says_who_and_until_when(on_shift):
    async def body(shift):
        await shift.escalated("one")
        lease = await claim_one(shift.pool, "ana", "one", 1)
        with pytest.raises(OnLease) as caught:
            await claim_one(shift.pool, "budi", "one")
        assert str(caught.value) == f"case one is on lease to ana until {lease.until.isoformat(timespec='seconds')}"
        assert (await claim_one(shift.pool, "ana", "one")).until >= lease.until
        await lapse(shift.pool)
        assert (await claim_one(shift.pool, "budi", "one")).case_id == "one"
        assert (await read_raised(shift.pool, "one", 1)).claimed_by == "budi"

    on_shift(body)


def test_what_is_not_open_or_not_theirs_is_not_leased(on_shift):
    async def body(shift):
        lines = await shift.escalated("answered", "asked", "cancelled", "foreign")
        await shift.submit("fresh")
        await shift.answer(lines[0], SETTLED)
        await shift.answer(lines[1], request())
        await shift.run("asked")
        await cancel(shift.pool, "cancelled")
        await tell_reviewer(shift.pool, Reviewer(id="ana", regions=("MY",)))
        refused = {
            ("answered", 1): AnsweredTwice,
            ("asked", None): NotYours,
            ("cancelled", 1): NoEscalation,
            ("foreign", None): NotYours,
            ("fresh", None): NoEscalation,
            ("fresh", 1): NotRaised,
            ("nowhere", None): NoSuchCase,
        }
        for (case_id, number), error in refused.items():
            with pytest.raises(error):
                await claim_one(shift.pool, "ana", case_id, number)

    on_shift(body)


# Heartbeats and giving back


def test_who_is_heard_of_keeps_a_lease_also_one_that_has_run_out(on_shift):
    async def body(shift):
        lease = await in_hand(shift)
        for _ in range(2):
            await lapse(shift.pool)
            assert await keep_lease(shift.pool, "ana", *lease[:2]) > datetime.now(UTC) + timedelta(minutes=14)
        await lapse(shift.pool)
        await claim_next(shift.pool, "budi")
        with pytest.raises(OnLease, match="budi"):
            await keep_lease(shift.pool, "ana", *lease[:2])

    on_shift(body)


def test_what_is_given_back_is_free_and_only_its_holder_gives_it_back(on_shift):
    async def body(shift):
        lease = await in_hand(shift)
        assert not await release(shift.pool, "budi", "one")
        assert await release(shift.pool, "ana", "one")
        assert not await release(shift.pool, "ana", "one")
        with pytest.raises(NoLease):
            await keep_lease(shift.pool, "ana", *lease[:2])
        assert (await claim_next(shift.pool, "budi")).case_id == "one"

    on_shift(body)


def test_nothing_is_kept_of_what_is_answered(on_shift):
    async def body(shift):
        lease = await in_hand(shift)
        await shift.answer(await shift.question("one"), SETTLED)
        with pytest.raises(AnsweredTwice):
            await keep_lease(shift.pool, "ana", *lease[:2])
        assert not await release(shift.pool, "ana", "one")

    on_shift(body)


# Two reviewers never hold one case


def test_a_review_waits_for_another_persons_lease(on_shift):
    async def body(shift):
        await in_hand(shift)
        question = await shift.question("one")
        with pytest.raises(OnLease, match="ana"):
            await shift.answer(question, review(f"{SHARP} met", reviewer="budi"))
        await lapse(shift.pool)
        await shift.answer(question, review(f"{SHARP} met", reviewer="budi"))
        assert (await shift.question("one"))["row"]["answered_by"] == "budi"

    on_shift(body)


def test_of_a_claim_and_another_persons_review_at_once_one_counts(on_shift):
    async def body(shift):
        ids = [f"c-{n}" for n in range(20)]
        await shift.escalated(*ids)
        for case_id in ids:
            question = await shift.question(case_id)
            claimed, answered = await asyncio.gather(
                claim_one(shift.pool, "ana", case_id),
                shift.answer(question, review(f"{SHARP} met", reviewer="budi")),
                return_exceptions=True,
            )
            lost = (isinstance(claimed, AnsweredTwice), isinstance(answered, OnLease))
            assert sorted(lost) == [False, True], (claimed, answered)

    on_shift(body)


# Skips


@pytest.mark.parametrize("reason", SKIP_REASONS)
def test_what_was_skipped_is_free_and_not_offered_to_that_person_again(on_shift, reason):
    async def body(shift):
        lease = await in_hand(shift)
        await skip(shift.pool, "ana", *lease[:2], reason, "Thai")
        assert await claim_next(shift.pool, "ana") is None
        assert (await claim_next(shift.pool, "budi")).case_id == "one"
        await release(shift.pool, "budi", "one")
        await shift.pool.execute("UPDATE skips SET until = until - interval '119 minutes'")
        assert await claim_next(shift.pool, "ana") is None
        await shift.pool.execute("UPDATE skips SET until = until - interval '2 minutes'")
        assert bool(await claim_next(shift.pool, "ana")) is (reason == "later")

    on_shift(body)


def test_only_a_conflict_of_interest_keeps_from_a_claim_by_hand_and_from_an_answer(on_shift):
    async def body(shift):
        for reason in SKIP_REASONS:
            await shift.escalated(reason)
            await skip(shift.pool, "ana", *(await claim_one(shift.pool, "ana", reason))[:2], reason, "Thai")
        for reason in ("later", "not_my_skill", "upsetting"):
            assert await claim_one(shift.pool, "ana", reason)
        with pytest.raises(NotYours, match="conflict of interest"):
            await claim_one(shift.pool, "ana", "conflict_of_interest")
        with pytest.raises(NotYours, match="conflict of interest"):
            await shift.answer(await shift.question("conflict_of_interest"), SETTLED)

    on_shift(body)


def test_passing_on_is_for_who_has_it_in_hand_and_while_it_is_open(on_shift):
    async def body(shift):
        lease = await in_hand(shift, "ana", "one", "two")
        free = next(name for name in ("one", "two") if name != lease.case_id)

        async def refused(who, case_id, number, error):
            for passing in (skip, to_policy_team, to_senior):
                with pytest.raises(error):
                    await passing(shift.pool, who, case_id, number, "later" if passing is skip else "So.")

        await refused("budi", lease.case_id, 1, OnLease)
        await refused("budi", free, 1, NoLease)
        await refused("ana", lease.case_id, 2, NotRaised)
        await shift.answer(await shift.question(lease.case_id), SETTLED)
        await refused("ana", lease.case_id, 1, AnsweredTwice)
        assert await shift.pool.fetchval("SELECT count(*) FROM skips") == 0
        assert await notes(shift.pool, lease.case_id) == ()

    on_shift(body)


def test_who_lacks_a_skill_says_which(on_shift):
    async def body(shift):
        lease = await in_hand(shift)
        for empty in ("", "  \n"):
            with pytest.raises(Invalid) as caught:
                await skip(shift.pool, "ana", *lease[:2], "not_my_skill", empty)
            assert caught.value.pointer == "/note"
        assert (await read_raised(shift.pool, "one", 1)).claimed_by == "ana"

    on_shift(body)


# To somebody else


@pytest.mark.parametrize(("passing", "tier"), [(to_policy_team, "policy_team"), (to_senior, "senior")])
def test_a_question_goes_to_another_tier_with_the_word_why(on_shift, passing, tier):
    async def body(shift):
        await tell_reviewer(shift.pool, Reviewer(id="ana", tiers=("reviewer", tier)))
        await tell_reviewer(shift.pool, Reviewer(id="budi"))
        await tell_reviewer(shift.pool, Reviewer(id="chen", tiers=(tier,)))
        lease = await in_hand(shift)
        before = await shift.question("one")
        await passing(shift.pool, "ana", *lease[:2], " The clause does not say. ")
        raised = await read_raised(shift.pool, "one", 1)
        assert (raised.escalation.waiting_for, raised.claimed_by) == (tier, None)
        assert raised.escalation.digest == before["escalation"]["digest"]
        assert [(n.by, n.text, n.hands_to) for n in await notes(shift.pool, "one")] == [
            ("ana", "The clause does not say.", tier)
        ]
        offered = [await claim_next(shift.pool, who) for who in ("ana", "budi", "chen")]
        assert [lease and lease.case_id for lease in offered] == [None, None, "one"]
        await shift.answer(before, review(f"{SHARP} met", reviewer="chen"))
        assert (await shift.run("one")).outcome == "violation"

    on_shift(body)


def test_nothing_is_handed_on_without_a_word(on_shift):
    async def body(shift):
        lease = await in_hand(shift)
        for empty in ("", " "):
            with pytest.raises(Invalid):
                await to_senior(shift.pool, "ana", *lease[:2], empty)
        raised = await read_raised(shift.pool, "one", 1)
        assert (raised.escalation.waiting_for, raised.claimed_by) == ("reviewer", "ana")

    on_shift(body)


# Appeals


def test_an_appeal_is_not_offered_to_who_had_a_say_in_the_first_case(on_shift):
    async def body(shift):
        (line,) = await shift.escalated("first")
        await shift.answer(line, SETTLED)
        assert (await shift.run("first")).decided_by == "person"
        await shift.escalated("appeal", appeal={"of": "first", "statement": "No."})
        assert await claim_next(shift.pool, "ana") is None
        with pytest.raises(NotYours, match="own decision"):
            await claim_one(shift.pool, "ana", "appeal")
        assert (await claim_next(shift.pool, "budi")).case_id == "appeal"

    on_shift(body)


# Over HTTP


async def _post(http, path, **body):
    return await http.post(f"/api/v1{path}", json=body)


def test_one_is_claimed_given_back_and_skipped_over_http(with_worked_api):
    async def body(http):
        claim = "/escalations/claim"
        claimed = await _post(http, claim, reviewer="ana", case_id="remedy")
        other = await _post(http, claim, reviewer="budi", case_id="remedy")
        none = await _post(http, claim, reviewer="budi")
        back = [await http.delete("/api/v1/cases/remedy/lease", params={"reviewer": "ana"}) for _ in range(2)]
        elsewhere = await _post(http, claim, reviewer="budi", regions=["SG"])
        found = await _post(http, claim, reviewer="budi", regions=["SG", "ID"], languages=["id"])
        number = found.json()["number"]
        skipped = await _post(http, "/cases/remedy/skip", reviewer="budi", number=number, reason="later")
        again = await _post(http, "/cases/remedy/skip", reviewer="budi", number=number, reason="later")
        left = await _post(http, claim, reviewer="budi")
        return claimed, other, none, back, elsewhere, found, skipped, again, left

    claimed, other, none, back, elsewhere, found, skipped, again, left = with_worked_api(body)
    assert (claimed.status_code, claimed.json()["claimed_by"]) == (200, "ana")
    assert (other.status_code, other.json()["code"]) == (409, "on_lease")
    assert other.json()["detail"].startswith("case remedy is on lease to ana until 20")
    assert [one.status_code for one in (none, *back, elsewhere, skipped, left)] == [204] * 6
    assert (found.status_code, found.json()["claimed_by"]) == (200, "budi")
    assert (again.status_code, again.json()["code"]) == (409, "no_lease")


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("/escalations/claim", {"reviewer": "ana", "case_id": "none"}, 404, "no_such_case"),
        ("/escalations/claim", {"reviewer": "ana", "case_id": "hemp"}, 409, "no_escalation"),
        ("/escalations/claim", {"reviewer": "ana", "case_id": "remedy", "regions": ["SG"]}, 422, "/regions"),
        ("/escalations/claim", {"reviewer": "ana", "reasons": ["bored"]}, 422, "/reasons/0"),
        ("/cases/none/skip", {"reviewer": "ana", "number": 1, "reason": "later"}, 404, "not_raised"),
        ("/cases/remedy/skip", {"reviewer": "ana", "number": 1, "reason": "bored"}, 422, "/reason"),
        ("/cases/remedy/skip", {"reviewer": "ana", "number": 1, "reason": "not_my_skill"}, 422, "/note"),
    ],
)
def test_what_cannot_be_claimed_or_skipped_is_refused_over_http(with_worked_api, path, body, status, told):
    answer = with_worked_api(lambda http: _post(http, path, **body))
    assert answer.status_code == status
    assert told in {answer.json()["code"], answer.json()["problems"][0]["pointer"]}


def test_giving_back_what_is_no_case_is_not_found(with_worked_api):
    answer = with_worked_api(lambda http: http.delete("/api/v1/cases/none/lease", params={"reviewer": "ana"}))
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_case")


def test_a_review_over_http_is_told_of_the_lease(with_worked_api):
    async def body(http):
        await _post(http, "/escalations/claim", reviewer="budi")
        asked = (await http.get("/api/v1/cases/remedy")).json()["escalation"]
        bound = {"number": asked["number"], "digest": asked["digest"], "at": "2026-03-14T09:30:00Z"}
        return await _post(http, "/cases/remedy/answers", **bound, reviewer="ana", confirmed=True)

    answer = with_worked_api(body)
    assert (answer.status_code, answer.json()["code"]) == (409, "on_lease")
    assert orjson.loads(answer.content)["problems"][0]["hint"]
