"""The waiting list: light rows in the order of claims, facets as shops count them, a search, groups."""

import asyncio

import asyncpg
import orjson
import pytest

from service.choice import ANYTHING, WaitingChoice
from service.cursors import BadCursor
from service.guards import Guard, set_guard
from service.leases import claim_next
from service.migrate import migrate
from service.reviewers import Reviewer, tell_reviewer
from service.routing import skip
from service.waiting_list import alike, facets, waiting
from tests.graphs.doubles import request, review
from tests.service.shift import SHARP, open_shift
from tests.service.test_upgrade import carried


def ids(rows):
    return [row.case_id for row in rows]


async def listed(shift, reviewer=None, limit=50, **chosen):
    return ids((await waiting(shift.pool, WaitingChoice(**chosen), reviewer, shift.corpus, limit=limit)).items)


async def counted(shift, facet, reviewer=None, **chosen):
    found = await facets(shift.pool, WaitingChoice(**chosen), reviewer)
    return {one.value: one.count for one in getattr(found, facet)}


async def market(shift):
    """Six that wait: three markets, three languages, two types, two reasons."""
    for name, region, language, kind, reason in (
        ("a", "SG", "en", "prohibited.blades", "contested"),
        ("b", "SG", "en-SG", "prohibited.blades", "open_question"),
        ("c", "SG", "ms", "restricted.vapes", "open_question"),
        ("d", "MY", "ms", "restricted.vapes", "open_question"),
        ("e", "MY", "en", "restricted.vapes", "contested"),
        ("f", "DE", "de", "restricted.vapes", "contested"),
    ):
        await shift.escalated(name, region=region, language=language)
        await shift.pool.execute(
            "UPDATE escalations SET types = $2, reasons = $3 WHERE case_id = $1", name, [kind], [reason]
        )


def test_a_row_says_what_is_asked_and_how_it_stands(on_shift):
    async def body(shift):
        await shift.escalated(
            "one",
            group_key="S-9/knives",
            due_at="2030-01-02T00:00:00Z",
            reports=[{"by": "authority", "text": "x", "verified": True, "due_at": "2030-01-01T00:00:00Z"}],
        )
        await shift.escalated("two", "three", group_key="S-9/knives")
        lease = await claim_next(shift.pool, "ana")
        (row, *_) = (await waiting(shift.pool, ANYTHING, None, shift.corpus)).items
        asked = (await shift.question("one"))["escalation"]
        first = asked["questions"][0]
        assert (row.case_id, row.number, row.question, row.kind) == ("one", 1, first["text"], first["kind"])
        assert (row.clause_id, row.part, row.questions) == ("blades.spring", "sharp", len(asked["questions"]))
        assert (row.title, row.severity) == ("Switchblade, sharp, brand new", "medium")
        assert row.reasons == tuple(asked["reasons"])
        assert (row.region, row.language, row.types) == ("SG", "en", ("prohibited.blades",))
        assert (row.seller_id, row.subject_id, row.waiting_for) == ("S-9", "L-77", "reviewer")
        assert (row.due_at.day, row.deadline_at.day) == (2, 1)
        assert (row.group_key, row.alike) == ("S-9/knives", 2)
        assert (row.claimed_by, row.claimed_until) == ("ana", lease.until)
        await shift.pool.execute("UPDATE escalations SET claimed_until = now()")
        (row, *_) = (await waiting(shift.pool, ANYTHING, None, shift.corpus)).items
        assert (row.claimed_by, row.claimed_until) == (None, None)

    on_shift(body)


