"""What code settles by itself: measures, facts and records; and whether code agrees that nothing speaks for a part."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from cases.case import Case
from cases.evidence import Evidence, Quote, facts_of, line_of
from cases.finding import Basis, Judgement, Verdict
from cases.rule import Measure, Part, RecordNeed
from policies.clause import Clause
from policies.folding import WORD, fold
from policies.quantities import is_total, portions_a_day, portions_held, states_a_day
from policies.table import Table
from policies.units import Number, in_unit, numbers_in

_NEAR = 40
"""Code points between a measured word and its number."""
RENEWAL_DAYS = 30
"""A record that expired at most this long ago may be in renewal."""


def settle(clause: Clause, part: Part, table: Table) -> Judgement | None:
    """Judge a part that code can judge: one with a measure, a fact or a record. Others give None."""
    if part.fact:
        return _by_fact(clause, part, table)
    if part.measure:
        return _by_measure(clause, part, part.measure, table)
    if part.record:
        return _by_record(clause, part, part.record, table)
    return None


def absence_refused(clause: Clause, part: Part, table: Table) -> str:
    """Why code does not agree that nothing speaks for a part, in one sentence; empty where it agrees."""
    if part.if_absent != "not_met":
        return "the clause does not take silence as an answer here"
    fired = next((hit for hit in table.of_part(clause.id, part.name) if hit.side == "for"), None)
    if fired:
        item = table.item(fired.evidence_id)
        return f"«{item.text[fired.start : fired.end]}» ({item.id} {item.source}) speaks for it"
    # Where nothing at all points to the clause, what is hidden is one question about the case, not one a clause.
    pointed_to = clause.type in table.case.raised_types or table.speaks_of(clause.id)
    if pointed_to and "seller" in part.vouchers:
        hidden = next((e for e in table.evidence if _hides(e)), None)
        if hidden:
            state = "cut" if hidden.flags.truncated else "unavailable"
            return f"{hidden.id} ({hidden.source}) could show it, and is {state}"
    return ""


def _hides(item: Evidence) -> bool:
    return (item.flags.unavailable and item.source.startswith("image:")) or item.flags.truncated


def says_what(evidence: Sequence[Evidence]) -> Quote | None:
    """A quote that says what the item is: the listing's title, which `absent` rests on."""
    title = next((item for item in evidence if item.source == "listing.title"), None)
    return Quote(evidence_id=title.id, text=title.text) if title else None


def _judged(
    clause: Clause,
    part: Part,
    verdict: Verdict,
    basis: Basis,
    quotes: Iterable[Quote],
    why: str,
    would_settle: str = "",
) -> Judgement:
    return Judgement(
        clause_id=clause.id,
        part=part.name,
        verdict=verdict,
        basis=basis,
        quotes=tuple(quotes),
        why=why,
        would_settle=would_settle,
    )


def _nothing(clause: Clause, part: Part, table: Table, why: str, would_settle: str) -> Judgement:
    """What it means that code has found no number, by the part's `absence`."""
    if part.if_absent == "not_met":
        title = says_what(table.evidence)
        return _judged(clause, part, "not_met", "absent", (title,) if title else (), why)
    return _judged(clause, part, "unclear", "silent", (), why, would_settle)


def _by_fact(clause: Clause, part: Part, table: Table) -> Judgement:
    fact = part.fact
    if fact is None:
        msg = "a part without a fact"
        raise ValueError(msg)
    for item in table.evidence:
        value = facts_of(item).get(fact.name)
        number = _leading(value)
        if number is None:
            continue
        holds = fact.holds(number)
        quote = Quote(evidence_id=item.id, text=line_of(item, fact.name))
        why = f"{fact.name} is {number:g}; the clause asks for {fact.op} {fact.value:g}."
        return _judged(clause, part, "met" if holds else "not_met", "measured", (quote,), why)
    return _nothing(clause, part, table, f"No tool has measured {fact.name}.", f"A measured {fact.name}.")


def _leading(value: str | None) -> float | None:
    """The number that a fact's line begins with."""
    try:
        return float(value.split()[0]) if value else None
    except ValueError:
        return None


