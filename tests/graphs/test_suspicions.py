"""What answers a suspicion or a report: evidence does, silence does not; through the whole graph."""

import pytest

from tests.graphs.test_assess import BLADE, cleared, reasons, run


def test_a_suspected_clause_is_not_cleared_by_silence_but_by_evidence(make):
    suspected = {"suspected": ["prohibited.blades"]}
    says = {BLADE: make.not_met("listing.title|Letter opener")}
    assert run(make, says, make.case("Letter opener", **suspected))["decision"]["outcome"] == "no_violation"
    reported = {"reports": [{"by": "buyer", "type": "prohibited.blades", "text": "Bad."}]}
    assert reasons(run(make, cleared(make), make.case("Spoon", **reported))) == ["conflicting_signs"]


def test_a_suspicion_is_about_the_clause_that_the_search_puts_first(make):
    """Of two clauses of the suspected type the first is excluded by evidence; that the other is silent bars nothing."""
    suspected = make.case("Spoon", suspected=["prohibited.swords"])
    says = {
        "swords.edged|sword": make.not_met("listing.title|Spoon"),
        "swords.stage|prop": make.absent("listing.title|Spoon"),
        "swords.display|hung": make.absent("listing.title|Spoon"),
        "swords.sport|fencing": make.absent("listing.title|Spoon"),
    }
    first = run(make, says, suspected, candidates=["swords.edged", "swords.stage"], narrow=(says,))
    assert first["decision"]["outcome"] == "no_violation"
    second = run(make, says, suspected, candidates=["swords.stage", "swords.edged"], narrow=(says,))
    assert reasons(second) == ["conflicting_signs"]


def test_a_report_that_names_no_type_is_about_what_the_search_puts_first(make):
    reported = make.case("Spoon", reports=[{"by": "buyer", "text": "I do not think that this is allowed."}])
    assert reasons(run(make, cleared(make), reported)) == ["conflicting_signs"]
    excluded = {BLADE: make.not_met("listing.title|Spoon")}
    assert run(make, excluded, reported)["decision"]["outcome"] == "no_violation"


def test_a_fulfilled_permit_answers_a_suspicion_of_what_it_lifts(make):
    """Nothing speaks for the ban, and if it held, the permit would lift it all the same."""
    suspected = make.case("Wall piece", suspected=["prohibited.swords"])
    silent = {"swords.edged|sword": make.absent("listing.title|Wall piece")}
    for hung, found in (
        (make.met("listing.title|Wall piece"), []),
        (make.not_met("listing.title|Wall piece"), ["conflicting_signs"]),
    ):
        says = {**silent, "swords.display|hung": hung}
        assert reasons(run(make, says, suspected, candidates=["swords.edged"], narrow=(says,))) == found


def test_a_person_is_asked_about_the_clause_that_only_silence_excludes(make):
    suspected = make.case("Switchblade spoon", suspected=["prohibited.swords"])
    says = {
        BLADE: make.not_met("listing.title|spoon"),
        "swords.edged|sword": make.absent("listing.title|Switchblade spoon"),
    }
    both = ["blades.spring", "swords.edged"]
    line = run(make, says, suspected, candidates=both, narrow=(says,))
    assert [question["clause_id"] for question in line["escalation"]["questions"]] == ["swords.edged"]


@pytest.mark.parametrize(
    ("title", "alone"),
    [("Pocket jumper, walnut", False), ("Walnut spoon", True), ("No pocket jumper: a walnut spoon", True)],
)
def test_what_a_title_names_by_another_name_is_not_cleared_by_silence(make, title, alone):
    """Nobody has raised it and no sign fires; the clause has an alias for such things, which proves nothing."""
    line = run(make, {BLADE: make.absent(f"listing.title|{title}")}, make.case(title))
    assert reasons(line) == ([] if alone else ["conflicting_signs"])
    excluded = {BLADE: make.not_met(f"listing.title|{title}")}
    assert run(make, excluded, make.case(title))["decision"]["outcome"] == "no_violation"


