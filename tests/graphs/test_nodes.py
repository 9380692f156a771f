"""Preparing, gathering and retrieving: what lies on the table, and which clauses are judged."""

import asyncio
import unicodedata

import pytest

from cases.journal import CaseJournal, MemoryJournal
from graphs.audit import build
from graphs.candidates import Found
from graphs.language import language_of

BLADE = "blades.spring|blade"


def audited(make, case, *tools, candidates=(), **settings):
    """The line of a case in which a deterministic auditor says nothing at all, and the office."""
    office = make.office({}, *tools, candidates=candidates, deterministic=True, **settings)
    return make.journey(office, case)[0], office


def candidates_of(make, case, *tools, **more):
    return list(audited(make, case, *tools, **more)[0]["clauses"])


# Evidence


def test_a_case_is_cut_into_numbered_evidence_whose_voucher_follows_its_author(make):
    case = make.case(
        "Teapot",
        "Old.",
        subject={"brand": "Acme", "price": {"amount": "12.90", "currency": "SGD"}},
        reports=[
            {"by": "rival", "text": "Bad."},
            {"by": "brand_owner", "verified": True, "text": "Ours."},
            {"by": "authority", "text": "Recalled."},
        ],
        texts=[{"source": "message", "by": "seller", "text": "Hello."}],
        signals={"image_model.counterfeit": 0.71},
    )
    line, _ = audited(make, case)
    assert [(i["id"], i["source"], i["voucher"]) for i in line["evidence"]] == [
        ("E1", "listing.title", "seller"),
        ("E2", "listing.description", "seller"),
        ("E3", "listing.brand", "seller"),
        ("E4", "listing.offer", "seller"),
        ("E5", "report:1", "reporter"),
        ("E6", "report:2", "brand_owner"),
        ("E7", "report:3", "reporter"),  # nobody has checked who it is
        ("E8", "text:1", "seller"),
        ("E9", "case.signals", "model"),
        ("E10", "case.facts", "platform"),
    ]


def test_texts_are_normalised_before_anything_is_quoted_of_them(make):
    title = "Cafe\u0301 switchblade\r\nsharp"
    line, _ = audited(make, make.case(title))
    assert line["evidence"][0]["text"] == "Caf\u00e9 switchblade\nsharp"
    says = {
        BLADE: make.met(f"listing.title|{unicodedata.normalize('NFD', 'Café switchblade')}"),
        "blades.spring|sharp": make.met("listing.title|switchblade sharp"),
        "blades.spring|antique": make.absent("listing.title|switchblade"),
    }
    (line,) = make.journey(make.office(says), make.case(title))
    assert line["decision"]["outcome"] == "violation"


def test_the_local_day_is_that_of_the_region(make):
    for region, day in (("SG", "2026-03-15"), ("DE", "2026-03-14")):
        line, _ = audited(make, make.case("Teapot", region=region, opened_at="2026-03-14T17:30:00Z"))
        facts = next(i["text"] for i in line["evidence"] if i["source"] == "case.facts")
        assert f"day: {day}" in facts


@pytest.mark.parametrize(
    ("text", "likely", "language"),
    [
        ("Ein sehr scharfes Taschenmesser aus Stahl, neu und originalverpackt", ("de", "en"), "de"),
        ("A very sharp pocket knife made of steel, new in its box", ("de", "en"), "en"),
        ("มีดพับคมมาก ของใหม่", ("th", "en"), "th"),
        ("", ("th", "en"), "th"),
        ("Whatever it says", (), "en"),
    ],
)
def test_a_language_that_is_not_named_is_found_among_the_regions(text, likely, language):
    assert language_of(text, likely) == language


def test_the_language_of_a_case_goes_to_its_dossier(make):
    german = make.case("Ein scharfes Springmesser aus Stahl, neu", region="DE", language=None)
    office = make.office({}, candidates=["blades.spring"])
    make.journey(office, german)
    assert office.auditor.dossiers("investigate")[0].language == "de"


