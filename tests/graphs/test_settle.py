"""Ballots to verdicts by lead (Wald), and the parts that are put to judges at all."""

from collections import Counter
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.finding import Ballot, Judge, Judgement, PartFinding, settling_part
from cases.rule import Part, Rule
from graphs.settle import (
    NARROW,
    Tally,
    contenders,
    firmest_first,
    narrow_agrees,
    narrow_heard,
    parts_that_matter,
    tally,
)

WORDS = {"m": "met", "n": "not_met", "u": "unclear"}


def cast(votes, narrow=""):
    """Ballots for a word such as `mmn`; narrow ballots come after."""
    made = [(f"judge-{i}", vote) for i, vote in enumerate(votes)] + [(NARROW, vote) for vote in narrow]
    return [
        Ballot(
            judge=Judge(prompt=prompt, model=""),
            round=1,
            judgement=Judgement(clause_id="a.b", part="c", verdict=WORDS[vote], basis="silent"),
        )
        for prompt, vote in made
    ]


@pytest.mark.parametrize(
    ("lead", "votes", "verdict", "settled"),
    [
        (2, "", "unclear", ""),
        (2, "m", "met", ""),
        (2, "mm", "met", "lead"),
        (2, "nn", "not_met", "lead"),
        (2, "uu", "unclear", "lead"),
        (2, "mn", "met", ""),
        (2, "mnm", "met", ""),
        (2, "mnmm", "met", "lead"),
        (2, "mnnn", "not_met", "lead"),
        (2, "mnmn", "met", ""),
        (2, "mnmnm", "unclear", "contested"),
        (2, "munmu", "unclear", "contested"),
        (3, "mm", "met", ""),
        (3, "mmm", "met", "lead"),
        (3, "mmnm", "met", ""),
        (3, "mmnmm", "met", "lead"),
        (3, "mnmnmm", "met", ""),
        (3, "mnmnmnm", "unclear", "contested"),
        (3, "mnmnmmm", "met", "lead"),
        (1, "n", "not_met", "lead"),
    ],
)
def test_a_verdict_is_settled_once_it_leads(lead, votes, verdict, settled):
    assert tally(cast(votes), lead) == Tally(verdict, settled)


def test_a_part_is_contested_at_twice_the_lead_and_one_and_no_sooner():
    for lead in (2, 3):
        for votes in product("mnu", repeat=2 * lead):
            assert tally(cast(votes), lead).settled != "contested"
        for votes in product("mnu", repeat=2 * lead + 1):
            assert tally(cast(votes), lead).settled in {"lead", "contested"}


def test_narrow_ballots_are_a_condition_and_not_a_vote():
    for narrow in ("n", "nnnn", "m", "u"):
        assert tally(cast("mm", narrow), 2) == Tally("met", "lead")
        assert tally(cast("m", narrow), 2) == Tally("met", "")
        assert tally(cast("mnmnm", narrow), 2).settled == "contested"
        assert tally(cast("", narrow), 2) == Tally("unclear", "")
    assert narrow_heard(cast("mm", "u"))
    assert not narrow_heard(cast("mm"))
    assert narrow_agrees(cast("nn", "n"), "not_met")
    assert not narrow_agrees(cast("nn", "u"), "not_met")
    assert not narrow_agrees(cast("nn"), "not_met")


votes = st.text("mnu", max_size=9)
leads = st.sampled_from([1, 2, 3])


@given(votes, leads, st.randoms())
def test_the_order_of_ballots_does_not_change_what_is_settled(given_votes, lead, random):
    shuffled = random.sample(given_votes, len(given_votes))
    one, other = tally(cast(given_votes), lead), tally(cast(shuffled), lead)
    assert one.settled == other.settled
    if one.settled:
        assert one.verdict == other.verdict


@given(votes, leads)
def test_settled_by_lead_is_never_a_tie_and_always_by_the_lead(given_votes, lead):
    found = tally(cast(given_votes), lead)
    counted = [*sorted(Counter(given_votes).values(), reverse=True), 0, 0]
    assert (found.settled == "lead") == (bool(given_votes) and counted[0] - counted[1] >= lead)
    if found.settled == "lead":
        assert given_votes.count(next(v for v, word in WORDS.items() if word == found.verdict)) == counted[0]


