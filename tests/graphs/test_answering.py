"""The person's part: what each answer does to a waiting case, in this process and in another."""

from itertools import product

import pytest

BLADE, SHARP, ANTIQUE = "blades.spring|blade", "blades.spring|sharp", "blades.spring|antique"
DEVICE, MEDICINE, EXPLOSIVE = "vapes.liquid|device", "vapes.liquid|medicine", "danger.explosive|explosive"
UNSTATED = "labels.origin|unstated"
TITLE = "Switchblade, sharp, brand new"


@pytest.fixture
def knife(make):
    """Verdicts on the clause on knives in which one part is open."""
    return {
        BLADE: make.met("listing.title|Switchblade"),
        SHARP: make.unclear(),
        ANTIQUE: make.not_met("listing.title|brand new"),
    }


# Every kind of question by every kind of answer, by another process than the one that asked

SAYS = {
    UNSTATED: ("unclear", "silent", []),
    "claims.cure|misleads": ("unclear", "policy", ["claims.cure|a toy is no blade"]),
    "swords.edged|sword": ("met", "shown", ["listing.title|Katana"]),
    "swords.sport|fencing": ("met", "shown", ["listing.title|fencing"]),
    "swords.display|hung": ("not_met", "absent", ["listing.title|Katana"]),
    BLADE: ("met", "shown", ["listing.title|Switchblade"]),
    SHARP: ("met", "shown", ["listing.title|sharp"]),
    ANTIQUE: ("not_met", "contrary", ["listing.title|brand new"]),
}
ASKED = {
    "part": {"title": "Rice, origin unknown"},
    "confirm": {"title": TITLE, "appeal": {"of": "case-0000", "statement": "It is for letters."}},
    "clause": {"title": "Katana for fencing"},
    "policy": {"title": "Miracle cure"},
}
SETTLES = {
    "part": ({"judgements": [(UNSTATED, "met")]}, "violation"),
    "confirm": ({"confirmed": True}, "violation"),
    "clause": ({"governs": "swords.sport"}, "no_violation"),
    "policy": ({"judgements": [("claims.cure|misleads", "not_met")]}, "no_violation"),
}


def answer_to(make, line, kind, given):
    bound = make.bound(line)
    if kind == "review":
        judged = given.get("judgements", ())
        judgements = [
            {"clause_id": key.split("|")[0], "part": key.split("|")[1], "verdict": verdict, "basis": "person"}
            for key, verdict in judged
        ]
        return {**bound, "reviewer": "R. Viewer", **given, "judgements": judgements}
    if kind == "supplement":
        return {**bound, "by": "seller", "texts": [{"source": "message", "by": "seller", "text": "It is from Italy."}]}
    return {**bound, "question": "Where is it from?", "until": "2026-03-20"}


def test_every_question_takes_every_answer_from_another_process(make, elsewhere):
    pairs = list(product(ASKED, ("review", "supplement", "request")))
    cases = [make.case(id=f"{kind}-{answer}", **ASKED[kind]).model_dump(mode="json") for kind, answer in pairs]
    says = {key: list(said) for key, said in SAYS.items()}
    first = elsewhere(*(["audit", case] for case in cases), says=says)
    lines = [said["lines"][0] for said in first["said"]]
    assert [line["escalation"]["questions"][0]["kind"] for line in lines] == [kind for kind, _ in pairs]

    answers = [
        ["answer", line["case_id"], answer_to(make, line, answer, SETTLES[kind][0])]
        for line, (kind, answer) in zip(lines, pairs, strict=True)
    ]
    second = elsewhere(*answers, says=says)
    after = {pair: said["lines"][0] for pair, said in zip(pairs, second["said"], strict=True)}
    for kind in ASKED:
        _settled(after[kind, "review"], SETTLES[kind][1])
        _taken_up(after[kind, "supplement"], kind)
        _with_the_seller(after[kind, "request"], kind)

    asked = [after[kind, "request"] for kind in ASKED]
    late = elsewhere(*(["answer", line["case_id"], {**make.bound(line), "expired": True}] for line in asked), says=says)
    for said in late["said"]:
        (line,) = said["lines"]
        assert line["status"] == "escalated"
        assert (line["escalation"]["round"], line["escalation"]["number"]) == (2, 3)
        assert line["escalation"]["waiting_for"] != "seller"


