"""From a decided case to its statement of reasons (Articles 17 and 24(5) DSA), or why there is none.

A statement holds no personal data because it is put together from what the company wrote: the clause's title, the texts
of its parts, the laws that it cites, and the kind of evidence that each part rests on. No quote, title, name, id or
comment of the case goes into it. The database asks for just that: "standard language for similar cases"
(`additional-explanation-for-statement-attributes.md` of its source, section 6). The record's own check refuses what is
left: an e-mail address, a telephone number or a web address in a clause.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal

from pydantic import ValidationError

from cases.decision import Action, Decision
from cases.evidence import Evidence, facts_of
from cases.finding import Finding, PartFinding
from cases.problem import Invalid, Problem, Record, problems_of
from cases.rule import Part
from policies.clause import Clause, Reference
from policies.corpus import Corpus
from service.dsa_categories import CATEGORY_OF_TYPE, RESTRICTION_OF_ACTION, Restriction
from service.transparency import CATEGORIES, COUNTRIES, KEYWORDS, LANGUAGES, Statement

Why = Literal[
    "not_decided",
    "no_violation",
    "no_restriction",
    "upheld",
    "outside_eea",
    "unknown_action",
    "clause_gone",
    "clause_changed",
    "no_category",
    "no_content_date",
    "not_valid",
]
_NOT_DUE: frozenset[Why] = frozenset({"not_decided", "no_violation", "no_restriction", "upheld", "outside_eea"})
_HINTS: dict[Why, str] = {
    "unknown_action": "the actions that restrict something are listed in service/dsa_categories.py",
    "clause_gone": "export with the corpus of the decision: CASEWRIGHT_POLICIES",
    "clause_changed": "export with the corpus of the decision: CASEWRIGHT_POLICIES",
    "no_category": "give the clause `dsa: {category: ...}`, one of the database's",
    "no_content_date": "send `listed_at` with the listing; the database wants the day on which it was posted",
    "not_valid": "mend the clause, then export again",
}


class LeftOut(Record):
    """A case without a statement, and why it has none."""

    case_id: str
    why: Why
    detail: str = ""

    @property
    def due(self) -> bool:
        """Whether a statement is owed all the same."""
        return self.why not in _NOT_DUE

    @property
    def hint(self) -> str:
        """What to do about it; empty where there is nothing to do."""
        return _HINTS.get(self.why, "")


class _Withheld(Exception):
    def __init__(self, why: Why, detail: str = "") -> None:
        super().__init__(why)
        self.why: Why = why
        self.detail = detail


def statement_of(line: Mapping[str, Any], corpus: Corpus) -> Statement | LeftOut:
    """Make the statement of reasons for a result.

    Args:
        line: a result line, as `audit` prints it and the service keeps it.
        corpus: the policies that were in force for the decision.

    Returns:
        The statement, or the reason for which there is none.

    Raises:
        Invalid: where the line is no result.
    """
    case_id = str(line["case_id"])
    if line["status"] != "decided":
        return LeftOut(case_id=case_id, why="not_decided", detail=str(line["status"]))
    decision, evidence = _read(line)
    try:
        return _statement(decision, evidence, corpus)
    except _Withheld as withheld:
        return LeftOut(case_id=case_id, why=withheld.why, detail=withheld.detail)


def puid_of(decision: Decision) -> str:
    """The platform's name for the statement of a decision: the same for the same decision, and it tells nothing."""
    told = f"{decision.case_id}\n{decision.at.isoformat()}\n{decision.snapshot}"
    return f"cw-{hashlib.sha256(told.encode()).hexdigest()[:32]}"


def _read(line: Mapping[str, Any]) -> tuple[Decision, tuple[Evidence, ...]]:
    try:
        decision = Decision.model_validate(line["decision"])
        return decision, tuple(Evidence.model_validate(item) for item in line["evidence"])
    except KeyError as error:
        problem = Problem(code="missing", pointer=f"/{error.args[0]}", detail="a result has this field")
        raise Invalid(f"the result of {line['case_id']}", (problem,)) from error
    except ValidationError as error:
        raise Invalid(f"the result of {line['case_id']}", problems_of(error)) from error


