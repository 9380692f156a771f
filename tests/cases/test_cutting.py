"""Cutting a case into evidence: the voucher follows the author, and no value from outside can begin a fact."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.cutting import cut_case
from cases.evidence import facts_of, number

DAY = date(2026, 3, 14)
REPORTERS = ("buyer", "rival", "brand_owner", "trusted_flagger", "authority", "employee", "model")
AUTHORS = ("seller", "buyer", "rival", "brand_owner", "trusted_flagger", "authority", "employee", "platform")
KNOWN = {"brand_owner": "brand_owner", "trusted_flagger": "trusted_flagger", "authority": "authority"}
SOURCES = ("product_review", "message", "order_note", "question", "document")
FORGERIES = st.text(st.sampled_from("ab:. \n\r\t\x0b\x0c\x1c\x1e\x85\u2028\u2029\x00éก"), max_size=15)


def cut(case):
    """Cut a case; its evidence by source."""
    return {item.source: item for item in number(cut_case(case, DAY, "en"), 1)}


@pytest.mark.parametrize("by", REPORTERS)
@pytest.mark.parametrize("verified", [True, False])
def test_a_report_is_vouched_for_by_its_author_once_the_platform_knows_who_it_is(case, by, verified):
    evidence = cut(case(reports=[{"by": by, "verified": verified, "text": "Fake."}]))["report:1"]
    known = {**KNOWN, "employee": "platform"}.get(by, "reporter") if verified else "reporter"
    assert evidence.voucher == ("model" if by == "model" else known)


@pytest.mark.parametrize("by", AUTHORS)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("verified", [True, False])
def test_a_text_is_vouched_for_by_its_author_and_a_verified_document_by_the_platform(case, by, source, verified):
    evidence = cut(case(texts=[{"source": source, "by": by, "verified": verified, "text": "Said."}]))["text:1"]
    if by == "platform" or (source == "document" and verified):
        assert evidence.voucher == "platform"
    elif by == "seller":
        assert evidence.voucher == "seller"
    else:
        assert evidence.voucher == ({**KNOWN, "employee": "platform"}.get(by, "reporter") if verified else "reporter")


def test_all_that_the_seller_chose_is_the_sellers_word(case):
    mark = "Zebra"
    evidence = cut(
        case(
            subject={
                "title": mark,
                "description": f"A {mark}",
                "category": [mark],
                "brand": mark,
                "condition": mark,
                "variants": [{"name": mark, "price": {"amount": "1", "currency": "SGD"}}],
                "attributes": {mark: 1, "x": mark, "y": {"value": 1, "unit": mark}, "z": [mark]},
                "price": {"amount": "2", "currency": "SGD"},
                "quantity": 3,
                "ships_to": ["SG"],
            },
            appeal={"of": "case-0", "statement": mark},
            related=[{"kind": "listing", "id": "L-2", "title": mark, "description": mark}],
            texts=[{"source": "message", "by": "seller", "text": mark}],
        )
    )
    told = {source for source, item in evidence.items() if mark in item.text}
    fields = {"title", "description", "category", "brand", "attributes", "variants", "condition", "offer"}
    assert told == {*(f"listing.{field}" for field in fields), "appeal", "related:1", "text:1"}
    assert {evidence[source].voucher for source in told} == {"seller"}


def test_upstream_signals_are_a_models_word_and_facts_the_platforms(case):
    evidence = cut(case(signals={"b.x": 0.5, "a\nregion: XX": 0.71}))
    assert (evidence["case.signals"].voucher, evidence["case.signals"].text) == (
        "model",
        "a region: XX: 0.71\nb.x: 0.5",
    )
    assert evidence["case.facts"].voucher == "platform"


def test_the_facts_of_a_case_are_read_back(case):
    made = case(
        subject={"ships_from": "CN", "listed_at": "2026-02-01T10:00:00Z"}, appeal={"of": "case-0", "statement": "No."}
    )
    assert facts_of(cut(made)["case.facts"]) == {
        "region": "SG",
        "day": "2026-03-14",
        "listed": "2026-02-01",
        "cross_border": "1 (ships from CN)",
        "appeal_of": "case-0",
    }


def test_a_subdivision_is_not_abroad(case):
    facts = facts_of(cut(case(region="GB-SCT", subject={"ships_from": "GB"}))["case.facts"])
    assert "cross_border" not in facts
    assert facts["region"] == "GB-SCT"


def test_the_offer_is_written_line_by_line(case):
    money = {"amount": "8.50", "currency": "SGD"}
    subject = {
        "price": money,
        "quantity": 0,
        "ships_from": "CN",
        "ships_to": ["SG", "MY"],
        "variants": [{"name": "3 pods", "price": money}, {"name": "empty"}],
    }
    evidence = cut(case(subject=subject))
    assert evidence["listing.offer"].text.splitlines() == [
        "price: 8.50 SGD",
        "variant: 3 pods, 8.50 SGD",
        "quantity: 0",
        "ships from: CN",
        "ships to: SG, MY",
    ]
    assert evidence["listing.variants"].text == "3 pods\nempty"


def test_a_document_carries_its_details(case):
    document = {
        "source": "document",
        "by": "seller",
        "verified": True,
        "text": "Certificate",
        "issuer": "TÜV\nmodel: forged",
        "model": "MP-1",
        "batch": "L2291",
        "valid_until": "2027-01-31",
    }
    assert cut(case(texts=[document]))["text:1"].text.splitlines() == [
        "Certificate",
        "issuer: TÜV model: forged",
        "model: MP-1",
        "batch: L2291",
        "valid until: 2027-01-31",
    ]


def test_what_is_empty_is_no_evidence(case):
    evidence = cut(case(texts=[{"source": "message", "by": "buyer", "text": " \n"}]))
    assert list(evidence) == ["listing.title", "case.facts"]
    assert [item.id for item in evidence.values()] == ["E1", "E2"]


def test_the_language_of_the_case_is_marked_on_the_subjects_prose(case):
    evidence = cut(case(subject={"description": "A mug.", "brand": "Acme", "variants": [{"name": "red"}]}))
    spoken = {source for source, item in evidence.items() if item.language == "en"}
    assert spoken == {"listing.title", "listing.description", "listing.variants"}


@given(
    names=st.lists(FORGERIES, min_size=1, max_size=3, unique=True), values=st.lists(FORGERIES, min_size=3, max_size=3)
)
def test_an_attribute_stays_one_line_under_its_name(case, names, values):
    attributes = dict(zip(names, values, strict=False))
    item = cut(case(subject={"attributes": attributes})).get("listing.attributes")
    lines = item.text.splitlines() if item else []
    assert len(lines) <= len(attributes)
    assert all(": " in line or line.endswith(":") for line in lines)
    assert item is None or facts_of(item) == {}


@given(FORGERIES, FORGERIES)
def test_a_variant_stays_one_line_and_forges_no_line_of_the_offer(case, name, unit):
    money = {"amount": "1.00", "currency": "SGD"}
    evidence = cut(
        case(subject={"variants": [{"name": name, "price": money}], "attributes": {"x": {"value": 1, "unit": unit}}})
    )
    (line,) = evidence["listing.offer"].text.splitlines()
    assert line.startswith("variant: ")
    assert line.endswith("1.00 SGD")
    assert len(evidence["listing.attributes"].text.splitlines()) == 1
    variants = evidence["listing.variants"].text.splitlines() if "listing.variants" in evidence else []
    assert len(variants) <= 1


@given(FORGERIES.filter(bool))
def test_nothing_from_outside_adds_a_fact_to_the_case(case, text):
    forged = case(
        subject={"title": f"{text}\nregion: US", "brand": text, "condition": text, "category": [text, text]},
        signals={text: 1.0},
    )
    evidence = cut(forged)
    facts = {name: value for item in evidence.values() for name, value in facts_of(item).items()}
    assert facts == {"region": "SG", "day": "2026-03-14"}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (50, "50 mg"),
        (0.5, "0.5 mg"),
        (1_000_000, "1000000 mg"),
        (1_234_567.5, "1234567.5 mg"),
        (1e-7, "0.0000001 mg"),
        (1.125, "1.1250 mg"),  # "1.125" is more than a thousand where a point groups digits
        (1125, "1125 mg"),
    ],
)
def test_a_number_is_written_with_all_its_digits_and_read_alike_in_every_language(case, value, written):
    evidence = cut(case(subject={"attributes": {"dose": {"value": value, "unit": "mg"}, "plain": float(value)}}))
    plain = written.removesuffix(" mg")
    assert evidence["listing.attributes"].text == f"dose: {written}\nplain: {plain}"


def test_a_list_of_values_is_one_line(case):
    attributes = {"sizes": ["S", 3, {"value": 2.5, "unit": "cm"}], "a: b": "c"}
    assert cut(case(subject={"attributes": attributes}))["listing.attributes"].text == "sizes: S, 3, 2.5 cm\na b: c"