def _settled(line, outcome):
    assert line["status"] == "decided", line
    decision = line["decision"]
    assert (decision["outcome"], decision["decided_by"], decision["reviewer"]) == (outcome, "person", "R. Viewer")
    assert decision["reasons"]
    assert decision["at"] == "2026-03-15T10:00:00Z"


def _taken_up(line, kind):
    escalation = line["escalation"]
    assert (escalation["round"], escalation["number"]) == (2, 2), kind
    assert [(i["source"], i["voucher"]) for i in line["evidence"] if i["text"] == "It is from Italy."] == [
        ("text:1", "seller")
    ]
    assert escalation["questions"][0]["kind"] == kind


def _with_the_seller(line, kind):
    escalation = line["escalation"]
    assert (escalation["round"], escalation["number"], escalation["waiting_for"]) == (1, 2, "seller")
    assert escalation["expires_at"].startswith("2026-03-20T23:59:59")
    assert escalation["questions"][0]["kind"] == kind


# Reviews


def test_a_persons_judgement_replaces_the_parts_verdict(make, knife):
    for verdict, outcome in (("met", "violation"), ("not_met", "no_violation")):
        _, line = make.journey(make.office(knife), make.case(), make.review(f"{SHARP} {verdict}"))
        assert line["decision"]["outcome"] == outcome
        part = make.parts_of(line)[SHARP]
        assert (part["verdict"], part["basis"]) == (verdict, "person")
        assert make.voters_of(line, SHARP)[-1] == "person"
        assert part["ballots"][-1]["judge"]["model"] == "R. Viewer"


def test_after_a_review_the_checks_for_acting_alone_no_longer_apply(make, knife):
    office = make.office(knife, make.history(trusted=True), automation="off", impact_limit=1)
    first, line = make.journey(office, make.case(), make.review(f"{SHARP} met"))
    assert first["escalation"]["reasons"] == ["open_question", "automation_off"]
    assert line["decision"]["outcome"] == "violation"


def test_what_the_person_cannot_tell_goes_to_a_senior(make, knife):
    office = make.office(knife)
    lines = make.journey(
        office, make.case(), make.review(f"{SHARP} unclear"), make.review(f"{SHARP} met", reviewer="S. Enior")
    )
    assert lines[0]["escalation"]["waiting_for"] == "reviewer"
    escalation = lines[1]["escalation"]
    assert (escalation["number"], escalation["round"], escalation["waiting_for"]) == (2, 1, "senior")
    assert escalation["questions"][0]["part"] == "sharp"
    assert lines[2]["decision"]["reviewer"] == "S. Enior"


def test_an_answer_that_settles_nothing_makes_a_new_escalation(make, knife):
    _, line = make.journey(make.office(knife), make.case(), make.review(comment="I will be back."))
    assert (line["escalation"]["number"], line["escalation"]["round"]) == (2, 1)
    assert line["escalation"]["waiting_for"] == "reviewer"
    assert line["escalation"]["reasons"] == ["open_question"]


def test_a_review_of_one_of_two_questions_asks_the_other(make, knife):
    says = {**knife, ANTIQUE: make.unclear()}
    first, second, third = make.journey(
        make.office(says), make.case(), make.review(f"{SHARP} met"), make.review(f"{ANTIQUE} not_met")
    )
    assert [q["part"] for q in first["escalation"]["questions"]] == ["sharp", "antique"]
    assert [q["part"] for q in second["escalation"]["questions"]] == ["antique"]
    assert third["decision"]["outcome"] == "violation"


@pytest.mark.parametrize(("governs", "outcome"), [("swords.edged", "violation"), ("swords.sport", "no_violation")])
def test_the_clause_that_a_person_names_governs(make, governs, outcome):
    says = {
        "swords.edged|sword": make.met("listing.title|Katana"),
        "swords.sport|fencing": make.met("listing.title|fencing"),
        "swords.display|hung": make.absent("listing.title|Katana"),
    }
    _, line = make.journey(
        make.office(says, candidates=()), make.case("Katana for fencing"), make.review(governs=governs)
    )
    assert line["decision"]["outcome"] == outcome


