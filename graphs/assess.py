"""Alone, or a person: what the judgements come to, and the reasons to ask. Code only; pure functions."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from agents.rulebook import judge_part
from cases.decision import REASON_CODES, ReasonCode
from cases.evidence import facts_of
from cases.finding import (
    Derived,
    Finding,
    Key,
    Verdict,
    clause_status,
    derive,
    open_parts,
    part_verdict,
    settling_part,
    what_if,
)
from cases.rule import Rule
from graphs.docket import Docket, Judged
from graphs.guard import cleared_against_signs, convicted_on_a_report
from graphs.sanction import action_for
from graphs.settle import parts_that_matter
from policies.clause import Clause

_J = TypeVar("_J", bound=Judged)
_SURE = 0.9
"""Confidence of a reading under which a violation may not rest on it alone."""


def outcome_of(judged: Judged) -> Derived:
    """What follows from the verdicts as they stand."""
    return derive(judged.rules, judged.verdicts)


def recommended(derived: Derived) -> Derived:
    """The outcome, or the decided part of it where a heavier clause is open."""
    return replace(derived, outcome=derived.outcome or ("violation" if derived.violated else None))


def as_recommended(judged: _J, derived: Derived, *, requested: bool) -> tuple[_J, Derived]:
    """What a person has confirmed: the recommendation as it was shown, whatever else is open; as it is, without one.

    Args:
        judged: as it stands with the person's word.
        derived: what follows from that.
        requested: the seller had been asked when the recommendation was made.
    """
    shown = replace(judged, requested=requested)
    confirmed = recommended(outcome_of(shown))
    return (shown, confirmed) if confirmed.outcome else (judged, derived)


def findings_of(judged: Judged, derived: Derived) -> tuple[Finding, ...]:
    """The findings as they go into a decision or escalation, heaviest clause first."""
    verdicts = judged.verdicts
    settling = {rule.id: settling_part(rule, verdicts.get(rule.id, {})) for rule in judged.rules}
    ranked = sorted(judged.clauses, key=lambda c: (c.id not in derived.violated, c.id not in derived.open, c.id))
    return tuple(
        Finding(
            clause_id=clause.id,
            clause_sha256=clause.sha256,
            type=clause.type,
            parts=tuple(
                judged.findings[clause.id][name]
                for name in clause.rule.judged
                if name in judged.findings.get(clause.id, {})
            ),
            status=derived.statuses[clause.id],
            settled_by=part.name if (part := settling[clause.id]) else None,
            lifted_by=derived.lifted.get(clause.id),
        )
        for clause in ranked
    )


def matters(docket: Docket) -> tuple[Key, ...]:
    """Parts that are decisive or open under the verdicts."""
    return parts_that_matter(docket.rules, docket.verdicts)


def reasons(docket: Docket, derived: Derived) -> tuple[ReasonCode, ...]:
    """Why the case goes to a person, in the order of the closed list; empty: it may be decided alone."""
    codes = set(_open_reasons(docket, derived))
    if not docket.reviewed:
        codes |= _always(docket)
        if derived.outcome == "violation":
            codes |= _against_convicting(docket, derived)
        if derived.outcome == "no_violation":
            codes |= _against_clearing(docket)
        if derived.outcome and not codes and _sampled(docket):
            codes.add("sampled")
    return tuple(code for code in REASON_CODES if code in codes)


def _open_reasons(docket: Docket, derived: Derived) -> set[str]:
    codes: set[str] = set()
    if derived.outcome:
        return codes
    if derived.conflicts:
        codes.add("conflicting_clauses")
    asked = open_keys(docket, derived)
    bases = {docket.found(key).basis for key in asked}
    if any(docket.settled.get(key) == "contested" for key in asked):
        codes.add("contested")
    if "policy" in bases:
        codes.add("policy_gap")
    if any(awaits_record(docket, key) for key in asked):
        codes.add("awaiting_information")
    if any(_hidden_from(docket, key) for key in asked):
        codes.add("tool_unavailable")
    plain = [key for key in asked if not awaits_record(docket, key) and docket.settled.get(key) != "contested"]
    if any(docket.found(key).basis != "policy" for key in plain):
        codes.add("open_question")
    return codes


def open_keys(judged: Judged, derived: Derived) -> tuple[Key, ...]:
    """Parts that keep the outcome open, heaviest clause first."""
    rules = {rule.id: rule for rule in judged.rules}
    verdicts = judged.verdicts
    return tuple((cid, name) for cid in derived.open for name in open_parts(rules[cid], verdicts.get(cid, {})))


def awaits_record(docket: Docket, key: Key) -> bool:
    """Tell whether a part waits for a record that the seller may be asked for (once, and once nothing else is open)."""
    part = docket.clause(key[0]).rule.judged[key[1]]
    return part.if_absent == "request" and not docket.requested


def _hidden_from(docket: Docket, key: Key) -> bool:
    """Tell whether something unavailable could have shown an open part."""
    part = docket.clause(key[0]).rule.judged[key[1]]
    if part.record and _unavailable(docket, "seller_history"):
        return True
    if part.fact and _unavailable(docket, docket.corpus.facts[part.fact.name].tool):
        return True
    unread = any(i.flags.unavailable and i.source.startswith("image:") for i in docket.table.evidence)
    return unread and "seller" in part.vouchers


def _unavailable(docket: Docket, tool: str) -> bool:
    """Tell whether a tool has not answered."""
    return any(i.flags.unavailable and i.source.split("/")[0] == f"tool:{tool}" for i in docket.table.evidence)


def _unmeasured(docket: Docket) -> bool:
    """Tell whether the outcome rests on a fact that was taken for absent because its tool did not answer."""
    for key in matters(docket):
        fact = docket.clause(key[0]).rule.judged[key[1]].fact
        if fact and docket.found(key).basis == "absent" and _unavailable(docket, docket.corpus.facts[fact.name].tool):
            return True
    return False


def _always(docket: Docket) -> set[str]:
    codes: set[str] = {code for code in docket.failures if code in REASON_CODES}
    if docket.settings.automation == "off":
        codes.add("automation_off")
    if docket.settings.automation == "certified":
        codes.add("not_certified")
    if docket.table.case.appeal:
        codes.add("appeal")
    if docket.missing:
        codes.add("no_clause")
    if _unmeasured(docket):
        codes.add("tool_unavailable")
    if docket.requested and counted_as_missing(docket):
        codes.add("awaiting_information")
    language = docket.table.language.split("-")[0]
    spoken = docket.corpus.signs.languages if docket.deterministic else set(docket.auditor_languages)
    if language and spoken and language not in spoken:
        codes.add("unsupported_language")
    return codes


def counted_as_missing(docket: Docket) -> bool:
    """A record was asked for and did not come, so that its part counts as not met: a person decides."""
    return any(
        part.if_absent == "request" and docket.found((clause.id, name)).verdict == "unclear"
        for clause in docket.clauses
        for name, part in clause.rule.judged.items()
        if name in docket.findings.get(clause.id, {})
    )


def _against_convicting(docket: Docket, derived: Derived) -> set[str]:
    codes: set[str] = set()
    rules = {rule.id: rule for rule in docket.rules}
    for clause_id in derived.violated[:1]:
        clause = docket.clause(clause_id)
        decisive = [(clause_id, name) for name in rules[clause_id].judged]
        codes |= _appraised(docket, decisive)
        rung = action_for(clause, docket.table.evidence, docket.table.day)
        if rung and rung.person:
            codes.add("ladder_requires_person")
        info = docket.corpus.actions.get(rung.action.name) if rung else None
        if info and (not info.reversible or info.impact >= docket.settings.impact_limit):
            codes.add("high_impact")
        codes |= _weak_sight(docket, decisive)
        if any(_rulebook_contradicts(docket, key) for key in decisive) or convicted_on_a_report(docket, clause):
            codes.add("conflicting_signs")
    if _unavailable(docket, "seller_history"):
        codes.add("tool_unavailable")  # strikes choose the step, and trust would bar acting alone
    if any(facts_of(item).get("seller.trusted", "0").split()[0] in {"1", "true"} for item in docket.table.evidence):
        codes.add("trusted_seller")
    # A rival gains a conviction; the seller's own planted text does not help the seller here.
    if any(i.flags.instruction_like and i.voucher not in {"seller", "model"} for i in docket.table.evidence):
        codes.add("instruction_in_evidence")
    return codes


def _rulebook_contradicts(docket: Docket, key: Key) -> bool:
    """The rulebook finds a part `not_met` by what the evidence says, where the verdict is `met`."""
    clause = docket.clause(key[0])
    if docket.found(key).verdict != "met":
        return False
    seen = judge_part(clause, clause.rule.judged[key[1]], docket.table)
    return seen.verdict == "not_met" and seen.basis == "contrary"


def _weak_sight(docket: Docket, keys: Sequence[Key]) -> set[str]:
    codes: set[str] = set()
    for key in keys:
        finding = docket.found(key)
        speaking = finding.speaking
        quoted = [docket.table.item(q.evidence_id) for q in speaking.quotes if q.evidence_id] if speaking else []
        if finding.verdict != "met" or not quoted:
            continue
        if all(item.voucher == "model" for item in quoted):
            codes.add("visual_only")
        if all(item.confidence is not None and item.confidence < _SURE for item in quoted):
            codes.add("low_confidence")
    return codes


def _appraised(docket: Docket, keys: Sequence[Key]) -> set[str]:
    parts = [docket.clause(cid).rule.judged[name] for cid, name in keys]
    return {"appraisal"} if any(part.appraisal for part in parts) else set()


def _against_clearing(docket: Docket) -> set[str]:
    codes: set[str] = set()
    if any(i.flags.instruction_like and i.voucher in {"seller", "model"} for i in docket.table.evidence):
        codes.add("instruction_in_evidence")
    for rule in docket.rules:
        settling = settling_part(rule, docket.verdicts.get(rule.id, {}))
        if rule.effect == "forbid" and settling:
            codes |= _appraised(docket, [(rule.id, part.name) for part in (settling.of or (settling,))])
    if _unanswered(docket) or any(cleared_against_signs(docket, key) for key in matters(docket)):
        codes.add("conflicting_signs")
    if any(item.flags.unavailable and item.source.startswith("image:") for item in docket.table.evidence):
        codes.add("tool_unavailable")  # a picture that nobody has read may show what nothing else says
    return codes


def _unanswered(docket: Docket) -> set[str]:
    """Suspected clauses that nothing but silence excludes, and no fulfilled permit would lift."""
    suspected, verdicts = _suspected(docket), docket.verdicts
    excluded = [rule for rule in docket.rules if settling_part(rule, verdicts.get(rule.id, {}))]
    permitted = {
        lifted
        for rule in docket.rules
        if rule.effect == "permit" and clause_status(rule, verdicts.get(rule.id, {})) == "fulfilled"
        for lifted in rule.over
    }
    return {rule.id for rule in excluded if rule.id in suspected - permitted and _by_silence(docket, rule)}


def _by_silence(docket: Docket, rule: Rule) -> bool:
    """Tell whether nothing but silence excludes a clause: it would be open if what is absent were not known.

    One element that the evidence excludes, or one exemption that it shows, is enough to say otherwise. A totality with
    silent indicators rests on their silence where they could bring it over the line.
    """
    return settling_part(rule, _known(docket, rule)) is None


def _known(docket: Docket, rule: Rule) -> dict[str, Verdict]:
    """A clause's verdicts without those that rest on silence."""
    findings = docket.findings.get(rule.id, {})
    return {name: found.verdict for name, found in findings.items() if found.basis != "absent"}


