"""From results to statements of reasons: who gets one, what it says, and what it never says."""

import json
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cases.problem import Invalid
from policies.corpus import load_corpus
from service.batch_folder import BatchFolder, check_folder
from service.statements import LeftOut, statement_of
from service.transparency import Statement

STRENGTH = "tobacco.nicotine-strength"


@pytest.fixture(scope="module")
def corpus(root):
    return load_corpus(root / "policies")


@pytest.fixture(scope="module")
def result(corpus):
    """Make a result: a violation of a clause, with what is told of it."""

    def make(clause_id=STRENGTH, market="DE", quote="Nikotin 50 mg/ml", why="The title says so.", **told):
        clause = corpus.clauses[clause_id]
        parts = [part for whole in clause.rule.parts for part in whole.of or (whole,)]
        judged = [_part(part, clause_id, quote, why, told.get("basis", "shown")) for part in parts]
        action = told.get("action", {"name": "remove_listing", "clause_id": clause_id, "step": 0})
        finding = {
            "clause_id": clause_id,
            "clause_sha256": told.get("sha256", clause.sha256),
            "type": clause.type,
            "parts": judged,
            "status": "fulfilled",
        }
        decision = {
            "case_id": told.get("case_id", "c-1"),
            "outcome": told.get("outcome", "violation"),
            "scope": [market],
            "findings": [finding],
            "rationale": f"«{quote}»",
            "notice": told.get("notice", ""),
            "action": action,
            "decided_by": told.get("decided_by", "agent"),
            "reviewer": told.get("reviewer", ""),
            "snapshot": "s",
            "auditor": {"name": "rulebook"},
            "at": told.get("at", "2026-04-08T09:00:00Z"),
        }
        evidence = _evidence(told.get("title", quote), told.get("reports", ()), told.get("listed", "2026-01-02"))
        return {
            "case_id": decision["case_id"],
            "status": told.get("status", "decided"),
            "decision": decision,
            "evidence": [*evidence, *told.get("evidence", ())],
            "clauses": {},
        }

    return make


def _part(part, clause_id, quote, why, basis):
    verdict = "met" if part.role == "element" else "not_met"
    quotes = [{"evidence_id": "E1", "text": quote, "start": 0, "end": len(quote)}]
    judgement = {"clause_id": clause_id, "part": part.name, "verdict": verdict, "basis": basis}
    ballot = {
        "judge": {"prompt": "rulebook", "model": ""},
        "round": 1,
        "judgement": {**judgement, "quotes": quotes, "why": why},
    }
    return {"part": part.name, "verdict": verdict, "basis": basis, "ballots": [ballot]}


def _item(number, source, voucher, text, language=""):
    return {"id": f"E{number}", "source": source, "voucher": voucher, "text": text, "sha256": "", "language": language}


def _evidence(title, reports, listed):
    items = [_item(1, "listing.title", "seller", title, "de-AT")]
    items += [_item(10 + i, f"report:{i}", voucher, "A report.") for i, voucher in enumerate(reports, 1)]
    facts = "region: DE\nday: 2026-04-08" + (f"\nlisted: {listed}" if listed else "")
    return [*items, _item(5, "case.facts", "platform", facts)]


# What it says


def test_a_statement_says_what_was_decided_and_why(result, corpus):
    made = statement_of(result(), corpus)
    assert isinstance(made, Statement)
    assert made.decision_visibility == ("DECISION_VISIBILITY_CONTENT_REMOVED",)
    assert made.decision_ground == "DECISION_GROUND_ILLEGAL_CONTENT"
    assert made.illegal_content_legal_ground == "Directive 2014/40/EU, art. 20(3)(b)"
    assert "The liquid holds over 20 milligrams of nicotine in a millilitre." in made.illegal_content_explanation
    assert "in a millilitre. So it is, by the listing's title." in made.decision_facts
    assert (
        "Exemption: The liquid holds no nicotine, in any of the strengths on offer. So it is not" in made.decision_facts
    )
    assert made.category == "STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS"
    assert made.category_specification == ("KEYWORD_PROHIBITED_PRODUCTS",)
    assert (made.territorial_scope, made.content_language) == (("DE",), "DE")
    assert (str(made.content_date), str(made.application_date)) == ("2026-01-02", "2026-04-08")


