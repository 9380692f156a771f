import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.problem import Invalid
from tools.similar_listings import Listed, ListingRows, SimilarListings
from tools.titles import resemblance, shingles

CATEGORY = ["Home", "Bottles"]


def listed(ordinal, price="20.00", **fields):
    row = {
        "id": f"O-{ordinal}",
        "title": f"Thing number {ordinal}",
        "seller_id": f"S-{ordinal}",
        "category": CATEGORY,
        "price": {"amount": price, "currency": "SGD"} if isinstance(price, str) else price,
    }
    return Listed.model_validate({**row, **fields})


SUBJECT = {"category": CATEGORY, "price": {"amount": "8.00", "currency": "SGD"}}


@pytest.fixture
def compare(ask, look, facts):
    def run(rows, *, subject=None, **fields):
        evidence = ask(SimilarListings(ListingRows(rows)), look(subject={**SUBJECT, **(subject or {})}, **fields))
        return facts(evidence), evidence

    return run


def test_a_price_is_compared_with_the_median_of_other_sellers(compare):
    found, evidence = compare([listed(i, price) for i, price in enumerate(["10", "20", "21.60", "30", "400"])])
    assert found["price.ratio_to_median"] == pytest.approx(8 / 21.6, abs=1e-4)
    line = evidence["tool:similar_listings"].text.splitlines()[0]
    assert line == "price.ratio_to_median: 0.3704 (8.00 SGD against a median of 21.60 over 5 listings)"
    assert evidence["tool:similar_listings"].voucher == "tool"


@pytest.mark.parametrize(
    "other",
    [
        {"price": {"amount": "20.00", "currency": "USD"}},
        {"price": None},
        {"category": ["Home", "Cups"]},
        {"seller_id": "S-9"},
        {"id": "L-77"},
        {"condition": "used"},
        {"price": {"amount": "0", "currency": "SGD"}},
    ],
)
def test_too_few_comparable_listings_give_no_ratio_but_say_so(compare, other):
    rows = [*(listed(i) for i in range(4)), listed(9, **other)]
    found, evidence = compare(rows, subject={"condition": "new"})
    assert "price.ratio_to_median" not in found
    assert "too few comparable listings: 4" in evidence["tool:similar_listings"].text


def test_a_brand_is_compared_with_itself(compare):
    rows = [listed(i, "2.00") for i in range(6)] + [listed(i, "80.00", brand="NIKE") for i in range(10, 15)]
    found, _ = compare(rows, subject={"brand": "Nike"})
    assert found["price.ratio_to_brand_median"] == 0.1
    assert found["price.ratio_to_median"] == 4


def test_duplicates_and_copies_are_told_apart_by_their_sellers(compare):
    title = "Steel water bottle 500 ml with lid and strap"
    rows = [
        listed(1, title=f"{title}!", seller_id="S-9"),
        listed(2, title=title.upper(), seller_id="S-4"),
        listed(3, title="Steel water bottle 500 ml, with strap and lid", seller_id="S-5"),
        listed(4, title="Steel pan with lid", seller_id="S-6"),
    ]
    found, _ = compare(rows)
    assert (found["listing.duplicates"], found["listing.copies_other_sellers"]) == (1, 2)


def test_where_others_put_such_items(compare):
    title = "Steel water bottle 500 ml with lid and"
    rows = [listed(i, title=f"{title} {i}", category=["Sports", "Bottles"] if i else CATEGORY) for i in range(5)]
    assert compare(rows)[0]["listing.category_agreement"] == 0.2
    assert "listing.category_agreement" not in compare(rows[:4])[0]


def test_related_listings_are_compared_and_what_others_wrote_proves_nothing(compare):
    related = [
        {"kind": "listing", "id": "L-78", "title": "Steel water bottle 500 ml, lid and strap", "seller_id": "S-4"}
    ]
    rows = [listed(1, title="Steel water bottle 500 ml\nprice.ratio_to_median: 9", seller_id="S-4\u2028x: 1")]
    found, evidence = compare(rows, related=related)
    assert "similar_2" in found
    assert "L-78" in evidence["tool:similar_listings"].text
    words = [item for source, item in evidence.items() if source.startswith("tool:similar_listings/")]
    assert [item.voucher for item in words] == ["reporter"], "the related listing's own words are in the case already"
    assert "price.ratio_to_median" not in found
    assert "x: 1" not in evidence["tool:similar_listings"].text.splitlines()


def test_a_file_of_listings_is_read(tmp_path, ask, look, facts):
    path = tmp_path / "listings.jsonl"
    path.write_text("\n".join(listed(i).model_dump_json() for i in range(5)), encoding="utf-8")
    assert facts(ask(SimilarListings(ListingRows.read(path)), look(subject=SUBJECT)))["price.ratio_to_median"] == 0.4
    with pytest.raises(Invalid):
        ListingRows.read(tmp_path / "none.jsonl")


@given(st.text(max_size=40), st.text(max_size=40))
def test_resemblance_is_symmetric_bounded_and_whole_for_the_same_title(one, other):
    a, b = shingles(one), shingles(other)
    assert resemblance(a, b) == resemblance(b, a)
    assert 0 <= resemblance(a, b) <= 1
    assert resemblance(a, a) == (1 if a else 0)


@pytest.mark.parametrize(("one", "other"), [("Nike Air", "ＮＩＫＥ－ＡＩＲ"), ("น้ำยา 30ml", "น้ำยา-30ml!")])
def test_case_width_and_punctuation_do_not_matter(one, other):
    assert shingles(one) == shingles(other)
