"""Blind second labels, notes and exposure: what people do beside deciding, without any effect on the case."""

import asyncio
import math
from datetime import UTC, datetime, timedelta

import pytest

from cases.finding import Judgement
from cases.problem import Invalid
from service.answers import cancel
from service.exposure import exposure, note_exposure
from service.guards import Guard, set_guard
from service.intake import NoSuchCase
from service.labels import agreement, give_label, next_blind
from service.leases import NoLease, claim_next
from service.notes import add_note, asked_of, notes
from service.reading import read
from service.reviewers import Reviewer, tell_reviewer
from tests.graphs.doubles import review
from tests.service.shift import SHARP

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
# Four hundred more that stand as the case `one` does.
MANY_CASES = """
INSERT INTO cases SELECT (jsonb_populate_record(c, jsonb_build_object('id', 'many-' || n))).*
FROM cases c, generate_series(1, 400) n WHERE c.id = 'one'
"""
MANY_ESCALATIONS = """
INSERT INTO escalations SELECT (jsonb_populate_record(e, jsonb_build_object('case_id', 'many-' || n))).*
FROM escalations e, generate_series(1, 400) n WHERE e.case_id = 'one'
"""


def judged(verdict, part="sharp"):
    return Judgement(clause_id="blades.spring", part=part, verdict=verdict, basis="person")


async def decided(shift, *ids, by="ana", **fields):
    """Cases that a person has decided as violations, one after the other."""
    for case_id in ids:
        (line,) = await shift.escalated(case_id, **fields)
        await shift.answer(line, review(f"{SHARP} met", reviewer=by))
        assert (await shift.run(case_id)).decided_by == "person"


async def blind(shift, who="budi", share=1.0):
    found = await next_blind(shift.pool, who, share)
    return found and found.case_id


# Blind labels


def test_another_person_judges_the_same_question_and_the_case_stays_as_it_is(on_shift):
    async def body(shift):
        await decided(shift, "one", "two")
        before = [await read(shift.pool, "one"), await shift.events("one")]
        first = await next_blind(shift.pool, "budi", 1.0)
        assert [(q.clause_id, q.part) for q in first.questions] == [("blades.spring", "sharp")]
        assert first.evidence
        assert "blades.spring" in first.clauses
        assert await give_label(shift.pool, "budi", "one", [judged("met")]) == ()
        assert await blind(shift) == "two"
        assert await give_label(shift.pool, "budi", "two", [judged("not_met")]) == (("blades.spring", "sharp"),)
        assert await blind(shift) is None
        assert [await read(shift.pool, "one"), await shift.events("one")] == before
        (figures,) = await agreement(shift.pool, LONG_AGO)
        assert (figures.type, figures.region) == ("prohibited.blades", "SG")
        assert (figures.labels, figures.same, figures.differing) == (2, 1, ("two",))
        assert await agreement(shift.pool, datetime.now(UTC)) == ()

    on_shift(body)


def test_nothing_tells_what_was_said(on_shift):
    async def body(shift):
        (line,) = await shift.escalated("one")
        await shift.answer(line, review(f"{SHARP} unclear", reviewer="first-of-all", comment="the word"))
        asked = (await shift.run("one")).result
        assert asked["escalation"]["waiting_for"] == "senior"
        await shift.answer(asked, review(f"{SHARP} met", reviewer="second-of-all"))
        assert (await shift.run("one")).decided_by == "person"
        shown = await next_blind(shift.pool, "budi", 1.0)
        assert shown.number == 2
        told = shown.model_dump_json()
        assert [word for word in ("first-of-all", "second-of-all", "the word", '"person"') if word in told] == []
        assert shown.escalation.recommended is None
        for who in ("first-of-all", "second-of-all"):
            assert await blind(shift, who) is None

    on_shift(body)


def test_what_is_labelled_is_anothers_fresh_decision_within_ones_skills(on_shift):
    async def body(shift):
        await decided(shift, "mine", by="budi")
        await decided(shift, "discussed", "old", "good")
        await decided(shift, "foreign", region="MY")
        await shift.submit("alone")
        assert (await shift.run("alone")).decided_by == "agent"
        await shift.escalated("open")
        (line,) = await shift.escalated("seconded")
        await set_guard(shift.pool, Guard(kind="second"), "lead")
        for who in ("budi", "ana"):
            await shift.answer(line, review(f"{SHARP} met", reviewer=who))
        assert (await shift.run("seconded")).decided_by == "person"
        await add_note(shift.pool, "discussed", "budi", "I think that it is sharp.")
        await shift.pool.execute("UPDATE cases SET closed_at = now() - interval '15 days' WHERE id = 'old'")
        await tell_reviewer(shift.pool, Reviewer(id="budi", regions=("SG",)))
        found = []
        while case_id := await blind(shift):
            found.append(case_id)
            await give_label(shift.pool, "budi", case_id, [judged("met")])
        assert found == ["good"]

    on_shift(body)


def test_a_share_is_drawn_and_always_the_same(on_shift):
    async def body(shift):
        await decided(shift, "one")
        await shift.pool.execute(MANY_CASES)
        await shift.pool.execute(MANY_ESCALATIONS)
        drawn = {}
        for who, share in (("budi", 0.25), ("chen", 0.5)):
            drawn[who] = set()
            while case_id := await blind(shift, who, share):
                drawn[who].add(case_id)
                await shift.pool.execute("UPDATE labels SET given_at = now() WHERE case_id = $1", case_id)
            stored = await shift.pool.fetch("DELETE FROM labels RETURNING case_id")
            assert {row["case_id"] for row in stored} == drawn[who]
        assert await blind(shift, "budi", 0.0) is None
        return drawn

    drawn = on_shift(body)
    assert 70 < len(drawn["budi"]) < 130
    assert 160 < len(drawn["chen"]) < 240
    assert drawn["budi"] < drawn["chen"]