def test_a_permit_that_does_not_govern_still_lifts_what_it_names_elsewhere(make):
    """Naming the clause on edged swords takes the wall hanger out of that clash, and out of no other."""
    says = {
        "swords.edged|sword": make.met("listing.title|Katana"),
        "swords.stage|prop": make.met("listing.title|stage prop"),
        "swords.display|hung": make.met("listing.title|wall hanger"),
    }
    case = make.case("Katana, wall hanger, a stage prop")
    narrow = {"swords.display|hung": make.met("listing.title|wall hanger")}
    (line,) = make.journey(make.office(says, candidates=(), narrow=(narrow,)), case)
    assert line["decision"]["outcome"] == "no_violation"
    office = make.office(says, candidates=(), narrow=(narrow,), automation="off")
    _, line = make.journey(office, case, make.review(governs="swords.edged"))
    assert line["decision"]["outcome"] == "violation"
    lifted = {finding["clause_id"]: finding["lifted_by"] for finding in line["decision"]["findings"]}
    assert (lifted["swords.edged"], lifted["swords.stage"]) == (None, "swords.display")


def test_a_confirmed_recommendation_stands_as_it_was_recommended(make, knife):
    says = {**knife, SHARP: make.met("listing.title|sharp"), EXPLOSIVE: make.unclear()}
    office = make.office(says, candidates=["blades.spring", "danger.explosive"])
    first, line = make.journey(office, make.case(), make.review(confirmed=True))
    assert [q["clause_id"] for q in first["escalation"]["questions"]] == ["danger.explosive"]
    assert line["status"] == "decided"
    decision, recommended = line["decision"], first["escalation"]["recommended"]
    for field in ("outcome", "action", "findings", "notice", "rationale"):
        assert decision[field] == recommended[field], field
    assert decision["decided_by"] == "person"


def test_what_is_confirmed_is_not_what_a_missing_record_would_make_of_it(make, knife):
    """A heavier clause waits for a record that nobody has asked for; the person confirms the lighter one."""
    says = {**knife, SHARP: make.met("listing.title|sharp"), **liquid(make)}
    case = make.case("Switchblade, sharp, brand new, with Vape")
    office = make.office(says, make.history(), candidates=["blades.spring", "vapes.liquid"])
    first, line = make.journey(office, case, make.review(confirmed=True))
    assert first["escalation"]["recommended"]["action"]["clause_id"] == "blades.spring"
    assert line["decision"]["action"] == first["escalation"]["recommended"]["action"]


def test_a_persons_word_on_a_record_stands_in_the_next_round(make):
    office = make.office(liquid(make), make.history(), candidates=["vapes.liquid"], automation="off")
    said = make.review(f"{MEDICINE} met", add_clauses=["labels.origin"])
    _, line = make.journey(office, make.case("Vape"), said)
    assert line["escalation"]["round"] == 2
    assert (make.parts_of(line)[MEDICINE]["verdict"], make.parts_of(line)[MEDICINE]["basis"]) == ("met", "person")


def test_confirming_where_nothing_is_recommended_decides_nothing(make, knife):
    _, line = make.journey(make.office(knife), make.case(), make.review(confirmed=True))
    assert line["status"] == "escalated"
    assert line["escalation"]["number"] == 2


def test_a_persons_action_and_notice_go_into_the_decision_they_were_given_for(make, knife):
    said = make.review(f"{SHARP} met", action="restrict_seller", notice="Dear seller, no.")
    _, line = make.journey(make.office(knife), make.case(), said)
    assert line["decision"]["action"]["name"] == "restrict_seller"
    assert line["decision"]["notice"] == "Dear seller, no."
    again = make.review(f"{SHARP} unclear", action="restrict_seller", notice="Dear seller, no.")
    office = make.office({**knife, SHARP: make.met("text:1|ground")})
    office.auditor.first = ({"says": knife},)
    lines = make.journey(office, make.case(), again, make.supplement("It is ground, and the knife is a switchblade."))
    decision = lines[-1]["decision"]
    assert decision["decided_by"] == "agent"
    assert decision["action"]["name"] == "remove_listing"
    assert decision["notice"] != "Dear seller, no."


