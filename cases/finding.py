"""Judgements of parts, and the outcome that code derives from them. Nothing here reads the world.

The derivation is the product's first idea: an auditor judges parts; what follows from the judgements is computed,
so an outcome cannot contradict its findings.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from cases.evidence import Quote
from cases.problem import Record
from cases.rule import Part, Rule

Verdict = Literal["met", "not_met", "unclear"]
Basis = Literal["shown", "contrary", "absent", "record", "measured", "silent", "borderline", "policy", "person"]
Status = Literal["fulfilled", "not_fulfilled", "open"]
Verdicts = Mapping[str, Verdict]
Key = tuple[str, str]
"""A clause id and the name of one of its judged parts."""


class Judgement(Record):
    """One verdict on one part, with what it rests on.

    Attributes:
        part: `part`, or `group.member`.
        why: one sentence.
        question: for `unclear`, how to ask a person; empty lets code render it from the part's text.
        would_settle: for `unclear`, what evidence would settle it.
    """

    clause_id: str
    part: str
    verdict: Verdict
    basis: Basis
    quotes: tuple[Quote, ...] = ()
    why: str = ""
    question: str = ""
    would_settle: str = ""

    @property
    def key(self) -> Key:
        """Where the judgement belongs."""
        return (self.clause_id, self.part)


class Judge(Record):
    """Who cast a ballot: the prompt (`investigator`, `judge-2`, `narrow`, `rulebook`, `person`) and its model."""

    prompt: str
    model: str


class Ballot(Record):
    """One judge's judgement of one part in one round, with the best quotes on both sides."""

    judge: Judge
    round: int
    judgement: Judgement
    for_: tuple[Quote, ...] = Field((), alias="for")
    against: tuple[Quote, ...] = ()


class PartFinding(Record):
    """Where one part of one clause stands, and the ballots behind it."""

    part: str
    verdict: Verdict
    basis: Basis
    ballots: tuple[Ballot, ...] = ()

    @property
    def speaking(self) -> Judgement | None:
        """The judgement that best tells why the verdict is what it is: the last that says the same."""
        agreeing = [b.judgement for b in self.ballots if b.judgement.verdict == self.verdict]
        quoting = [j for j in agreeing if j.quotes]
        persons = [j for j in agreeing if j.basis == "person"]
        return next(iter(persons or quoting or agreeing), None)


class Finding(Record):
    """A clause's parts, judged, on one case; `status` is derived, never stated by a model.

    Attributes:
        settled_by: of a clause that is not fulfilled, the part or group that settles it.
        lifted_by: the permit that lifts a fulfilled clause.
    """

    clause_id: str
    clause_sha256: str
    type: str
    parts: tuple[PartFinding, ...]
    status: Status
    settled_by: str | None = None
    lifted_by: str | None = None


def group_verdict(group: Part, verdicts: Verdicts) -> Verdict:
    """Judge a group from its members.

    With met weights counted and unclear ones open, the sum lies in an interval; the verdict is what every
    completion of the unclear members agrees on, else `unclear`.
    """
    low = high = 0
    for member in group.of:
        verdict = verdicts.get(member.name, "unclear")
        if verdict == "met":
            low, high = low + member.weight, high + member.weight
        elif verdict == "unclear":
            low, high = low + min(0, member.weight), high + max(0, member.weight)
    needed = group.at_least or 0
    if low >= needed:
        return "met"
    return "not_met" if high < needed else "unclear"


def part_verdict(part: Part, verdicts: Verdicts) -> Verdict:
    """Verdict of a part or group; what was not judged is `unclear`."""
    return group_verdict(part, verdicts) if part.of else verdicts.get(part.name, "unclear")


def clause_status(rule: Rule, verdicts: Verdicts) -> Status:
    """Derive a clause's status; one settling part is enough for `not_fulfilled`."""
    elements = [part_verdict(part, verdicts) for part in rule.elements]
    exemptions = [part_verdict(part, verdicts) for part in rule.exemptions]
    if "not_met" in elements or "met" in exemptions:
        return "not_fulfilled"
    if all(v == "met" for v in elements) and all(v == "not_met" for v in exemptions):
        return "fulfilled"
    return "open"


@dataclass(frozen=True)
class Derived:
    """What follows from the judgements of a case.

    Attributes:
        outcome: `violation`, `no_violation`, or none while something is open.
        statuses: each candidate's status.
        lifted: forbid clauses that a fulfilled permit lifts, with that permit.
        violated: forbid clauses fulfilled, not lifted and with no permit over them open; the heaviest first.
        open: clauses that keep the outcome open, the heaviest first (permits among them).
        conflicts: pairs (permit, forbid) of one type, both fulfilled, with nothing to settle which governs.
    """

    outcome: Literal["violation", "no_violation"] | None
    statuses: dict[str, Status]
    lifted: dict[str, str]
    violated: tuple[str, ...]
    open: tuple[str, ...]
    conflicts: tuple[Key, ...]

    @property
    def carrier(self) -> str | None:
        """The clause whose ladder gives the action: the heaviest violated."""
        return self.violated[0] if self.violated else None


