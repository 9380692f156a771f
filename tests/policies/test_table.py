"""A case laid on the table: which signs are heard, on which day, and how evidence is looked up."""

from datetime import date

import pytest

SIGNS = {
    "thing": {
        "for": {"en": ["vape"], "zh": ["电子烟"], "th": ["บุหรี่ไฟฟ้า"], "de": ["dampfer"], "*": ["/relx/"]},
        "against": {"en": ["humidifier"]},
    }
}


@pytest.fixture
def table(policy, laid):
    """Lay a case on the table of a corpus with two clauses."""
    policy.clause("a.x", regions=["*"], signs=SIGNS)
    policy.clause("b.y", regions=["*"], elements={"other": {"text": "O."}}, signs={"other": {"for": {"en": ["pod"]}}})
    corpus = policy.load()
    return lambda **case: laid(corpus, **case)


def hit_words(table, clause_id="a.x", part="thing"):
    return sorted(table.item(h.evidence_id).text[h.start : h.end] for h in table.of_part(clause_id, part))


@pytest.mark.parametrize(
    ("language", "region", "heard"),
    [
        ("en", "SG", ["vape", "电子烟"]),  # the region's languages are heard besides
        ("th", "TH", ["vape", "บุหรี่ไฟฟ้า"]),
        ("zh", "TH", ["vape", "บุหรี่ไฟฟ้า", "电子烟"]),
        ("de-AT", "DE", ["dampfer", "vape"]),
        ("fr", "FR", ["vape"]),  # English is always heard
    ],
)
def test_the_languages_of_case_and_region_and_english_are_heard(table, language, region, heard):
    laid = table(language=language, region=region, subject={"description": "vape 电子烟 บุหรี่ไฟฟ้า dampfer"})
    assert hit_words(laid) == heard


def test_hits_are_looked_up_by_part_on_both_sides(table):
    laid = table(subject={"description": "vape, not a humidifier, relx"})
    assert hit_words(laid) == ["humidifier", "relx", "vape"]
    assert {(h.side, h.negated) for h in laid.of_part("a.x", "thing")} == {("for", False), ("against", True)}
    assert hit_words(laid, "b.y", "other") == ["pod"]
    assert laid.of_part("a.x", "other") == ()
    assert laid.of_part("c.z", "thing") == ()


def test_a_clause_is_spoken_of_where_a_sign_for_it_fires(table):
    laid = table(subject={"description": "A humidifier"})
    assert laid.speaks_of("b.y")
    assert not laid.speaks_of("a.x")  # what speaks against it does not


def test_evidence_is_looked_up_by_id(table):
    laid = table()
    assert laid.item("E1").source == "listing.title"
    with pytest.raises(KeyError):
        laid.item("E99")


def test_a_part_speaks_in_the_language_of_the_case(table):
    assert table(language="de-AT").speaks("a.x", "thing")
    assert not table(language="fr").speaks("a.x", "thing")
    assert not table(language="de").speaks("b.y", "other")
    assert table(language="en").speaks("b.y", "other")


def test_the_day_is_the_regions_and_regions_cover_as_the_corpus_says(table):
    laid = table(opened_at="2026-03-14T23:30:00Z", region="SG")
    assert laid.day == date(2026, 3, 15)
    assert table(opened_at="2026-03-14T23:30:00Z", region="US").day == date(2026, 3, 14)
    assert laid.covers(["EU"], "DE")
    assert not laid.covers(["EU"], "SG")