def _suspected(docket: Docket) -> set[str]:
    """The clauses that each suspicion or report may be about.

    Of those of a raised type the first in the order of the search; or, before it, one that is about such a thing and
    excluded by evidence. And every clause of which something is met: where only silence keeps it from applying, the
    suspicion is not answered. A report that names no type is about what the search puts first; where nobody has raised
    anything, what stands out in the search is suspected. So is a candidate, of a raised type where there is one, that
    the title names by an alias: whoever avoids the signs still has to be found by buyers.

    A tool's fact excludes what it measures and no more, so a clause of which nothing but a fact was looked at is passed
    over: that no suspended account is linked to a seller does not answer what the seller says of an old one.
    """
    raised = set(docket.table.case.raised_types)
    open_report = any(not report.type for report in docket.table.case.reports)
    forbids = [c for c in docket.clauses if c.effect == "forbid" and not _by_fact_alone(docket, c)]
    about = [clause for clause in forbids if clause.type in raised]
    first: dict[str, str] = {}
    for clause in sorted(about, key=lambda clause: not _engaged(docket, clause) or _by_silence(docket, clause.rule)):
        first.setdefault(clause.type, clause.id)
    unnamed = [clause.id for clause in forbids[:1] if open_report and not raised]
    if not raised and not docket.table.case.reports:
        unnamed = list(docket.standing_out)
    named = [c.id for c in (about if raised else forbids) if c.id in docket.table.named]
    return {*first.values(), *unnamed, *named, *(clause.id for clause in about if _engaged(docket, clause))}


