"""Two reports beside each other, and an auditor without its abilities one by one."""

import pytest

from evaluation.ablation import ablate, table
from evaluation.comparison import OtherCases, compare, paired
from evaluation.printed import change_lines
from tests.evaluation.conftest import report, scored

BEFORE = report(
    scored("a", "violation", "violation"),
    scored("b", "violation", "person"),
    scored("c", "no_violation", "person"),
    scored("d", "person", "no_violation"),
    scored("e", "person", "person"),
)
AFTER = report(
    scored("a", "violation", "no_violation"),
    scored("b", "violation", "violation"),
    scored("c", "no_violation", "no_violation"),
    scored("d", "person", "violation"),
    scored("e", "person", "person"),
)


def test_flips_are_for_the_better_for_the_worse_or_neither():
    told = compare(BEFORE, AFTER)
    assert [(flip.case_id, flip.before, flip.after) for flip in told.flips] == [
        ("a", "violation", "no_violation"),
        ("b", "person", "violation"),
        ("c", "person", "no_violation"),
        ("d", "no_violation", "violation"),
    ]
    assert (told.won, told.lost, told.p) == (2, 1, 1.0)
    first, *cases = change_lines(told)
    assert first.startswith("4 outcomes changed: 2 for the better, 1 for the worse, 1 neither")
    assert "a: violation → no_violation (expected: violation)" in cases[0]


def test_a_report_beside_itself_has_no_flips():
    assert compare(BEFORE, BEFORE).flips == ()


@pytest.mark.parametrize(
    ("one", "other", "refused"),
    [
        ({"cases_sha256": "other"}, {}, "cases"),
        ({"evidence_sha256": "1"}, {"evidence_sha256": "2"}, "records or pictures"),
    ],
)
def test_what_is_on_other_cases_cannot_be_compared(one, other, refused):
    with pytest.raises(OtherCases, match=refused):
        compare(report(**one), report(**other))
    assert paired(report(**one), report(**other)).flips == ()


def test_a_report_from_before_evidence_was_hashed_is_believed():
    assert compare(report(), report(evidence_sha256="1")).flips == ()


def test_other_policies_are_said():
    assert compare(report(), report(snapshot="t")).other_policies
    assert not compare(report(), report()).other_policies


def test_an_ablation_says_what_each_ability_carries():
    same, worse = report(*BEFORE.cases), AFTER
    rows = ablate(BEFORE, {"units": same, "negation": worse})
    assert [row.model_dump() for row in rows] == [
        {"ability": "units", "changed": 0, "right_lost": 0, "right_gained": 0, "unsafe_gained": 0},
        {"ability": "negation", "changed": 4, "right_lost": 1, "right_gained": 2, "unsafe_gained": 1},
    ]
    assert [line.split() for line in table(rows)] == [
        ["without", "changed", "right", "lost", "right", "gained", "unsafe", "gained"],
        ["negation", "4", "1", "2", "1"],
        ["units", "0", "0", "0", "0"],
    ]
    with pytest.raises(OtherCases):
        ablate(BEFORE, {"units": report(cases_sha256="other")})
