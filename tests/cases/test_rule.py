"""The form of a rule: bounds, comparisons, whose evidence proves a part, and groups."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cases.evidence import VOUCHERS
from cases.rule import DEFAULT_PROOF, SEVERITIES, Fact, Measure, Part, RecordNeed, Rule

COMPARISONS = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}


def part(name="e", role="element", **fields):
    return Part(**{"name": name, "role": role, "text": "A part.", **fields})


@pytest.mark.parametrize(
    ("bound", "below", "at", "above"),
    [
        ("over", False, False, True),
        ("at_least", False, True, True),
        ("under", True, False, False),
        ("at_most", True, True, False),
    ],
)
def test_a_measure_holds_on_its_side_of_the_bound(bound, below, at, above):
    measure = Measure(of="nicotine", unit="mg/ml", **{bound: 20})
    assert [measure.holds(value) for value in (19.999, 20.0, 20.001)] == [below, at, above]


def test_a_bound_of_zero_is_a_bound():
    assert Measure(of="x", over=0).holds(0.001)
    assert not Measure(of="x", at_most=0).holds(0.001)


@pytest.mark.parametrize("bounds", [{}, {"over": 1, "under": 3}, {"at_least": 1, "over": 1}])
def test_a_measure_has_exactly_one_bound(bounds):
    with pytest.raises(ValidationError, match="exactly one"):
        Measure(of="x", **bounds)


@given(
    name=st.sampled_from(["price.ratio_to_median", "seller.strikes_365d", "image.count"]),
    op=st.sampled_from(list(COMPARISONS)),
    bound=st.integers(-5, 5),
    value=st.integers(-5, 5),
    gaps=st.tuples(*[st.sampled_from(["", " ", "  "])] * 4),
)
def test_a_fact_compares_as_it_is_written(name, op, bound, value, gaps):
    fact = Fact.parse(f"{gaps[0]}{name}{gaps[1]}{op}{gaps[2]}{bound}{gaps[3]}")
    assert (fact.name, fact.op, fact.value) == (name, op, bound)
    assert fact.holds(value) == COMPARISONS[op](value, bound)


@pytest.mark.parametrize(
    "text",
    [
        *("", "price.x", "price.x is 1", "price <= 1", "price.x <= one", "1 <= price.x", "price.x <= 1 or 1 == 1"),
        *(
            "Price.x <= 1",
            "price.x =< 1",
            "price.x <= 1e3",
            "price.x <= price.y",
            "price.x <= 1; 2",
        ),
    ],
)
def test_what_is_no_comparison_of_one_fact_with_one_number_is_refused(text):
    with pytest.raises(ValueError, match="no comparison"):
        Fact.parse(text)


def test_by_default_everybody_but_reporters_and_models_can_show_a_part():
    assert set(VOUCHERS) - set(DEFAULT_PROOF) == {"reporter", "model"}
    assert part().vouchers == DEFAULT_PROOF


def test_a_part_may_name_whose_evidence_shows_it():
    assert part(proof=("authority", "reporter")).vouchers == ("authority", "reporter")


def test_a_record_is_shown_by_the_platform_alone():
    assert part(record=RecordNeed(kind="licence"), proof=("seller",)).vouchers == ("platform",)


@pytest.mark.parametrize("role", ["element", "exemption"])
@pytest.mark.parametrize(
    ("fields", "element", "exemption"),
    [
        ({}, "not_met", "not_met"),
        ({"record": RecordNeed(kind="licence")}, "not_met", "request"),
        ({"measure": Measure(of="x", over=1)}, "unclear", "unclear"),
        ({"fact": Fact.parse("a.b > 1")}, "unclear", "unclear"),
        ({"absence": "unclear"}, "unclear", "unclear"),
        ({"absence": "not_met", "record": RecordNeed(kind="licence")}, "not_met", "not_met"),
        ({"absence": "request"}, "request", "request"),
    ],
)
def test_what_no_evidence_means(role, fields, element, exemption):
    assert part(role=role, **fields).if_absent == (element if role == "element" else exemption)


@pytest.mark.parametrize("fields", [{"at_least": 1}, {"of": (part("g.a"),)}])
def test_a_group_has_both_halves(fields):
    with pytest.raises(ValidationError, match="both `at_least` and `of`"):
        part("g", **fields)


def test_groups_do_not_nest():
    inner = part("g.a", at_least=1, of=(part("g.a.b"),))
    with pytest.raises(ValidationError, match="do not nest"):
        part("g", at_least=1, of=(inner,))


def test_a_group_may_ask_for_nothing():
    assert part("g", at_least=0, of=(part("g.a"),)).at_least == 0


def test_members_are_judged_in_place_of_their_groups_in_the_clauses_order(rule):
    made = rule(elements={"a": None, "g": (1, {"x": 1, "y": -1})}, exemptions=["z"])
    assert list(made.judged) == ["a", "g.x", "g.y", "z"]
    assert [p.name for p in made.elements] == ["a", "g"]
    assert [p.name for p in made.exemptions] == ["z"]
    assert made.judged["g.y"].weight == -1


def test_a_rule_has_a_part():
    with pytest.raises(ValidationError):
        Rule(id="a.x", type="a.one", parts=())


def test_severities_are_ranked(rule):
    assert [rule(severity=severity).weight for severity in SEVERITIES] == [0, 1, 2, 3]
    assert SEVERITIES == ("low", "medium", "high", "critical")
