"""One result as a person reads it: what the terminal, the Markdown and the HTML page all show."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from agents.blocks import show
from cases.decision import Consequence, Decision, Escalation, Question
from cases.evidence import Evidence, Quote
from cases.finding import Finding, PartFinding
from graphs.rationale import names_part

_VERDICTS = {"met": "met", "not_met": "not met", "unclear": "unclear"}
_ACTIONS = {"": "no action"}


@dataclass(frozen=True)
class Quoted:
    """A quote with its source and voucher; every character shows."""

    text: str
    where: str
    gloss: str = ""


@dataclass(frozen=True)
class PartRow:
    """One part with its verdict."""

    name: str
    verdict: str
    basis: str
    quotes: tuple[Quoted, ...]
    why: str
    ballots: str = ""


@dataclass(frozen=True)
class ClauseBlock:
    """One clause with its parts; a cleared one shows only the part that clears it."""

    id: str
    title: str
    status: str
    parts: tuple[PartRow, ...]
    lifted_by: str = ""


@dataclass(frozen=True)
class Asked:
    """One open question."""

    kind: str
    where: str
    text: str
    for_: tuple[Quoted, ...]
    against: tuple[Quoted, ...]
    neither: tuple[Quoted, ...]
    would_settle: str
    if_met: str
    if_not_met: str


@dataclass(frozen=True)
class Sheet:
    """One result, ready to print.

    Attributes:
        headline: the outcome in words, such as "Violation: Zombie-style knives".
        warnings: texts that a reader must not trust as they stand, and what could not be looked at.
        carried: clauses that carry the outcome or keep it open; `cleared`: the others.
    """

    case_id: str
    subject: str
    status: str
    headline: str
    action: str
    reasons: tuple[str, ...]
    questions: tuple[Asked, ...]
    carried: tuple[ClauseBlock, ...]
    cleared: tuple[ClauseBlock, ...]
    notice: str
    recommended: str
    meanwhile: str
    problems: tuple[str, ...]
    made: str
    warnings: tuple[str, ...] = ()


def sheet_of(line: Mapping[str, Any]) -> Sheet:
    """Read a result line; raises pydantic's ValidationError where it is none."""
    if line["status"] == "invalid":
        return _invalid(line)
    evidence = {item["id"]: Evidence.model_validate(item) for item in line["evidence"]}
    titles = {cid: text.split("\n", 1)[0] for cid, text in line["clauses"].items()}
    subject = next((e.text for e in evidence.values() if e.source == "listing.title"), line["case_id"])
    if line["status"] == "decided":
        sheet = _decided(Decision.model_validate(line["decision"]), evidence, titles, show(subject))
    else:
        sheet = _escalated(Escalation.model_validate(line["escalation"]), evidence, titles, show(subject))
    return replace(sheet, warnings=tuple(_warnings(evidence.values())))


def _warnings(items: Iterable[Evidence]) -> Iterator[str]:
    """What a reader must know of texts before trusting them: planted instructions, hidden characters, gaps."""
    for item in items:
        where = f"{item.id} {item.source}"
        for start, end in item.flags.instruction_like[:1]:
            words = " ".join(show(line) for line in item.text[start:end].split("\n"))
            yield f"{where} holds text that reads like an instruction, and was not obeyed: «{words[:120]}»"
        if item.flags.invisible_characters and item.voucher not in {"platform", "tool"}:
            yield f"{where} holds characters that do not show: {', '.join(item.flags.invisible_characters[:3])}"
        if item.flags.unavailable:
            yield f"{where} is not available"


def _decided(decision: Decision, evidence: dict[str, Evidence], titles: dict[str, str], subject: str) -> Sheet:
    carrying, rest = _split(decision.findings, decision.outcome)
    what = ", ".join(titles.get(f.clause_id, f.clause_id) for f in carrying)
    headline = f"Violation: {what}" if decision.outcome == "violation" else "No violation"
    return Sheet(
        case_id=decision.case_id,
        subject=subject,
        status="decided",
        headline=headline,
        action=_action(decision),
        reasons=decision.reasons,
        questions=(),
        carried=tuple(_block(f, evidence, titles, whole=True) for f in carrying),
        cleared=tuple(_block(f, evidence, titles, whole=False) for f in rest),
        notice=show(decision.notice),
        recommended="",
        meanwhile="",
        problems=(),
        made=_made(decision),
    )


def _escalated(escalation: Escalation, evidence: dict[str, Evidence], titles: dict[str, str], subject: str) -> Sheet:
    asked = {q.clause_id for q in escalation.questions}
    carrying = [f for f in escalation.findings if f.status != "not_fulfilled" or f.clause_id in asked]
    rest = [f for f in escalation.findings if f not in carrying]
    count = len(escalation.questions)
    recommended = escalation.recommended
    return Sheet(
        case_id=escalation.case_id,
        subject=subject,
        status="escalated",
        headline=f"{count} open question{'s' if count != 1 else ''} for a {escalation.waiting_for.replace('_', ' ')}",
        action="",
        reasons=escalation.reasons,
        questions=tuple(_asked(q, evidence) for q in escalation.questions),
        carried=tuple(_block(f, evidence, titles, whole=True) for f in carrying),
        cleared=tuple(_block(f, evidence, titles, whole=False) for f in rest),
        notice=show(recommended.notice) if recommended else "",
        recommended=_recommendation(recommended) if recommended else "",
        meanwhile=escalation.meanwhile,
        problems=(),
        made=f"escalation {escalation.number}, round {escalation.round}"
        + (f", open until {escalation.expires_at:%Y-%m-%d}" if escalation.expires_at else ""),
    )


