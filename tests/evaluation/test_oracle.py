"""The oracle with noise: right without error on argued cases, wrong as often as it is told, and always verifiable."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver

from cases.cutting import cut_case
from cases.decision import REASON_CODES
from cases.evidence import Draft, number
from cases.finding import derive
from cases.journal import CaseJournal, MemoryJournal
from casewright.settings import Settings
from casewright.wiring import open_office
from evaluation.golden_case import GoldenCase, held_by, read_golden
from evaluation.oracle import Noise, Oracle, right_verdicts
from graphs.audit import build
from graphs.verify import verify
from graphs.view import View
from policies.corpus import load_corpus
from policies.settled import settle
from policies.table import lay

ROOT = Path(__file__).resolve().parents[2]
CORPUS = load_corpus(ROOT / "policies")
DEV = read_golden(ROOT / "evaluation" / "golden" / "dev")
SOME = [row for row in DEV if not row.case.subject.images][::4]
KEY = ("tobacco.e-cigarettes", "device")
ROW = {
    "id": "g-1",
    "kinds": ["plain"],
    "case": {
        "id": "g-1",
        "opened_at": "2026-03-12T09:30:00Z",
        "region": "SG",
        "language": "en",
        "seller_id": "S-1",
        "subject": {"kind": "listing", "id": "L-1", "title": "USB humidifier in the shape of a pen"},
    },
    "expected": {
        "outcome": "no_violation",
        "clauses": ["tobacco.e-cigarettes"],
        "parts": {"tobacco.e-cigarettes": {"device": "not_met"}},
    },
    "argument": "It scents a room and is not made to be inhaled from: no electronic cigarette.",
}


async def audited(rows, noise=None, tmp=None):
    """Audit cases with an oracle, through the whole graph; gives state, desk and auditor of each."""
    settings = Settings(home=tmp, policies=ROOT / "policies", **DEV.records)
    found = {}
    async with open_office(settings) as office:
        for row in rows:
            auditor = Oracle(row, noise or Noise())
            journal = await CaseJournal.open(MemoryJournal(), row.id)
            desk = await replace(office, auditor=auditor).desk(row.case, journal, DEV.folder)
            config = {"configurable": {"thread_id": row.id}, "recursion_limit": 100}
            given_case = {"case": row.case.model_dump(mode="json")}
            state = await build(InMemorySaver()).ainvoke(given_case, config, context=desk, durability="exit")
            dossier = View(state, desk).dossier()
            said = (await auditor.investigate(dossier, 1)).judgements
            found[row.id] = (state, dossier, said)
    return found


@pytest.fixture(scope="module")
def without_error(tmp_path_factory):
    return asyncio.run(audited(SOME, tmp=tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def always_wrong(tmp_path_factory):
    return asyncio.run(audited(SOME[::3], Noise(1.0), tmp_path_factory.mktemp("home")))


def test_without_error_a_case_ends_as_argued_or_goes_to_a_person_with_a_listed_reason(without_error):
    alone = 0
    for row in SOME:
        state, _, _ = without_error[row.id]
        if state.get("decision"):
            alone += 1
            assert state["decision"]["outcome"] == row.expected.outcome, row.id
        else:
            assert set(state["escalation"]["reasons"]) <= set(REASON_CODES)
    assert alone > len(SOME) / 3


def test_a_case_takes_one_call_to_investigate_and_one_to_challenge_and_none_to_repair(without_error):
    for state, _, _ in without_error.values():
        assert not state["repaired"]
        assert state["steps"] == 1
    assert sum(state["judged_blind"] for state, _, _ in without_error.values()) < 2.5 * len(SOME)


def test_what_it_argues_is_what_the_case_argues(without_error):
    argued = judged = 0
    for row in SOME:
        _, _, said = without_error[row.id]
        for judgement in said:
            due = row.expected.parts.get(judgement.clause_id, {}).get(judgement.part)
            if due is not None:
                argued += 1
                judged += judgement.verdict == due
    assert judged > 0.9 * argued  # in the others code has settled the part otherwise


def test_every_judgement_verifies_also_the_wrong_ones(without_error, always_wrong):
    for _, dossier, said in [*without_error.values(), *always_wrong.values()]:
        assert not verify(said, dossier.clauses, dossier.table).problems


def test_whoever_always_errs_says_of_nothing_what_is_right_but_where_code_settles_it(always_wrong):
    for row in SOME[::3]:
        _, dossier, said = always_wrong[row.id]
        right = {clause.id: right_verdicts(row, clause, dossier.table) for clause in dossier.clauses}
        parts = {(c.id, name): (c, part) for c in dossier.clauses for name, part in c.rule.judged.items()}
        for judgement in said:
            clause, part = parts[judgement.key]
            if part.record:
                continue  # of a record in force an auditor may doubt the scope
            settled = settle(clause, part, dossier.table) is not None
            assert (judgement.verdict == right[clause.id][part.name]) == settled


@given(st.floats(0.02, 0.5), st.sampled_from([0.0, 0.25, 1.0]), st.integers(0, 50))
def test_ballots_err_as_often_as_told(error, shared, seed):
    noise = Noise(error, shared, seed)
    n = 1000
    wrong = sum(noise.verdict(f"c-{i}", KEY, "met", "judge-1/1") == "not_met" for i in range(n))
    assert abs(wrong / n - error) < 5 * (error * (1 - error) / n) ** 0.5


def test_shared_errors_are_made_by_all_and_the_others_by_each_alone():
    noise = Noise(0.2, 0.25, 7)
    cases = [f"c-{i}" for i in range(4000)]
    said = [{noise.verdict(case, KEY, "met", f"judge-1/{k}") for k in range(8)} for case in cases]
    all_wrong = sum(verdicts == {"not_met"} for verdicts in said) / len(cases)
    assert 0.04 < all_wrong < 0.06
    alone = Noise(0.2, 0.0, 7)
    assert not any({alone.verdict(c, KEY, "met", f"judge-1/{k}") for k in range(8)} == {"not_met"} for c in cases)


def test_who_errs_at_a_rate_errs_at_every_higher_one_and_always_alike():
    for i in range(500):
        at = [Noise(error, 0.25, 3).verdict(f"c-{i}", KEY, "unclear", "judge-1/1") for error in (0.1, 0.3, 0.9)]
        wrong = [verdict != "unclear" for verdict in at]
        assert wrong == sorted(wrong)
        assert Noise(0.3, 0.25, 3).verdict(f"c-{i}", KEY, "unclear", "judge-1/1") == at[1]


def test_an_error_turns_met_and_not_met_into_each_other_and_an_open_part_into_either():
    always = Noise(1.0)
    assert always.verdict("c", KEY, "met", "b") == "not_met"
    assert always.verdict("c", KEY, "not_met", "b") == "met"
    assert {always.verdict(f"c-{i}", KEY, "unclear", "b") for i in range(50)} == {"met", "not_met"}


def laid(row):
    drafts = [*cut_case(row.case, CORPUS.local_day(row.case.opened_at, row.case.region), "en")]
    drafts.append(Draft(source="tool:seller_history/none", voucher="platform", text="no_record: registration"))
    return lay(CORPUS, row.case, tuple(number(drafts, 1, marking=True)), "en")


def test_every_clause_that_a_case_does_not_argue_is_not_fulfilled_but_for_what_code_settles():
    row = GoldenCase.model_validate(ROW)
    clauses = [c for c in held_by(row.case, CORPUS).values() if c.effect == "forbid"]
    verdicts = {clause.id: right_verdicts(row, clause, laid(row)) for clause in clauses}
    assert all(set(verdicts[clause.id]) == set(clause.rule.judged) for clause in clauses)
    assert derive([clause.rule for clause in clauses], verdicts).outcome == "no_violation"


def test_a_clause_that_is_argued_not_to_be_fulfilled_hangs_on_what_the_argument_names():
    row = GoldenCase.model_validate(ROW)
    clause = CORPUS.clauses["tobacco.e-cigarettes"]
    verdicts = right_verdicts(row, clause, laid(row))
    assert verdicts["device"] == "not_met"
    assert verdicts["cessation-medicine"] == "not_met"  # none on file, and the clause asks for none


def test_a_judge_needs_the_table_for_what_code_settles(without_error):
    row = SOME[0]
    _, dossier, _ = without_error[row.id]
    with pytest.raises(ValueError, match="no table"):
        asyncio.run(Oracle(row).investigate(replace(dossier, table=None), 1))
