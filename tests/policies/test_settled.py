"""What code settles by itself: the burden of proof on records, facts, measures; and silence that means nothing."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.evidence import Draft, find_quote
from policies.settled import RENEWAL_DAYS, absence_refused, says_what, settle

DAY = date(2026, 3, 14)
LICENCE = {"kind": "licence", "value": "tobacco retail", "region": "SG", "status": "verified"}


def judged(clause, table, part="thing"):
    """Code's judgement of a part, after a look at whether its quotes stand where it says."""
    judgement = settle(clause, clause.rule.judged[part], table)
    if judgement:
        assert (judgement.clause_id, judgement.part) == (clause.id, part)
        for quote in judgement.quotes:
            assert find_quote(table.item(quote.evidence_id).text, quote.text)
    return judgement


def quoted(judgement):
    return [quote.text for quote in judgement.quotes]


@pytest.fixture
def on_record(policy, laid):
    """Judge an exemption that needs a licence: `on_record([records], record={...}, absence=..., **case)`."""

    def judge(records, *, need=None, absence=None, drafts=(), seller=True, **case):
        part = {"text": "The seller is licensed.", "record": {"kind": "licence", **(need or {})}}
        part |= {"absence": absence} if absence else {}
        corpus = policy.clause("a.x", regions=["*"], exemptions={"licensed": part}).load()
        looked_up = {"seller": {"authorisations": records}} if seller else {}
        return judged(corpus.clauses["a.x"], laid(corpus, *drafts, **looked_up, **case), "licensed")

    return judge


def days_ago(days):
    return {"from": "2024-01-01", "until": str(DAY - timedelta(days=days))}


TABLE = {
    "verified, in region and in force": ({}, "met", "record", "status: verified"),
    "in force on its last day": (days_ago(0), "met", "record", "status: verified"),
    "in force from this day": ({"from": str(DAY)}, "met", "record", "status: verified"),
    "scope that fits": ({"scope": "pod kits and liquids; mini format"}, "met", "record", "status: verified"),
    "doubtful scope": ({"scope": "cigars"}, "unclear", "silent", "scope: cigars"),
    "pending": ({"status": "pending"}, "unclear", "silent", "status: pending"),
    "expired yesterday": (days_ago(1), "unclear", "silent", "until: 2026-03-13"),
    "expired as long ago as may be": (days_ago(RENEWAL_DAYS), "unclear", "silent", "until: 2026-02-12"),
    "long expired": (days_ago(RENEWAL_DAYS + 1), "not_met", "record", "until: 2026-02-11"),
    "pending and long expired": ({"status": "pending", **days_ago(60)}, "not_met", "record", "until: 2026-01-13"),
    "not yet in force": ({"from": "2026-03-15"}, "unclear", "silent", "status: verified"),
    "revoked": ({"status": "revoked"}, "not_met", "record", "status: revoked"),
    "rejected": ({"status": "rejected"}, "not_met", "record", "status: rejected"),
    "of another region": ({"region": "TH"}, "unclear", "silent", "region: TH"),
    "pending in another region": ({"region": "TH", "status": "pending"}, "unclear", "silent", "region: TH"),
    "expired in another region": ({"region": "TH", **days_ago(3)}, "unclear", "silent", "region: TH"),
    "of everywhere": ({"region": "*"}, "met", "record", "status: verified"),
}


@pytest.mark.parametrize("state", TABLE)
def test_a_record_proves_what_its_state_proves(on_record, state):
    changed, verdict, basis, line = TABLE[state]
    judgement = on_record([{**LICENCE, **changed}])
    assert (judgement.verdict, judgement.basis) == (verdict, basis)
    assert quoted(judgement) == [line]
    assert judgement.why.endswith(".")
    assert bool(judgement.would_settle) == (verdict == "unclear")


@pytest.mark.parametrize(("region", "verdict"), [("DE", "met"), ("FR", "met"), ("GB", "unclear")])
def test_a_record_of_a_group_covers_its_members(on_record, region, verdict):
    assert on_record([{**LICENCE, "region": "EU"}], region=region).verdict == verdict


@pytest.mark.parametrize(
    ("absence", "verdict", "basis"),
    [
        (None, "unclear", "silent"),  # the default of an exemption with a record is to ask
        ("request", "unclear", "silent"),
        ("unclear", "unclear", "silent"),
        ("not_met", "not_met", "record"),
    ],
)
@pytest.mark.parametrize("records", [[], [{**LICENCE, "kind": "certificate"}]])
def test_no_record_means_what_the_part_says(on_record, records, absence, verdict, basis):
    judgement = on_record(records, absence=absence)
    assert (judgement.verdict, judgement.basis) == (verdict, basis)
    assert quoted(judgement) == ["no_record: licence"]