def test_the_list_is_in_the_order_of_claims_and_reads_on_to_its_end(on_shift):
    async def body(shift):
        for day in (3, 1, 2):
            await shift.escalated(f"due-{day}", due_at=f"2030-01-0{day}T00:00:00Z")
        await shift.escalated("undated", "undated-2")
        await shift.escalated("first", priority=5)
        pages, cursor = [], None
        while cursor or not pages:
            page = await waiting(shift.pool, ANYTHING, None, shift.corpus, limit=2, cursor=cursor)
            pages.append(ids(page.items))
            cursor = page.next
        claims = []
        while lease := await claim_next(shift.pool, "ana", besides=claims):
            claims.append(lease.case_id)
        assert [name for page in pages for name in page] == claims
        assert claims[:4] == ["first", "due-1", "due-2", "due-3"]
        assert [len(page) for page in pages] == [2, 2, 2]
        with pytest.raises(BadCursor):
            await waiting(shift.pool, ANYTHING, None, shift.corpus, cursor="x")

    on_shift(body)


def test_what_is_not_offered_to_a_person_is_neither_listed_nor_counted(on_shift):
    async def body(shift):
        await market(shift)
        await tell_reviewer(shift.pool, Reviewer(id="ana", regions=("SG",), languages=("en",)))
        assert await listed(shift, "ana") == ["a", "b"]
        lease = await claim_next(shift.pool, "ana")
        await skip(shift.pool, "ana", *lease[:2], "later")
        assert await listed(shift, "ana") == ["b"]
        assert await counted(shift, "regions", "ana") == {"SG": 1}
        assert await listed(shift, "stranger") == []
        assert (await facets(shift.pool, ANYTHING, "stranger")).total == 0
        assert (await facets(shift.pool, ANYTHING, None)).total == 6

    on_shift(body)


def test_what_is_answered_or_with_the_seller_waits_for_nobody_here(on_shift):
    async def body(shift):
        lines = await shift.escalated("answered", "asked", "open")
        await shift.answer(lines[0], review(f"{SHARP} met"))
        await shift.answer(lines[1], request())
        await shift.run("asked")
        assert await listed(shift) == ["open"]
        assert await listed(shift, waiting_for="seller") == ["asked"]
        assert await counted(shift, "regions") == {"SG": 1}

    on_shift(body)


def test_each_facet_is_counted_under_the_choice_in_the_others(on_shift):
    async def body(shift):
        await market(shift)
        chosen = {"regions": ["SG", "MY"], "types": ["restricted.vapes"]}
        assert await listed(shift, **chosen) == ["c", "d", "e"]
        found = await facets(shift.pool, WaitingChoice(**chosen), None)
        assert found.total == 3
        assert [(one.value, one.count) for one in found.types] == [("restricted.vapes", 3), ("prohibited.blades", 2)]
        assert await counted(shift, "regions", **chosen) == {"SG": 1, "MY": 2, "DE": 1}
        assert await counted(shift, "languages", **chosen) == {"ms": 2, "en": 1}
        assert await counted(shift, "reasons", **chosen) == {"open_question": 2, "contested": 1}
        assert await counted(shift, "languages") == {"en": 3, "ms": 2, "de": 1}

    on_shift(body)


def test_choosing_a_value_shows_as_many_as_it_was_counted(on_shift):
    async def body(shift):
        await market(shift)
        chosen = {"languages": ["en"], "reasons": ["contested", "open_question"]}
        for facet in ("types", "reasons", "regions", "languages"):
            for value, count in (await counted(shift, facet, **chosen)).items():
                assert len(await listed(shift, **chosen | {facet: [value]})) == count, (facet, value)

    on_shift(body)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("blade", ["one", "two"]),
        ("SHARP new", ["one"]),
        ("knob", []),
        ("S-44", ["two"]),
        ("l-1", ["one"]),
        ("one", ["one"]),
        ("バネ", ["two"]),
        ("ﾊﾞﾈ", ["two"]),
        ("STRASSE", ["two"]),
        ("100%", ["two"]),
        ("%", ["two"]),
        ("_", []),
        ("\\", []),
        ("blade\x00", []),
        ("  ", ["one", "two"]),
    ],
)
def test_a_search_looks_for_every_word_in_ids_and_title(on_shift, typed, found):
    async def body(shift):
        await shift.escalated("one", subject={"id": "L-1"})
        await shift.escalated(
            "two", seller_id="S-44", subject={"id": "L-2", "title": "Switchblade バネ 100% straße\x00"}
        )
        assert await listed(shift, q=typed) == found
        assert (await facets(shift.pool, WaitingChoice(q=typed), None)).total == len(found)

    on_shift(body)


