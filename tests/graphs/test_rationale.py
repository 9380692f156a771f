"""Findings as sentences, each claim beside its quote; and the notice to the seller."""

import re

import pytest

from cases.evidence import Evidence, Quote, digest
from graphs.rationale import quoted

BLADE, SHARP, ANTIQUE = "blades.spring|blade", "blades.spring|sharp", "blades.spring|antique"
EXPLOSIVE, UNSTATED = "danger.explosive|explosive", "labels.origin|unstated"


@pytest.fixture
def knife(make):
    return {
        BLADE: make.met(
            "listing.title|Switchblade", "blades.spring|springs out of its handle", why="The title calls it so."
        ),
        SHARP: make.met("listing.title|sharp"),
        ANTIQUE: make.not_met("listing.title|brand new"),
    }


def decided(make, says, case=None, **more):
    (line,) = make.journey(make.office(says, **more), case or make.case())
    return line["decision"]


def test_a_rationale_says_what_carries_the_outcome_and_quotes_it_with_source_and_voucher(make, knife):
    lines = decided(make, knife)["rationale"].splitlines()
    assert lines[0] == "Violation: Knives whose blade springs out."
    assert lines[1] == "Knives whose blade springs out (blades.spring) is fulfilled:"
    assert lines[2].strip() == (
        "blade: met (shown): «Switchblade» (E1 listing.title, seller);"
        " «springs out of its handle» (clause blades.spring) — The title calls it so."
    )
    assert "antique: not met (contrary): «brand new» (E1 listing.title, seller)" in lines[4]


def test_what_is_cleared_is_told_with_what_settles_it(make, knife):
    says = {**knife, UNSTATED: make.not_met("listing.title|brand", why="It is named.")}
    text = decided(make, says, candidates=["labels.origin", "blades.spring"])["rationale"]
    assert text.index("blades.spring") < text.index("labels.origin")
    assert "Food without its origin (labels.origin): does not apply. unstated: not met (contrary): «brand»" in text
    cleared = decided(make, {UNSTATED: says[UNSTATED]}, make.case("A brand of rice"), candidates=["labels.origin"])
    assert cleared["rationale"].startswith("No violation: no candidate clause is fulfilled.")


def test_what_a_permit_lifts_is_told_as_lifted(make):
    says = {
        "swords.edged|sword": make.met("listing.title|Sword"),
        "swords.display|hung": make.met("listing.title|on a wall"),
    }
    text = decided(make, says, make.case("Sword on a wall"), candidates=["swords.edged"])["rationale"]
    assert "Swords with an edge (swords.edged): lifted by swords.display." in text
    assert "Swords for display (swords.display): holds (permit)." in text


def test_a_group_that_settles_is_told_by_its_members(make):
    says = {f"replicas.signs|signs.{name}": make.absent("listing.title|Bag") for name in ("wording", "grade", "logo")}
    decision = decided(make, says, make.case("Bag"), candidates=["replicas.signs"])
    assert decision["findings"][0]["settled_by"] == "signs"
    assert "Replicas (replicas.signs): does not apply. signs.wording: not met (absent): «Bag»" in decision["rationale"]


def test_a_recommendation_says_what_is_open_too(make, knife):
    says = {**knife, EXPLOSIVE: make.unclear(why="The title does not say.")}
    (line,) = make.journey(make.office(says, candidates=["blades.spring", "danger.explosive"]), make.case())
    text = line["escalation"]["recommended"]["rationale"]
    assert "Explosives (danger.explosive) is open:" in text
    assert "explosive: unclear (silent): The title does not say." in text


def test_a_persons_word_stands_beside_the_quotes(make, knife):
    says = {**knife, SHARP: make.unclear()}
    _, line = make.journey(make.office(says), make.case(), make.review(f"{SHARP} met"))
    assert re.search(r"sharp: met \(person\)", line["decision"]["rationale"])


def test_every_quote_of_a_rationale_stands_in_its_source(make, knife):
    (line,) = make.journey(make.office(knife), make.case())
    items = {item["id"]: item for item in line["evidence"]}
    found = re.findall(r"«(.+?)» \((E\d+) (\S+), (\w+)\)", line["decision"]["rationale"])
    assert len(found) == 3
    for words, item, source, voucher in found:
        assert words in items[item]["text"]
        assert (items[item]["source"], items[item]["voucher"]) == (source, voucher)


def test_a_gloss_is_shown_as_the_models():
    item = Evidence(
        id="E2", source="listing.title", voucher="seller", text="Springmesser", sha256=digest("Springmesser")
    )
    quote = Quote(evidence_id="E2", text="Springmesser", gloss="switchblade")
    assert quoted(quote, {"E2": item}) == "«Springmesser» [switchblade] (E2 listing.title, seller)"


# The notice


def test_a_notice_tells_the_seller_what_where_when_and_why_in_the_sellers_own_words(make, knife):
    assert decided(make, knife)["notice"] == (
        'We removed "Switchblade, sharp, brand new" (L-77) in Singapore on 2026-03-14.'
        " We relied on: “Switchblade”, “sharp”. You can appeal."
    )


def test_a_notice_keeps_what_others_say_to_itself(make, knife):
    says = {**knife, SHARP: make.met("report:1|razor edge", "listing.title|sharp")}
    case = make.case(reports=[{"by": "rival", "text": "It has a razor edge."}])
    assert "razor" not in decided(make, says, case)["notice"]
    says[BLADE] = make.met("tool:recalls|a.b: 1")
    tool = make.ScriptedTool("recalls", [make.fact("recalls", "a.b: 1")])
    (line,) = make.journey(make.office(says, tool), case)
    assert "a.b" not in line["decision"]["notice"]


def test_a_notice_is_in_the_language_of_the_case_or_in_english(make, knife):
    german = decided(make, knife, make.case(language="de", region="DE"))["notice"]
    assert german.startswith("Wir haben „Switchblade, sharp, brand new“ entfernt. Wir stützen uns auf: “Switchblade”")
    chinese = decided(make, knife, make.case(language="zh"))["notice"]
    assert chinese.startswith("We removed")


def test_a_title_that_spells_a_place_to_fill_stays_as_it_is(make, knife):
    says = {BLADE: make.met("listing.title|Switchblade"), SHARP: knife[SHARP], ANTIQUE: knife[ANTIQUE]}
    title = "Switchblade {findings} {next_steps}, sharp, brand new"
    notice = decided(make, says, make.case(title))["notice"]
    assert f'We removed "{title}" (L-77)' in notice
    assert notice.count("We relied on") == 1


def test_there_is_no_notice_where_nothing_is_done(make):
    assert decided(make, {BLADE: make.absent("listing.title|Spoon")}, make.case("Spoon"))["notice"] == ""
