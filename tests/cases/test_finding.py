"""The derivation of outcomes from judgements: its laws, and the cases that the design names."""

import dataclasses
import itertools
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agents.auditor import Ballots, Turn
from agents.submission import SUBMIT_BALLOTS, SUBMIT_FINDINGS
from cases.evidence import Quote
from cases.finding import (
    Ballot,
    Judge,
    Judgement,
    PartFinding,
    clause_status,
    decisive_parts,
    derive,
    group_verdict,
    open_parts,
    part_verdict,
    settling_part,
    what_if,
)
from cases.rule import SEVERITIES, Rule

VERDICTS = ("met", "not_met", "unclear")
RANK = {"not_fulfilled": 0, "open": 1, "fulfilled": 2}
GROUPS = st.tuples(
    st.integers(-2, 4), st.dictionaries(st.sampled_from("wxyz"), st.integers(-2, 3), min_size=1, max_size=4)
)


def parts_named(names, at_least=0):
    return st.dictionaries(st.sampled_from(names), st.none() | GROUPS, min_size=at_least, max_size=len(names))


@st.composite
def rules(draw, make, rule_id="a.x", effect=None):
    elements = draw(parts_named(["e1", "e2", "e3"], at_least=1))
    exemptions = draw(parts_named(["x1", "x2"]))
    effect = effect or draw(st.sampled_from(["forbid", "forbid", "permit"]))
    others = st.lists(st.sampled_from(["a.x0", "a.x1", "a.x2", "a.x3"]), unique=True, max_size=2)
    return make(
        rule_id,
        elements,
        exemptions,
        effect=effect,
        type=draw(st.sampled_from(["a.one", "a.two"])),
        over=tuple(draw(others)) if effect == "permit" else (),
        severity=draw(st.sampled_from(SEVERITIES)),
    )


def judged(draw, rule):
    """Verdicts of a rule's parts; what was not judged is left out."""
    drawn = {name: draw(st.sampled_from([*VERDICTS, None])) for name in rule.judged}
    return {name: verdict for name, verdict in drawn.items() if verdict}


def cases(draw, make):
    """Some rules that pull at each other, and verdicts on their parts."""
    made = [draw(rules(make, f"a.x{i}")) for i in range(draw(st.integers(1, 4)))]
    return made, {r.id: judged(draw, r) for r in made}


def completed(draw, rule, verdicts):
    """The same verdicts, with everything unclear settled somehow."""
    settled = {name: verdicts.get(name, "unclear") for name in rule.judged}
    return {n: draw(st.sampled_from(["met", "not_met"])) if v == "unclear" else v for n, v in settled.items()}


@given(st.data())
def test_a_groups_verdict_is_what_all_completions_agree_on(rule, data):
    (group,) = rule(elements={"g": data.draw(GROUPS)}).elements
    verdicts = {member.name: data.draw(st.sampled_from(VERDICTS)) for member in group.of}
    choices = [("met", "not_met") if verdicts[m.name] == "unclear" else (verdicts[m.name],) for m in group.of]
    reached = {
        sum(m.weight for m, v in zip(group.of, completion, strict=True) if v == "met") >= group.at_least
        for completion in itertools.product(*choices)
    }
    assert group_verdict(group, verdicts) == {(True,): "met", (False,): "not_met"}.get(tuple(reached), "unclear")


@given(st.data())
def test_what_was_not_judged_counts_as_unclear(rule, data):
    made = data.draw(rules(rule))
    verdicts = judged(data.draw, made)
    told = {name: verdicts.get(name, "unclear") for name in made.judged}
    assert clause_status(made, verdicts) == clause_status(made, told)
    assert all(part_verdict(p, verdicts) == part_verdict(p, told) for p in made.parts)


@given(st.data())
def test_a_further_met_element_never_makes_a_clause_less_fulfilled(rule, data):
    made = data.draw(rules(rule, effect="forbid"))
    verdicts = judged(data.draw, made)
    name = data.draw(st.sampled_from([n for p in made.elements for n in ([m.name for m in p.of] or [p.name])]))
    change = RANK[clause_status(made, {**verdicts, name: "met"})] - RANK[clause_status(made, verdicts)]
    assert change >= 0 if made.judged[name].weight >= 0 else change <= 0


@given(st.data())
def test_a_further_met_exemption_never_makes_a_clause_more_fulfilled(rule, data):
    made = data.draw(rules(rule).filter(lambda r: r.exemptions))
    verdicts = judged(data.draw, made)
    names = [n for p in made.exemptions for n in ([m.name for m in p.of if m.weight >= 0] if p.of else [p.name])]
    for name in names:
        assert RANK[clause_status(made, {**verdicts, name: "met"})] <= RANK[clause_status(made, verdicts)]


def split(names, most=8):
    """All completions of the first few names can be tried out."""
    return names[:most], names[most:]