def test_a_new_find_that_says_what_was_said_is_no_new_evidence(make):
    same = make.fact("recalls", "recall.match: 0")
    other = make.fact("recalls", "recall.match: 0", part="/1")
    office = make.office({}, make.ScriptedTool("recalls", [same, same, other]), make.ScriptedTool("z", [same]))
    _, line = make.journey(office, make.case(), make.expiry())
    found = [(i["id"], i["source"]) for i in line["evidence"] if i["source"].startswith("tool:")]
    assert found == [("E3", "tool:recalls"), ("E4", "tool:recalls/1")]


def test_a_tool_that_reads_evidence_is_shown_what_the_others_found(make):
    seen = []

    class Reader(make.ScriptedTool):
        async def run(self, look, arguments):
            seen.append([item.source for item in look.evidence])
            return await super().run(look, arguments)

    first = make.ScriptedTool("z_first", [make.fact("z_first", "a.b: 1")])
    audited(make, make.case("Teapot"), Reader("a_reader", reads_evidence=True), first)
    assert seen == [["listing.title", "case.facts", "tool:z_first"]]


# Candidates


def test_candidates_are_the_best_by_search_as_many_as_are_wanted(make):
    found = ["labels.origin", "claims.cure", "price.copies", "price.gouging", "vapes.strength", "looks.logo"]
    assert candidates_of(make, make.case("Teapot"), candidates=found) == found[:5]
    office = make.office({}, candidates=found, deterministic=True)
    office.settings = office.settings.model_copy(update={"candidates": 2})
    (line,) = make.journey(office, make.case("Teapot"))
    assert list(line["clauses"]) == found[:2]


def test_every_raised_type_brings_its_clause_whatever_its_rank(make):
    case = make.case(
        "Teapot", suspected=["ip.logos"], reports=[{"by": "buyer", "text": "Bad", "type": "listing.labels"}]
    )
    assert set(candidates_of(make, case)) == {"looks.logo", "labels.origin"}


def test_a_raised_type_brings_what_it_forbids_though_a_permit_is_nearer(make):
    case = make.case("Wall sword", suspected=["prohibited.swords"])
    found = candidates_of(make, case, candidates=["swords.display", "swords.sport", "swords.stage"])
    assert found[:3] == ["swords.display", "swords.sport", "swords.stage"]
    assert "swords.stage" in candidates_of(make, case, candidates=["swords.display"] * 5 + ["swords.stage"])


def test_what_stands_out_among_the_clauses_that_forbid_something_is_judged(make):
    permits = [("swords.display", 0.9), ("swords.sport", 0.9), ("labels.permit", 0.8)]
    near = [*permits, ("swords.edged", 0.8), ("claims.cure", 0.3)]
    assert "swords.edged" in candidates_of(make, make.case("Katana-like wall piece"), candidates=near)


def test_every_clause_of_which_a_sign_fires_is_judged(make):
    assert candidates_of(make, make.case("Teapot", "A switchblade lies beside it.")) == ["blades.spring"]
    assert candidates_of(make, make.case("Teapot", "Razor edge, AAA grade")) == ["blades.spring", "replicas.signs"]
    assert candidates_of(make, make.case("Teapot, no switchblade")) == []  # it is denied
    assert candidates_of(make, make.case("Antique teapot")) == []  # an exemption alone is no suspicion
    assert candidates_of(make, make.case("Letter opener")) == []  # what speaks against is none either


def test_a_measured_fact_is_a_sign_like_any_other(make):
    for ratio, candidates in (("5.0", ["price.gouging"]), ("1.0", [])):
        tool = make.ScriptedTool("similar_listings", [make.fact("similar_listings", f"price.ratio_to_median: {ratio}")])
        assert candidates_of(make, make.case("Teapot"), tool) == candidates


def test_permits_over_a_candidate_are_judged_with_it(make):
    assert candidates_of(make, make.case("Teapot"), candidates=["swords.edged"]) == ["swords.edged", "swords.display"]