def test_what_one_person_has_answered_and_wants_two_is_marked_for_the_second(on_shift):
    async def body(shift):
        lines = await shift.escalated("two", "one")
        await set_guard(shift.pool, Guard(kind="second"), "lead")
        await shift.answer(lines[0], review(f"{SHARP} met", reviewer="ana"))
        rows = (await waiting(shift.pool, ANYTHING, "budi", shift.corpus)).items
        assert {row.case_id: row.wants_second for row in rows} == {"one": False, "two": True}
        assert await listed(shift, "ana") == ["one"]
        assert (await facets(shift.pool, ANYTHING, "ana")).total == 1

    on_shift(body)


def test_others_of_its_group_are_found_also_of_a_case_that_is_over(on_shift):
    async def body(shift):
        await shift.escalated("one", "two", "three", group_key="S-9/knives")
        await shift.escalated("other", group_key="S-9/pods")
        await shift.escalated("alone")
        assert sorted(ids(await alike(shift.pool, "one", shift.corpus))) == ["three", "two"]
        await shift.answer(await shift.question("two"), review(f"{SHARP} met"))
        await shift.run("two")
        for case_id, others in (("one", ["three"]), ("two", ["one", "three"]), ("other", []), ("alone", []), ("x", [])):
            assert sorted(ids(await alike(shift.pool, case_id, shift.corpus))) == sorted(others)
        rows = (await waiting(shift.pool, ANYTHING, None, shift.corpus)).items
        assert {row.case_id: row.alike for row in rows} == {"one": 1, "three": 1, "other": 0, "alone": 0}

    on_shift(body)


def test_what_an_earlier_release_has_handed_over_is_shown_from_its_body(on_shift):
    async def body(shift):
        await shift.escalated("one")
        (before,) = (await waiting(shift.pool, ANYTHING, None, shift.corpus)).items
        await shift.pool.execute("UPDATE escalations SET headline = '{}'")
        assert (await waiting(shift.pool, ANYTHING, None, shift.corpus)).items == (before,)

    on_shift(body)


def test_a_row_is_light(on_shift):
    async def body(shift):
        await shift.escalated("one")
        long = {**(await shift.question("one"))["row"]["headline"], "question": "?" * 600}
        await shift.pool.execute("UPDATE escalations SET headline = $1", long)
        (row,) = (await waiting(shift.pool, ANYTHING, None, shift.corpus)).items
        assert len(orjson.dumps(row.model_dump(mode="json"))) < 2000

    on_shift(body)


def test_what_was_open_before_the_upgrade_is_shown_found_and_grouped(dsn, empty_dsn, tmp_path):
    title = "Switchblade ABC\x00 \\u0000"

    async def body():
        await migrate(empty_dsn, upto=4)
        async with open_shift(dsn, tmp_path) as shift:
            await shift.escalated("one", "two", group_key="S-9/knives", subject={"title": title})
            source, target = await asyncpg.connect(dsn), await asyncpg.connect(empty_dsn)
            await carried(source, target)
            await source.close()
            await target.close()
        await migrate(empty_dsn)
        async with open_shift(empty_dsn, tmp_path) as shift:
            (row, other) = (await waiting(shift.pool, WaitingChoice(q="abc s-9 l-77"), None, shift.corpus)).items
            assert (row.title, row.part, row.alike) == (title, "sharp", 1)
            assert ids(await alike(shift.pool, row.case_id, shift.corpus)) == [other.case_id]

    asyncio.run(body())
