"""New rounds: what carries over, what is judged anew, what is looked at afresh, and a policy that changes meanwhile."""

import asyncio

import pytest

BLADE, SHARP, ANTIQUE = "blades.spring|blade", "blades.spring|sharp", "blades.spring|antique"
DEVICE, MEDICINE, EXPLOSIVE = "vapes.liquid|device", "vapes.liquid|medicine", "danger.explosive|explosive"
UNSTATED = "labels.origin|unstated"


@pytest.fixture
def knife(make):
    """Verdicts on the clause on knives in which one part is open."""
    return {
        BLADE: make.met("listing.title|Switchblade"),
        SHARP: make.unclear(),
        ANTIQUE: make.not_met("listing.title|brand new"),
    }


def liquid(make):
    return {DEVICE: make.met("listing.title|Vape"), MEDICINE: make.met(basis="record")}


def test_expiry_never_decides(make, knife):
    office = make.office(knife)

    def late(line):
        office.auditor.says = {**knife, SHARP: make.met("listing.title|sharp")}
        return make.expiry()(line)

    _, line = make.journey(office, make.case(), late)
    assert office.auditor.calls[-2:] == ["case-0001 2/investigate/1", "case-0001 2/judge/1"]
    assert (line["decision"]["decided_by"], line["decision"]["outcome"]) == ("agent", "violation")


@pytest.fixture
def heavy(make, knife):
    """A clause that is fulfilled, all its parts settled, beside a heavier one that is open."""
    says = {**knife, SHARP: make.met("listing.title|sharp"), EXPLOSIVE: make.unclear()}
    return lambda *tools, **more: make.office(says, *tools, candidates=["blades.spring", "danger.explosive"], **more)


def test_settled_verdicts_carry_over_and_are_not_judged_again(make, heavy):
    office = heavy()
    _, line = make.journey(office, make.case(), make.supplement("Hello, any news?"))
    again = office.auditor.dossiers("investigate")[-1]
    assert again.round == 2
    assert again.asked == (("danger.explosive", "explosive"),)
    assert [b["round"] for b in make.parts_of(line)[BLADE]["ballots"]] == [1, 1]
    assert [b["round"] for b in make.parts_of(line)[EXPLOSIVE]["ballots"]] == [2, 2, 2]


def test_an_auditor_that_judges_more_than_it_was_asked_replaces_nothing_that_carried_over(make, heavy):
    office = heavy()
    says = office.auditor.says

    def otherwise(line):
        office.auditor.says = {
            **says,
            BLADE: make.not_met("listing.title|brand new"),
            ANTIQUE: make.met("listing.title|x"),
        }
        office.auditor.whole = True
        return make.supplement("Hello?")(line)

    _, line = make.journey(office, make.case(), otherwise)
    assert make.verdicts_of(line) == {BLADE: "met", SHARP: "met", ANTIQUE: "not_met", EXPLOSIVE: "unclear"}
    assert line["escalation"]["reasons"] == ["open_question"]


def test_new_evidence_that_names_a_part_has_it_judged_anew(make, heavy):
    office = heavy()
    _, line = make.journey(office, make.case(), make.supplement("It is a letter opener, not a switchblade."))
    asked = office.auditor.dossiers("investigate")[-1].asked
    assert asked == (("blades.spring", "blade"), ("danger.explosive", "explosive"))
    assert [b["round"] for b in make.parts_of(line)[BLADE]["ballots"]] == [2, 2]


def test_a_verdict_that_rests_on_what_a_tool_no_longer_finds_is_judged_anew(make, heavy):
    for now, rounds in (("4", [1, 1]), ("0", [2, 2])):
        copies = [[make.fact("recalls", f"listing.copies: {n}")] for n in ("4", now)]
        office = heavy(make.ScriptedTool("recalls", *copies))
        office.auditor.says[BLADE] = make.met("listing.title|Switchblade", "tool:recalls|copies: 4")
        office.auditor.says[SHARP] = make.met("listing.title|sharp")

        def news(line, office=office, now=now):
            if now == "0":
                office.auditor.says[BLADE] = make.met("listing.title|Switchblade")
            return make.expiry()(line)

        _, line = make.journey(office, make.case(), news)
        assert [b["round"] for b in make.parts_of(line)[BLADE]["ballots"]] == rounds


def test_a_photo_that_names_a_part_has_it_judged_anew(make, heavy):
    """The label is read in the new round's own looking, after the answer was taken up."""
    reading = make.ScriptedTool("image_checks", [], [make.reading(1, "LETTER OPENER")])
    office = heavy(reading)
    photo = make.supplement(documents=[{"sha256": "0" * 64}])
    _, line = make.journey(office, make.case(), photo)
    assert [i["text"] for i in line["evidence"] if i["source"] == "image:1/ocr"] == ["LETTER OPENER"]
    assert ("blades.spring", "blade") in office.auditor.dossiers("investigate")[-1].asked


