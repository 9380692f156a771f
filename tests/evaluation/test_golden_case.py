"""The argued cases: read with file and line, checked against the corpus; the shipped ones are clean."""

import copy
import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from cases.problem import Invalid
from evaluation.golden_case import GoldenSet, lint_golden, read_golden
from policies.corpus import load_corpus

ROOT = Path(__file__).resolve().parents[2]
SETS = ROOT / "evaluation" / "golden"
CORPUS = load_corpus(ROOT / "policies")
ROW = {
    "id": "g-1",
    "kinds": ["record_exemption"],
    "case": {
        "id": "g-1",
        "opened_at": "2026-03-12T09:30:00Z",
        "region": "PH",
        "language": "en",
        "seller_id": "S-1",
        "subject": {"kind": "listing", "id": "L-1", "title": "Pod kit with 6 cartridges"},
    },
    "expected": {
        "outcome": "person",
        "clauses": ["tobacco.e-cigarettes-licensed"],
        "parts": {"tobacco.e-cigarettes-licensed": {"device": "met", "licensed-seller": "unclear"}},
        "question": {"kind": "part", "clause": "tobacco.e-cigarettes-licensed", "part": "licensed-seller"},
    },
    "argument": "Whether the seller has a licence for vapour products is on no record: the seller is asked.",
}


def changed(**fields):
    row = copy.deepcopy(ROW)
    row["expected"] |= fields.pop("expected", {})
    row["case"] |= fields.pop("case", {})
    return {**row, **fields}


def golden(folder, *rows):
    (folder / "cases.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return read_golden(folder)


def codes(folder, *rows):
    return [problem.code for problem in lint_golden(golden(folder, *rows), CORPUS)]


def test_a_right_row_has_no_fault(tmp_path):
    assert codes(tmp_path, ROW) == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"expected": {"clauses": ["tobacco.nothing"]}}, "unknown_clause"),
        ({"case": {"region": "GB"}}, "not_in_force"),
        ({"expected": {"parts": {"tobacco.e-cigarettes-licensed": {"devices": "met"}}}}, "unknown_part"),
        ({"expected": {"parts": {"tobacco.e-cigarettes-licensed": {"device": "not_met"}}}}, "impossible"),
        ({"expected": {"outcome": "violation", "question": None}}, "impossible"),
        (
            {"case": {"subject": {**ROW["case"]["subject"], "images": [{"path": "images/none.png"}]}}},
            "no_image",
        ),
        ({"pair": "alone"}, "no_pair"),
    ],
)
def test_what_cannot_be_right_is_named(tmp_path, fields, code):
    assert code in codes(tmp_path, changed(**fields))


def test_an_id_stands_once(tmp_path):
    assert "id_twice" in codes(tmp_path, ROW, ROW)


def test_two_cases_of_a_pair_differ_in_their_answer(tmp_path):
    rows = [changed(id=name, case={"id": name}, pair="same") for name in ("g-1", "g-2")]
    assert codes(tmp_path, *rows) == ["no_pair"]


def test_a_faulty_line_is_named_with_its_place(tmp_path):
    (tmp_path / "cases.jsonl").write_text(json.dumps(ROW) + "\n{", encoding="utf-8")
    with pytest.raises(Invalid, match=r"cases\.jsonl:2"):
        read_golden(tmp_path)
    with pytest.raises(Invalid, match=r"cases\.jsonl:1/expected"):
        golden(tmp_path, changed(expected={"question": None}))
    with pytest.raises(Invalid, match="no such file"):
        read_golden(tmp_path / "nowhere")


LABELLED = {"id": "l-1", "case": {**ROW["case"], "id": "l-1"}, "expected": {"outcome": "violation"}}


def labelled(**expected):
    return {**LABELLED, "expected": {**LABELLED["expected"], **expected}}


@pytest.mark.parametrize(
    "expected", [{}, {"type": "restricted.tobacco"}, {"outcome": "person"}, {"outcome": "no_violation"}]
)
def test_a_labelled_row_needs_an_outcome_and_nothing_else(tmp_path, expected):
    assert codes(tmp_path, labelled(**expected)) == []
    assert golden(tmp_path, labelled(**expected)).labelled
    assert not golden(tmp_path, ROW).labelled


@pytest.mark.parametrize(
    "row",
    [
        labelled(clauses=["tobacco.e-cigarettes"]),
        labelled(outcome="no_violation", type="restricted.tobacco"),
        {**LABELLED, "kinds": ["plain"]},
        {**LABELLED, "argument": "too short"},
        {**ROW, "argument": ""},
        {**ROW, "kinds": []},
        {**labelled(outcome="person"), "argument": ROW["argument"], "kinds": ["plain"]},
        changed(expected={"type": "restricted.tobacco"}),
    ],
)
def test_a_row_is_argued_or_labelled_and_not_half_of_each(tmp_path, row):
    with pytest.raises(Invalid, match=r"cases\.jsonl:1"):
        golden(tmp_path, row)


def test_a_label_names_a_type_that_there_is(tmp_path):
    assert codes(tmp_path, labelled(type="restricted.nothing")) == ["unknown_type"]


def test_a_set_of_arguments_takes_no_case_without_one(tmp_path):
    assert codes(tmp_path, ROW, LABELLED) == ["no_argument"]


@pytest.fixture(scope="module")
def shipped():
    return {split: read_golden(SETS / split) for split in ("dev", "test")}


def test_the_shipped_sets_are_clean(shipped):
    for split in shipped.values():
        assert lint_golden(split, CORPUS) == []


def test_the_shipped_sets_are_as_wide_as_they_say(shipped):
    rows = [row for split in shipped.values() for row in split]
    assert len(rows) >= 240
    assert len({row.case.region for row in rows}) >= 12
    assert len({row.case.language for row in rows}) >= 8
    assert len({row.pair for row in rows if row.pair}) >= 30
    kinds = Counter(kind for row in rows for kind in row.kinds)
    assert {kind: n for kind, n in kinds.items() if n < 7} == {}
    assert isinstance(shipped["dev"], GoldenSet)


def test_the_test_halves_are_as_they_were_before_their_first_run():
    for line in (SETS / "test.sha256").read_text(encoding="utf-8").splitlines():
        digest, name = line.split()
        path = SETS / "test" / name
        assert hashlib.sha256(path.resolve().read_bytes()).hexdigest() == digest, name