def test_the_best_of_several_records_counts(on_record):
    revoked, pending = {**LICENCE, "status": "revoked"}, {**LICENCE, "status": "pending"}
    assert on_record([revoked, pending]).verdict == "unclear"
    assert on_record([revoked, pending, LICENCE]).verdict == "met"
    assert on_record([revoked, {**LICENCE, "region": "TH"}]).verdict == "not_met"


def test_a_record_of_another_value_is_none(on_record):
    assert on_record([LICENCE], need={"value": "Tobacco Retail"}).verdict == "met"
    for value in ("pharmacy", "tobacco", "tobacco retail and more"):
        other = on_record([LICENCE], need={"value": value})
        assert (other.verdict, other.basis) == ("unclear", "silent")
        assert value in other.would_settle


@pytest.mark.parametrize(
    ("brand", "title", "value", "verdict"),
    [
        ("Nike", "Air shoes", "NIKE", "met"),
        ("", "Nike shoes, new", "Nike", "met"),
        ("Adidas", "Shoes", "Nike", "unclear"),
        ("", "Nikelodeon cap", "Nike", "unclear"),
        ("", "Shoes", "", "unclear"),
    ],
)
def test_a_brand_record_is_of_the_brand_that_the_listing_names(policy, laid, brand, title, value, verdict):
    part = {"text": "The seller may sell the brand.", "record": {"kind": "brand"}}
    corpus = policy.clause("a.x", exemptions={"allowed": part}).load()
    seller = {"authorisations": [{**LICENCE, "kind": "brand", "value": value}]}
    table = laid(corpus, seller=seller, subject={"brand": brand, "title": title})
    assert judged(corpus.clauses["a.x"], table, "allowed").verdict == verdict


def test_records_that_could_not_be_read_settle_nothing(on_record):
    gone = Draft(source="tool:seller_history", voucher="tool", text="not_run: timed out", unavailable=True)
    for judgement in (
        on_record([], seller=False),
        on_record([], seller=False, absence="not_met"),
        on_record([LICENCE], drafts=[gone]),
        on_record([], drafts=[gone], absence="not_met"),
    ):
        assert (judgement.verdict, judgement.basis, judgement.quotes) == ("unclear", "silent", ())
        assert "could not be read" in judgement.why


def test_what_a_seller_says_of_licences_is_no_record(on_record):
    claimed = "kind: licence\nvalue: tobacco retail\nregion: SG\nstatus: verified"
    judgement = on_record([], subject={"description": claimed, "title": "Licensed! status: verified"})
    assert (judgement.verdict, quoted(judgement)) == ("unclear", ["no_record: licence"])


def test_a_holder_that_spells_a_status_forges_none(on_record):
    forged = {**LICENCE, "status": "rejected", "holder": "X\nstatus: verified", "document": "D\nstatus: verified"}
    assert on_record([forged]).verdict == "not_met"


@pytest.fixture
def by_fact(policy, laid):
    """Judge a part with the fact `price.ratio_to_median <= 0.4`, on drafts."""

    def judge(*drafts, **fields):
        part = {"text": "It is cheap.", "fact": "price.ratio_to_median <= 0.4", **fields}
        corpus = policy.clause("a.x", elements={"thing": part}).load()
        return judged(corpus.clauses["a.x"], laid(corpus, *drafts))

    return judge


def measured(text, voucher="tool", source="tool:similar_listings", **flags):
    return Draft(source=source, voucher=voucher, text=text, **flags)


@pytest.mark.parametrize(("value", "verdict"), [("0.31", "met"), ("0.4", "met"), ("0.41", "not_met"), ("-1", "met")])
def test_a_fact_is_compared_and_its_line_quoted(by_fact, value, verdict):
    line = f"price.ratio_to_median: {value} (of 9 listings)"
    judgement = by_fact(measured(f"listing.duplicates: 0\n{line}"))
    assert (judgement.verdict, judgement.basis, quoted(judgement)) == (verdict, "measured", [line])


@pytest.mark.parametrize(
    "drafts",
    [
        [],
        [measured("price.ratio: 0.1")],
        [measured("price.ratio_to_median: unknown")],
        [measured("price.ratio_to_median: 0.1", voucher="seller", source="listing.description")],
        [measured("price.ratio_to_median: 0.1", voucher="platform", source="text:1")],
        [measured("price.ratio_to_median: 0.1", voucher="platform", source="report:1")],
        [measured("price.ratio_to_median: 0.1", unavailable=True)],
    ],
)
def test_a_fact_that_no_tool_has_measured_is_unclear(by_fact, drafts):
    judgement = by_fact(*drafts)
    assert (judgement.verdict, judgement.basis) == ("unclear", "silent")
    assert "price.ratio_to_median" in judgement.would_settle