def test_a_clearance_that_carries_over_keeps_its_narrow_word(make):
    says = {BLADE: make.not_met("listing.description|no knife"), UNSTATED: make.unclear()}
    narrow = ({BLADE: make.not_met("listing.title|Switchblade")},)
    office = make.office(says, candidates=["blades.spring", "labels.origin"], narrow=narrow)
    first, line = make.journey(office, make.case("Switchblade", "It is no knife."), make.supplement("Hello?"))
    assert make.verdicts_of(first)[BLADE] == make.verdicts_of(line)[BLADE] == "not_met"
    assert line["escalation"]["reasons"] == ["open_question"]
    assert [what for what, dossier in office.auditor.seen if dossier.round == 2] == ["investigate/1", "judge/1"]


def test_a_round_asks_the_tools_afresh(make, knife):
    tool = make.ScriptedTool(
        "recalls", [make.fact("recalls", "recall.match: 0")], [make.fact("recalls", "recall.match: 1")]
    )
    _, line = make.journey(make.office(knife, tool), make.case(), make.expiry())
    assert len(tool.calls) == 2
    assert [i["text"] for i in line["evidence"] if i["source"] == "tool:recalls"] == [
        "recall.match: 0",
        "recall.match: 1",
    ]


@pytest.mark.parametrize(
    ("then", "now", "verdict"), [("5.0", "1.1", "not_met"), ("1.1", "5.0", "met"), ("5.0", "5.0", "met")]
)
def test_the_latest_measurement_counts(make, then, now, verdict):
    tool = make.ScriptedTool(
        "similar_listings",
        [make.fact("similar_listings", f"price.ratio_to_median: {then}")],
        [make.fact("similar_listings", f"price.ratio_to_median: {now}")],
    )
    says = {UNSTATED: make.unclear()}
    office = make.office(says, tool, candidates=["price.gouging", "labels.origin"], automation="off")
    _, line = make.journey(office, make.case("Rice"), make.expiry())
    assert make.verdicts_of(line)["price.gouging|dear"] == verdict


def test_a_tool_that_answers_again_is_no_longer_missed(make):
    down = make.ScriptedTool("seller_history", RuntimeError("down"))
    office = make.office(liquid(make), down, candidates=["vapes.liquid"])

    def back(line):
        office.tools = (make.history(authorisations=[make.registration()]),)
        return make.expiry()(line)

    first, line = make.journey(office, make.case("Vape"), back)
    assert "tool_unavailable" in first["escalation"]["reasons"]
    assert make.verdicts_of(line)[MEDICINE] == "met"
    assert line["decision"]["outcome"] == "no_violation"


def test_a_record_that_was_revoked_meanwhile_lifts_nothing(make):
    says = {**liquid(make), UNSTATED: make.unclear()}
    office = make.office(
        says,
        make.history(authorisations=[make.registration()]),
        candidates=["vapes.liquid", "labels.origin"],
    )

    def revoked(line):
        office.tools = (make.history(authorisations=[make.registration(status="revoked")]),)
        return make.expiry()(line)

    first, line = make.journey(office, make.case("Vape"), revoked)
    assert make.verdicts_of(first)[MEDICINE] == "met"
    assert make.verdicts_of(line)[MEDICINE] == "not_met"


# The policy changes while a case waits


def changed(make, tmp_path, **texts):
    return make.write(tmp_path / f"corpus-{len(list(tmp_path.iterdir()))}", **texts)


def test_what_was_judged_by_a_text_that_has_changed_is_judged_anew(make, knife, tmp_path):
    office = make.office({**knife, SHARP: make.unclear()})

    def publish(line):
        text = make.CLAUSES["blades.spring"].replace("springs out of its", "jumps out of its")
        office.corpus = changed(make, tmp_path, blades__spring=text)
        return make.review(f"{SHARP} met")(line)

    _, line = make.journey(office, make.case(), publish)
    assert line["escalation"]["round"] == 2
    assert "policy_changed" in line["escalation"]["reasons"]
    assert line["clauses"]["blades.spring"] == office.corpus.clauses["blades.spring"].text
    assert make.parts_of(line)[SHARP]["basis"] != "person"


def test_a_case_whose_clause_is_gone_is_still_shown(make, knife, tmp_path):
    office = make.office({**knife, UNSTATED: make.unclear()}, candidates=["blades.spring", "labels.origin"])

    async def go():
        async with office.open() as run:
            first = await run.audit(make.case())
            office.corpus = changed(make, tmp_path, labels__origin=None)
            return first, await run.audit(make.case())

    first, again = asyncio.run(go())
    assert again["escalation"] == first["escalation"]
    assert list(again["clauses"]) == ["blades.spring"]


def test_a_clause_that_is_gone_leaves_its_case_answerable(make, knife, tmp_path):
    says = {**knife, UNSTATED: make.unclear()}
    office = make.office(says, candidates=["blades.spring", "labels.origin"])

    def withdraw(line):
        office.corpus = changed(make, tmp_path, labels__origin=None)
        return make.expiry()(line)

    first, line = make.journey(office, make.case(), withdraw)
    assert "labels.origin" in first["clauses"]
    assert list(line["clauses"]) == ["blades.spring"]
    assert line["escalation"]["round"] == 2
