"""The guard of clearances: what signs speak for is not cleared on the word of judges who read free text.

Quotes and vouchers bind `met`; nothing binds a `not_met`, and nothing ties the quote behind an exemption to the item.
So a verdict that clears a clause for which signs speak needs one narrow ballot that says the same.
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
    if part.measure or part.fact or part.record:
        return False  # code has judged it
    if clause.effect == "permit":
        lifted = [docket.clause(c.id) for c in docket.clauses if c.id in clause.rule.over]
        return part.role == "element" and verdict == "met" and any(spoken_for(docket, other) for other in lifted)
    if part.role == "exemption":
        return verdict == "met" and spoken_for(docket, clause)
    return verdict == "not_met" and any(hit.side == "for" for hit in docket.table.of_part(*key))


def cleared_against_signs(docket: Docket, key: Key) -> bool:
    """Tell whether a clearing verdict stands against the rulebook's own reading, with no narrow judge beside it."""
    if docket.deterministic or not wants_narrow_word(docket, key):
        return False
    clause, part, verdict = _read(docket, key)
    if clause.effect == "forbid" and part.role == "element" and judge_part(clause, part, docket.table).verdict != "met":
        return False
    return not narrow_agrees(docket.found(key).ballots, verdict)


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
