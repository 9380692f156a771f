"""The open question: what exactly a person is asked, with both sides' evidence and what each answer leads to."""

from collections.abc import Iterable

from cases.decision import Consequence, Question
from cases.evidence import Quote
from cases.finding import Derived, Key, Verdict, what_if
from cases.rule import Part
from graphs.assess import awaits_record, counted_as_missing, open_keys, weakest, without_permission
from graphs.docket import Docket
from graphs.sanction import Rung, action_for
from policies.clause import Clause
from policies.settled import RENEWAL_DAYS

_SIDE = 3
"""Quotes a side; more do not help a person who has ten seconds."""
_VOUCHERS = {
    "seller": "the seller's own words or pictures",
    "platform": "the platform's records",
    "brand_owner": "a verified brand owner",
    "authority": "an authority",
    "trusted_flagger": "a trusted flagger",
    "tool": "a measurement",
    "reporter": "a report",
    "model": "an image model",
}


def questions(docket: Docket, derived: Derived) -> tuple[Question, ...]:
    """What a person is asked, most important first; there is always at least one question."""
    asked = [_clash(docket, permit, forbid) for permit, forbid in derived.conflicts]
    keys = open_keys(docket, derived)
    # A record is asked for once nothing else about its clause is open.
    others = {key[0] for key in keys if not awaits_record(docket, key)}
    asked += [_part(docket, key) for key in keys if not (awaits_record(docket, key) and key[0] in others)]
    asked += [_gap(docket, violation_type) for violation_type in docket.missing]
    return tuple(asked) or (_confirm(docket, derived),)


def consequence(docket: Docket, derived: Derived) -> Consequence:
    """An outcome with the name of its action."""
    carrier = docket.clause(derived.carrier) if derived.carrier else None
    rung = _rung(docket, carrier) if carrier and derived.outcome == "violation" else None
    return Consequence(outcome=derived.outcome, action=rung.action.name if rung else "")


def _rung(docket: Docket, clause: Clause) -> Rung | None:
    return action_for(clause, docket.table.evidence, docket.table.day)


def _if(docket: Docket, key: Key, verdict: Verdict) -> Consequence:
    after = without_permission(docket)  # a record that never came counts as not there
    derived = what_if(after.rules, after.verdicts, key, verdict)
    return consequence(after, derived)


def _part(docket: Docket, key: Key) -> Question:
    clause = docket.clause(key[0])
    part = clause.rule.judged[key[1]]
    found = docket.findings.get(key[0], {}).get(key[1])
    said = found.speaking if found else None
    gap = bool(found and found.basis == "policy")
    for_, against, neither = sides(docket, key)
    return Question(
        kind="policy" if gap else "part",
        text=(said.question if said and said.question else rendered(part)),
        clause_id=clause.id,
        clause_title=clause.title,
        part=part.name,
        for_=for_,
        against=against,
        neither=neither,
        would_settle=(said.would_settle if said and said.would_settle else would_settle(part)),
        if_met=_if(docket, key, "met"),
        if_not_met=_if(docket, key, "not_met"),
    )


def rendered(part: Part) -> str:
    """The question in the clause's own words, where no model has asked a better one."""
    return f"Is this so: {part.text.rstrip('.')}?"


def would_settle(part: Part) -> str:
    """What evidence would settle a part, from what the clause says can prove it."""
    if part.record:
        named = f" for {part.record.value}" if part.record.value else ""
        return (
            f"A {part.record.kind} record{named} that the platform has verified, in force or expired at most"
            f" {RENEWAL_DAYS} days ago and renewed. Ask the seller for it."
        )
    if part.measure:
        return f"A label or data sheet that states {part.measure.of} in {part.measure.unit or 'numbers'}."
    if part.fact:
        return f"A measured {part.fact.name} ({part.fact.op} {part.fact.value:g} means met)."
    if part.appraisal:
        return "Your own judgement: this part is a standard, and a person's to apply."
    who = [_VOUCHERS[v] for v in part.vouchers if v not in {"tool", "model"}]
    return f"A label, a photo or an answer that states or excludes it, from {' or '.join(who[:3])}."