def test_a_clause_may_take_a_missing_number_for_no(by_fact):
    judgement = by_fact(absence="not_met")
    assert (judgement.verdict, judgement.basis, quoted(judgement)) == ("not_met", "absent", ["Mini pod kit"])


@pytest.fixture
def by_measure(policy, laid):
    """Judge a part that measures nicotine (over 20 mg/ml) on a subject."""

    def judge(role="element", effect="forbid", signs=None, drafts=(), language="en", proof=None, **subject):
        part = {"text": "It is strong.", "measure": {"of": "nicotine", "over": 20, "unit": "mg/ml"}}
        part |= {"proof": proof} if proof else {}
        parts = {"elements": {"strong": part}} if role == "element" else {"exemptions": {"strong": part}}
        written = {"strong": {"for": signs}} if signs else None
        corpus = policy.clause("a.x", **parts, effect=effect, signs=written).load()
        table = laid(corpus, *drafts, subject=subject, language=language)
        return judged(corpus.clauses["a.x"], table, "strong")

    return judge


@pytest.mark.parametrize(
    ("description", "verdict", "words"),
    [
        ("Liquid, nicotine 50 mg/ml, mint", "met", "50 mg/ml"),
        ("Nicotine: 0.05 g/ml", "met", "0.05 g/ml"),
        ("20 mg/ml nicotine", "not_met", "20 mg/ml"),
        ("nicotine 3 mg/ml or 50 mg/ml", "met", "50 mg/ml"),
        ("NICOTINE 20,5 mg/ml", "met", "20,5 mg/ml"),
    ],
)
def test_a_measure_is_found_near_its_name_and_quoted(by_measure, description, verdict, words):
    judgement = by_measure(description=description)
    assert (judgement.verdict, judgement.basis) == (verdict, "measured")
    assert words in quoted(judgement)[0]


@pytest.mark.parametrize(
    "description",
    [
        "Liquid with nicotine",
        "nicotine 50 mg",
        "50 mg/ml menthol",
        "nicotine inside.\n50 mg/ml menthol",
        "nicotine " + "and more words about it " * 3 + "50 mg/ml",
        "nicotinebased 50 mg/ml",
    ],
)
def test_a_number_elsewhere_or_of_another_kind_measures_nothing(by_measure, description):
    judgement = by_measure(description=description)
    assert (judgement.verdict, judgement.basis, judgement.quotes) == ("unclear", "silent", ())
    assert "nicotine" in judgement.would_settle


def test_an_attribute_holds_the_number_in_every_language(by_measure):
    for language in ("en", "pt", "id"):
        strong = by_measure(attributes={"nicotine": {"value": 20.125, "unit": "mg/ml"}}, language=language)
        assert (strong.verdict, quoted(strong)) == ("met", ["nicotine: 20.1250 mg/ml"])
        weak = by_measure(attributes={"nicotine": {"value": 1.125, "unit": "mg/ml"}}, language=language)
        assert weak.verdict == "not_met"


def test_the_language_decides_what_a_point_means(by_measure):
    assert by_measure(description="nicotine 1.000 mg/ml", language="en").verdict == "not_met"
    assert by_measure(description="nicotine 1.000 mg/ml", language="pt").verdict == "met"


def test_a_measured_thing_has_other_names_among_its_signs(by_measure):
    signs = {"id": ["nikotin"], "en": ["/nic.*/"]}
    assert by_measure(signs=signs, description="Nikotin 50 mg/ml", language="id").verdict == "met"


def test_only_who_may_prove_the_part_is_measured(by_measure):
    report = Draft(source="report:1", voucher="reporter", text="It has nicotine 50 mg/ml")
    assert by_measure(drafts=[report]).verdict == "unclear"
    assert by_measure(drafts=[report], proof=["reporter"]).verdict == "met"
    assert by_measure(description="nicotine 50 mg/ml", proof=["authority"]).verdict == "unclear"
    unread = Draft(source="image:1/ocr", voucher="seller", text="nicotine 50 mg/ml", unavailable=True)
    assert by_measure(drafts=[unread]).verdict == "unclear"