def test_clauses_that_a_person_adds_are_judged_in_a_new_round_with_the_persons_word_kept(make, knife):
    says = {
        **knife,
        SHARP: make.not_met("listing.title|brand new"),
        EXPLOSIVE: make.absent("listing.title|Switchblade"),
    }
    for deterministic in (False, True):
        office = make.office(says, deterministic=deterministic, automation="off")
        answer = make.review(f"{SHARP} met", add_clauses=["danger.explosive"])
        first, line = make.journey(office, make.case(), answer)
        assert list(line["clauses"]) != list(first["clauses"])
        assert "danger.explosive" in line["clauses"]
        assert line["escalation"]["round"] == 2
        assert make.parts_of(line)[SHARP]["verdict"] == "met"
        assert make.parts_of(line)[SHARP]["basis"] == "person"
        assert line["escalation"]["reasons"] == ["automation_off"]
        assert line["escalation"]["recommended"]["outcome"] == "violation"


def test_a_case_whose_round_had_no_time_left_takes_a_review(make, knife):
    office = make.office(knife, seconds=10, slow_s=11)

    def judged(line):
        office.slow_s = 0
        return make.review(f"{BLADE} met", f"{SHARP} met", f"{ANTIQUE} not_met")(line)

    first, line = make.journey(office, make.case(), judged)
    assert "budget_exhausted" in first["escalation"]["reasons"]
    assert line["decision"]["outcome"] == "violation"
    assert office.auditor.calls == []


# Information requests


def liquid(make):
    return {DEVICE: make.met("listing.title|Vape"), MEDICINE: make.met(basis="record")}


def test_a_record_is_asked_for_once_and_then_counts_as_not_there_and_a_person_decides(make):
    office = make.office(liquid(make), make.history(), candidates=["vapes.liquid"])
    lines = make.journey(office, make.case("Vape"), make.request(), make.expiry(), make.review(confirmed=True))
    asked, waiting, late, done = lines
    assert asked["escalation"]["reasons"] == ["awaiting_information"]
    (question,) = asked["escalation"]["questions"]
    assert "registration" in question["would_settle"]
    assert question["if_not_met"] == {"outcome": "violation", "action": "remove_listing"}
    assert question["if_met"] == {"outcome": "no_violation", "action": ""}
    assert asked["escalation"]["meanwhile"] == "hide"
    assert waiting["escalation"]["waiting_for"] == "seller"
    assert late["escalation"]["reasons"] == ["awaiting_information"]
    assert late["escalation"]["waiting_for"] == "reviewer"
    assert late["escalation"]["recommended"]["outcome"] == "violation"
    assert done["decision"]["outcome"] == "violation"


def test_the_record_that_comes_after_the_request_is_read(make):
    office = make.office(liquid(make), make.history(), candidates=["vapes.liquid"])

    def filed(line):
        office.tools = (make.history(authorisations=[make.registration()]),)
        return make.supplement("It is registered.")(line)

    *_, line = make.journey(office, make.case("Vape"), make.request(), filed)
    assert make.verdicts_of(line)[MEDICINE] == "met"
    assert line["decision"]["outcome"] == "no_violation"


def test_a_review_that_leaves_an_asked_for_record_unjudged_counts_it_as_not_there(make):
    says = {**liquid(make), DEVICE: make.unclear()}
    office = make.office(says, make.history(), candidates=["vapes.liquid"])
    first, line = make.journey(office, make.case("Vape"), make.review(f"{DEVICE} met"))
    (question,) = first["escalation"]["questions"]
    assert question["part"] == "device"  # the record only once no element is open
    assert question["if_met"]["outcome"] == "violation"
    assert line["decision"]["outcome"] == "violation"


def test_a_request_keeps_its_question_and_takes_the_next_number_and_digest(make, knife):
    first, second = make.journey(make.office(knife), make.case(), make.request())
    one, other = first["escalation"], second["escalation"]
    assert one["questions"] == other["questions"]
    assert one["findings"] == other["findings"]
    assert (one["number"], other["number"]) == (1, 2)
    assert one["digest"] != other["digest"]


def test_the_reviewer_may_answer_while_the_seller_is_asked(make, knife):
    *_, line = make.journey(make.office(knife), make.case(), make.request(), make.review(f"{SHARP} met"))
    assert line["decision"]["decided_by"] == "person"