def sides(docket: Docket, key: Key) -> tuple[tuple[Quote, ...], tuple[Quote, ...], tuple[Quote, ...]]:
    """Quotes for, against, and bearing on a part without taking a side: from its ballots and from signs that fired."""
    found = docket.findings.get(key[0], {}).get(key[1])
    for_: list[Quote] = []
    against: list[Quote] = []
    neither: list[Quote] = []
    for ballot in found.ballots if found else ():
        judgement = ballot.judgement
        side = {"met": for_, "not_met": against}.get(judgement.verdict, neither)
        side = neither if judgement.basis == "absent" else side  # it says what the item is, not that the part fails
        side.extend(judgement.quotes)
        for_.extend(ballot.for_)
        against.extend(ballot.against)
    for hit in docket.table.of_part(*key):
        speaks_for = (hit.side == "for") != hit.negated
        text = docket.table.item(hit.evidence_id).text[hit.start : hit.end]
        quote = Quote(evidence_id=hit.evidence_id, text=text, start=hit.start, end=hit.end)
        (for_ if speaks_for else against).append(quote)
    one, other = _distinct(for_, ()), _distinct(against, ())
    # A passage whose telling words stand on a side already says nothing new.
    telling = (*one, *other)
    rest = [q for q in neither if not any(t.evidence_id == q.evidence_id and t.text in q.text for t in telling)]
    return one, other, _distinct(rest, telling)


def _distinct(quotes: Iterable[Quote], taken: Iterable[Quote]) -> tuple[Quote, ...]:
    """Leave out quotes of words that another quote of the same item already holds."""
    kept: list[Quote] = []
    for quote in quotes:
        inside = [k for k in (*kept, *taken) if k.evidence_id == quote.evidence_id and quote.text in k.text]
        if quote.evidence_id and not inside:
            kept.append(quote)
    return tuple(kept[:_SIDE])


def _clash(docket: Docket, permit_id: str, forbid_id: str) -> Question:
    permit, forbid = docket.clause(permit_id), docket.clause(forbid_id)
    text = (
        f"Both clauses hold here and nothing says which of them governs: “{permit.title}” ({permit.id}) allows it,"
        f" “{forbid.title}” ({forbid.id}) forbids it. Which one governs?"
    )
    rung = _rung(docket, forbid)
    return Question(
        kind="clause",
        text=text,
        clause_id=forbid_id,
        clause_title=forbid.title,
        would_settle=f"The policy team's word on which clause governs; name {permit_id} or {forbid_id}.",
        if_met=Consequence(outcome="violation", action=rung.action.name if rung else ""),
        if_not_met=Consequence(outcome="no_violation"),
    )


def _gap(docket: Docket, violation_type: str) -> Question:
    case = docket.table.case
    info = docket.corpus.types.get(violation_type)
    title = info.title if info else violation_type
    return Question(
        kind="policy",
        text=f"The case was raised as “{title}” ({violation_type}), but no clause of that type is in force in "
        f"{case.region} on {docket.table.day.isoformat()}. Which clause, if any, applies?",
        would_settle="A clause of that type for this region, or the word that the type was named in error.",
    )


def _unread(docket: Docket) -> str:
    """Pictures that nobody has read, for the person to look at."""
    unread = {item.source.split("/")[0] for item in docket.table.evidence if item.flags.unavailable}
    images = sorted(source.removeprefix("image:") for source in unread if source.startswith("image:"))
    return f" Image {', '.join(images)} could not be read: look at it." if images else ""


def _confirm(docket: Docket, derived: Derived) -> Question:
    key = weakest(docket, derived)
    then = consequence(docket, derived)
    outcome = "a violation" if derived.outcome == "violation" else "no violation"
    unanswered = docket.requested and not docket.reviewed and counted_as_missing(docket)
    state = "The record that was asked for has not come; without it" if unanswered else "Nothing is open;"
    text = f"{state} the findings say {outcome}. Do you confirm it?{_unread(docket)}"
    if key is None:
        return Question(kind="confirm", text=text, if_met=then)
    clause = docket.clause(key[0])
    part = clause.rule.judged[key[1]]
    found = docket.findings.get(key[0], {}).get(key[1])
    verdict = {"met": "met", "not_met": "not met"}.get(found.verdict if found else "", "unclear")
    for_, against, neither = sides(docket, key)
    return Question(
        kind="confirm",
        text=f"{text} Look first at: {part.text.rstrip('.')} — judged {verdict}.",
        clause_id=clause.id,
        clause_title=clause.title,
        part=part.name,
        for_=for_,
        against=against,
        neither=neither,
        would_settle="Your reading of the quoted evidence.",
        if_met=_if(docket, key, "met"),
        if_not_met=_if(docket, key, "not_met"),
    )
