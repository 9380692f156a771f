"""Baselines on the shipped corpus: what the word search decides, and what the rulebook says when nobody checks it."""

import json
from pathlib import Path

import pytest

from cases.case import read_case
from cases.cutting import cut_case
from cases.evidence import number
from evaluation.baselines import LexicalOnly, baseline, unverified
from evaluation.golden_case import read_golden
from policies.corpus import load_corpus
from tests.casewright.conftest import VAPE, case

CORPUS = load_corpus(Path(__file__).resolve().parents[2] / "policies")
DRESS = "Cotton summer dress with flowers, size M"


@pytest.fixture(scope="module")
def lexical():
    return LexicalOnly.of(CORPUS)


def labelled(folder, *rows):
    made = [
        {"id": f"c{i}", "case": case(f"c{i}", title), "expected": {"outcome": outcome}}
        for i, (title, outcome) in enumerate(rows)
    ]
    (folder / "cases.jsonl").write_text("\n".join(map(json.dumps, made)), encoding="utf-8")
    return read_golden(folder)


def test_a_baseline_counts_as_figures_do():
    found = baseline(
        "x", [("violation", "violation"), ("person", "no_violation"), ("person", "violation"), ("violation", "person")]
    )
    assert (found.outcome.hits, found.outcome.n, found.alone.hits, found.alone_right.n) == (1, 4, 3, 3)
    assert (found.alone_right.hits, found.unsafe.hits, found.wrongly_convicted.hits) == (1, 1, 1)


def test_the_word_search_scores_what_a_clause_is_about_above_what_none_is(lexical):
    assert lexical.score(read_case(case(title=VAPE))) > lexical.score(read_case(case(title=DRESS)))
    assert lexical.score(read_case(case(title="qqqq"))) == 0


def test_its_threshold_is_where_most_outcomes_come_out_right(lexical, tmp_path):
    asked = labelled(tmp_path, (VAPE, "violation"), (DRESS, "no_violation"))
    least = lexical.least(asked)
    assert lexical.score(asked.cases[1].case) < least <= lexical.score(asked.cases[0].case)
    assert lexical.answers(asked, least) == [("violation", "violation"), ("no_violation", "no_violation")]
    assert lexical.least(labelled(tmp_path, (VAPE, "violation"), (DRESS, "violation"))) == 0


@pytest.mark.parametrize(
    ("title", "candidates", "outcome"),
    [
        ("Zombie knife, 12 inch serrated blade", "knives", "violation"),
        (DRESS, "knives", "no_violation"),
        (VAPE, "tobacco", "person"),
    ],
)
def test_the_rulebook_unverified_is_what_its_verdicts_derive_to(title, candidates, outcome):
    region = "GB" if candidates == "knives" else "SG"
    read = read_case(case(title=title, region=region))
    day = CORPUS.local_day(read.opened_at, region)
    evidence = tuple(number(cut_case(read, day, "en"), 1, marking=False))
    held = [c.id for c in CORPUS.in_force(region, day) if c.id.startswith(f"{candidates}.")]
    assert held
    assert unverified(read, evidence, held, "en", CORPUS) == outcome