def _by_measure(clause: Clause, part: Part, measure: Measure, table: Table) -> Judgement:
    found, per_portion = _amounts(clause, part, measure, table)
    if not found:
        why = f"No number for {measure.of} in {measure.unit or 'plain numbers'} is given."
        return _nothing(clause, part, table, why, f"A label or data sheet that states {measure.of} in {measure.unit}.")
    holding = [quoted for quoted in found if measure.holds(quoted[0])]
    lifting = part.role == "exemption" or clause.effect == "permit"
    if lifting and 0 < len(holding) < len(found):
        # Two strengths in one listing: what allows the weaker one must not clear the stronger.
        quotes = (holding[0][1], next(quote for amount, quote in found if not measure.holds(amount)))
        why = f"The evidence gives several numbers for {measure.of}, and not all are within the bound."
        return _judged(clause, part, "unclear", "borderline", quotes, why, f"Which {measure.of} the item has.")
    amount, quote = (holding or found)[0]
    if per_portion and not holding:
        why = f"{measure.of.capitalize()} is {amount:g} {measure.unit} a portion; how many are taken a day is not said."
        return _judged(clause, part, "unclear", "borderline", (quote,), why, "How many portions are taken a day.")
    why = f"{measure.of.capitalize()} is {amount:g} {measure.unit}".rstrip() + f"; {_bound(measure)}."
    return _judged(clause, part, "met" if holding else "not_met", "measured", (quote,), why)


def _amounts(clause: Clause, part: Part, measure: Measure, table: Table) -> tuple[list[tuple[float, Quote]], bool]:
    """Amounts in the measure's unit with their quotes; and whether any is one a portion, and nobody says how many."""
    names = [measure.of]
    if part.name in clause.signs:
        names += [w for words in clause.signs[part.name].for_.words.values() for w in words if not w.startswith("/")]
    heard = [item for item in table.evidence if item.voucher in part.vouchers and not item.flags.unavailable]
    times = portions_a_day([item.text for item in heard]) if measure.per else 1
    found: list[tuple[float, Quote]] = []
    totals: list[tuple[float, Quote]] = []
    per_portion = False
    for item in heard:
        for number in _measured(item, names, table.language):
            amount = in_unit(number, measure.unit)
            if amount is not None:
                daily = not measure.per or states_a_day(item.text, number.start, number.end)
                per_portion = per_portion or (not daily and times is None)
                if not daily:
                    amount *= (times or 1) / portions_held(item.text, number.start, number.end)
                added_up = is_total(item.text, number.start, number.end)
                quote = Quote(evidence_id=item.id, text=_around(item.text, number))
                (totals if added_up else found).append((amount, quote))
    return found or totals, per_portion  # what several packs add up to counts only where nobody says what one holds


def _measured(item: Evidence, names: Sequence[str], language: str) -> list[Number]:
    """Numbers that stand near one of the names (in attributes: behind a name that holds it)."""
    folded = fold(item.text)
    places = [
        folded.span(at, at + len(name))
        for name in {fold(n).text for n in names}
        for at in _occurrences(folded.text, name)
    ]
    near = []
    for number in numbers_in(item.text, item.language or language):
        for start, end in places:
            gap = number.start - end if number.start >= end else start - number.end
            between = item.text[min(end, number.end) : max(start, number.start)]
            if gap <= _NEAR and "\n" not in between:
                near.append(number)
                break
    return near


def _occurrences(text: str, name: str) -> list[int]:
    places, at = [], text.find(name)
    while at >= 0 and name:
        before_ok = at == 0 or not (text[at - 1].isalnum() and text[at - 1].isascii())
        end = at + len(name)
        if before_ok and (end == len(text) or not (text[end].isalpha() and text[end].isascii())):
            places.append(at)
        at = text.find(name, at + 1)
    return places