def _statement(decision: Decision, evidence: Sequence[Evidence], corpus: Corpus) -> Statement:
    action, restriction = _restriction(decision)
    scope = tuple(country for country in COUNTRIES if country in {market[:2] for market in decision.scope})
    if _fact(evidence, "appeal_of"):  # the appeal has failed: what it was against has its statement
        raise _Withheld("upheld")
    if not scope:
        raise _Withheld("outside_eea", ", ".join(decision.scope))
    finding, clause = _carrier(decision, action, corpus)
    begin = corpus.local_day(decision.at, decision.scope[0])
    fields = {
        **_restricted(restriction, begin, action.days),
        **_grounds(clause, scope, corpus),
        **_category(clause),
        **_origin(evidence, illegal=_cites_law(clause, scope, corpus)),
        "account_type": _account_type(evidence),
        "content_type": ("CONTENT_TYPE_PRODUCT",),
        "content_language": _language(evidence),
        "content_date": _listed(evidence),
        "territorial_scope": scope,
        "application_date": begin,
        "decision_facts": _cut(_facts(finding, clause, decision, evidence), 5_000),
        "automated_decision": "AUTOMATED_DECISION_FULLY"
        if decision.decided_by == "agent"
        else "AUTOMATED_DECISION_PARTIALLY",
        "puid": puid_of(decision),
    }
    try:
        return Statement.model_validate(fields)
    except ValidationError as error:
        raise _Withheld("not_valid", "; ".join(map(str, problems_of(error)))) from error


def _restriction(decision: Decision) -> tuple[Action, Restriction]:
    if decision.outcome == "no_violation":
        raise _Withheld("no_violation")
    if decision.action is None:
        raise _Withheld("no_restriction")
    name = decision.action.name
    if name not in RESTRICTION_OF_ACTION:
        raise _Withheld("unknown_action", name)
    restriction = RESTRICTION_OF_ACTION[name]
    if restriction is None:
        raise _Withheld("no_restriction", name)
    return decision.action, restriction


def _carrier(decision: Decision, action: Action, corpus: Corpus) -> tuple[Finding, Clause]:
    """The clause that carries the action, word for word as it was judged."""
    finding = next((f for f in decision.findings if f.clause_id == action.clause_id), None)
    clause = corpus.clauses.get(action.clause_id)
    if finding is None or clause is None:
        raise _Withheld("clause_gone", action.clause_id)
    if clause.sha256 != finding.clause_sha256:
        raise _Withheld("clause_changed", action.clause_id)
    return finding, clause


def _restricted(restriction: Restriction, begin: date, days: int | None) -> dict[str, Any]:
    end = begin + timedelta(days=days) if days is not None else None
    return {
        "decision_visibility": (restriction.visibility,) if restriction.visibility else None,
        "end_date_visibility_restriction": end if restriction.visibility else None,
        "decision_provision": restriction.provision,
        "end_date_service_restriction": end if restriction.provision else None,
        "decision_account": restriction.account,
        "end_date_account_restriction": end if restriction.account else None,
    }


# Grounds


def _references(clause: Clause, scope: Sequence[str], corpus: Corpus) -> list[Reference]:
    """What the clause cites of the law of one of the markets."""
    return [ref for ref in clause.references if any(corpus.covers((ref.region,), market) for market in scope)]


def _cites_law(clause: Clause, scope: Sequence[str], corpus: Corpus) -> bool:
    """A clause is about what is illegal where it says so (or nothing), and cites a law that holds in the market."""
    return clause.dsa.get("ground", "illegal_content") == "illegal_content" and bool(_references(clause, scope, corpus))


def _grounds(clause: Clause, scope: Sequence[str], corpus: Corpus) -> dict[str, Any]:
    """Ground, its reference and why it applies. Nothing is said of the law where the clause does not."""
    explained = _cut(_explanation(clause), 2_000)
    if _cites_law(clause, scope, corpus):
        laws = [reference.law for reference in _references(clause, scope, corpus)]
        return {
            "decision_ground": "DECISION_GROUND_ILLEGAL_CONTENT",
            "illegal_content_legal_ground": _cut("; ".join(dict.fromkeys(laws)), 500),
            "illegal_content_explanation": explained,
            "decision_ground_reference_url": next((r.url for r in _references(clause, scope, corpus) if r.url), None),
        }
    return {
        "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        "incompatible_content_ground": _cut(f"Rules of the marketplace: {clause.title} ({clause.id})", 500),
        "incompatible_content_explanation": explained,
    }


def _explanation(clause: Clause) -> str:
    conditions = " ".join(part.text for part in clause.rule.elements)
    told = f'The rule "{clause.title}" applies where all of these hold, and they do: {conditions}'
    if clause.rule.exemptions:
        told += f" None of its exemptions does: {' '.join(part.text for part in clause.rule.exemptions)}"
    return told


def _category(clause: Clause) -> dict[str, Any]:
    usual, keywords = CATEGORY_OF_TYPE.get(clause.type, ("", ()))
    name = str(clause.dsa.get("category", usual)).upper()
    if f"STATEMENT_CATEGORY_{name}" not in CATEGORIES:
        raise _Withheld("no_category", f"{clause.id}: {name.lower() or clause.type}")
    fitting = tuple(f"KEYWORD_{keyword}" for keyword in keywords if keyword in KEYWORDS[name])
    return {"category": f"STATEMENT_CATEGORY_{name}", "category_specification": fitting or None}