@given(st.data())
def test_an_open_clause_is_one_whose_completions_disagree(rule, data):
    made = data.draw(rules(rule))
    verdicts = judged(data.draw, made)
    unclear = [name for name in made.judged if verdicts.get(name, "unclear") == "unclear"][:8]
    verdicts |= {
        name: "met" for name in made.judged if verdicts.get(name, "unclear") == "unclear" and name not in unclear
    }
    reached = {
        clause_status(made, {**verdicts, **dict(zip(unclear, settled, strict=True))})
        for settled in itertools.product(("met", "not_met"), repeat=len(unclear))
    }
    status = clause_status(made, verdicts)
    assert reached == ({"fulfilled", "not_fulfilled"} if status == "open" else {status})


@given(st.data())
def test_an_open_exemption_never_yields_a_violation_of_its_clause(rule, data):
    made, verdicts = cases(data.draw, rule)
    derived = derive(made, verdicts)
    for candidate in made:
        if any(part_verdict(p, verdicts[candidate.id]) == "unclear" for p in candidate.exemptions):
            assert candidate.id not in derived.violated
            assert derived.statuses[candidate.id] != "fulfilled"


@given(st.data())
def test_the_order_of_clauses_and_parts_does_not_matter(rule, data):
    made, verdicts = cases(data.draw, rule)
    shuffled = [
        Rule.model_validate({**dict(candidate), "parts": tuple(data.draw(st.permutations(candidate.parts)))})
        for candidate in data.draw(st.permutations(made))
    ]
    turned = {rule_id: dict(reversed(parts.items())) for rule_id, parts in reversed(verdicts.items())}
    assert derive(shuffled, turned) == derive(made, verdicts)


@given(st.data())
def test_a_decided_case_stays_decided_whatever_the_rest_turns_out_to_be(rule, data):
    made, verdicts = cases(data.draw, rule)
    derived = derive(made, verdicts)
    settled = derive(made, {r.id: completed(data.draw, r, verdicts[r.id]) for r in made})
    if derived.outcome:
        assert settled.outcome == derived.outcome
        weights = {r.id: r.weight for r in made}
        assert (derived.carrier is None) == (settled.carrier is None)
        assert derived.carrier is None or weights[settled.carrier] == weights[derived.carrier]


@given(st.data())
def test_with_every_part_settled_only_a_conflict_keeps_a_case_open(rule, data):
    made, verdicts = cases(data.draw, rule)
    derived = derive(made, {r.id: completed(data.draw, r, verdicts[r.id]) for r in made})
    assert (derived.outcome is None) == bool(derived.conflicts)
    assert derived.open == ()


@given(st.data())
def test_what_is_derived_hangs_together(rule, data):
    made, verdicts = cases(data.draw, rule)
    derived = derive(made, verdicts)
    effects = {r.id: r.effect for r in made}
    weights = {r.id: r.weight for r in made}
    assert {derived.statuses[i] for i in derived.violated} <= {"fulfilled"}
    assert {effects[i] for i in derived.violated} <= {"forbid"}
    assert not set(derived.violated) & (set(derived.lifted) | set(derived.open))
    assert [weights[i] for i in derived.violated] == sorted((weights[i] for i in derived.violated), reverse=True)
    assert {derived.statuses[i] for i in derived.open} <= {"open"}
    assert all(effects[p] == "permit" and derived.statuses[p] == "fulfilled" for p in derived.lifted.values())
    assert derived.outcome is not None or derived.open or derived.conflicts
    assert derived.outcome != "violation" or derived.carrier == derived.violated[0]


@given(st.data())
def test_decisive_parts_alone_carry_the_status(rule, data):
    made = data.draw(rules(rule))
    verdicts = judged(data.draw, made)
    decisive = decisive_parts(made, verdicts)
    status = clause_status(made, verdicts)
    assert (decisive == ()) == (status == "open")
    assert status == "open" or clause_status(made, {n: verdicts[n] for n in decisive if n in verdicts}) == status


@given(st.data())
def test_settling_the_open_parts_settles_an_open_clause(rule, data):
    made = data.draw(rules(rule))
    verdicts = judged(data.draw, made)
    asked = open_parts(made, verdicts)
    assert (asked == ()) == (clause_status(made, verdicts) != "open")
    assert all(verdicts.get(name, "unclear") == "unclear" for name in asked)
    assert list(asked) == [name for name in made.judged if name in asked]
    answers = {name: data.draw(st.sampled_from(["met", "not_met"])) for name in asked}
    assert clause_status(made, {**verdicts, **answers}) != "open"


def statuses(derived):
    return derived.outcome, derived.violated, derived.open


