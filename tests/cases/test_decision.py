"""Answers as people send them, what an escalation is bound to, and decisions as records."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cases.decision import (
    REASON_CODES,
    Consequence,
    Decision,
    Escalation,
    Expiry,
    InformationRequest,
    Question,
    Review,
    Supplement,
    digest_of,
    read_answer,
)
from cases.evidence import Quote

BOUND = {"number": 1, "digest": "d", "at": "2026-03-14T10:00:00Z"}
JUDGEMENT = {"clause_id": "a.x", "part": "e", "verdict": "met", "basis": "person"}
REVIEW = {**BOUND, "reviewer": "mia", "judgements": [JUDGEMENT]}
SUPPLEMENT = {**BOUND, "by": "seller", "texts": [{"source": "message", "by": "seller", "text": "The label."}]}
REQUEST = {**BOUND, "question": "Which label?", "until": "2026-03-17"}
EXPIRY = {**BOUND, "expired": True}
DECISION = {
    "case_id": "c",
    "outcome": "violation",
    "scope": ("SG",),
    "findings": (),
    "rationale": "r",
    "snapshot": "s",
    "auditor": {"name": "rulebook"},
    "at": "2026-03-14T10:00:00Z",
}


@pytest.mark.parametrize(
    ("data", "kind"),
    [(REVIEW, Review), (SUPPLEMENT, Supplement), (REQUEST, InformationRequest), (EXPIRY, Expiry)],
)
def test_each_kind_of_answer_is_told_by_its_fields(data, kind):
    for sent in (data, orjson.dumps(data), orjson.dumps(data).decode()):
        answer = read_answer(sent)
        assert type(answer) is kind
        assert (answer.number, answer.digest) == (1, "d")


@pytest.mark.parametrize("data", [BOUND, {}, [], [REVIEW], "3", "null"])
def test_what_is_no_kind_of_answer_is_refused_and_told_the_kinds(problems, data):
    (problem,) = problems(data, read=read_answer)
    assert problem.code == "unknown_kind"
    assert "reviewer" in problem.hint


def test_what_is_not_json_is_refused(problems):
    assert [p.code for p in problems("{", read=read_answer)] == ["not_json"]


@pytest.mark.parametrize(
    ("data", "pointer", "code"),
    [
        ({**REVIEW, "outcome": "violation"}, "/outcome", "unknown_field"),
        ({**REVIEW, "reviewer": ""}, "/reviewer", "invalid_value"),
        ({**REVIEW, "at": "2026-03-14T10:00:00"}, "/at", "no_time_zone"),
        ({**REVIEW, "at": 1_773_480_600}, "/at", "invalid_value"),
        ({**REVIEW, "judgements": [{**JUDGEMENT, "verdict": "guilty"}]}, "/judgements/0/verdict", "invalid_value"),
        ({k: v for k, v in REVIEW.items() if k != "digest"}, "/digest", "missing"),
        ({**SUPPLEMENT, "by": "rival"}, "/by", "invalid_value"),
        ({**REQUEST, "question": ""}, "/question", "invalid_value"),
        ({**REQUEST, "until": "soon"}, "/until", "invalid_value"),
        ({**EXPIRY, "expired": False}, "/expired", "invalid_value"),
    ],
)
def test_an_answer_that_breaks_its_form_is_refused_by_pointer(problems, data, pointer, code):
    (problem,) = problems(data, read=read_answer)
    assert (problem.pointer, problem.code) == (pointer, code)


def test_a_digest_does_not_depend_on_the_order_of_keys():
    one = digest_of({"a": 1, "b": {"c": 2, "d": 3}}, [{"x": 1, "y": 2}], "s", 1)
    assert one == digest_of({"b": {"d": 3, "c": 2}, "a": 1}, [{"y": 2, "x": 1}], "s", 1)
    assert len(one) == 64


PARTS = st.tuples(
    st.dictionaries(st.sampled_from("ab"), st.integers(0, 2), max_size=2),
    st.lists(st.dictionaries(st.sampled_from("xy"), st.integers(0, 2), max_size=2), max_size=2),
    st.sampled_from(["s", "t"]),
    st.integers(1, 3),
)


@given(PARTS, PARTS)
def test_a_digest_binds_case_findings_snapshot_and_number(one, other):
    assert (digest_of(*one) == digest_of(*other)) == (one == other)


def test_an_escalation_asks_something():
    fields = {"case_id": "c", "number": 1, "digest": "d", "round": 1, "reasons": ("open_question",)}
    with pytest.raises(ValidationError):
        Escalation(**fields, questions=())
    assert Escalation(**fields, questions=(Question(kind="part", text="Is it?"),)).waiting_for == "reviewer"


def test_a_question_writes_for_and_against_and_is_read_back():
    question = Question(
        kind="part",
        text="Is it?",
        for_=(Quote(evidence_id="E1", text="pod"),),
        if_met=Consequence(outcome="violation", action="remove_listing"),
    )
    written = orjson.loads(question.model_dump_json())
    assert written["for"][0]["text"] == "pod"
    assert "for_" not in written
    assert Question.model_validate(written) == question


@pytest.mark.parametrize("outcome", ["open", "", None, "unclear", "Violation"])
def test_a_decision_is_a_violation_or_none(outcome):
    with pytest.raises(ValidationError):
        Decision(**{**DECISION, "outcome": outcome})


@pytest.mark.parametrize("reasons", [("because",), ("open_question", "")])
def test_reasons_come_from_the_closed_list(reasons):
    with pytest.raises(ValidationError):
        Decision(**DECISION, reasons=reasons)


def test_a_decision_is_written_and_read_back():
    decision = Decision(**DECISION, reasons=REASON_CODES)
    assert len(set(REASON_CODES)) == len(REASON_CODES)
    assert Decision.model_validate_json(decision.model_dump_json()) == decision