def _around(text: str, number: Number) -> str:
    """The number with the words around it, on its line, as a quote."""
    start = text.rfind("\n", 0, number.start) + 1
    end = text.find("\n", number.end)
    end = len(text) if end < 0 else end
    start = (
        start
        if number.start - start <= _NEAR
        else text.rfind(" ", start, number.start - _NEAR // 2) + 1 or number.start
    )
    stop = text.find(" ", min(end, number.end + _NEAR // 2), end)
    return text[max(0, start) : stop if stop > 0 else end].strip()


def _bound(measure: Measure) -> str:
    bounds = {
        "over": measure.over,
        "at least": measure.at_least,
        "under": measure.under,
        "at most": measure.at_most,
    }
    word, value = next((w, v) for w, v in bounds.items() if v is not None)
    by = f" a {measure.per}" if measure.per else ""
    return f"the clause asks for {word} {value:g} {measure.unit}".rstrip() + by


def _by_record(clause: Clause, part: Part, need: RecordNeed, table: Table) -> Judgement:
    history = [item for item in table.evidence if item.source.startswith("tool:seller_history")]
    if any(item.flags.unavailable for item in history) or not history:
        why = "The platform's records could not be read."
        return _judged(clause, part, "unclear", "silent", (), why, f"The seller's {need.kind} records.")
    records = [(item, facts) for item in history if (facts := facts_of(item)).get("kind") == need.kind]
    fitting = [(item, facts) for item, facts in records if _named(need, facts, table)]
    here = [(item, facts) for item, facts in fitting if table.covers((facts.get("region", ""),), table.case.region)]
    judged = [_one_record(clause, part, item, facts, table) for item, facts in here]
    for verdict in ("met", "unclear", "not_met"):
        best = next((j for j in judged if j.verdict == verdict), None)
        if best:
            return best
    return _no_record(clause, part, need, history, [item for item, _ in fitting], table.case.region)


def _no_record(
    clause: Clause, part: Part, need: RecordNeed, history: Sequence[Evidence], elsewhere: list[Evidence], region: str
) -> Judgement:
    """Judge by what the part's `absence` says; a record for another region is none for this one."""
    about = f" for “{need.value}”" if need.value else " for it"
    if elsewhere:
        quotes = tuple(Quote(evidence_id=item.id, text=line_of(item, "region")) for item in elsewhere[:1])
        why = f"The platform has no {need.kind} record of this seller{about} that covers {region}."
    else:
        said = (Quote(evidence_id=item.id, text=line) for item in history if (line := _none_line(item, need.kind)))
        quotes = tuple(said)[:1]
        why = f"The platform has no {need.kind} record of this seller{about}."
    settle_by = f"A {need.kind} record{about}, checked by the platform."
    if part.if_absent == "not_met":
        return _judged(clause, part, "not_met", "record", quotes, why)
    return _judged(clause, part, "unclear", "silent", quotes, why, settle_by)


def _none_line(item: Evidence, kind: str) -> str:
    return next((line for line in item.text.splitlines() if line.startswith("no_record: ") and kind in line), "")


def _named(need: RecordNeed, facts: dict[str, str], table: Table) -> bool:
    """Tell whether a record is about what the clause, or (for a brand) the listing, names."""
    value = fold(facts.get("value", "")).text
    if need.value:
        return fold(need.value).text == value
    if need.kind == "brand":
        subject = table.case.subject
        named = fold(f"{subject.brand}\n{subject.title}").text
        return bool(value) and any(True for _ in _occurrences(named, value))
    return True


def _one_record(clause: Clause, part: Part, item: Evidence, facts: dict[str, str], table: Table) -> Judgement:  # noqa: PLR0911 - one return a state of a record
    quote = Quote(evidence_id=item.id, text=line_of(item, "status"))
    status, name = facts.get("status", ""), f"The {facts.get('kind')} record for {facts.get('value')}"
    until, begins = _day(facts.get("until")), _day(facts.get("from"))
    renewal = f"A renewed {facts.get('kind')} record, checked by the platform."
    if status in {"revoked", "rejected"}:
        return _judged(clause, part, "not_met", "record", (quote,), f"{name} was {status}.")
    if until and until < table.day:
        ended = Quote(evidence_id=item.id, text=line_of(item, "until"))
        if table.day - until <= timedelta(days=RENEWAL_DAYS):
            return _judged(clause, part, "unclear", "silent", (ended,), f"{name} ended on {until}.", renewal)
        return _judged(clause, part, "not_met", "record", (ended,), f"{name} ended on {until}.")
    if status == "pending":
        verdict_on = f"The platform's verdict on the pending {facts.get('kind')} record."
        return _judged(clause, part, "unclear", "silent", (quote,), f"{name} is pending.", verdict_on)
    if begins and begins > table.day:
        return _judged(clause, part, "unclear", "silent", (quote,), f"{name} begins on {begins}.", renewal)
    if status != "verified":
        return _judged(clause, part, "unclear", "silent", (quote,), f"{name} is not verified.", renewal)
    if not _in_scope(facts.get("scope", ""), table.case):
        scope = Quote(evidence_id=item.id, text=line_of(item, "scope"))
        why = f"{name} is in force, but whether its scope fits this item is open."
        return _judged(clause, part, "unclear", "silent", (scope,), why, "A record whose scope names this item.")
    return _judged(clause, part, "met", "record", (quote,), f"{name} is verified and in force.")


def _in_scope(scope: str, case: Case) -> bool:
    """Tell whether a scope is empty (all) or shares a word with title or category; else it is a matter of judgement."""
    words = {m.group() for m in WORD.finditer(fold(scope).text)} - {"and", "or", "of", "the", "all"}
    subject = fold(" ".join([case.subject.title, *case.subject.category])).text
    return not words or bool(words & {m.group() for m in WORD.finditer(subject)})


def _day(written: str | None) -> date | None:
    try:
        return date.fromisoformat(written.split()[0]) if written else None
    except ValueError:
        return None