def test_a_suspicion_is_not_widened_by_what_the_title_names_of_another_type(make):
    case = make.case("Pocket jumper, walnut", suspected=["restricted.vapes"])
    says = {BLADE: make.absent("listing.title|Pocket"), "vapes.liquid|device": make.not_met("listing.title|walnut")}
    line = run(make, says, case, candidates=["blades.spring", "vapes.liquid"])
    assert reasons(line) == []


@pytest.mark.parametrize(
    ("found", "alone"),
    [
        ([("blades.spring", 0.9), ("vapes.liquid", 0.4)], False),
        ([("blades.spring", 0.9), ("vapes.liquid", 0.8)], True),
        ([("blades.spring", 0.9)], True),
    ],
)
def test_what_stands_out_in_the_search_is_suspected_where_nobody_has_raised_anything(make, found, alone):
    says = {BLADE: make.absent("listing.title|Spoon"), "vapes.liquid|device": make.absent("listing.title|Spoon")}
    assert reasons(run(make, says, make.case("Spoon"), candidates=found)) == ([] if alone else ["conflicting_signs"])
    says |= {BLADE: make.not_met("listing.title|Spoon")}
    assert reasons(run(make, says, make.case("Spoon"), candidates=found)) == []
    raised = make.case("Spoon", suspected=["restricted.vapes"])
    says |= {BLADE: make.absent("listing.title|Spoon"), "vapes.liquid|device": make.not_met("listing.title|Spoon")}
    assert reasons(run(make, says, raised, candidates=found)) == []


def test_an_alias_in_a_description_says_nothing_of_the_item(make):
    case = make.case("Walnut spoon", description="Not to be taken for a pocket jumper. See our pocket jumper sale.")
    assert reasons(run(make, {BLADE: make.absent("listing.title|Walnut spoon")}, case)) == []


@pytest.mark.parametrize(("bladed", "answered"), [("met", False), ("absent", True)])
def test_a_clause_that_is_partly_met_is_not_answered_by_another_of_its_type(make, bladed, answered):
    """Evidence excludes the clause that the search puts first; of its sibling something is met, and the rest silent."""
    said = make.met if bladed == "met" else make.absent
    says = {
        "swords.stage|prop": make.not_met("listing.title|Spoon"),
        "swords.long|bladed": said("listing.title|Spoon"),
        "swords.long|length": make.absent("listing.title|Spoon"),
        "swords.display|hung": make.absent("listing.title|Spoon"),
        "swords.sport|fencing": make.absent("listing.title|Spoon"),
    }
    suspected = make.case("Spoon", suspected=["prohibited.swords"])
    line = run(make, says, suspected, candidates=["swords.stage", "swords.long"], narrow=(says,))
    assert reasons(line) == ([] if answered else ["conflicting_signs"])


def test_a_tools_fact_does_not_answer_a_suspicion_for_the_other_clauses_of_the_type(make):
    """Nobody copies it, says the tool; whether the listing says itself that it is copied is another matter."""
    measured = make.ScriptedTool("similar_listings", [make.fact("similar_listings", "listing.copies_other_sellers: 0")])
    suspected = make.case("Spoon", suspected=["listing.copies"])
    both = ["price.copies", "price.borrowed"]
    for said, found in (
        (make.absent("listing.title|Spoon"), ["conflicting_signs"]),
        (make.not_met("listing.title|Spoon"), []),
    ):
        assert reasons(run(make, {"price.borrowed|said": said}, suspected, measured, candidates=both)) == found
    assert reasons(run(make, {}, suspected, measured, candidates=["price.copies"])) == []


@pytest.mark.parametrize(("excluded", "cleared_alone"), [(("wording", "grade"), True), (("wording",), False)])
def test_a_totality_whose_silent_indicators_could_fulfil_it_is_settled_by_silence(make, excluded, cleared_alone):
    """Two of three are needed: with two excluded the third says nothing; with one, the silent two could."""
    parts = {name: make.absent("listing.title|Bag") for name in ("wording", "grade", "logo")}
    parts |= {name: make.not_met("listing.title|Bag") for name in excluded}
    says = {f"replicas.signs|signs.{name}": said for name, said in parts.items()}
    line = run(make, says, make.case("Bag", suspected=["ip.replicas"]), candidates=["replicas.signs"])
    assert reasons(line) == ([] if cleared_alone else ["conflicting_signs"])
