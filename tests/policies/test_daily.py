"""Doses by the day: what a seller states a portion, times the portions that the text tells people to take."""

import pytest

from policies.daily import portions_a_day, states_a_day
from policies.settled import settle


@pytest.mark.parametrize(
    ("text", "portions"),
    [
        ("Take 2 capsules a day", 2),
        ("take one tablet daily with food", 1),
        ("twice daily", 2),
        ("Verzehr: zwei Kapseln am Tag", 2),
        ("2x täglich", 2),
        ("dua kapsul setiap hari", 2),
        ("sehari 3 kapsul", 3),
        ("วันละ 2 แคปซูล", 2),
        ("ngày uống 2 viên", 2),
        ("2 cápsulas por dia", 2),
        ("dos cápsulas al día", 2),
        ("每日两粒", 2),
        ("1日2粒", 2),
        ("1 capsule daily; athletes 2 capsules daily", 2),
        ("120 capsules, vegan", None),
        ("delivered in 3 days", None),
        ("Holiday 2 capsules", None),
    ],
)
def test_the_portions_of_a_day_are_read_in_the_markets_languages(text, portions):
    assert portions_a_day([text]) == portions


def test_an_amount_may_be_stated_by_the_day():
    text = "3 mg per day, or 1 mg a capsule"
    assert states_a_day(text, 0, 4)
    assert not states_a_day(text, text.index("1 mg"), text.index("1 mg") + 4)
    assert states_a_day("Tagesdosis: 3 mg", 12, 16)


@pytest.fixture
def by_day(policy, laid):
    """Judge a part that measures what is taken in a day (at least 3 mg) on a description."""
    part = {"text": "It is strong.", "measure": {"of": "melatonin", "at_least": 3, "unit": "mg", "per": "day"}}
    corpus = policy.clause("a.x", elements={"strong": part}).load()
    clause = corpus.clauses["a.x"]

    def judge(description):
        return settle(clause, clause.rule.judged["strong"], laid(corpus, subject={"description": description}))

    return judge


@pytest.mark.parametrize(
    ("description", "verdict", "said"),
    [
        ("Melatonin 1.6 mg per capsule. Take 2 capsules a day.", "met", "Melatonin is 3.2 mg"),
        ("Melatonin 1.4 mg per capsule. Take 2 capsules a day.", "not_met", "Melatonin is 2.8 mg"),
        ("Melatonin 2 mg per day. Take 2 capsules a day.", "not_met", "Melatonin is 2 mg"),
        ("Melatonin 5 mg per capsule.", "met", "Melatonin is 5 mg"),
        ("Melatonin 1.6 mg per capsule.", "unclear", "how many are taken a day is not said"),
    ],
)
def test_a_dose_is_compared_by_the_day(by_day, description, verdict, said):
    judgement = by_day(description)
    assert judgement.verdict == verdict
    assert said in judgement.why
    assert judgement.quotes
