"""The guard of clearances: what signs speak for is not cleared on the word of judges who read free text.

Quotes and vouchers bind `met`; nothing binds a `not_met`, and nothing ties the quote behind an exemption to the item.
So a verdict that clears a clause for which signs speak needs one narrow ballot that says the same; and where the
rulebook finds every element of the clause met, no ballot is enough: two auditors differ, and a person looks. A report
is a reason to look and no proof: what it brought up does not convict alone where no sign speaks for it elsewhere.
"""

from agents.rulebook import judge_part
from cases.finding import Key, part_verdict
from cases.rule import Part
from graphs.docket import Docket
from graphs.settle import narrow_agrees
from policies.clause import Clause


def wants_narrow_word(docket: Docket, key: Key) -> bool:
    """Tell whether a verdict clears something that a sign, a report or a tool's fact speaks for."""
    clause, part, verdict = _read(docket, key)
    if part.by_code:
        return False  # code has judged it
    if clause.effect == "permit":
        lifted = [docket.clause(c.id) for c in docket.clauses if c.id in clause.rule.over]
        return part.role == "element" and verdict == "met" and any(spoken_for(docket, other) for other in lifted)
    if part.role == "exemption":
        return verdict == "met" and spoken_for(docket, clause)
    return verdict == "not_met" and any(hit.side == "for" for hit in docket.table.of_part(*key))


def cleared_against_signs(docket: Docket, key: Key) -> bool:
    """Tell whether a clearing verdict stands against the rulebook's own reading, and nothing beside it is enough.

    A sign's surroundings are free text too, short as they are: whoever plants an order there talks to the narrow judge.
    """
    if docket.deterministic or not wants_narrow_word(docket, key):
        return False
    clause, part, verdict = _read(docket, key)
    if clause.effect == "forbid" and part.role == "element":
        if judge_part(clause, part, docket.table).verdict != "met":
            return False
        if spoken_for(docket, clause):
            return True
    return not narrow_agrees(docket.found(key).ballots, verdict)


def convicted_on_a_report(docket: Docket, clause: Clause) -> bool:
    """Tell whether somebody's unproven report stands behind a conviction: an element is `met` and no sign says so."""
    if docket.deterministic or not any(item.voucher == "reporter" for item in docket.table.evidence):
        return False
    return any(
        docket.found((clause.id, name)).verdict == "met" and part.weight > 0 and not _signed(docket, clause, name)
        for name, part in clause.rule.judged.items()
        if part.role == "element" and not part.by_code
    )


def _signed(docket: Docket, clause: Clause, name: str) -> bool:
    """Whether a sign speaks for a part in what others than reporters vouch for."""
    hits = (hit for hit in docket.table.of_part(clause.id, name) if hit.side == "for" and not hit.negated)
    return any(docket.table.item(hit.evidence_id).voucher != "reporter" for hit in hits)


def spoken_for(docket: Docket, clause: Clause) -> bool:
    """Tell whether the rulebook finds every element of a clause `met`."""
    elements = {
        name: judge_part(clause, part, docket.table).verdict
        for name, part in clause.rule.judged.items()
        if part.role == "element"
    }
    return all(part_verdict(part, elements) == "met" for part in clause.rule.elements)


def _read(docket: Docket, key: Key) -> tuple[Clause, Part, str]:
    clause = docket.clause(key[0])
    return clause, clause.rule.judged[key[1]], docket.found(key).verdict