# Facts


def _facts(finding: Finding, clause: Clause, decision: Decision, evidence: Sequence[Evidence]) -> str:
    """What was found, part by part, in the clause's words, with the kind of evidence that shows it."""
    elements = {part.name: part.text for part in _judged(clause.rule.elements) if part.weight > 0}
    exemptions = {part.name: part.text for part in _judged(clause.rule.exemptions)}
    kinds = {item.id: _kind(item) for item in evidence}
    lines = [f'An offer of goods was judged by the rule "{clause.title}". It applies:']
    lines += [
        f"- {elements[p.part]} So it is, {_shown(p, kinds)}."
        for p in finding.parts
        if p.part in elements and p.verdict == "met"
    ]
    lines += [
        f"- Exemption: {exemptions[p.part]} So it is not, {_shown(p, kinds)}."
        for p in finding.parts
        if p.part in exemptions and p.verdict == "not_met"
    ]
    taken = "took the decision" if decision.decided_by == "agent" else "prepared the decision, and a person took it"
    return "\n".join([*lines, f"Software {taken}."])


def _judged(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts that are judged: a group's members stand for it."""
    for part in parts:
        yield from part.of or (part,)


def _shown(part: PartFinding, kinds: Mapping[str, str]) -> str:
    if part.basis == "person":
        return "as a person judged"
    if part.basis == "absent":
        return "as nothing shows otherwise"
    quotes = part.speaking.quotes if part.speaking else ()
    named = list(dict.fromkeys(kinds[q.evidence_id] for q in quotes if q.evidence_id in kinds))
    return f"by {' and '.join(named)}" if named else "by the evidence as a whole"


_KINDS = (
    ("listing.title", "the listing's title"),
    ("listing.description", "the listing's description"),
    ("listing.", "the listing's details"),
    ("image:", "the listing's pictures"),
    ("report:", "a report"),
    ("text:", "a text sent in with the case"),
    ("appeal", "the seller's appeal"),
    ("related:", "another listing"),
    ("case.", "the platform's own records"),
    ("tool:seller_history", "the platform's records of the account"),
    ("tool:recalls", "recalls on record"),
    ("tool:image_checks", "a measurement of the pictures"),
    ("tool:listing_facts", "a measurement of the listing"),
)


def _kind(item: Evidence) -> str:
    return next((kind for prefix, kind in _KINDS if item.source.startswith(prefix)), "a look-up of the platform")


# Where it came from


def _origin(evidence: Sequence[Evidence], *, illegal: bool) -> dict[str, str]:
    """Who brought it up, and whether a system did.

    A report of something illegal is a notice (Article 16); one against our rules is another notification, as is an
    authority's; an employee's or a model's is our own initiative. Who reported is not said.
    """
    vouchers = {item.voucher for item in evidence if item.source.startswith("report:")}
    if "trusted_flagger" in vouchers:
        source = "SOURCE_TRUSTED_FLAGGER"
    elif vouchers & {"reporter", "brand_owner"}:
        source = "SOURCE_ARTICLE_16" if illegal else "SOURCE_TYPE_OTHER_NOTIFICATION"
    elif "authority" in vouchers:
        source = "SOURCE_TYPE_OTHER_NOTIFICATION"
    else:
        source = "SOURCE_VOLUNTARY"
    # A case without a person's report was brought up by a system.
    return {"source_type": source, "automated_detection": "No" if vouchers - {"model"} else "Yes"}


def _account_type(evidence: Sequence[Evidence]) -> str | None:
    said = [facts_of(item).get("seller.form_private", "")[:1] for item in evidence]
    return {"1": "ACCOUNT_TYPE_PRIVATE", "0": "ACCOUNT_TYPE_BUSINESS"}.get(next(filter(None, said), ""))


def _language(evidence: Sequence[Evidence]) -> str | None:
    """The language of the listing's title as ISO 639-1; none where that has no code for it."""
    spoken = next((item.language for item in evidence if item.source == "listing.title"), "")
    code = spoken.split("-", maxsplit=1)[0].upper()
    return code if code in LANGUAGES else None


def _listed(evidence: Sequence[Evidence]) -> str:
    day = _fact(evidence, "listed")
    if not day:
        raise _Withheld("no_content_date")
    return day


def _fact(evidence: Sequence[Evidence], name: str) -> str:
    """A fact of the case itself; empty where it has none."""
    told = (facts_of(item).get(name, "") for item in evidence if item.source == "case.facts")
    return next(told, "")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rsplit(" ", maxsplit=1)[0] + "…"
