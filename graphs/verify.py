"""Verification of judgements: quotes, vouchers, bases, records, numbers. Code only, no model; pure functions."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cases.evidence import Quote, find_quote
from cases.finding import Ballot, Judgement, Key, Verdict, clause_status
from cases.problem import Problem
from cases.rule import Part
from policies.clause import Clause
from policies.settled import absence_refused, settle
from policies.table import Table

_VERDICT_OF: dict[str, tuple[Verdict, ...]] = {
    "shown": ("met",),
    "contrary": ("not_met",),
    "absent": ("not_met",),
    "record": ("met", "not_met"),
    "measured": ("met", "not_met"),
    "silent": ("unclear",),
    "borderline": ("unclear",),
    "policy": ("unclear",),
}
_NEEDS_QUOTE = {"shown", "contrary", "absent"}
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Verified:
    """What verification leaves.

    Attributes:
        sound: judgements that pass, their quotes with offsets.
        faults: by part, what is wrong with the others; the key's part is empty where a whole clause is meant.
    """

    sound: dict[Key, Judgement]
    faults: dict[Key, tuple[Problem, ...]]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All faults in order."""
        return tuple(problem for faults in self.faults.values() for problem in faults)


def verify(judgements: Sequence[Judgement], clauses: Iterable[Clause], table: Table) -> Verified:
    """Check a submission.

    Args:
        judgements: as submitted; a part judged twice is a fault.
        clauses: the candidates, in force for region and date.
        table: the case as code sees it.
    """
    candidates = {clause.id: clause for clause in clauses}
    sound: dict[Key, Judgement] = {}
    faults: dict[Key, tuple[Problem, ...]] = {}
    for i, judgement in enumerate(judgements):
        located, found = check(judgement, f"/judgements/{i}", candidates, table)
        if judgement.key in sound or judgement.key in faults:
            found = [*found, _fault("twice", f"/judgements/{i}", "this part is judged twice", "judge each part once")]
        if found:
            faults[judgement.key] = (*faults.get(judgement.key, ()), *found)
            sound.pop(judgement.key, None)
        else:
            sound[judgement.key] = located
    return Verified(sound, faults)


def unjudged(
    judged: Iterable[Key], verdicts: dict[str, dict[str, Verdict]], clauses: Iterable[Clause]
) -> dict[Key, Problem]:
    """Parts that still need a judgement: those of clauses that no judged part settles."""
    done = set(judged)
    missing: dict[Key, Problem] = {}
    for clause in clauses:
        if clause_status(clause.rule, verdicts.get(clause.id, {})) == "not_fulfilled":
            continue
        for name in clause.rule.judged:
            if (clause.id, name) not in done:
                hint = "judge every part, or one that settles the clause"
                pointer = f"/judgements/{clause.id}/{name}"
                missing[clause.id, name] = _fault("unjudged", pointer, f"{clause.id} {name} is not judged", hint)
    return missing


def check(
    judgement: Judgement, pointer: str, clauses: dict[str, Clause], table: Table
) -> tuple[Judgement, list[Problem]]:
    """Check one judgement; return it with offsets in its quotes, and its faults."""
    clause = clauses.get(judgement.clause_id)
    if clause is None:
        hint = f"the candidates are: {', '.join(clauses)}"
        return judgement, [_fault("unknown_clause", f"{pointer}/clause_id", "no candidate has this id", hint)]
    part = clause.rule.judged.get(judgement.part)
    if part is None:
        hint = f"its parts are: {', '.join(clause.rule.judged)}"
        return judgement, [_fault("unknown_part", f"{pointer}/part", "the clause has no such part", hint)]
    located, faults = _locate(judgement, pointer, clauses, table)
    faults += _basis_faults(located, part, pointer)
    if not faults:
        faults += _needs(located, clause, part, pointer, table)
        faults += _numbers(located, clause, pointer, table)
    return located, faults


def sound_ballot(ballot: Ballot, clauses: dict[str, Clause], table: Table) -> Ballot | None:
    """A ballot with its quotes located, or None where its judgement does not verify (it then counts for nothing)."""
    located, faults = check(ballot.judgement, "", clauses, table)
    if faults:
        return None
    return ballot.model_copy(
        update={
            "judgement": located,
            "for_": _found(ballot.for_, clauses, table),
            "against": _found(ballot.against, clauses, table),
        }
    )


def _found(quotes: Iterable[Quote], clauses: dict[str, Clause], table: Table) -> tuple[Quote, ...]:
    located = (_place(quote, clauses, table) for quote in quotes)
    return tuple(quote for quote in located if quote is not None)


def _fault(code: str, pointer: str, detail: str, hint: str) -> Problem:
    return Problem(code=code, pointer=pointer, detail=detail, hint=hint)


def _locate(
    judgement: Judgement, pointer: str, clauses: dict[str, Clause], table: Table
) -> tuple[Judgement, list[Problem]]:
    """Find every quote verbatim in what it names."""
    quotes: list[Quote] = []
    faults: list[Problem] = []
    for i, quote in enumerate(judgement.quotes):
        located = _place(quote, clauses, table)
        if located is not None:
            quotes.append(located)
            continue
        code, named = ("clause_quote", quote.clause_id) if quote.clause_id else ("evidence_quote", quote.evidence_id)
        detail = f"these words are not in {named or 'any source'}: {quote.text[:80]!r}"
        hint = "copy the words exactly as they stand there, or leave the quote out"
        faults.append(_fault(f"{code}_not_found", f"{pointer}/quotes/{i}", detail, hint))
    return judgement.model_copy(update={"quotes": tuple(quotes)}), faults


