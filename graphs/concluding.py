"""The last nodes: assess and conclude, and the decision or escalation that they make."""

from datetime import datetime, timedelta

from langgraph.runtime import Runtime

from cases.decision import Decision, Escalation, Question, ReasonCode, Usage, WaitingFor, digest_of
from cases.finding import Derived
from graphs.assess import as_recommended, findings_of, outcome_of, reasons, recommended
from graphs.desk import Desk
from graphs.docket import Docket
from graphs.questions import questions
from graphs.rationale import rationale
from graphs.sanction import Ground, sanction_for
from graphs.state import AuditState
from graphs.view import View


async def assess(state: AuditState, runtime: Runtime[Desk]) -> AuditState:
    """Derive the outcome, and decide whether the case may be concluded alone or goes to a person."""
    view = View(state, runtime.context)
    docket = view.docket
    derived = outcome_of(docket)
    if state.get("confirmed"):
        docket, derived = as_recommended(docket, derived, requested=state.get("requested", False))
    codes = reasons(docket, derived)
    if derived.outcome and not codes:
        return AuditState(decision=_decision(view, docket, derived).model_dump(mode="json"), escalation=None)
    return _escalated(view, docket, derived, codes)


def _decision(view: View, docket: Docket, derived: Derived) -> Decision:
    state, overrides = view.state, view.state.get("overrides", {})
    findings = findings_of(docket, derived)
    clauses = {clause.id: clause for clause in view.clauses}
    ground = Ground(view.desk.corpus, view.case, view.evidence, view.table.evidence, state["language"])
    asked = (overrides.get("action", ""), overrides.get("notice", ""))
    sanction = sanction_for(docket, derived, findings, ground, *asked)
    by_person = bool(state.get("reviewed"))
    return Decision(
        case_id=view.case.id,
        outcome=derived.outcome or "no_violation",
        scope=(view.case.region,),
        findings=findings,
        rationale=rationale(findings, derived, clauses, view.evidence),
        notice=sanction.notice if sanction else "",
        action=sanction.action if sanction else None,
        decided_by="person" if by_person else "agent",
        reviewer=state.get("reviewed", ""),
        second_reviewer=(state.get("answer") or {}).get("second_reviewer", ""),
        reasons=tuple((state.get("escalation") or {}).get("reasons", ())) if by_person else (),
        signals=view.case.signals,
        snapshot=view.desk.corpus.snapshot,
        auditor=view.desk.auditor.name,
        usage=Usage.model_validate(state.get("usage", {})),
        subject_revision=view.case.subject.revision,
        at=_moment(state),
    )


def _moment(state: AuditState) -> datetime:
    """The time of the last thing that happened: the answer's, else the round's pinned clock."""
    answer = state.get("answer")
    return datetime.fromisoformat((answer or state["pin"])["at"])


def _escalated(view: View, docket: Docket, derived: Derived, codes: tuple[ReasonCode, ...]) -> AuditState:
    state = view.state
    number = state.get("number", 0) + 1
    asked = questions(docket, derived)
    findings = findings_of(docket, derived)
    plain = [finding.model_dump(mode="json") for finding in findings]
    draft = recommended(derived)
    at_stake = (*derived.violated, *derived.open, *(forbid for _, forbid in derived.conflicts))
    held = [docket.clause(clause_id) for clause_id in at_stake]
    escalation = Escalation(
        case_id=view.case.id,
        number=number,
        digest=digest_of(state["case"], plain, view.desk.corpus.snapshot, number),
        round=state["round"],
        reasons=codes or ("open_question",),
        questions=asked,
        recommended=_decision(view, docket, draft) if draft.outcome else None,
        waiting_for=_waiting_for(state, asked),
        meanwhile="hide" if any(clause.meanwhile == "hide" for clause in held) else "keep",
        expires_at=_moment(state) + timedelta(days=view.desk.settings.review_days),
        findings=findings,
    )
    return AuditState(number=number, escalation=escalation.model_dump(mode="json"), decision=None, answer=None)


def _waiting_for(state: AuditState, asked: tuple[Question, ...]) -> WaitingFor:
    if state.get("senior"):
        return "senior"
    return "policy_team" if asked[0].kind == "policy" else "reviewer"


async def conclude(state: AuditState, runtime: Runtime[Desk]) -> AuditState:
    """Hand the decision to the sink; safe to run twice."""
    view = View(state, runtime.context)
    await view.desk.sink.conclude(Decision.model_validate(state["decision"]), view.evidence)
    return AuditState(escalation=None)
