"""The database's schema, held offline: what it takes is taken, what it refuses is named with its place."""

import pytest

from policies.corpus import load_corpus
from service.dsa_categories import CATEGORY_OF_TYPE, RESTRICTION_OF_ACTION
from service.transparency import CATEGORIES, KEYWORDS, Statement, batches, contacts, validate

RIGHT = {
    "decision_visibility": ["DECISION_VISIBILITY_CONTENT_REMOVED"],
    "decision_ground": "DECISION_GROUND_ILLEGAL_CONTENT",
    "illegal_content_legal_ground": "Directive 2014/40/EU, art. 20(3)(b)",
    "illegal_content_explanation": "The liquid holds over 20 milligrams of nicotine in a millilitre.",
    "content_type": ["CONTENT_TYPE_PRODUCT"],
    "category": "STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS",
    "territorial_scope": ["DE", "NO"],
    "content_date": "2026-01-02",
    "application_date": "2026-04-08",
    "decision_facts": "The listing's description shows it.",
    "source_type": "SOURCE_VOLUNTARY",
    "automated_detection": "Yes",
    "automated_decision": "AUTOMATED_DECISION_FULLY",
    "puid": "cw-1",
}


def _without(*names):
    return {name: value for name, value in RIGHT.items() if name not in names}


def test_a_right_statement_has_no_problems():
    assert validate(RIGHT) == ()
    assert Statement.model_validate(RIGHT).body == RIGHT


@pytest.mark.parametrize("field", sorted(set(RIGHT) - {"decision_visibility"}))
def test_what_is_required_is_missed_by_its_name(field):
    assert f"/{field}" in [problem.pointer for problem in validate(_without(field))]


WRONG = [
    ("decision_visibility", ["DECISION_VISIBILITY_GONE"], "/decision_visibility/0"),
    ("decision_visibility", [], "/decision_visibility"),
    ("decision_visibility", ["DECISION_VISIBILITY_OTHER"], "/decision_visibility_other"),
    ("decision_visibility_other", "Hidden from search.", "/decision_visibility_other"),
    ("decision_monetary", "DECISION_MONETARY_OTHER", "/decision_monetary_other"),
    ("incompatible_content_ground", "Our rules", "/incompatible_content_ground"),
    ("incompatible_content_illegal", "Yes", "/incompatible_content_illegal"),
    ("illegal_content_legal_ground", "x" * 501, "/illegal_content_legal_ground"),
    ("illegal_content_explanation", "x" * 2_001, "/illegal_content_explanation"),
    ("decision_facts", "x" * 5_001, "/decision_facts"),
    ("decision_facts", "", "/decision_facts"),
    ("decision_facts", "Write to jo@shop.example.", "/decision_facts"),
    ("content_type", ["CONTENT_TYPE_OTHER"], "/content_type_other"),
    ("category", "STATEMENT_CATEGORY_PORNOGRAPHY_OR_SEXUALIZED_CONTENT", "/category"),
    ("category_specification", ["KEYWORD_DANGEROUS_TOYS"], "/category_specification/0"),
    ("category_specification_other", "Toys", "/category_specification_other"),
    ("territorial_scope", [], "/territorial_scope"),
    ("territorial_scope", ["GB"], "/territorial_scope/0"),
    ("content_language", "de", "/content_language"),
    ("content_language", "XX", "/content_language"),
    ("content_date", "1999-12-31", "/content_date"),
    ("application_date", "2019-12-31", "/application_date"),
    ("end_date_visibility_restriction", "2026-04-07", "/end_date_visibility_restriction"),
    ("end_date_visibility_restriction", "2038-01-02", "/end_date_visibility_restriction"),
    ("end_date_account_restriction", "2026-05-01", "/end_date_account_restriction"),
    ("content_id", {"EAN-8": "12345670"}, "/content_id/EAN-8/[key]"),
    ("puid", "case 1", "/puid"),
    ("puid", "x" * 501, "/puid"),
    ("seller_id", "S-9", "/seller_id"),
]


