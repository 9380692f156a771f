"""The open question: what is asked, with what on both sides, and whether what it promises then happens."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

BLADE, SHARP, ANTIQUE = "blades.spring|blade", "blades.spring|sharp", "blades.spring|antique"
DEVICE, MEDICINE, EXPLOSIVE = "vapes.liquid|device", "vapes.liquid|medicine", "danger.explosive|explosive"
STRONG, COPIED, MISLEADS, UNSTATED = (
    "vapes.strength|strong",
    "price.copies|copied",
    "claims.cure|misleads",
    "labels.origin|unstated",
)


def knife(make, **says):
    whole = {
        BLADE: make.met("listing.title|Switchblade"),
        SHARP: make.met("listing.title|sharp"),
        ANTIQUE: make.not_met("listing.title|brand new"),
    }
    return {**whole, **{f"blades.spring|{part}": said for part, said in says.items()}}


def questions(make, says, case=None, *tools, **more):
    (line,) = make.journey(make.office(says, *tools, **more), case or make.case())
    return line["escalation"]["questions"]


def texts(quotes):
    return [quote["text"] for quote in quotes]


# What is asked


def test_a_question_names_its_part_and_what_each_answer_leads_to(make):
    (question,) = questions(make, knife(make, sharp=make.unclear()))
    assert question["kind"] == "part"
    assert (question["clause_id"], question["part"]) == ("blades.spring", "sharp")
    assert question["clause_title"] == "Knives whose blade springs out"
    assert question["text"] == "Is this so: The blade is sharpened?"
    assert question["if_met"] == {"outcome": "violation", "action": "remove_listing"}
    assert question["if_not_met"] == {"outcome": "no_violation", "action": ""}


def test_the_auditors_own_question_is_asked_where_it_has_one(make):
    said = make.unclear(question="Is the edge ground?", would_settle="A photo of the edge.")
    (question,) = questions(make, knife(make, sharp=said))
    assert question["text"] == "Is the edge ground?"
    assert question["would_settle"] == "A photo of the edge."


@pytest.mark.parametrize(
    ("key", "title", "words"),
    [
        (MEDICINE, "Vape", "A registration record for “medicine”"),
        (STRONG, "Liquid, nicotine inside", "states nicotine in mg/ml"),
        (COPIED, "Teapot", "A measured listing.copies_other_sellers"),
        (MISLEADS, "Miracle cure", "a person's to apply"),
        (UNSTATED, "Rice, origin unknown", "seller's own words or pictures"),
        ("looks.logo|logo", "Bag", "from the seller's own words or pictures."),
    ],
)
def test_what_would_settle_a_part_follows_from_what_can_prove_it(make, key, title, words):
    clause = key.split("|")[0]
    says = {key: make.unclear(), DEVICE: make.met("listing.title|Vape")}
    tools = (make.history(),) if key == MEDICINE else ()
    asked = questions(make, says, make.case(title), *tools, candidates=[clause])
    assert [q["part"] for q in asked] == [key.split("|")[1]]
    assert words in asked[0]["would_settle"]


def test_the_heaviest_clause_is_asked_about_first_and_a_clause_in_its_own_order(make):
    says = {
        **knife(make, sharp=make.unclear(), antique=make.unclear()),
        EXPLOSIVE: make.unclear(),
        UNSTATED: make.unclear(),
    }
    asked = questions(make, says, candidates=["labels.origin", "blades.spring", "danger.explosive"])
    assert [q["part"] for q in asked] == ["explosive", "sharp", "antique", "unstated"]


def test_a_record_is_asked_for_only_once_nothing_else_of_its_clause_is_open(make):
    more = {"candidates": ["vapes.liquid"]}
    says = {DEVICE: make.unclear(), MEDICINE: make.unclear()}
    assert [q["part"] for q in questions(make, says, make.case("Vape"), make.history(), **more)] == ["device"]
    says[DEVICE] = make.met("listing.title|Vape")
    assert [q["part"] for q in questions(make, says, make.case("Vape"), make.history(), **more)] == ["medicine"]


def test_a_clash_asks_which_clause_governs(make):
    says = {
        "swords.edged|sword": make.met("listing.title|Katana"),
        "swords.sport|fencing": make.met("listing.title|fencing"),
        "swords.display|hung": make.absent("listing.title|Katana"),
    }
    (question,) = questions(make, says, make.case("Katana for fencing"), candidates=())
    assert question["kind"] == "clause"
    for named in ("swords.edged", "swords.sport", "Swords with an edge", "Swords for sport"):
        assert named in question["text"]
    assert "swords.edged" in question["would_settle"]
    assert question["if_met"]["outcome"] == "violation"
    assert question["if_not_met"]["outcome"] == "no_violation"


def test_a_gap_is_asked_of_the_policy_team_in_the_policys_words(make):
    says = knife(
        make, sharp=make.unclear("blades.spring|a toy is no blade", basis="policy", question="Is a toy meant?")
    )
    (line,) = make.journey(make.office(says), make.case())
    (question,) = line["escalation"]["questions"]
    assert (question["kind"], question["text"]) == ("policy", "Is a toy meant?")
    assert line["escalation"]["waiting_for"] == "policy_team"


def test_a_type_without_a_clause_is_asked_about_by_its_title(make):
    (question,) = questions(make, {}, make.case("Teapot", region="DE", suspected=["restricted.vapes"]), candidates=())
    assert question["kind"] == "policy"
    assert "Vapes" in question["text"]
    assert "DE" in question["text"]
    assert "2026-03-14" in question["text"]


def test_where_nothing_is_open_the_weakest_part_is_shown_to_confirm(make):
    says = {**knife(make), MISLEADS: make.met("listing.title|sharp")}
    asked = questions(make, says, candidates=["blades.spring", "claims.cure"], automation="off")
    (question,) = asked
    assert question["kind"] == "confirm"
    assert "Nothing is open" in question["text"]
    assert "a violation" in question["text"]
    assert question["if_met"]["outcome"] == "violation"
    (question,) = questions(
        make,
        {UNSTATED: make.not_met("listing.title|Italy")},
        make.case("Rice from Italy"),
        automation="off",
        candidates=["labels.origin"],
    )
    assert "no violation" in question["text"]
    assert (question["part"], "judged not met" in question["text"]) == ("unstated", True)


def test_there_is_a_question_also_where_no_clause_applies(make):
    (question,) = questions(make, {}, make.case("Teapot"), candidates=(), automation="off")
    assert question["kind"] == "confirm"
    assert question["part"] == ""


# Both sides


def test_both_sides_are_quoted_by_ballots_and_by_signs_and_the_rest_apart(make):
    said = make.unclear(
        "listing.description|comes in a box", for_=("listing.title|sharp",), against=("listing.description|blunt",)
    )
    office = make.office(knife(make, sharp=said), judges=({SHARP: said},))
    (line,) = make.journey(office, make.case(description="It is blunt, they say. It comes in a box."))
    (question,) = line["escalation"]["questions"]
    assert texts(question["for"]) == ["sharp"]
    assert texts(question["against"]) == ["blunt"]
    assert texts(question["neither"]) == ["comes in a box"]
    items = {item["id"]: item["text"] for item in line["evidence"]}
    for quote in (*question["for"], *question["against"], *question["neither"]):
        assert items[quote["evidence_id"]][quote["start"] : quote["end"]] == quote["text"]


def test_a_side_has_three_quotes_at_most_and_none_inside_another(make):
    said = make.unclear(
        for_=("listing.title|Switchblade, sharp", "listing.title|sharp", "listing.title|brand", "listing.title|new")
    )
    office = make.office(knife(make, sharp=said), judges=({SHARP: said},))
    (line,) = make.journey(office, make.case(description="A razor edge. Razor edge! And sharp, sharp, sharp."))
    (question,) = line["escalation"]["questions"]
    assert len(question["for"]) == 3
    for one in question["for"]:
        others = [q for q in question["for"] if q is not one and q["evidence_id"] == one["evidence_id"]]
        assert not [q for q in others if one["text"] in q["text"]]


def test_what_says_what_the_item_is_takes_no_side(make):
    case = make.case("Spoon", suspected=["prohibited.blades"])
    (question,) = questions(make, {BLADE: make.absent("listing.title|Spoon")}, case)
    assert (question["for"], question["against"], texts(question["neither"])) == ([], [], ["Spoon"])


def test_a_sign_that_is_denied_speaks_for_the_other_side(make):
    case = make.case("Gift", "This is not sharp.")
    (question,) = questions(
        make,
        knife(
            make, sharp=make.unclear(), blade=make.met("listing.title|Gift"), antique=make.absent("listing.title|Gift")
        ),
        case,
    )
    assert texts(question["against"]) == ["sharp"]
    assert question["for"] == []


# What a question promises, and what then happens

KEYS = (BLADE, SHARP, ANTIQUE, EXPLOSIVE, MISLEADS, "swords.edged|sword", "swords.display|hung", "swords.sport|fencing")
CLAUSES = ("blades.spring", "danger.explosive", "claims.cure", "swords.edged", "swords.sport")


@settings(max_examples=60)
@given(data=st.data())
def test_what_a_question_promises_is_what_its_answer_does(make, data):
    ways = {
        "met": make.met("listing.title|Thing"),
        "not_met": make.not_met("listing.title|Thing"),
        "unclear": make.unclear(),
        "policy": make.unclear(basis="policy"),
    }
    says = {key: ways[data.draw(st.sampled_from([*ways, "met", "not_met"]))] for key in KEYS}
    office = make.office(says, candidates=data.draw(st.sets(st.sampled_from(CLAUSES))), deterministic=True)
    (line,) = make.journey(office, make.case("Thing"))
    if line["status"] == "decided":
        return
    asked = line["escalation"]["questions"]
    assert asked
    assert line["escalation"]["reasons"]
    assert all(question["text"] for question in asked)
    question = data.draw(st.sampled_from(asked))
    if question["kind"] not in {"part", "policy"} or not question["part"]:
        return
    verdict = data.draw(st.sampled_from(["met", "not_met"]))
    promised = question[f"if_{verdict}"]
    _, after = make.journey(
        office, make.case("Thing"), make.review(f"{question['clause_id']}|{question['part']} {verdict}")
    )
    outcome = after["decision"]["outcome"] if after["status"] == "decided" else None
    assert outcome == promised["outcome"]
    if outcome == "violation":
        assert after["decision"]["action"]["name"] == promised["action"]