def test_a_rule_without_a_law_in_the_market_is_a_matter_of_our_terms(result, corpus):
    norway = statement_of(result(market="NO"), corpus)  # the clause cites the Union's law, and Norway is not in it
    assert norway.decision_ground == "DECISION_GROUND_INCOMPATIBLE_CONTENT"
    assert (
        norway.incompatible_content_ground == f"Rules of the marketplace: Nicotine liquids over 20 mg/ml ({STRENGTH})"
    )
    assert norway.incompatible_content_illegal is None
    ours = statement_of(result("tobacco.cigarettes"), corpus)  # it cites a convention, and says that the rule is ours
    assert ours.decision_ground == "DECISION_GROUND_INCOMPATIBLE_CONTENT"


def test_a_clause_can_name_another_category_than_its_type(result, corpus):
    made = statement_of(result("safety.harassment-services"), corpus)
    assert made.category == "STATEMENT_CATEGORY_CYBER_VIOLENCE"
    assert made.category_specification is None  # the type's keyword belongs to another category


@pytest.mark.parametrize(
    ("name", "days", "fields"),
    [
        ("hide_listing", None, {"decision_visibility": ["DECISION_VISIBILITY_CONTENT_DISABLED"]}),
        (
            "restrict_seller",
            14,
            {
                "decision_provision": "DECISION_PROVISION_PARTIAL_SUSPENSION",
                "end_date_service_restriction": "2026-04-22",
            },
        ),
        (
            "suspend_seller",
            None,
            {
                "decision_visibility": ["DECISION_VISIBILITY_CONTENT_DISABLED"],
                "decision_account": "DECISION_ACCOUNT_SUSPENDED",
            },
        ),
    ],
)
def test_an_action_restricts_what_it_takes_away(result, corpus, name, days, fields):
    made = statement_of(result(action={"name": name, "clause_id": STRENGTH, "step": 1, "days": days}), corpus).body
    told = {k: v for k, v in made.items() if k.startswith(("decision_v", "decision_p", "decision_a", "end_date"))}
    assert told == fields


@pytest.mark.parametrize(
    ("reports", "source", "detected"),
    [
        ((), "SOURCE_VOLUNTARY", "Yes"),
        (("model",), "SOURCE_VOLUNTARY", "Yes"),
        (("platform",), "SOURCE_VOLUNTARY", "No"),
        (("reporter",), "SOURCE_ARTICLE_16", "No"),
        (("model", "brand_owner"), "SOURCE_ARTICLE_16", "No"),
        (("authority",), "SOURCE_TYPE_OTHER_NOTIFICATION", "No"),
        (("reporter", "trusted_flagger"), "SOURCE_TRUSTED_FLAGGER", "No"),
    ],
)
def test_it_says_who_brought_it_up_by_kind(result, corpus, reports, source, detected):
    made = statement_of(result(reports=reports), corpus)
    assert (made.source_type, made.automated_detection) == (source, detected)
    assert made.source_identity is None


def test_a_complaint_about_our_terms_is_no_notice_of_article_16(result, corpus):
    made = statement_of(result("tobacco.cigarettes", reports=("reporter",)), corpus)
    assert made.source_type == "SOURCE_TYPE_OTHER_NOTIFICATION"


def test_it_says_whether_a_person_decided(result, corpus):
    alone = statement_of(result(), corpus)
    together = statement_of(result(decided_by="person", basis="person"), corpus)
    assert alone.automated_decision == "AUTOMATED_DECISION_FULLY"
    assert together.automated_decision == "AUTOMATED_DECISION_PARTIALLY"
    assert "as a person judged" in together.decision_facts
    assert together.decision_facts.endswith("Software prepared the decision, and a person took it.")


@pytest.mark.parametrize(("fact", "kind"), [("0 (trader)", "BUSINESS"), ("1 (private)", "PRIVATE")])
def test_it_says_the_kind_of_account_where_it_is_on_record(result, corpus, fact, kind):
    record = _item(7, "tool:seller_history", "platform", f"seller.on_record: 1\nseller.form_private: {fact}")
    lied = _item(6, "listing.description", "seller", "seller.form_private: 1 (private)")
    assert statement_of(result(evidence=[lied, record]), corpus).account_type == f"ACCOUNT_TYPE_{kind}"
    assert statement_of(result(evidence=[lied]), corpus).account_type is None


@pytest.mark.parametrize("clause_id", sorted(p for p in ["conduct.fraud-indicators", "ip.counterfeit-indicators"]))
def test_a_group_is_told_by_what_spoke_for_it(result, corpus, clause_id):
    facts = statement_of(result(clause_id), corpus).decision_facts
    members = [part for whole in corpus.clauses[clause_id].rule.elements for part in whole.of]
    assert {part.text in facts for part in members if part.weight > 0} == {True}
    assert {part.text in facts for part in members if part.weight < 0} == {False}


