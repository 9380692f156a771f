"""Scores and rates: what counts as right, as unsafe, as asked rightly; laws of the intervals."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.intervals import mcnemar, rate
from evaluation.queries import Query, rank_of
from evaluation.scoring import Report, Scored, changed, figures


def scored(case_id, expected, got, **fields):
    unsafe = got == "no_violation" and expected != "no_violation"
    return Scored(case_id=case_id, expected=expected, got=got, unsafe=unsafe, **fields)


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


def test_changes_are_found_by_case():
    def report(*cases):
        about = {"split": "dev", "auditor": "a", "model": "", "snapshot": "s", "cases_sha256": "h"}
        return Report(**about, figures=figures(cases), cases=cases)

    before = report(scored("a", "violation", "violation"), scored("b", "violation", "person"))
    after = report(
        scored("a", "violation", "person"), scored("b", "violation", "person"), scored("c", "person", "person")
    )
    assert [new.case_id for _, new in changed(before, after)] == ["a"]


def test_the_rank_is_that_of_the_best_governing_clause():
    query = Query(id="q", query="vape", language="en", region="SG", day="2026-01-01", clauses=("b", "c"))
    assert rank_of(query, ["a", "c", "b"]) == 2
    assert rank_of(query, ["a"]) == 0