def test_one_settling_part_is_enough(rule):
    made = rule(elements=["a", "b"], exemptions=["x"])
    assert clause_status(made, {"b": "not_met"}) == "not_fulfilled"
    assert clause_status(made, {"x": "met"}) == "not_fulfilled"
    assert clause_status(made, {"a": "met", "b": "met"}) == "open"
    assert clause_status(made, {"a": "met", "b": "met", "x": "not_met"}) == "fulfilled"


def test_a_case_without_candidates_violates_nothing():
    assert statuses(derive([], {})) == ("no_violation", (), ())


def test_a_fulfilled_permit_lifts_the_clauses_that_it_names_and_no_other(rule):
    made = [rule("a.x"), rule("a.y", type="a.two"), rule("p.x", effect="permit", over=("a.x",))]
    derived = derive(made, {"a.x": {"e": "met"}, "a.y": {"e": "met"}, "p.x": {"e": "met"}})
    assert derived.lifted == {"a.x": "p.x"}
    assert statuses(derived) == ("violation", ("a.y",), ())


def test_of_two_permits_that_lift_the_first_by_id_is_named(rule):
    permits = [
        rule("p.b", effect="permit", over=("a.x",), severity="high"),
        rule("p.a", effect="permit", over=("a.x",)),
    ]
    derived = derive([rule("a.x"), *permits], {"a.x": {"e": "met"}, "p.a": {"e": "met"}, "p.b": {"e": "met"}})
    assert derived.lifted == {"a.x": "p.a"}


def test_a_lifted_clause_alone_is_no_violation(rule):
    made = [rule("a.x"), rule("p.x", effect="permit", over=("a.x",))]
    assert statuses(derive(made, {"a.x": {"e": "met"}, "p.x": {"e": "met"}})) == ("no_violation", (), ())
    assert statuses(derive(made, {"p.x": {"e": "met"}})) == ("no_violation", (), ())


def test_a_permit_that_does_not_hold_lifts_nothing(rule):
    made = [rule("a.x"), rule("p.x", effect="permit", over=("a.x",))]
    assert statuses(derive(made, {"a.x": {"e": "met"}, "p.x": {"e": "not_met"}})) == ("violation", ("a.x",), ())


def test_an_open_permit_over_a_fulfilled_clause_keeps_the_case_open_and_is_what_is_asked(rule):
    made = [rule("a.x"), rule("p.x", effect="permit", over=("a.x",), type="a.two")]
    assert statuses(derive(made, {"a.x": {"e": "met"}})) == (None, (), ("p.x",))
    assert statuses(derive(made, {"a.x": {"e": "not_met"}})) == ("no_violation", (), ())


@pytest.mark.parametrize("of_type", ["a.one", "a.two"])
def test_a_permit_without_over_conflicts_with_a_clause_of_its_type_only(rule, of_type):
    made = [rule("a.x"), rule("p.x", effect="permit", type=of_type)]
    derived = derive(made, {"a.x": {"e": "met"}, "p.x": {"e": "met"}})
    if of_type == "a.one":
        assert derived.conflicts == (("p.x", "a.x"),)
        assert statuses(derived) == (None, (), ())
    else:
        assert derived.conflicts == ()
        assert statuses(derived) == ("violation", ("a.x",), ())


@pytest.mark.parametrize(
    ("heavier", "outcome", "asked"), [("critical", None, ("a.h",)), ("high", "violation", ()), ("low", "violation", ())]
)
def test_only_a_heavier_open_clause_holds_up_a_decided_one(rule, heavier, outcome, asked):
    made = [rule("a.x", severity="high"), rule("a.h", severity=heavier, type="a.two")]
    assert statuses(derive(made, {"a.x": {"e": "met"}})) == (outcome, ("a.x",), asked)


def test_an_open_clause_beside_clear_ones_keeps_the_case_open(rule):
    made = [rule("a.x"), rule("a.y", severity="low")]
    assert statuses(derive(made, {"a.x": {"e": "not_met"}})) == (None, (), ("a.y",))


def test_an_open_clause_that_a_permit_lifts_is_not_asked_about(rule):
    made = [rule("a.x"), rule("p.x", effect="permit", over=("a.x",))]
    assert statuses(derive(made, {"a.x": {}, "p.x": {"e": "met"}})) == ("no_violation", (), ())


def test_the_heaviest_violated_clause_carries_the_action_and_all_are_listed(rule):
    made = [rule("a.a", severity="low"), rule("a.z", severity="critical"), rule("a.b", severity="critical")]
    derived = derive(made, {r.id: {"e": "met"} for r in made})
    assert (derived.carrier, derived.violated) == ("a.b", ("a.b", "a.z", "a.a"))


def test_a_fulfilled_clause_rests_on_all_its_parts(rule):
    made = rule(elements={"a": None, "g": (1, {"x": 1, "y": 1})}, exemptions=["z"])
    verdicts = {"a": "met", "g.x": "met", "z": "not_met"}
    assert decisive_parts(made, verdicts) == ("a", "g.x", "g.y", "z")