def test_every_clause_in_the_area_can_be_stated(result, corpus):
    """Each in every market of the area in which it holds, so that no text is too long and no category is unknown."""
    left_out = {}
    told = 0
    for clause in corpus.clauses.values():
        if clause.rule.effect != "forbid":
            continue
        for market in ("DE", "SE", "NO"):
            if corpus.covers(clause.regions, market) and not corpus.covers(clause.except_, market):
                told += 1
                made = statement_of(result(clause.id, market), corpus)
                if isinstance(made, LeftOut):
                    left_out[clause.id, market] = made
    assert told > 200
    assert left_out == {}


# Who gets none


@pytest.mark.parametrize(
    ("told", "why", "due"),
    [
        ({"status": "escalated"}, "not_decided", False),
        ({"outcome": "no_violation", "action": None}, "no_violation", False),
        ({"action": None}, "no_restriction", False),
        ({"action": {"name": "warn_seller", "clause_id": STRENGTH, "step": 0}}, "no_restriction", False),
        ({"action": {"name": "report_authority", "clause_id": STRENGTH, "step": 0}}, "no_restriction", False),
        ({"listed": "2026-01-02\nappeal_of: c-0"}, "upheld", False),
        ({"market": "GB-SCT"}, "outside_eea", False),
        ({"market": "CH"}, "outside_eea", False),
        ({"action": {"name": "burn_listing", "clause_id": STRENGTH, "step": 0}}, "unknown_action", True),
        ({"action": {"name": "hide_listing", "clause_id": "x.y", "step": 0}}, "clause_gone", True),
        ({"sha256": "0" * 64}, "clause_changed", True),
        ({"listed": ""}, "no_content_date", True),
        ({"listed": "1999-01-01"}, "not_valid", True),
    ],
)
def test_who_gets_none_is_told_why(result, corpus, told, why, due):
    made = statement_of(result(**told), corpus)
    assert isinstance(made, LeftOut)
    assert (made.case_id, made.why, made.due) == ("c-1", why, due)
    assert bool(made.hint) == due


def test_what_is_no_result_is_refused(result, corpus):
    line = result()
    del line["decision"]["snapshot"]
    with pytest.raises(Invalid, match="/snapshot: missing"):
        statement_of(line, corpus)


# What it never says

WORDS = st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd"]), min_size=4, max_size=30)
NAMES = st.builds(" ".join, st.lists(WORDS, min_size=1, max_size=3))
PRIVATE = st.one_of(
    NAMES,
    st.from_regex(r"[SL]-[0-9]{4,9}", fullmatch=True),
    st.emails(),
    st.from_regex(r"\+[1-9][0-9]{1,2} [0-9]{3} [0-9]{4,6}", fullmatch=True),
    st.builds("https://{}.example/{}".format, st.from_regex(r"[a-z]{4,9}", fullmatch=True), WORDS),
)


@given(
    private=PRIVATE, clause_id=st.sampled_from([STRENGTH, "ip.counterfeit-replica-wording", "weapons.firearm-parts"])
)
def test_nothing_of_the_case_that_names_somebody_gets_into_a_statement(result, corpus, private, clause_id):
    assume(private not in _told(statement_of(result(clause_id, reports=("reporter",)), corpus)))
    line = result(
        clause_id,
        case_id=f"case of {private}",
        quote=private,
        why=f"{private} says so.",
        title=f"Sold by {private}",
        notice=f"Dear {private}",
        reviewer=private,
        decided_by="person",
        reports=("reporter",),
        evidence=[
            _item(20, f"tool:{private}", "seller", f"name: {private}"),
            _item(21, "report:2", "reporter", f"{private} cheated me"),
            _item(22, "tool:seller_history/authorisation:1/holder", "seller", f"holder: {private}"),
        ],
    )
    made = statement_of(line, corpus)
    assert isinstance(made, Statement)
    assert private not in _told(made)
    assert private not in made.puid or len(private) <= 8  # a hash may hold any few letters


def _told(made):
    """What a statement tells, without its name, which is a hash."""
    return json.dumps(made.model_copy(update={"puid": ""}).body, ensure_ascii=False)