def _place(quote: Quote, clauses: dict[str, Clause], table: Table) -> Quote | None:
    if bool(quote.evidence_id) == bool(quote.clause_id):
        return None
    if quote.clause_id:
        text = clauses[quote.clause_id].text if quote.clause_id in clauses else ""
    else:
        text = next((item.text for item in table.evidence if item.id == quote.evidence_id), "")
    span = find_quote(text, quote.text)
    return quote.model_copy(update={"start": span[0], "end": span[1]}) if span else None


def _basis_faults(judgement: Judgement, part: Part, pointer: str) -> list[Problem]:
    allowed = _VERDICT_OF.get(judgement.basis, ())
    faults = []
    if judgement.verdict not in allowed:
        detail = f"basis {judgement.basis} does not go with verdict {judgement.verdict}"
        hint = f"{judgement.basis} goes with: {', '.join(allowed) or 'a person only'}"
        faults.append(_fault("basis_verdict", f"{pointer}/basis", detail, hint))
    if judgement.basis == "record" and not part.record:
        faults.append(
            _fault("basis_record", f"{pointer}/basis", "this part names no record", "use shown, contrary or absent")
        )
    if judgement.basis == "measured" and not (part.measure or part.fact):
        detail = "this part has neither measure nor fact"
        faults.append(_fault("basis_measured", f"{pointer}/basis", detail, "use shown, contrary or absent"))
    if judgement.basis in _NEEDS_QUOTE and not any(q.evidence_id for q in judgement.quotes):
        hint = "quote the evidence that shows it" if judgement.basis != "absent" else "quote what says what the item is"
        detail = f"basis {judgement.basis} needs a quote of evidence"
        faults.append(_fault("no_quote", f"{pointer}/quotes", detail, hint))
    return faults


def _needs(judgement: Judgement, clause: Clause, part: Part, pointer: str, table: Table) -> list[Problem]:
    """What the basis needs beside quotes: a voucher that may prove the part, code's consent to silence."""
    faults: list[Problem] = []
    if judgement.basis == "shown":
        vouching = {table.item(q.evidence_id).voucher for q in judgement.quotes if q.evidence_id}
        if not vouching & set(part.vouchers):
            detail = f"{', '.join(sorted(vouching))} may not prove this part"
            hint = f"it can be shown by: {', '.join(part.vouchers)}; else judge it unclear"
            faults.append(_fault("wrong_voucher", f"{pointer}/quotes", detail, hint))
    if part.by_code:
        faults += _settled_by_code(judgement, clause, part, pointer, table)
    elif judgement.basis == "absent":
        refused = absence_refused(clause, part, table)
        if refused:
            hint = "judge it met, contrary with a quote, or unclear"
            faults.append(_fault("absent_refuted", f"{pointer}/basis", refused, hint))
    return faults


def _settled_by_code(judgement: Judgement, clause: Clause, part: Part, pointer: str, table: Table) -> list[Problem]:
    """For measures and facts code's verdict is the only one; of a record the auditor may doubt the scope."""
    settled = settle(clause, part, table)
    if settled is None or judgement.verdict in {settled.verdict, "unclear"}:
        return []
    detail = f"code finds {settled.verdict}: {settled.why}"
    if part.record and judgement.verdict == "not_met" and settled.verdict == "unclear":
        unread = not any(i.source.startswith("tool:seller_history") and not i.flags.unavailable for i in table.evidence)
        code = "record_unavailable" if unread else "record_undecided"
        return [_fault(code, f"{pointer}/verdict", detail, "judge it unclear and ask for the record")]
    if part.record and judgement.verdict == "not_met":
        return []  # a record is there, and the auditor finds that it does not fit this item
    code = "record_missing" if part.record else "measured_otherwise"
    return [_fault(code, f"{pointer}/verdict", detail, "take the verdict that the record or number gives")]


def _numbers(judgement: Judgement, clause: Clause, pointer: str, table: Table) -> list[Problem]:
    """Numbers in `why` stand in its quotes, the clause or tool and platform evidence."""
    # Names of evidence items and images are no claims.
    why = re.sub(r"\bE\d+\b|\bimage:? ?\d+|\breport:? ?\d+|\btext:? ?\d+", "", judgement.why)
    claimed = _NUMBER.findall(why)
    if not claimed or judgement.basis == "measured":
        return []
    said = [*(q.text for q in judgement.quotes), clause.text]
    said += [item.text for item in table.evidence if item.voucher in {"tool", "platform"}]
    known = {number for text in said for number in _NUMBER.findall(text)}
    strange = [n for n in claimed if n.rstrip(".,") not in known and n not in known]
    if not strange:
        return []
    detail = f"{', '.join(strange)} stands in `why` but in no quote, clause or tool evidence"
    return [_fault("unquoted_number", f"{pointer}/why", detail, "quote where the number stands, or leave it out")]
