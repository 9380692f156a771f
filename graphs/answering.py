"""The person's part: waiting for an answer, and taking it up."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from cases.case import Case, CaseText
from cases.cutting import cut_case
from cases.decision import Expiry, InformationRequest, Review, Supplement, digest_of, read_answer
from cases.finding import Ballot
from graphs.desk import Desk
from graphs.docket import persons_ballot
from graphs.state import AuditState, Plain, fresh_round, key_of, merged, split_key, upgraded
from graphs.view import View, appended, entry

if TYPE_CHECKING:
    from cases.evidence import Draft


async def await_review(state: AuditState) -> AuditState:
    """Wait for a person; the answer is validated and stored by the caller before the run resumes."""
    return AuditState(answer=interrupt(state["escalation"]))


async def take_up(state: AuditState, runtime: Runtime[Desk]) -> AuditState:
    """Apply the answer, and choose the way `onward`: assess again, a new round, or wait for the seller."""
    current = upgraded(state)
    answer = read_answer(current.get("answer") or {})
    if isinstance(answer, InformationRequest):
        return merged(current, **_requested(current, answer), onward="await_review")
    desk = runtime.context
    if isinstance(answer, Review):
        current = merged(current, **_reviewed(current, answer, desk))
        # Judgements of a text that has changed meanwhile do not decide: their clauses are judged anew.
        if not answer.add_clauses and not _carried(current, len(current["evidence"]), desk)[1]:
            return merged(current, onward="assess")
    return merged(current, **_next_round(current, answer, desk))


def _requested(state: AuditState, answer: InformationRequest) -> dict[str, Any]:
    """The same questions, now with the seller, until the day named; the escalation takes the next number."""
    escalation = dict(state.get("escalation") or {})
    number = state["number"] + 1
    end = datetime.combine(answer.until, datetime.max.time(), tzinfo=answer.at.tzinfo)
    escalation.update(number=number, waiting_for="seller", expires_at=end.isoformat(timespec="seconds"))
    escalation["digest"] = digest_of(state["case"], escalation["findings"], state["pin"]["snapshot"], number)
    return {
        "number": number,
        "escalation": escalation,
        "requested": True,
        "waiting_until": answer.until.isoformat(),
        "answer": None,
    }


def _reviewed(state: AuditState, answer: Review, desk: Desk) -> dict[str, Any]:
    """A person's judgements replace the parts' verdicts; `confirmed` accepts the recommendation as it stands."""
    verdicts = dict(state["verdicts"])
    for judgement in answer.judgements:
        ballot = persons_ballot(judgement, answer.reviewer, state["round"])
        said = ballot.judgement
        held = verdicts.get(key_of(*said.key))
        ballots = [Ballot.model_validate(b) for b in held["ballots"]] if held else []
        ballots.append(ballot)
        made = entry(desk.corpus.clauses[said.clause_id], said, ballots, "person")
        # The person has read the text that was in force when the case was handed over.
        verdicts[key_of(*said.key)] = {**made, "sha256": held["sha256"] if held else made["sha256"]}
    return {
        "verdicts": verdicts,
        "governs": answer.governs or state.get("governs", ""),
        "reviewed": answer.reviewer if answer.settles else state.get("reviewed", ""),
        "senior": any(j.verdict == "unclear" for j in answer.judgements),
        "confirmed": answer.confirmed,
        "overrides": {k: v for k, v in (("action", answer.action), ("notice", answer.notice)) if v},
        "decision": None,
    }


def _next_round(state: AuditState, answer: Review | Supplement | Expiry, desk: Desk) -> dict[str, Any]:
    """New evidence, new clauses or an expiry: a round that begins with gather and carries settled verdicts over."""
    case = dict(state["case"])
    drafts: list[Draft] = []
    if isinstance(answer, Supplement):
        begun = len(case.get("texts", []))
        case["texts"] = [*case.get("texts", []), *(_as_sent(t, answer.by) for t in answer.texts)]
        subject = dict(case["subject"])
        subject["images"] = [*subject.get("images", []), *(d.model_dump(mode="json") for d in answer.documents)]
        case["subject"] = subject
        read = Case.model_validate(case)
        cut = cut_case(read, desk.corpus.local_day(read.opened_at, read.region), state["language"])
        new = {f"text:{i}" for i in range(begun + 1, len(read.texts) + 1)}
        drafts = [draft for draft in cut if draft.source in new]
    evidence = appended(state, drafts, marking=desk.settings.marking)
    verdicts, changed = _carried(merged(state, evidence=evidence), len(state["evidence"]), desk)
    added = answer.add_clauses if isinstance(answer, Review) else ()
    return {
        **fresh_round(state["round"] + 1),
        "onward": "gather",
        "case": case,
        "evidence": evidence,
        "verdicts": verdicts,
        "failures": ["policy_changed"] if changed else [],
        "added": [*state.get("added", []), *added],
        "requested": state.get("requested", False),
        "reviewed": "",
        "confirmed": False,
        "overrides": {},
        "decision": None,
    }


def _as_sent(text: CaseText, by: str) -> Plain:
    """A text of a supplement; what a seller sends is the seller's word, whatever it says of itself."""
    told = text.model_copy(update={"by": "seller", "verified": False}) if by == "seller" else text
    return told.model_dump(mode="json")


def _carried(state: AuditState, known: int, desk: Desk) -> tuple[dict[str, Plain], bool]:
    """Verdicts that hold in the next round: settled ones, unless new evidence names the part or its clause changed."""
    view = View(state, desk)
    named = view.named_since(known)
    kept: dict[str, Plain] = {}
    changed = False
    for name, held in state["verdicts"].items():
        key = split_key(name)
        clause = desk.corpus.clauses.get(key[0])
        if clause is None or clause.sha256 != held["sha256"]:
            changed = True
        elif held["settled"] in {"lead", "person"} and held["verdict"] != "unclear" and key not in named:
            kept[name] = held
    return kept, changed
