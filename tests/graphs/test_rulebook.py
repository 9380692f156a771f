"""The embedded rulebook auditor through the whole graph: what words, denials, places and pleas come to."""

import pytest

from agents.rulebook import RulebookAuditor


@pytest.fixture
def judged(make):
    """Audit a case by the rulebook: the line, and the verdicts and bases of the knife's parts."""

    def audit(title, description="", *, of=None, candidates=("blades.spring",), **more):
        office = make.office(auditor=RulebookAuditor(), candidates=candidates, **({"of": of} if of else {}))
        (line,) = make.journey(office, make.case(title, description, **more))
        findings = (line.get("decision") or line["escalation"])["findings"]
        return line, {p["part"]: (p["verdict"], p["basis"]) for f in findings for p in f["parts"]}

    return audit


def outcome(line):
    return line["decision"]["outcome"] if line["status"] == "decided" else line["escalation"]["reasons"]


def test_signs_in_the_title_convict(judged):
    line, parts = judged("Switchblade, sharp")
    assert outcome(line) == "violation"
    assert parts == {"blade": ("met", "shown"), "sharp": ("met", "shown"), "antique": ("not_met", "absent")}


@pytest.mark.parametrize(
    ("title", "blade"),
    [
        ("Letter opener, sharp", ("not_met", "contrary")),
        ("Not a switchblade, sharp", ("not_met", "contrary")),
        ("Switchblade letter opener, sharp", ("unclear", "borderline")),
        ("Something sharp", ("not_met", "absent")),
    ],
)
def test_signs_against_exclude_signs_on_both_sides_ask_and_silence_is_told_as_such(judged, title, blade):
    line, parts = judged(title)
    assert parts["blade"] == blade
    assert outcome(line) == (["open_question"] if blade[0] == "unclear" else "no_violation")


def test_what_an_item_is_no_description_alone_says(judged):
    line, parts = judged("Wall hook", "Carries your katana.", candidates=["swords.edged"])
    assert parts["sword"] == ("unclear", "borderline")
    assert outcome(line) == ["open_question"]
    assert judged("Katana", candidates=["swords.edged"])[1]["sword"] == ("met", "shown")


def test_the_sellers_word_lifts_a_ban_only_where_the_stake_is_not_high(judged, make, tmp_path):
    title = "Antique switchblade, sharp"
    line, parts = judged(title)
    assert (outcome(line), parts["antique"]) == ("no_violation", ("met", "shown"))
    severe = make.write(tmp_path, blades__spring=make.CLAUSES["blades.spring"].replace("medium", "high", 1))
    line, parts = judged(title, of=severe)
    assert (outcome(line), parts["antique"]) == (["open_question"], ("unclear", "borderline"))
    assert [question["part"] for question in line["escalation"]["questions"]] == ["antique"]