def test_only_clauses_in_force_here_and_now_are_candidates(make):
    found = ["labels.expired", "vapes.liquid", "labels.origin"]
    assert candidates_of(make, make.case("Teapot", region="DE"), candidates=found) == ["labels.origin"]
    line, _ = audited(make, make.case("Teapot", suspected=["listing.expired"]))
    assert "no_clause" in line["escalation"]["reasons"]


def test_a_raised_type_of_which_all_is_permitted_here_has_no_clause(make, tmp_path):
    permit = make.CLAUSES["swords.sport"].replace("prohibited.swords", "listing.expired")
    office = make.office(
        {}, deterministic=True, candidates=["swords.sport"], of=make.write(tmp_path, swords__sport=permit)
    )
    (line,) = make.journey(office, make.case("Teapot", suspected=["listing.expired"]))
    assert "no_clause" in line["escalation"]["reasons"]


def test_what_an_earlier_release_recorded_of_a_search_is_read():
    assert Found.of([["a.b"], ["c.d"]]) == Found(best=("a.b",), of_types=("c.d",))
    assert Found.of({"best": ["a.b"], "of_types": [], "standing_out": ["a.b"]}).standing_out == ("a.b",)


def test_a_case_that_nothing_points_at_is_no_violation(make):
    line, _ = audited(make, make.case("Teapot"))
    assert line["decision"]["outcome"] == "no_violation"
    assert line["decision"]["findings"] == []


def test_what_is_looked_for_is_what_listing_pictures_and_reports_say(make):
    case = make.case("Teapot", "Old.", reports=[{"by": "rival", "text": "Fake!"}], seller_id="S-77")
    search = make.FixedSearch()
    office = make.office({}, make.ScriptedTool("image_checks", [make.reading(1, "ACME")]), deterministic=True)

    async def desk(case, journal, folder):
        laid = await type(office).desk(office, case, journal, folder)
        laid.search = search
        return laid

    office.desk = desk
    make.journey(office, case)
    assert search.queries == [("Teapot\nOld.\nFake!\nACME", "en"), ("Teapot", "en")]


# The journal


def test_every_outside_call_is_recorded_under_its_round_and_step(make):
    journal = MemoryJournal()
    look = make.ScriptedTool("similar_listings", [make.fact("similar_listings", "a.b: 1")], standing=False)
    asks = {"tools": [{"id": "c1", "name": "similar_listings", "arguments": {}}]}
    says = {
        BLADE: make.not_met("listing.title|brand new"),
        "blades.spring|sharp": make.met("listing.title|sharp"),
        "blades.spring|antique": make.not_met("listing.title|brand new"),
    }
    office = make.office(says, look, make.ScriptedTool("recalls", []), first=(asks,), narrow=({BLADE: make.unclear()},))

    async def go():
        case = make.case()
        desk = await office.desk(case, await CaseJournal.open(journal, case.id), None)
        graph = build()
        await graph.ainvoke({"case": case.model_dump(mode="json")}, context=desk, interrupt_before=["await_review"])
        return await journal.entries(case.id)

    slots = [slot for slot, _ in asyncio.run(go())]
    looking = ["1/pin", "1/gather/recalls", "1/retrieve"]
    assert slots == [*looking, "1/investigate/1", "1/tool/1", "1/investigate/2", "1/judge/1", "1/narrow/2"]


def test_what_a_round_spends_is_counted_by_round_and_by_case(make):
    says = {BLADE: make.unclear(), "blades.spring|sharp": make.unclear(), "blades.spring|antique": make.unclear()}
    office = make.office(says)
    first, second = make.journey(office, make.case(), make.expiry())
    spent = [d.spent.model_calls for what, d in office.auditor.seen]
    assert spent == [0, 1, 0, 1]
    assert first["status"] == second["status"] == "escalated"
    *_, done = make.journey(office, make.case(id="b"), make.expiry(), make.review("blades.spring|blade not_met"))
    assert done["decision"]["usage"]["model_calls"] == 4