@given(votes, leads)
def test_a_part_that_is_put_to_judges_one_by_one_ends_once(given_votes, lead):
    """As the graph does it: after each ballot it is settled or one more is cast, at most twice the lead and one."""
    ends = [i for i in range(1, len(given_votes) + 1) if tally(cast(given_votes[:i]), lead).settled]
    if len(given_votes) > 2 * lead:
        assert ends
    if ends:
        assert lead <= ends[0] <= 2 * lead + 1


# Which parts are put to judges


def part(name, role="element", **more):
    return Part(name=name, role=role, text=name, **more)


GROUP = part("signs", at_least=1, of=(part("signs.a"), part("signs.b")))
KNIFE = Rule(id="blades.spring", type="p.b", parts=(part("blade"), part("sharp"), part("antique", "exemption")))
COPY = Rule(id="replicas.signs", type="p.r", parts=(GROUP, part("sold")))


@pytest.mark.parametrize(
    ("rule", "verdicts", "matter"),
    [
        (KNIFE, {"blade": "met", "sharp": "met", "antique": "not_met"}, ["blade", "sharp", "antique"]),
        (KNIFE, {"blade": "met", "sharp": "not_met", "antique": "not_met"}, ["sharp"]),
        (KNIFE, {"blade": "not_met", "sharp": "not_met", "antique": "met"}, ["blade"]),
        (KNIFE, {"blade": "met", "sharp": "met", "antique": "met"}, ["antique"]),
        (KNIFE, {"blade": "met", "sharp": "unclear", "antique": "not_met"}, ["sharp"]),
        (KNIFE, {"blade": "met"}, ["sharp", "antique"]),
        (KNIFE, {}, ["blade", "sharp", "antique"]),
        (COPY, {"signs.a": "not_met", "signs.b": "not_met", "sold": "met"}, ["signs.a", "signs.b"]),
        (COPY, {"signs.a": "met", "signs.b": "unclear", "sold": "unclear"}, ["sold"]),
        (COPY, {"signs.a": "unclear", "signs.b": "not_met", "sold": "met"}, ["signs.a"]),
        (COPY, {"signs.a": "met", "signs.b": "not_met", "sold": "met"}, ["signs.a", "signs.b", "sold"]),
    ],
)
def test_decisive_and_open_parts_are_put_to_judges_and_no_others(rule, verdicts, matter):
    assert parts_that_matter([rule], {rule.id: verdicts}) == tuple((rule.id, name) for name in matter)


def judged_so(**votes):
    """Findings for parts, by the votes of their judges; `code` stands for a measured `not_met`."""
    found = {}
    for name, said in votes.items():
        basis = "measured" if said == "code" else "contrary"
        ballots = cast("n" if said == "code" else said)
        verdict = Counter(b.judgement.verdict for b in ballots).most_common(1)[0][0]
        found[name] = PartFinding(part=name, verdict=verdict, basis=basis, ballots=tuple(ballots))
    return found


@pytest.mark.parametrize(
    ("votes", "rests_on"),
    [
        ({"blade": "nn", "sharp": "nn", "antique": "nn"}, "blade"),
        ({"blade": "nmn", "sharp": "nn", "antique": "nn"}, "sharp"),
        ({"blade": "nn", "sharp": "nnn", "antique": "nn"}, "sharp"),
        ({"blade": "nnn", "sharp": "code", "antique": "nn"}, "sharp"),
        ({"blade": "nmn", "sharp": "mm", "antique": "mm"}, "antique"),
        ({"blade": "mm", "sharp": "nmn", "antique": "nn"}, "sharp"),
    ],
)
def test_a_clause_that_several_parts_settle_rests_on_the_firmest(votes, rests_on):
    findings = judged_so(**votes)
    verdicts = {name: found.verdict for name, found in findings.items()}
    assert settling_part(firmest_first(KNIFE, verdicts, findings), verdicts).name == rests_on


