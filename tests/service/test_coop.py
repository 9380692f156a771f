"""Coop's reports become cases, and decisions its action callback."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.case import Case, read_case
from cases.decision import Decision
from cases.problem import Invalid
from policies.corpus import load_corpus
from service.coop import CoopFields, CoopMapping, callback_of, case_of_report

MAPPING = CoopMapping(
    item_type="type-listing",
    item_type_name="Listing",
    user_type="type-user",
    policies={"pol-7": "ip.counterfeit", "pol-8": "restricted.tobacco"},
    actions={"remove_listing": "act-1"},
)
REPORT = {
    "reporter": {"kind": "user", "typeId": "type-user", "id": "U-12"},
    "reportedAt": "2026-03-14T09:30:00.000Z",
    "reportedForReason": {"policyId": "pol-8", "reason": "Sells vapes to children.", "csam": False},
    "reportedItem": {
        "id": "L-77",
        "typeId": "type-listing",
        "data": {
            "title": "Mini pod kit",
            "description": "USB humidifier.",
            "category": "Electronics",
            "price": 12.9,
            "currency": "SGD",
            "quantity": 40,
            "created_at": "2026-02-01T10:00:00Z",
            "seller_id": {"id": "S-9", "typeId": "type-user"},
            "region": "SG",
            "language": "en",
            "images": ["https://cdn.example/1.png"],
            "nicotine": "50 mg/ml",
            "tags": ["pod", "mint"],
            "verified": True,
            "location": {"lat": 1.3},
        },
    },
    "additionalItems": [
        {"id": "L-78", "type": {"id": "type-listing"}, "data": {"title": "Refill", "seller_id": "S-4"}},
        {"id": "U-9", "typeId": "type-user", "data": {"name": "Jo"}},
    ],
    "context": {"surface": "app"},
}


def _report(**changes):
    """The report with what stands at some paths (`a/b`) changed; `...` takes it away."""
    body = copy.deepcopy(REPORT)
    for path, value in changes.items():
        *way, last = path.split("/")
        at = body
        for step in way:
            at = at[step]
        if value is ...:
            del at[last]
        else:
            at[last] = value
    return body


def _problems(body, mapping=MAPPING):
    with pytest.raises(Invalid) as caught:
        case_of_report(body, mapping)
    return [(problem.code, problem.pointer) for problem in caught.value.problems]


# In


def test_a_report_becomes_a_case():
    case = case_of_report(REPORT, MAPPING)
    subject = case.subject
    assert (subject.id, subject.title, subject.category) == ("L-77", "Mini pod kit", ("Electronics",))
    assert (subject.price.amount, subject.price.currency, subject.quantity) == ("12.9", "SGD", 40)
    assert (case.region, case.language, case.seller_id) == ("SG", "en", "S-9")
    assert case.opened_at.isoformat() == "2026-03-14T09:30:00+00:00"
    (report,) = case.reports
    assert (report.by, report.verified, report.type) == ("buyer", False, "restricted.tobacco")
    assert report.text == "Sells vapes to children."
    assert [(item.id, item.title, item.seller_id) for item in case.related] == [("L-78", "Refill", "S-4")]


def test_what_is_not_mapped_becomes_an_attribute_and_nothing_is_fetched():
    subject = case_of_report(REPORT, MAPPING).subject
    assert subject.attributes == {"nicotine": "50 mg/ml", "tags": ("pod", "mint")}
    assert subject.images == ()


def test_a_price_without_a_currency_is_no_price_and_not_lost():
    subject = case_of_report(_report(**{"reportedItem/data/currency": ...}), MAPPING).subject
    assert subject.price is None
    assert subject.attributes["price"] == 12.9


@pytest.mark.parametrize("price", [{"amount": "12.90", "currency": "SGD"}])
def test_a_price_may_come_with_its_currency(price):
    body = _report(**{"reportedItem/data/price": price, "reportedItem/data/currency": ...})
    assert case_of_report(body, MAPPING).subject.price.amount == "12.90"


def test_the_case_is_one_that_audit_takes():
    case = case_of_report(REPORT, MAPPING)
    assert read_case(json.dumps(case.model_dump(mode="json", exclude_unset=True))) == case


def test_who_reported_stays_out_of_the_case():
    assert "U-12" not in case_of_report(REPORT, MAPPING).model_dump_json()


def test_a_report_that_is_delivered_again_is_the_same_case():
    first = case_of_report(REPORT, MAPPING)
    again = dict(reversed(_report(reportedAt="2026-03-14T17:30:00+08:00").items()))
    assert case_of_report(again, MAPPING) == first
    others = [
        _report(**{"reporter/id": "U-13"}),
        _report(**{"reportedItem/id": "L-70"}),
        _report(reportedAt="2026-03-14T09:30:00.001Z"),
    ]
    assert len({first.id, *(case_of_report(body, MAPPING).id for body in others)}) == 4


def test_a_policy_that_is_not_mapped_suspects_nothing():
    (report,) = case_of_report(_report(**{"reportedForReason/policyId": "pol-99"}), MAPPING).reports
    assert report.type is None


@pytest.mark.parametrize("reason", [..., None, {"reason": None}])
def test_a_report_needs_no_reason(reason):
    (report,) = case_of_report(_report(reportedForReason=reason), MAPPING).reports
    assert (report.text, report.type) == ("", None)


def test_an_item_without_a_market_is_of_the_mappings():
    body = _report(**{"reportedItem/data/region": ...})
    assert _problems(body) == [("missing", "/reportedItem/data/region")]
    assert case_of_report(body, MAPPING.model_copy(update={"region": "MY"})).region == "MY"


def test_fields_may_be_called_otherwise():
    named = MAPPING.model_copy(update={"fields": CoopFields(title="name", seller="owner", left_out=("images", "tags"))})
    data = {**REPORT["reportedItem"]["data"], "name": "Pod", "owner": "S-1"}
    subject = case_of_report(_report(**{"reportedItem/data": data}), named)
    assert (subject.subject.title, subject.seller_id) == ("Pod", "S-1")
    assert subject.subject.attributes == {"nicotine": "50 mg/ml", "title": "Mini pod kit"}


WRONG = [
    ({"reportedItem/typeId": "type-chat"}, "unknown_item_type", "/reportedItem/typeId"),
    ({"reportedForReason/csam": True}, "csam", "/reportedForReason/csam"),
    ({"reporter/kind": "rule"}, "invalid_value", "/reporter/kind"),
    ({"reporter": ...}, "missing", "/reporter"),
    ({"reportedItem/type": {"id": "type-listing"}}, "invalid_value", "/reportedItem"),
    ({"reportedItem/typeId": ...}, "invalid_value", "/reportedItem"),
    ({"reportedItem/data": []}, "invalid_value", "/reportedItem/data"),
    ({"reportedItem/id": ""}, "invalid_value", "/reportedItem/id"),
    ({"reportedAt": "2026-03-14T09:30:00"}, "no_time_zone", "/reportedAt"),
    ({"reportedAt": 1773480600000}, "invalid_value", "/reportedAt"),
    ({"reportedItem/data/title": ...}, "missing", "/reportedItem/data/title"),
    ({"reportedItem/data/title": 7}, "not_text", "/reportedItem/data/title"),
    ({"reportedItem/data/title": "x" * 501}, "too_long", "/reportedItem/data/title"),
    ({"reportedItem/data/seller_id": ...}, "missing", "/reportedItem/data/seller_id"),
    ({"reportedItem/data/seller_id": {}}, "missing", "/reportedItem/data/seller_id"),
    ({"reportedItem/data/price": "cheap"}, "invalid_value", "/reportedItem/data/price"),
    ({"reportedItem/data/price": -1}, "invalid_value", "/reportedItem/data/price"),
    ({"reportedItem/data/created_at": "yesterday"}, "invalid_value", "/reportedItem/data/created_at"),
    ({"reportedItem/data/region": "Singapore"}, "invalid_value", "/reportedItem/data/region"),
    ({"additionalItems": [{**REPORT["additionalItems"][0], "data": {"title": 7}}]}, "not_text", "/additionalItems"),
]


@pytest.mark.parametrize(("changes", "code", "pointer"), WRONG, ids=[f"{c}" for c, _, _ in WRONG])
def test_what_is_wrong_is_named_with_its_place_in_their_body(changes, code, pointer):
    assert (code, pointer) in _problems(_report(**changes))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*CoopFields().model_dump(exclude={"left_out"}).values(), "images", "x", ""])


@given(data=st.dictionaries(NAMES, JSON, max_size=6), reason=JSON, extra=JSON)
def test_whatever_comes_in_is_a_case_or_is_refused(data, reason, extra):
    whole = {**REPORT["reportedItem"]["data"], **data}
    body = _report(**{"reportedItem/data": whole, "reportedForReason": reason, "additionalItems": [extra]})
    try:
        assert isinstance(case_of_report(body, MAPPING), Case)
    except Invalid as refused:
        places = [problem.pointer for problem in refused.problems]
        assert places
        assert {
            p for p in places if not p.startswith(("/reportedItem", "/reportedForReason", "/additionalItems"))
        } == set()


# Out


@pytest.fixture(scope="module")
def corpus(root):
    return load_corpus(root / "policies")


def _finding(clause_id, violation, **more):
    return {"clause_id": clause_id, "clause_sha256": "", "type": violation, "parts": [], "status": "fulfilled", **more}


def _decision(**changes):
    findings = [
        _finding("tobacco.snus", "restricted.tobacco"),
        _finding("tobacco.e-cigarettes", "restricted.tobacco"),
        _finding("ip.counterfeit-indicators", "ip.counterfeit", lifted_by="ip.genuine-used-goods"),
        _finding("listing.duplicates", "listing.duplicate", status="not_fulfilled"),
    ]
    whole = {
        "case_id": "c-1",
        "outcome": "violation",
        "scope": ["SG"],
        "findings": findings,
        "rationale": "",
        "notice": "We removed it.",
        "action": {"name": "remove_listing", "clause_id": "tobacco.e-cigarettes", "step": 0},
        "reviewer": "rev-7",
        "snapshot": "s",
        "auditor": {"name": "rulebook"},
        "at": "2026-03-15T00:00:00Z",
    }
    return Decision.model_validate({**whole, **changes})


def test_a_decision_becomes_an_action_callback(corpus):
    body = callback_of(_decision(), case_of_report(REPORT, MAPPING), MAPPING, corpus)
    assert body == {
        "item": {"id": "L-77", "typeId": "type-listing", "typeName": "Listing"},
        "action": {"id": "act-1"},
        "policies": [{"id": "pol-8", "name": "Tobacco and nicotine", "penalty": "HIGH"}],
        "rules": [
            {"id": "tobacco.e-cigarettes", "name": corpus.clauses["tobacco.e-cigarettes"].title},
            {"id": "tobacco.snus", "name": corpus.clauses["tobacco.snus"].title},
        ],
        "custom": {
            "case_id": "c-1",
            "action": "remove_listing",
            "days": None,
            "scope": ["SG"],
            "decided_by": "agent",
            "decided_at": "2026-03-15T00:00:00Z",
            "notice": "We removed it.",
        },
        "creator": {"id": "S-9", "typeId": "type-user"},
    }
    assert json.loads(json.dumps(body)) == body


def test_a_persons_decision_has_no_rules_and_names_nobody(corpus):
    body = callback_of(_decision(decided_by="person"), case_of_report(REPORT, MAPPING), MAPPING, corpus)
    assert body["rules"] == []
    assert "rev-7" not in json.dumps(body)


def test_where_nothing_is_done_nothing_is_sent(corpus):
    cleared = _decision(outcome="no_violation", action=None)
    assert callback_of(cleared, case_of_report(REPORT, MAPPING), MAPPING, corpus) is None


def test_what_is_not_mapped_goes_out_under_our_names(corpus):
    bare = CoopMapping(item_type="type-listing")
    hidden = _decision(action={"name": "hide_listing", "clause_id": "tobacco.snus", "step": 0})
    body = callback_of(hidden, case_of_report(REPORT, MAPPING), bare, corpus)
    assert body["action"] == {"id": "hide_listing"}
    assert body["policies"][0]["id"] == "restricted.tobacco"
    assert body["rules"][0]["id"] == "tobacco.snus"
    assert "creator" not in body