def derive(rules: Iterable[Rule], verdicts: Mapping[str, Verdicts]) -> Derived:
    """Derive the outcome of a case.

    Args:
        rules: every candidate clause, in any order.
        verdicts: for each clause id, the verdicts of its judged parts.
    """
    ranked = sorted(rules, key=lambda rule: (-rule.weight, rule.id))
    statuses = {rule.id: clause_status(rule, verdicts.get(rule.id, {})) for rule in ranked}
    forbids = [rule for rule in ranked if rule.effect == "forbid"]
    permits = [rule for rule in ranked if rule.effect == "permit"]
    lifted = _lifted(forbids, permits, statuses)
    standing = [rule for rule in forbids if statuses[rule.id] == "fulfilled" and rule.id not in lifted]
    conflicts = tuple(
        (permit.id, rule.id)
        for rule in standing
        for permit in permits
        if _clashes(permit, rule) and statuses[permit.id] == "fulfilled"
    )
    doubtful = {rule.id: _doubting(rule, permits, statuses) for rule in standing}
    clashing = {rule_id for _, rule_id in conflicts}
    pending = {r.id for r in forbids if statuses[r.id] == "open" and r.id not in lifted}
    pending |= {r.id for r in standing if doubtful[r.id] or r.id in clashing}
    violated = tuple(rule.id for rule in standing if rule.id not in pending)
    blocking = _blocking(forbids, pending, violated)
    asked = {permit for rule_id in blocking for permit in doubtful.get(rule_id, ())}
    return Derived(
        outcome=None if blocking else "violation" if violated else "no_violation",
        statuses=statuses,
        lifted=lifted,
        violated=violated,
        open=tuple(r.id for r in ranked if r.id in asked or (r.id in blocking and statuses[r.id] == "open")),
        conflicts=tuple(pair for pair in conflicts if pair[1] in blocking),
    )


def _lifted(forbids: Sequence[Rule], permits: Sequence[Rule], statuses: Mapping[str, Status]) -> dict[str, str]:
    lifted = {}
    for rule in forbids:
        lifting = sorted(p.id for p in permits if rule.id in p.over and statuses[p.id] == "fulfilled")
        if lifting:
            lifted[rule.id] = lifting[0]
    return lifted


def _doubting(rule: Rule, permits: Sequence[Rule], statuses: Mapping[str, Status]) -> tuple[str, ...]:
    """Open permits that could still lift `rule`, or clash with it."""
    return tuple(p.id for p in permits if statuses[p.id] == "open" and (rule.id in p.over or _clashes(p, rule)))


def _clashes(permit: Rule, rule: Rule) -> bool:
    """A permit that names what it lifts touches no others; one that names nothing pulls against its whole type."""
    return not permit.over and permit.type == rule.type


def _blocking(forbids: Sequence[Rule], pending: set[str], violated: Sequence[str]) -> set[str]:
    """Pending forbid clauses that keep the outcome open: beside a violation only the heavier ones, else all."""
    carried = max((rule.weight for rule in forbids if rule.id in violated), default=-1)
    return {rule.id for rule in forbids if rule.id in pending and rule.weight > carried}


def settling_part(rule: Rule, verdicts: Verdicts) -> Part | None:
    """The first part, in the rule's order, that makes the clause not fulfilled."""
    return next(iter(settling_parts(rule, verdicts)), None)


def settling_parts(rule: Rule, verdicts: Verdicts) -> tuple[Part, ...]:
    """Every part by itself enough to make the clause not fulfilled, in the rule's order."""
    return tuple(
        part for part in rule.parts if part_verdict(part, verdicts) == ("not_met" if part.role == "element" else "met")
    )


def decisive_parts(rule: Rule, verdicts: Verdicts) -> tuple[str, ...]:
    """Judged parts that the clause's status rests on.

    All parts of a fulfilled clause, the settling part of an unfulfilled one; of an open one none (its open parts
    are `open_parts`). A group stands for its members.
    """
    status = clause_status(rule, verdicts)
    if status == "fulfilled":
        return tuple(rule.judged)
    settling = settling_part(rule, verdicts)
    if settling is None:
        return ()
    return tuple(member.name for member in settling.of) or (settling.name,)


def open_parts(rule: Rule, verdicts: Verdicts) -> tuple[str, ...]:
    """Judged parts that keep an open clause open, in the clause's order; empty where it is not open."""
    if clause_status(rule, verdicts) != "open":
        return ()
    found: list[str] = []
    for part in rule.parts:
        if part_verdict(part, verdicts) == "unclear":
            members = tuple(m.name for m in part.of if verdicts.get(m.name, "unclear") == "unclear")
            found.extend(members or (part.name,))
    return tuple(found)


def what_if(rules: Iterable[Rule], verdicts: Mapping[str, Verdicts], key: Key, verdict: Verdict) -> Derived:
    """Derive the outcome as it would be with one part judged `verdict`: what a question offers a person."""
    clause_id, part = key
    changed = {**verdicts, clause_id: {**verdicts.get(clause_id, {}), part: verdict}}
    return derive(rules, changed)