def test_a_clause_rests_on_an_appraisal_only_where_no_fact_settles_it():
    parts = (Part(name="misleads", role="element", text="It misleads.", appraisal=True), *KNIFE.parts)
    rule = KNIFE.model_copy(update={"parts": parts})
    findings = judged_so(misleads="nnn", blade="mm", sharp="nn", antique="nn")
    verdicts = {name: found.verdict for name, found in findings.items()}
    assert settling_part(firmest_first(rule, verdicts, findings), verdicts).name == "sharp"
    assert (
        settling_part(firmest_first(rule, verdicts | {"sharp": "met"}, findings), verdicts | {"sharp": "met"}).name
        == "misleads"
    )


def test_whatever_may_settle_a_clause_is_voted_on_until_something_has():
    verdicts = {KNIFE.id: {"blade": "not_met", "sharp": "not_met", "antique": "not_met"}}
    assert contenders([KNIFE], verdicts, {}) == ((KNIFE.id, "sharp"),)
    assert contenders([KNIFE], verdicts, {(KNIFE.id, "blade"): "lead"}) == ()
    assert contenders([KNIFE], {KNIFE.id: {"blade": "met", "sharp": "not_met"}}, {}) == ()
    assert contenders([KNIFE], {KNIFE.id: {"blade": "met", "sharp": "met", "antique": "not_met"}}, {}) == ()


# In the whole graph, whatever investigator and judges say

KEYS = ("blades.spring|blade", "blades.spring|sharp", "blades.spring|antique", "danger.explosive|explosive")
TITLE = "Switchblade, sharp, brand new, antique"


def _says(make, draw, truth):
    """What one speaker says of every part: mostly what is true, with quotes that mostly verify."""
    ways = {"met": make.met, "not_met": make.not_met, "unclear": make.unclear, "absent": make.absent}
    said = {}
    for key in KEYS:
        verdict = draw(st.sampled_from([truth[key]] * 40 + [*ways, "left out"]))
        quote = draw(st.sampled_from(["listing.title|Switchblade"] * 40 + ["listing.title|no such words"]))
        said[key] = ways[verdict](quote) if verdict in ways else None
    return said


@settings(max_examples=80)
@given(data=st.data())
def test_nothing_is_decided_alone_that_is_not_settled(make, data):
    """A decision's decisive parts lead by the stake's lead, and what signs speak for is cleared by a narrow word."""
    truth = {key: data.draw(st.sampled_from(["met", "not_met"])) for key in KEYS}
    truth["danger.explosive|explosive"] = data.draw(st.sampled_from(["absent", "not_met"]))
    says, *others = [_says(make, data.draw, truth) for _ in range(5)]
    office = make.office(says, judges=others[:3], narrow=others[3:], candidates=["blades.spring", "danger.explosive"])
    (line,) = make.journey(office, make.case(TITLE))
    assert len(office.auditor.seen) <= 4 + 2 * 3 + 4  # it ends, though what does not verify is asked again
    if line["status"] == "escalated":
        assert line["escalation"]["reasons"]
        assert line["escalation"]["questions"]
        return
    for finding in line["decision"]["findings"]:
        rule = make.corpus.clauses[finding["clause_id"]].rule
        lead = 3 if rule.severity == "critical" else 2
        for part in finding["parts"]:
            if finding["status"] == "fulfilled" or part["part"] == finding["settled_by"]:
                _is_settled(part, rule.judged[part["part"]], lead)


def _is_settled(part, named, lead):
    votes = Counter(b["judgement"]["verdict"] for b in part["ballots"] if b["judge"]["prompt"] != NARROW)
    others = [n for verdict, n in votes.items() if verdict != part["verdict"]]
    assert votes[part["verdict"]] - max(others, default=0) >= lead
    spoken = {"blade": "not_met", "sharp": "not_met", "antique": "met"}
    if spoken.get(part["part"]) == part["verdict"] and (named.role == "element" or part["verdict"] == "met"):
        narrow = [b["judgement"]["verdict"] for b in part["ballots"] if b["judge"]["prompt"] == NARROW]
        assert part["verdict"] in narrow