@pytest.mark.parametrize(("field", "value", "pointer"), WRONG, ids=[f"{f}={str(v)[:40]}" for f, v, _ in WRONG])
def test_what_the_database_refuses_is_named_with_its_place(field, value, pointer):
    first, *rest = [problem.pointer for problem in validate({**RIGHT, field: value})]
    assert first == pointer
    assert {place for place in rest if not place.startswith(f"/{field}")} == set()


def test_something_has_to_be_decided():
    (problem,) = validate(_without("decision_visibility"))
    assert problem.pointer == "/decision_account"
    assert "decision_visibility" in problem.detail
    assert (
        validate({**_without("decision_visibility"), "decision_provision": "DECISION_PROVISION_TOTAL_SUSPENSION"}) == ()
    )


def test_a_keyword_of_ones_own_may_be_told():
    assert (
        validate({**RIGHT, "category_specification": ["KEYWORD_OTHER"], "category_specification_other": "Vapes"}) == ()
    )


@pytest.mark.parametrize(
    "text",
    [
        "ask jo.doe+x@shop.example please",
        "call +49 30 1234567",
        "call 0171 2345678",
        "(030) 123-456-78",
        "0171/2345678",
        "91 23 45 67",
        "see https://shop.example/x",
        "see www.shop.example",
        "my-shop.com has it",
    ],
)
def test_ways_to_a_person_are_seen(text):
    assert contacts(text)


@pytest.mark.parametrize(
    "text",
    [
        "Regulation (EU) 2017/1001, art. 9",
        "16 CFR 233.1 and 233.2",
        "since 2025-12-13",
        "2024-2025",
        "01.09.2025",
        "S$ 8",
    ],
)
def test_acts_days_and_prices_are_no_way_to_a_person(text):
    assert contacts(text) == ()


def test_no_text_that_we_would_tell_leads_to_a_person(corpus):
    told = [
        text
        for clause in corpus.clauses.values()
        for text in (
            clause.title,
            *(part.text for whole in clause.rule.parts for part in (whole, *whole.of)),
            *(reference.law for reference in clause.references),
        )
    ]
    assert len(told) > 500
    assert [text for text in told if contacts(text)] == []


def test_a_batch_holds_a_hundred():
    statements = [Statement.model_validate({**RIGHT, "puid": f"cw-{i}"}) for i in range(201)]
    made = list(batches(statements))
    assert [len(batch["statements"]) for batch in made] == [100, 100, 1]
    assert [s["puid"] for batch in made for s in batch["statements"]] == [f"cw-{i}" for i in range(201)]
    assert all(set(batch) == {"statements"} for batch in made)
    assert list(batches([])) == []


# Our types and actions in the database's words


@pytest.fixture(scope="module")
def corpus(root):
    return load_corpus(root / "policies")


def test_every_violation_type_has_its_category(corpus):
    assert set(CATEGORY_OF_TYPE) == set(corpus.types)


def test_every_action_says_what_it_restricts(corpus):
    assert set(RESTRICTION_OF_ACTION) == set(corpus.actions)


@pytest.mark.parametrize("violation", CATEGORY_OF_TYPE)
def test_a_types_keywords_belong_to_its_category(violation):
    category, keywords = CATEGORY_OF_TYPE[violation]
    assert f"STATEMENT_CATEGORY_{category}" in CATEGORIES
    assert set(keywords) <= set(KEYWORDS[category])


def test_keywords_are_known_of_every_category():
    assert {f"STATEMENT_CATEGORY_{name}" for name in KEYWORDS} == set(CATEGORIES)


def test_a_clause_names_a_category_of_the_database(corpus):
    named = {c.id: c.dsa["category"] for c in corpus.clauses.values() if "category" in c.dsa}
    assert len(named) > 100
    assert {c: name for c, name in named.items() if f"STATEMENT_CATEGORY_{name.upper()}" not in CATEGORIES} == {}