def test_a_way_to_a_person_in_a_clause_is_refused(result, corpus):
    clause = corpus.clauses[STRENGTH]
    part = clause.rule.parts[0].model_copy(update={"text": "Ask jo@shop.example about it."})
    rule = clause.rule.model_copy(update={"parts": (part, *clause.rule.parts[1:])})
    written = load_like(corpus, clause.model_copy(update={"rule": rule}))
    made = statement_of(result(), written)
    assert made.why == "not_valid"
    assert "an e-mail address" in made.detail


def load_like(corpus, clause):
    """The same corpus with one clause written otherwise, and its hash as it was."""
    changed = type(corpus).__new__(type(corpus))
    changed.__dict__.update(corpus.__dict__)
    changed.clauses = {**corpus.clauses, clause.id: clause}
    return changed


# Its name


def test_a_decision_has_one_name_and_another_decision_another(result, corpus):
    first = statement_of(result(), corpus)
    assert statement_of(result(), corpus) == first
    assert re.fullmatch(r"cw-[0-9a-f]{32}", first.puid)
    others = [result(case_id="c-2"), result(at="2026-04-09T09:00:00Z")]
    assert len({first.puid, *(statement_of(line, corpus).puid for line in others)}) == 3


def test_the_day_is_that_of_the_market(result, corpus):
    made = statement_of(result(at="2026-04-08T22:30:00Z"), corpus)
    assert str(made.application_date) == "2026-04-09"


# The folder


@pytest.fixture(scope="module")
def many(result, corpus):
    """Two hundred and fifty statements, by case."""
    lines = [result(case_id=f"c-{i}") for i in range(250)]
    return {line["case_id"]: statement_of(line, corpus) for line in lines}


def _export(path, statements):
    with BatchFolder(path) as folder:
        taken = [folder.add(case_id, statement) for case_id, statement in statements.items()]
    return folder, taken


def test_a_folder_is_filled_by_hundreds_and_never_twice(tmp_path, many):
    folder, _ = _export(tmp_path, dict(list(many.items())[:150]))
    assert (folder.written, folder.files) == (150, 2)
    again, taken = _export(tmp_path, many)
    assert (again.written, again.files) == (100, 1)
    assert taken == [False] * 150 + [True] * 100
    sizes = [len(json.loads(file.read_bytes())["statements"]) for file in sorted(tmp_path.glob("*.json"))]
    assert sizes == [100, 50, 100]
    assert check_folder(tmp_path) == ()
    told = {line["case_id"]: line for line in map(json.loads, (tmp_path / "index.jsonl").read_text().splitlines())}
    assert {case_id: line["puid"] for case_id, line in told.items()} == {c: s.puid for c, s in many.items()}
    assert told["c-249"]["file"] == "statements-00003.json"


def test_what_fails_in_between_leaves_whole_files(tmp_path, many):
    def broken():
        yield from list(many.items())[:120]
        raise RuntimeError

    def fill():
        with BatchFolder(tmp_path) as folder:
            for case_id, statement in broken():
                folder.add(case_id, statement)

    with pytest.raises(RuntimeError):
        fill()
    assert [len(json.loads(f.read_bytes())["statements"]) for f in tmp_path.glob("*.json")] == [100]
    assert _export(tmp_path, many)[0].written == 150
    assert check_folder(tmp_path) == ()


def test_a_folder_that_somebody_has_edited_is_checked(tmp_path, many):
    _export(tmp_path, dict(list(many.items())[:2]))
    file = tmp_path / "statements-00001.json"
    batch = json.loads(file.read_bytes())
    batch["statements"][1] |= {"puid": batch["statements"][0]["puid"], "decision_facts": "Call +49 30 1234567."}
    file.write_text(json.dumps(batch))
    assert [(p.code, p.pointer) for p in check_folder(tmp_path)] == [
        ("invalid_value", f"{file}: /statements/1/decision_facts"),
        ("twice", f"{file}: /statements/1/puid"),
    ]


@pytest.mark.parametrize("text", ["", "[]", '{"statements": 1}', '{"statements": [{"x": 1}]}'])
def test_what_is_no_batch_is_refused(tmp_path, text):
    (tmp_path / "statements-00001.json").write_text(text)
    with pytest.raises(Invalid, match="no_batch"):
        BatchFolder(tmp_path)


def test_an_index_tells_what_a_name_stands_for(tmp_path, result, corpus):
    line = result()
    made = statement_of(line, corpus)
    _export(tmp_path, {"c-1": made})
    (entry,) = map(json.loads, (tmp_path / "index.jsonl").read_text().splitlines())
    assert entry == {"puid": made.puid, "case_id": "c-1", "file": "statements-00001.json"}
