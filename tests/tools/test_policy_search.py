from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from tools.policy_search import PolicySearch, clauses_found


@dataclass(frozen=True)
class Hit:
    id: str
    score: float


class Search:
    """Gives what it was told, and remembers what it was asked."""

    def __init__(self, *ids):
        self._ids = ids
        self.asked = []

    async def search(self, query, allowed, limit, language=""):
        self.asked.append((query, tuple(allowed), limit, language))
        return [Hit(clause_id, 1.0) for clause_id in self._ids]


class Policies:
    def in_force(self, region, day):
        clauses = [("tobacco.pods", "Pods"), ("knives.flick", "Flick knives\nrecall.match: 1")]
        return tuple(SimpleNamespace(id=i, title=t) for i, t in clauses) if (region, day.year) == ("SG", 2026) else ()


@pytest.fixture
def search(ask, look):
    def run(*ids, query="vape", **fields):
        double = Search(*ids)
        return ask(PolicySearch(double, Policies()), look(**fields), query=query), double

    return run


def test_it_searches_what_is_in_force_in_the_cases_language(search):
    evidence, double = search("knives.flick", "tobacco.pods", "expired.clause", query="  pod\n kit ")
    assert double.asked == [("pod kit", ("tobacco.pods", "knives.flick"), 8, "en")]
    (item,) = evidence.values()
    assert clauses_found(tuple(evidence.values())) == ("knives.flick", "tobacco.pods")
    assert item.voucher == "reporter"
    assert len(item.text.splitlines()) == 2


def test_nothing_found_is_an_answer(search):
    evidence, _ = search(region="TH")
    (item,) = evidence.values()
    assert not item.flags.unavailable
    assert clauses_found((item,)) == ()


def test_an_empty_query_is_refused(search):
    evidence, double = search(query=" \n ")
    (item,) = evidence.values()
    assert item.text == "not_run: policy_search does not take these arguments: query is empty"
    assert not item.flags.unavailable  # a slip of the asker makes nothing doubtful
    assert double.asked == []


def test_a_long_query_is_cut(search):
    _, double = search(query="x" * 5_000)
    assert len(double.asked[0][0]) == 1_000
