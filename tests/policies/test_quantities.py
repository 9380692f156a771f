"""Doses by the day, an amount a portion times the portions a day; and what several packs add up to."""

import pytest

from policies.quantities import is_total, portions_a_day, portions_held, states_a_day
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


@pytest.mark.parametrize(
    ("text", "amount", "portions"),
    [
        ("Cada 4 gotas aportan 0,4 mg de melatonina", "0,4 mg", 4),
        ("0.4 mg melatonin per 4 drops", "0.4 mg", 4),
        ("1 mg pro 2 Kapseln, drei Kapseln am Tag", "1 mg", 2),
        ("3 mg in two capsules", "3 mg", 2),
        ("mỗi 2 viên chứa 3 mg", "3 mg", 2),
        ("每2粒含褪黑素3mg", "3mg", 2),
        ("褪黑素3mg/2粒", "3mg", 2),
        ("Melatonin 1 mg, take 2 capsules daily", "1 mg", 1),
        ("1 mg per capsule", "1 mg", 1),
        ("60 capsules of 3 mg", "3 mg", 1),
    ],
)
def test_an_amount_may_be_stated_of_several_portions(text, amount, portions):
    at = text.index(amount)
    assert portions_held(text, at, at + len(amount)) == portions


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
        ("Each 4 drops hold 0.8 mg melatonin. Take 16 drops a day.", "met", "Melatonin is 3.2 mg"),
        ("Each 4 drops hold 0.4 mg melatonin. Take 16 drops a day.", "not_met", "Melatonin is 1.6 mg"),
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


@pytest.mark.parametrize(
    ("text", "amount", "total"),
    [
        ("5 bottles of 10 ml, together 50 ml in total", "50 ml", True),
        ("5 Flaschen je 10 ml, zusammen 50 ml", "50 ml", True),
        ("5 Flaschen je 10 ml, zusammen 50 ml", "10 ml", False),
        ("รวมทั้งหมด 50 ml", "50 ml", True),
        ("共50 ml", "50 ml", True),
        ("tổng 50 ml", "50 ml", True),
        ("50 ml bottle", "50 ml", False),
    ],
)
def test_what_packs_add_up_to_is_told_from_what_one_holds(text, amount, total):
    at = text.index(amount)
    assert is_total(text, at, at + len(amount)) is total


@pytest.mark.parametrize(
    ("description", "verdict"),
    [
        ("Bottle 10 ml, five of them, bottles in total 50 ml.", "not_met"),
        ("Bottle 20 ml, in total 40 ml.", "met"),
        ("Bottle, in total 50 ml.", "met"),
    ],
)
def test_a_total_counts_only_where_nobody_says_what_one_holds(policy, laid, description, verdict):
    part = {"text": "It is large.", "measure": {"of": "bottle", "over": 10, "unit": "ml"}}
    corpus = policy.clause("a.x", elements={"large": part}).load()
    clause = corpus.clauses["a.x"]
    table = laid(corpus, subject={"description": description})
    assert settle(clause, clause.rule.judged["large"], table).verdict == verdict
