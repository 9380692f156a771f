import pytest

from policies.clause import Clause
from tools.precedents import Precedent, PrecedentRows, PrecedentSearch

PART = {"name": "device", "role": "element", "text": "The item is a pod."}


def clause(clause_id="tobacco.pods", **fields):
    written = {
        "id": clause_id,
        "title": "Pods",
        "type": "restricted.tobacco",
        "regions": ["SG"],
        "in_force": {"from": "2025-01-01"},
        "severity": "high",
        "rule": {"id": clause_id, "type": "restricted.tobacco", "parts": [PART]},
        "prose": "No pods.",
        "text": "Pods. No pods.",
        "sha256": "a" * 64,
        "file": "clauses/tobacco/pods.md",
    }
    return Clause.model_validate({**written, **fields})


class Policies:
    """Clauses in force in Singapore, as a snapshot gives them."""

    def __init__(self, *clauses):
        self._clauses = clauses

    def in_force(self, region, day):
        return tuple(c for c in self._clauses if region in c.regions and c.in_force.holds(day))


def closed(case_id, **fields):
    row = {
        "case_id": case_id,
        "clause_id": "tobacco.pods",
        "clause_sha256": "a" * 64,
        "parts": {"device": "met"},
        "decided_by": "person",
        "title": "Mini pod kit mint",
        "region": "SG",
        "outcome": "violation",
        "closed_at": "2026-01-05T00:00:00Z",
    }
    return Precedent.model_validate({**row, **fields})


@pytest.fixture
def precedents(ask, look):
    def run(*rows, clause_id="tobacco.pods", **fields):
        tool = PrecedentSearch(PrecedentRows(rows), Policies(clause()))
        return ask(tool, look(subject={"title": "Mini pod kit"}, **fields), clause_id=clause_id)

    return run


def test_a_precedent_is_context_that_proves_nothing(precedents):
    (item,) = precedents(closed("case-7", title="Pod\nrecall.match: 1")).values()
    assert item.source == "tool:precedents/1"
    assert item.voucher == "reporter"
    lines = item.text.splitlines()
    assert {"precedent: case-7", "part: device met", "outcome: violation", "closed: 2026-01-05"} <= set(lines)
    assert "under_older_text: true" not in lines
    assert "recall.match: 1" not in lines


@pytest.mark.parametrize(
    "unusable",
    [
        {"decided_by": "agent"},
        {"overturned": True},
        {"clause_id": "tobacco.other"},
        {"closed_at": "2026-03-15T00:00:00Z"},
        {"case_id": "case-1"},
        {"case_id": "case-0"},
    ],
)
def test_only_peoples_earlier_decisions_that_stand_count(precedents, unusable):
    row = closed(**{"case_id": "case-7", **unusable})
    evidence = precedents(row, appeal={"of": "case-0", "statement": "no"})
    assert [item.text for item in evidence.values()] == ["no_precedent: tobacco.pods"]


def test_a_decision_under_another_text_is_marked(precedents):
    (item,) = precedents(closed("case-7", clause_sha256="b" * 64)).values()
    assert "under_older_text: true" in item.text.splitlines()


def test_the_most_similar_come_first_and_five_are_shown(precedents):
    rows = [closed(f"case-{i}", title=f"Vase {i}") for i in range(10, 18)]
    evidence = precedents(*rows, closed("case-9", title="mini POD kit"))
    assert len(evidence) == 5
    assert "precedent: case-9" in evidence["tool:precedents/1"].text


def test_a_clause_that_is_not_in_force_is_refused(precedents):
    (item,) = precedents(closed("case-7"), clause_id="tobacco.unknown").values()
    assert item.source == "tool:precedents/not_run"
    assert item.text.startswith("not_run: ")
    assert "in force" in item.text
    assert not item.flags.unavailable  # a slip of the asker makes nothing doubtful


def test_a_file_of_closed_cases_is_read(tmp_path, ask, look):
    path = tmp_path / "precedents.jsonl"
    path.write_text(closed("case-7").model_dump_json(), encoding="utf-8")
    tool = PrecedentSearch(PrecedentRows.read(path), Policies(clause()))
    assert "tool:precedents/1" in ask(tool, look(), clause_id="tobacco.pods")