def test_a_label_is_leased_and_one_case_has_one(on_shift):
    async def body(shift):
        ids = [f"case-{n}" for n in range(6)]
        await decided(shift, *ids)
        people = [f"p-{n}" for n in range(8)]
        got = await asyncio.gather(*(blind(shift, who) for who in people))
        assert sorted(filter(None, got)) == ids
        assert [await blind(shift, who) for who in people] == got
        holder = dict(zip(got, people, strict=True))
        idle = [who for who in people if who not in [holder[case_id] for case_id in ids]]
        with pytest.raises(NoLease):
            await give_label(shift.pool, idle[0], "case-0", [judged("met")])
        await shift.pool.execute("UPDATE labels SET claimed_until = now() - interval '1 s' WHERE case_id = 'case-0'")
        assert await blind(shift, idle[0]) == "case-0"
        with pytest.raises(NoLease):
            await give_label(shift.pool, holder["case-0"], "case-0", [judged("met")])
        await give_label(shift.pool, idle[0], "case-0", [judged("met")])
        with pytest.raises(NoLease):
            await give_label(shift.pool, idle[0], "case-0", [judged("met")])

    on_shift(body)


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ([], "/judgements"),
        ([judged("met", "blade")], "/judgements/0/part"),
        ([judged("met"), judged("met")], "/judgements/1/part"),
        ([judged("met"), judged("met", "antique")], "/judgements/1/part"),
    ],
)
def test_a_label_judges_what_is_asked_and_nothing_else(on_shift, said, pointer):
    async def body(shift):
        await decided(shift, "one")
        await blind(shift)
        with pytest.raises(Invalid) as caught:
            await give_label(shift.pool, "budi", "one", said)
        assert caught.value.pointer == pointer
        assert await agreement(shift.pool, LONG_AGO) == ()

    on_shift(body)


# Notes


def test_a_colleague_is_asked_until_they_have_written(on_shift):
    async def body(shift):
        await shift.escalated("one", "two")
        for case_id in ("one", "two"):
            await add_note(shift.pool, case_id, "budi", "I had a look before anybody asked.")
        lease = await claim_next(shift.pool, "ana", besides=["two"])
        await add_note(shift.pool, "one", "ana", "Is this blade sharp?", asks="budi")
        await add_note(shift.pool, "one", "ana", "And is it a knife?", asks="budi")
        await add_note(shift.pool, "two", "chen", "Have a look, please.", asks="budi")
        asked = await asked_of(shift.pool, "budi")
        assert [(one.case_id, one.by, one.text, one.claimed_by) for one in asked] == [
            ("one", "ana", "And is it a knife?", "ana"),
            ("two", "chen", "Have a look, please.", None),
        ]
        assert (asked[0].number, asked[0].title) == (lease.number, "Switchblade, sharp, brand new")
        assert await asked_of(shift.pool, "ana") == ()
        await add_note(shift.pool, "one", "chen", "It is not me who was asked.")
        assert len(await asked_of(shift.pool, "budi")) == 2
        await add_note(shift.pool, "one", "budi", "It is.")
        assert [one.case_id for one in await asked_of(shift.pool, "budi")] == ["two"]
        await cancel(shift.pool, "two")
        assert await asked_of(shift.pool, "budi") == ()
        assert (await shift.question("one"))["row"]["claimed_by"] == "ana"
        assert [(n.by, n.asks) for n in await notes(shift.pool, "one")] == [
            ("budi", None), ("ana", "budi"), ("ana", "budi"), ("chen", None), ("budi", None)
        ]  # fmt: skip

    on_shift(body)


def test_a_note_has_words_a_case_and_asks_somebody_else(on_shift):
    async def body(shift):
        await shift.submit("one")
        for text, asks, pointer in (("", None, "/text"), (" ", None, "/text"), ("x" * 10_001, None, "/text")):
            with pytest.raises(Invalid) as caught:
                await add_note(shift.pool, "one", "ana", text, asks)
            assert caught.value.pointer == pointer
        with pytest.raises(Invalid) as caught:
            await add_note(shift.pool, "one", "ana", "Hm.", "ana")
        assert caught.value.pointer == "/asks"
        with pytest.raises(NoSuchCase):
            await add_note(shift.pool, "none", "ana", "Hm.")
        note = await add_note(shift.pool, "one", "ana", " <script>\x00 ")
        assert note.text == "<script>\ufffd"
        assert await notes(shift.pool, "one") == (note,)

    on_shift(body)


# Exposure


def test_looks_at_veiled_pictures_are_summed(on_shift):
    async def body(shift):
        await shift.submit("one", "two")
        looks = [("one", "image:1", 2.5), ("one", "image:1", 1.5), ("one", "image:2", 1), ("two", "image:1", 1e9)]
        looks += [("two", "image:1", -3.0), ("two", "image:1", math.nan), ("none", "image:1", 9.0)]
        for look in looks:
            await note_exposure(shift.pool, "ana", *look)
        seen = await exposure(shift.pool, "ana", LONG_AGO)
        assert (seen.looks, seen.seconds, seen.images, seen.cases) == (6, 3605.0, 3, 2)
        assert datetime.now(UTC) - seen.last_at < timedelta(minutes=1)
        for who, since in (("budi", LONG_AGO), ("ana", datetime.now(UTC))):
            nothing = await exposure(shift.pool, who, since)
            assert (nothing.looks, nothing.seconds, nothing.last_at) == (0, 0.0, None)

    on_shift(body)