def test_an_unfulfilled_clause_rests_on_the_first_part_that_settles_it(rule):
    made = rule(elements=["a", "b", "c"], exemptions=["z"])
    verdicts = {"a": "unclear", "b": "not_met", "c": "not_met", "z": "met"}
    assert decisive_parts(made, verdicts) == ("b",)
    assert settling_part(made, verdicts).name == "b"
    assert settling_part(made, {"z": "met"}).name == "z"
    assert settling_part(made, {"a": "met"}) is None


def test_a_group_that_settles_stands_for_its_members(rule):
    made = rule(elements={"g": (2, {"x": 1, "y": 1, "n": -1})})
    assert decisive_parts(made, {"g.x": "met", "g.y": "not_met"}) == ("g.x", "g.y", "g.n")


def test_open_parts_are_those_that_are_unclear_and_members_of_unclear_groups(rule):
    made = rule(
        elements={"a": None, "b": None, "g": (1, {"x": 1, "y": 1}), "h": (1, {"x": 1, "y": 1})}, exemptions=["z"]
    )
    verdicts = {"a": "met", "g.x": "not_met", "h.x": "met"}
    assert open_parts(made, verdicts) == ("b", "g.y", "z")
    assert open_parts(made, {**verdicts, "b": "not_met"}) == ()


def test_what_if_derives_as_though_one_part_were_judged_and_changes_nothing(rule):
    made = [rule("a.x", elements={"a": None, "g": (1, {"x": 1})})]
    verdicts = {"a.x": {"a": "met"}}
    assert what_if(made, verdicts, ("a.x", "g.x"), "met").outcome == "violation"
    assert what_if(made, verdicts, ("a.x", "g.x"), "not_met").outcome == "no_violation"
    assert what_if(made, {}, ("a.x", "a"), "unclear").outcome is None
    assert verdicts == {"a.x": {"a": "met"}}
    assert derive(made, verdicts).outcome is None


def ballot(verdict, why, quotes=(), basis="shown"):
    judgement = Judgement(clause_id="a.x", part="e", verdict=verdict, basis=basis, why=why, quotes=quotes)
    return Ballot(judge=Judge(prompt="p", model="m"), round=1, judgement=judgement)


def test_a_finding_speaks_through_a_person_then_through_who_quotes():
    quote = (Quote(evidence_id="E1", text="pod"),)
    ballots = (ballot("met", "bare"), ballot("met", "quoting", quote), ballot("not_met", "other", quote))

    def why(*cast, verdict="met"):
        said = PartFinding(part="e", verdict=verdict, basis="shown", ballots=cast).speaking
        return said.why if said else None

    assert why(*ballots) == "quoting"
    assert why(ballots[0]) == "bare"
    assert why(*ballots, ballot("met", "person", basis="person")) == "person"
    assert why(*ballots, verdict="unclear") is None


FORBIDDEN = ("outcome", "violation", "decision", "action", "status", "fulfilled", "lifted", "escalat")


def told(kind, seen):
    """Every name of a field and every literal in a type, all the way down."""
    if isinstance(kind, str):
        return {kind}
    if kind in seen:
        return set()
    seen.add(kind)
    names = set()
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = kind.model_fields.items()
        names |= {name for name, _ in fields} | {field.alias for _, field in fields if field.alias}
        inner = [field.annotation for _, field in fields]
    elif isinstance(kind, type) and dataclasses.is_dataclass(kind):  # not what only annotates a type
        inner = list(typing.get_type_hints(kind).values())
        names |= {field.name for field in dataclasses.fields(kind)}
    else:
        inner = typing.get_args(kind)
    return names | {name for kind_inside in inner for name in told(kind_inside, seen)}


@pytest.mark.parametrize("kind", [Turn, Ballots, Judgement, Ballot])
def test_nothing_that_an_auditor_says_has_a_field_for_the_outcome(kind):
    names = told(kind, set())
    assert {"verdict", "met", "not_met", "unclear"} <= names
    assert [name for name in names if any(word in name for word in FORBIDDEN)] == []


def schema_names(schema):
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        yield from schema.get("enum", [])
        for inside in schema.values():
            yield from schema_names(inside)
    elif isinstance(schema, list):
        for inside in schema:
            yield from schema_names(inside)


@pytest.mark.parametrize("tool", [SUBMIT_FINDINGS, SUBMIT_BALLOTS])
def test_what_a_model_submits_has_no_field_for_the_outcome(tool):
    names = set(schema_names(tool["function"]["parameters"]))
    assert {"judgements", "verdict", "not_met", "quotes"} <= names
    assert [name for name in names if any(word in name for word in FORBIDDEN)] == []