def _invalid(line: Mapping[str, Any]) -> Sheet:
    problems = tuple(
        f"{p['pointer'] or '/'}: {p['detail']}" + (f" — {p['hint']}" if p.get("hint") else "")
        for p in line["error"]["problems"]
    )
    return Sheet(
        case_id=line["case_id"],
        subject=line["error"]["where"],
        status="invalid",
        headline="Not a valid case",
        action="",
        reasons=(),
        questions=(),
        carried=(),
        cleared=(),
        notice="",
        recommended="",
        meanwhile="",
        problems=tuple(show(problem) for problem in problems),
        made="",
    )


def _split(findings: tuple[Finding, ...], outcome: str) -> tuple[list[Finding], list[Finding]]:
    """Findings that carry the outcome, and the others; a clearance is carried by permits and what they lift."""
    if outcome == "violation":
        carrying = [f for f in findings if f.status == "fulfilled" and not f.lifted_by]
    else:
        carrying = [f for f in findings if f.status == "fulfilled"]
    return carrying, [f for f in findings if f not in carrying]


def _block(finding: Finding, evidence: dict[str, Evidence], titles: dict[str, str], *, whole: bool) -> ClauseBlock:
    parts = finding.parts if whole else _settling(finding)
    return ClauseBlock(
        id=finding.clause_id,
        title=titles.get(finding.clause_id, finding.clause_id),
        status=finding.status.replace("_", " "),
        parts=tuple(_row(part, evidence) for part in parts),
        lifted_by=finding.lifted_by or "",
    )


def _settling(finding: Finding) -> tuple[PartFinding, ...]:
    settling = [part for part in finding.parts if names_part(finding.settled_by, part.part)]
    telling = [part for part in settling if part.verdict == "not_met"] or settling  # of a group, what is missing
    return tuple(telling[:1])


def _row(part: PartFinding, evidence: dict[str, Evidence]) -> PartRow:
    said = part.speaking
    cast = [b.judgement.verdict for b in part.ballots]
    split = ", ".join(f"{cast.count(v)} {_VERDICTS[v]}" for v in dict.fromkeys(cast)) if len(cast) > 1 else ""
    return PartRow(
        name=part.part,
        verdict=_VERDICTS[part.verdict],
        basis=part.basis,
        quotes=tuple(quoted(q, evidence) for q in said.quotes) if said else (),
        why=show(said.why) if said else "",
        ballots=split,
    )


def quoted(quote: Quote, evidence: Mapping[str, Evidence]) -> Quoted:
    """A quote with its place and voucher beside it."""
    text = " ".join(show(line) for line in quote.text.split("\n"))
    if quote.clause_id:
        return Quoted(text, f"clause {quote.clause_id}", show(quote.gloss))
    item = evidence.get(quote.evidence_id)
    where = f"{item.id} {item.source}, {item.voucher}" if item else quote.evidence_id
    return Quoted(text, where, show(quote.gloss))


def _asked(question: Question, evidence: dict[str, Evidence]) -> Asked:
    where = f"{question.clause_title} · {question.part}" if question.part else question.clause_title
    return Asked(
        kind=question.kind,
        where=where,
        text=show(question.text),
        for_=tuple(quoted(q, evidence) for q in question.for_),
        against=tuple(quoted(q, evidence) for q in question.against),
        neither=tuple(quoted(q, evidence) for q in question.neither),
        would_settle=show(question.would_settle),
        if_met=_then(question.if_met),
        if_not_met=_then(question.if_not_met),
    )


def _then(consequence: Consequence) -> str:
    if consequence.outcome is None:
        return "more stays open"
    if consequence.outcome == "no_violation":
        return "no violation"
    return f"violation, {consequence.action.replace('_', ' ')}" if consequence.action else "violation"


def _action(decision: Decision) -> str:
    if not decision.action:
        return ""
    days = f" for {decision.action.days} days" if decision.action.days else ""
    step = f"step {decision.action.step + 1} of {decision.action.clause_id}"
    return f"{decision.action.name.replace('_', ' ')}{days} ({step})"


def _recommendation(decision: Decision) -> str:
    outcome = decision.outcome.replace("_", " ")
    return f"{outcome}, {_action(decision)}" if decision.action else outcome


def _made(decision: Decision) -> str:
    names = " and ".join(filter(None, (decision.reviewer, decision.second_reviewer)))
    people = "two people" if decision.second_reviewer else "a person"
    who = f"{people} ({names})" if decision.decided_by == "person" else "the agent alone"
    auditor = " ".join(filter(None, (decision.auditor.name, decision.auditor.model)))
    usage = decision.usage
    calls = f", {usage.model_calls} model calls, cost {usage.cost}" if usage.model_calls else ""
    return (
        f"decided by {who}; auditor {auditor}; policy {decision.snapshot[:12]}{calls}; {decision.at:%Y-%m-%d %H:%M} UTC"
    )