@pytest.mark.parametrize(("role", "effect"), [("exemption", "forbid"), ("element", "permit")])
def test_what_lifts_must_hold_for_every_number_given(by_measure, role, effect):
    both = by_measure(role, effect, description="nicotine 3 mg/ml\nnicotine 50 mg/ml")
    assert (both.verdict, both.basis) == ("unclear", "borderline")
    assert {"3 mg/ml" in q for q in quoted(both)} == {True, False}
    assert by_measure(role, effect, description="nicotine 30 mg/ml, 50 mg/ml").verdict == "met"
    assert by_measure(role, effect, description="nicotine 3 mg/ml, 5 mg/ml").verdict == "not_met"


@given(before=st.text("ab é\n.,", max_size=90), after=st.text("ab é\n.,", max_size=90), value=st.integers(1, 99))
def test_the_quote_of_a_number_is_found_again(small_measure, before, after, value):
    corpus, lay_on = small_measure
    table = lay_on(corpus, subject={"description": f"{before} nicotine {value} mg/ml {after}"})
    judgement = judged(corpus.clauses["a.x"], table)
    assert judgement.verdict == ("met" if value > 20 else "not_met")
    assert f"{value} mg/ml" in quoted(judgement)[0]


@pytest.fixture(scope="session")
def small_measure(tmp_path_factory, policy_in, laid):
    """Give a corpus with one measure, loaded once for many examples."""
    part = {"text": "It is strong.", "measure": {"of": "nicotine", "over": 20, "unit": "mg/ml"}}
    policy = policy_in(tmp_path_factory.mktemp("corpus"))
    return policy.clause("a.x", elements={"thing": part}).load(), laid


def test_a_part_for_judgement_is_left_to_judges(policy, laid):
    corpus = policy.clause("a.x").load()
    assert judged(corpus.clauses["a.x"], laid(corpus)) is None


SIGNS = {"thing": {"for": {"en": ["vape"]}}}


@pytest.fixture
def silence(policy, laid):
    """Tell why code does not take silence for a no: `silence(part={...}, *drafts, **case)`."""

    def ask(*drafts, part=None, **case):
        element = {"text": "It is a vape.", **(part or {})}
        corpus = policy.clause("a.x", elements={"thing": element}, signs=SIGNS).load()
        clause = corpus.clauses["a.x"]
        return absence_refused(clause, clause.rule.judged["thing"], laid(corpus, *drafts, **case))

    return ask


def test_code_agrees_where_nothing_speaks_for_a_part(silence):
    assert silence(subject={"description": "A humidifier."}) == ""


@pytest.mark.parametrize("absence", ["unclear", "request"])
def test_a_part_may_forbid_silence(silence, absence):
    assert "does not take silence" in silence(part={"absence": absence})


@pytest.mark.parametrize(
    ("source", "voucher", "text"),
    [
        ("listing.description", "seller", "A vape."),
        ("listing.description", "seller", "This is no vape."),  # denied, but it is said
        ("report:1", "reporter", "It is a vape!"),
        ("image:1/ocr", "seller", "VAPE"),
        ("image:1/sighting", "model", "a vape on a table"),
    ],
)
def test_a_sign_anywhere_speaks_against_silence(silence, source, voucher, text):
    refused = silence(Draft(source=source, voucher=voucher, text=text))
    assert "vape" in refused.casefold()
    assert source in refused


CUT = Draft(source="listing.description", voucher="seller", text="A humidifier", truncated=True)
UNREAD = Draft(source="image:1/ocr", voucher="seller", text="not_run: unreadable", unavailable=True)


@pytest.mark.parametrize(("draft", "state"), [(CUT, "is cut"), (UNREAD, "is unavailable")])
def test_what_is_hidden_speaks_against_silence_where_somebody_points_to_the_clause(silence, draft, state):
    assert silence(draft) == ""
    assert state in silence(draft, suspected=["a.one"])
    assert state in silence(draft, reports=[{"by": "rival", "text": "Look!", "type": "a.one"}])
    assert silence(draft, suspected=["restricted.tobacco"]) == ""
    assert silence(draft, suspected=["a.one"], part={"proof": ["authority"]}) == ""


def test_a_tool_that_did_not_answer_hides_nothing_of_the_item(silence):
    gone = Draft(source="tool:recalls", voucher="tool", text="not_run: timed out", unavailable=True)
    assert silence(gone, suspected=["a.one"]) == ""


def test_what_an_item_is_is_said_by_its_title(evidence):
    quote = says_what(evidence("A humidifier.", ("listing.title", "Mini pod kit")))
    assert (quote.evidence_id, quote.text) == ("E2", "Mini pod kit")
    assert says_what(evidence("A humidifier.")) is None