def _engaged(docket: Docket, clause: Clause) -> bool:
    """Tell whether any element of a clause is met."""
    known = _known(docket, clause.rule)
    return any(part_verdict(part, known) == "met" for part in clause.rule.elements)


def _by_fact_alone(docket: Docket, clause: Clause) -> bool:
    """Tell whether tools' facts are all that excludes a clause, and nothing of it is met."""
    known = _known(docket, clause.rule)
    excluding = [
        part
        for part in clause.rule.parts
        if part_verdict(part, known) == ("not_met" if part.role == "element" else "met")
    ]
    return bool(excluding) and all(part.fact for part in excluding) and not _engaged(docket, clause)


def _sampled(docket: Docket) -> bool:
    if not docket.settings.sampled:
        return False
    drawn = hashlib.sha256(f"sample:{docket.table.case.id}".encode()).digest()
    return int.from_bytes(drawn[:4]) / 2**32 < docket.settings.sampled


def weakest(docket: Docket, derived: Derived) -> Key | None:
    """The decisive part that a person should look at first where nothing is open."""
    keys = [key for key in matters(docket) if key[0] in (derived.violated[:1] or derived.statuses)]
    raised = set(docket.table.case.raised_types)
    unanswered = _unanswered(docket) if derived.outcome == "no_violation" else set()

    def weakness(key: Key) -> tuple[bool, bool, int, int, int]:
        clause, finding = docket.clause(key[0]), docket.found(key)
        part = clause.rule.judged[key[1]]
        spoken = any(hit.side == "for" for hit in docket.table.of_part(*key)) and finding.verdict == "not_met"
        order = {"borderline": 0, "absent": 1, "contrary": 2, "shown": 3, "measured": 4, "record": 5}
        flipped: Verdict = "met" if finding.verdict == "not_met" else "not_met"
        idle = what_if(docket.rules, docket.verdicts, key, flipped).outcome == derived.outcome
        awaited = part.if_absent == "request" and finding.verdict == "unclear"
        if awaited:
            return (False, False, -1, 0, 0)  # what was asked for and did not come is what the case turns on
        told = 0 if part.appraisal or spoken else 1
        return (key[0] not in unanswered, idle, told, clause.type not in raised, order.get(finding.basis, 6))

    return min(keys, key=weakness, default=None)


def without_permission(docket: Docket) -> Docket:
    """The docket as it would be once the seller has been asked (for `if_met` and `if_not_met`)."""
    return replace(docket, requested=True)
