"""Scores and rates: what counts as right, as unsafe, as asked rightly; laws of the intervals."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.intervals import mcnemar, rate
from evaluation.queries import Query, rank_of
from evaluation.scoring import changed, figures
from tests.evaluation.conftest import report, scored


@given(st.integers(0, 400), st.integers(1, 400))
def test_an_interval_holds_its_rate(hits, n):
    found = rate(min(hits, n), n)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


def test_an_interval_is_wilsons():
    """Wilson's interval for 2 of 10, as any table has it."""
    found = rate(2, 10)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0567, 0.5098)
    assert str(rate(0, 0)) == "none to count"


@pytest.mark.parametrize(
    ("hits", "n", "bound"), [(0, 58, 0.0503), (0, 1, 0.95), (1, 10, 0.3942), (2, 36, 0.1647), (5, 5, 1.0)]
)
def test_a_bound_is_clopper_and_pearsons(hits, n, bound):
    """One-sided, 95 %: with no hit 1 - 0.05^(1/n); else as tables of the exact interval (90 %, two-sided) have it."""
    assert math.isclose(rate(hits, n).bound, bound, abs_tol=5e-5)


@given(st.integers(0, 50), st.integers(51, 3000))
def test_a_bound_lies_above_its_rate_and_falls_with_the_number_of_cases(hits, n):
    assert rate(hits, n).value < rate(hits, n).bound < rate(hits, n - 1).bound


def test_a_zero_is_printed_with_its_bound_and_not_as_a_rate():
    assert str(rate(0, 58)) == "0 of 58 (95 % bound 5.0 %)"
    assert str(rate(2, 10)) == "20.0 % [5.7, 51.0] (2 of 10)"
    assert rate(2, 36).counted == "2 of 36 (95 % bound 16.5 %)"


@pytest.mark.parametrize(("won", "lost", "p"), [(0, 0, 1.0), (5, 5, 1.0), (8, 1, 0.0390625), (10, 0, 2 / 2**10)])
def test_mcnemar_is_the_exact_binomial(won, lost, p):
    assert math.isclose(mcnemar(won, lost), p)
    assert mcnemar(won, lost) == mcnemar(lost, won)


def test_figures_count_what_they_say():
    found = figures(
        [
            scored("a", "violation", "violation", clauses=(1, 1, 1)),
            scored("b", "violation", "no_violation", clauses=(0, 0, 1)),
            scored("c", "no_violation", "violation", clauses=(0, 1, 0)),
            scored("d", "person", "person", asked_right=True),
            scored("e", "person", "no_violation", asked_right=False),
            scored("f", "no_violation", "person"),
        ]
    )
    assert (found.outcome.hits, found.outcome.n) == (2, 6)
    assert (found.alone.hits, found.alone_right.hits, found.alone_right.n) == (4, 1, 4)
    assert (found.unsafe.hits, found.wrongly_convicted.hits) == (2, 1)
    assert (found.asked_when_due.hits, found.right_question.hits, found.right_question.n) == (1, 1, 2)
    assert (found.due_when_asked.hits, found.due_when_asked.n) == (1, 2)
    assert found.clause_f1 == 0.5


def test_types_are_counted_where_they_are_labelled():
    found = figures(
        [
            scored("a", "violation", "violation", types=(1, 1, 1)),
            scored("b", "violation", "violation", types=(0, 1, 1)),
            scored("c", "violation", "no_violation", types=(0, 0, 1)),
            scored("d", "person", "person"),
        ]
    )
    assert (found.type_precision.hits, found.type_precision.n) == (1, 2)
    assert (found.type_recall.hits, found.type_recall.n) == (1, 3)
    assert found.right_question.n == 0  # a label does not say what should have been asked


def test_changes_are_found_by_case():
    before = report(scored("a", "violation", "violation"), scored("b", "violation", "person"))
    after = report(
        scored("a", "violation", "person"), scored("b", "violation", "person"), scored("c", "person", "person")
    )
    assert [new.case_id for _, new in changed(before, after)] == ["a"]


def test_the_rank_is_that_of_the_best_governing_clause():
    query = Query(id="q", query="vape", language="en", region="SG", day="2026-01-01", clauses=("b", "c"))
    assert rank_of(query, ["a", "c", "b"]) == 2
    assert rank_of(query, ["a"]) == 0
