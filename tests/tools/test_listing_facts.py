from datetime import UTC, datetime, timedelta

import pytest

from tools.listing_facts import ListingFacts

OPENED = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)


def money(amount, currency="SGD"):
    return {"amount": amount, "currency": currency}


def past(amount, days_ago, currency="SGD"):
    return {**money(amount, currency), "until": (OPENED - timedelta(days=days_ago)).isoformat()}


@pytest.fixture
def measure(ask, look, facts):
    def run(region="SG", **subject):
        evidence = ask(ListingFacts(), look(subject=subject, region=region))
        assert {item.voucher for item in evidence.values()} == {"tool"}
        return facts(evidence)

    return run


@pytest.mark.parametrize(
    ("title", "repeats"),
    [
        ("Shoes shoes SHOES, running shoes", 4),
        ("Case for iPhone for Samsung for Oppo", 1),
        ("Funda para iPhone para Samsung con con", 1),
        ("Ｎｉｋｅ nike", 2),
        ("500 500 500 bottle", 1),
    ],
)
def test_the_most_repeated_word_of_a_title_is_counted(measure, title, repeats):
    assert measure(title=title)["listing.title_repeats"] == repeats


@pytest.mark.parametrize("title", ["น้ำยาบุหรี่ไฟฟ้า พร้อมส่ง", "电子烟 电子烟 烟油", "!!! 500 ml"[:5]])
def test_words_are_not_counted_where_a_script_writes_no_spaces(measure, title):
    assert "listing.title_repeats" not in measure(title=title)


def test_capitals_need_letters_that_have_case(measure):
    assert measure(title="CHEAP ORIGINAL watch")["listing.title_capitals"] == pytest.approx(13 / 18, abs=1e-4)
    assert "listing.title_capitals" not in measure(title="NEW 500")


def test_a_drop_is_measured_against_the_highest_earlier_price_in_the_same_currency(measure):
    history = [past("20.00", 40), past("40.00", 90), past("900", 50, "JPY"), past("80.00", -3)]
    found = measure(price=money("10.00"), price_history=history)
    assert found["price.amount"] == 10
    assert found["price.drop_ratio"] == 0.25


def test_a_shown_reduction_is_measured_against_the_lowest_price_of_the_thirty_days_before(measure):
    history = [past("30.00", 100), past("12.00", 20), past("40.00", 1)]
    assert measure(price=money("15.00"), price_history=history)["price.ratio_to_lowest_30d"] == 1.25
    undated = [*history, money("9.00")]
    assert "price.ratio_to_lowest_30d" not in measure(price=money("15.00"), price_history=undated)


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ([money("1.00"), money("25.00"), money("20.00")], 25),
        ([money("1.00")], None),
        ([money("1.00"), money("25.00", "USD")], None),
        ([money("0"), money("25.00")], None),
    ],
)
def test_variants_spread(measure, prices, expected):
    variants = [{"name": f"v{i}", "price": price} for i, price in enumerate(prices)]
    assert measure(variants=[*variants, {"name": "unpriced"}]).get("price.variant_spread") == expected


def test_the_offer(measure):
    found = measure(quantity=40, ships_from="CN", listed_at="2026-03-04T09:30:00Z", description="abc")
    assert found["listing.quantity"] == 40
    assert found["listing.cross_border"] == 1
    assert found["listing.age_days"] == 10
    assert found["listing.description_length"] == 3
    assert "listing.age_days" not in measure(listed_at="2026-03-20T09:30:00Z")
    assert measure(ships_from="GB", region="GB-SCT")["listing.cross_border"] == 0


def test_a_listing_without_prices_has_no_price_facts(measure):
    assert not [name for name in measure() if name.startswith("price.")]
