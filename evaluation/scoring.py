"""What an auditor's result is worth beside the argued answer: case by case, then in figures."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from cases.decision import Decision, Escalation, Usage
from cases.finding import Finding
from cases.problem import Invalid, Record, problems_of
from evaluation.baselines import Baseline
from evaluation.golden_case import Expectable, GoldenCase
from evaluation.intervals import Rate, rate


class Scored(Record):
    """One case beside its right answer.

    Attributes:
        expected, got: `person` where it was, or should be, handed on.
        unsafe: cleared alone though it violates, or though a person should have looked.
        asked_right: a person was asked, and among the questions is the right one; none where none was due.
        parts: parts of the argument that were judged as argued, and how many there are.
        clauses: right, named and due: violated clauses that are right, that were named, that should have been.
        types: the same of a labelled case's violation types; nothing is counted where the label says no type.
        quotes: verified, and all.
    """

    case_id: str
    expected: Expectable
    got: Expectable
    unsafe: bool = False
    asked_right: bool | None = None
    parts: tuple[int, int] = (0, 0)
    clauses: tuple[int, int, int] = (0, 0, 0)
    types: tuple[int, int, int] = (0, 0, 0)
    quotes: tuple[int, int] = (0, 0)
    reasons: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    model_calls: int = 0
    tool_calls: int = 0
    tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    rationale: str = ""
    argument: str = ""
    title: str = ""
    kinds: tuple[str, ...] = ()
    region: str = ""
    language: str = ""
    type: str = ""

    @property
    def right(self) -> bool:
        """Whether the outcome is the argued one."""
        return self.got == self.expected


class Figures(Record):
    """What a set of cases comes to; clauses and parts are counted where cases are argued, types where labelled."""

    cases: int
    outcome: Rate
    alone: Rate
    alone_right: Rate
    unsafe: Rate
    wrongly_convicted: Rate
    asked_when_due: Rate
    due_when_asked: Rate
    right_question: Rate
    parts: Rate
    clause_precision: Rate
    clause_recall: Rate
    clause_f1: float
    type_precision: Rate = rate(0, 0)
    type_recall: Rate = rate(0, 0)
    quotes: Rate
    model_calls: float
    tool_calls: float
    tokens: float
    cost: float
    seconds: float


def score(
    row: GoldenCase, line: Mapping[str, Any], verified: Callable[[Finding], tuple[int, int]], type_: str, usage: Usage
) -> Scored:
    """Score one result.

    Args:
        row: the golden case.
        line: a result as `casewright audit` writes it, decided or escalated.
        verified: counts a finding's quotes: those found word for word, and all.
        type_: violation type of the case's first clause, or of its label.
        usage: what it has cost; an escalation that recommends nothing does not say it.
    """
    decision = Decision.model_validate(line["decision"]) if line["status"] == "decided" else None
    escalation = Escalation.model_validate(line["escalation"]) if line["status"] == "escalated" else None
    shown = decision or (escalation.recommended if escalation else None)
    findings = decision.findings if decision else escalation.findings if escalation else ()
    got: Expectable = decision.outcome if decision else "person"
    named = tuple(f.clause_id for f in findings if f.status == "fulfilled" and not f.lifted_by) if decision else ()
    named = named if got == "violation" else ()
    due = row.expected.clauses if row.expected.outcome == "violation" else ()
    counted = [verified(finding) for finding in findings]
    return Scored(
        case_id=row.id,
        expected=row.expected.outcome,
        got=got,
        unsafe=got == "no_violation" and row.expected.outcome != "no_violation",
        asked_right=_asked_right(row, escalation),
        parts=_parts(row, findings),
        clauses=(len({*named} & {*due}), len(named), len(due)) if decision and row.argument else (0, 0, 0),
        types=_types(row, {f.type for f in findings if f.clause_id in named}) if decision else (0, 0, 0),
        quotes=(sum(good for good, _ in counted), sum(every for _, every in counted)),
        reasons=escalation.reasons if escalation else (),
        asked=tuple(f"{q.kind}: {q.clause_id} {q.part}".strip() for q in escalation.questions) if escalation else (),
        named=named,
        model_calls=usage.model_calls,
        tool_calls=usage.tool_calls,
        tokens=usage.tokens_in + usage.tokens_out,
        cost=float(usage.cost),
        rationale=shown.rationale if shown else "",
        argument=row.argument,
        title=row.case.subject.title,
        kinds=row.kinds,
        region=row.case.region,
        language=row.case.language or "",
        type=type_,
    )


def _asked_right(row: GoldenCase, escalation: Escalation | None) -> bool | None:
    """Whether the question that is due is among those asked; a question of kind `confirm` names no part."""
    due = row.expected.question
    if due is None:
        return None
    if escalation is None:
        return False
    asked = escalation.questions
    if due.kind == "part":
        return any(q.clause_id == due.clause and q.part == due.part for q in asked)
    if due.kind == "clause":
        return any(q.kind == "clause" for q in asked)
    return any(q.kind == due.kind for q in asked)


def _types(row: GoldenCase, named: set[str]) -> tuple[int, int, int]:
    """Types right, named and due."""
    unsaid = row.expected.outcome == "violation" and not row.expected.type
    if row.argument or unsaid:
        return (0, 0, 0)
    due = {row.expected.type} - {""}
    return len(named & due), len(named), len(due)


def _parts(row: GoldenCase, findings: Sequence[Finding]) -> tuple[int, int]:
    judged = {(f.clause_id, part.part): part.verdict for f in findings for part in f.parts}
    argued = {(cid, part): v for cid, verdicts in row.expected.parts.items() for part, v in verdicts.items()}
    return sum(judged.get(key) == verdict for key, verdict in argued.items()), len(argued)


def figures(scored: Sequence[Scored]) -> Figures:
    """Sum up; a case that was handed on counts as right only where a person was due."""
    alone = [one for one in scored if one.got != "person"]
    due = [one for one in scored if one.expected == "person"]
    asked = [one for one in scored if one.got == "person"]
    asked_right = [one.asked_right for one in due if one.asked_right is not None]
    right, named, wanted = (sum(one.clauses[i] for one in scored) for i in range(3))
    types = [sum(one.types[i] for one in scored) for i in range(3)]
    n = max(len(scored), 1)
    return Figures(
        cases=len(scored),
        outcome=rate(sum(one.right for one in scored), len(scored)),
        alone=rate(len(alone), len(scored)),
        alone_right=rate(sum(one.right for one in alone), len(alone)),
        unsafe=rate(sum(one.unsafe for one in scored), len(alone)),
        wrongly_convicted=rate(sum(one.got == "violation" and not one.right for one in scored), len(alone)),
        asked_when_due=rate(sum(one.got == "person" for one in due), len(due)),
        due_when_asked=rate(sum(one.expected == "person" for one in asked), len(asked)),
        right_question=rate(sum(asked_right), len(asked_right)),
        parts=rate(sum(one.parts[0] for one in scored), sum(one.parts[1] for one in scored)),
        clause_precision=rate(right, named),
        clause_recall=rate(right, wanted),
        clause_f1=2 * right / (named + wanted) if named + wanted else 0.0,
        type_precision=rate(types[0], types[1]),
        type_recall=rate(types[0], types[2]),
        quotes=rate(sum(one.quotes[0] for one in scored), sum(one.quotes[1] for one in scored)),
        model_calls=sum(one.model_calls for one in scored) / n,
        tool_calls=sum(one.tool_calls for one in scored) / n,
        tokens=sum(one.tokens for one in scored) / n,
        cost=sum(one.cost for one in scored) / n,
        seconds=sum(one.seconds for one in scored) / n,
    )


class Report(Record):
    """One evaluation: who judged what, each case, and the figures.

    Attributes:
        labelled: whether the right answers are labels, not arguments.
        cases_sha256: of the file of cases.
        evidence_sha256: of the records and pictures beside it; empty in a report that was made before it was kept.
        baselines: what simpler deciders come to on the same cases.
    """

    split: str
    auditor: str
    model: str
    snapshot: str
    labelled: bool = False
    cases_sha256: str
    evidence_sha256: str = ""
    figures: Figures
    baselines: tuple[Baseline, ...] = ()
    by_kind: dict[str, Figures] = Field(default_factory=dict)
    cases: tuple[Scored, ...]


def read_report(path: Path) -> Report:
    """Read a report that was written as JSON.

    Raises:
        Invalid: where the file holds none.
    """
    try:
        return Report.model_validate_json(path.read_bytes())
    except ValidationError as error:
        found = problems_of(error)
        raise Invalid(str(path), tuple(p.model_copy(update={"pointer": f"{path}{p.pointer}"}) for p in found)) from None


def changed(before: Report, after: Report) -> list[tuple[Scored, Scored]]:
    """Cases of both reports whose outcome differs, in the order of the later one."""
    old = {one.case_id: one for one in before.cases}
    return [(old[one.case_id], one) for one in after.cases if one.case_id in old and old[one.case_id].got != one.got]
