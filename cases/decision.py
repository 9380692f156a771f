"""What comes out: a decision, or an escalation with its open questions, and a person's answer to it."""

import hashlib
from typing import Any, Literal, get_args

import orjson
from pydantic import Field, ValidationError

from cases.case import CaseText, Day, Flag, Id, Image, Moment, Whole
from cases.evidence import Quote
from cases.finding import Finding, Judgement
from cases.problem import Invalid, Problem, Record, problems_of

ReasonCode = Literal[
    "open_question",
    "contested",
    "conflicting_clauses",
    "policy_gap",
    "no_clause",
    "unverified",
    "conflicting_signs",
    "low_confidence",
    "visual_only",
    "tool_unavailable",
    "model_unavailable",
    "challenge_missing",
    "budget_exhausted",
    "instruction_in_evidence",
    "appraisal",
    "high_impact",
    "ladder_requires_person",
    "trusted_seller",
    "awaiting_information",
    "not_certified",
    "sampled",
    "appeal",
    "unsupported_language",
    "policy_changed",
    "subject_changed",
    "automation_off",
    "action_held",
    "cap_reached",
    "kill_switch",
    "run_failed",
]
REASON_CODES: tuple[ReasonCode, ...] = get_args(ReasonCode)
Outcome = Literal["violation", "no_violation"]
QuestionKind = Literal["part", "confirm", "clause", "policy"]
WaitingFor = Literal["reviewer", "senior", "seller", "policy_team"]


def _nobody(name: str) -> bool:
    """Where there is nobody, nothing is written: what one person decides reads as it did before two could."""
    return not name


class Action(Record):
    """What is done about a violation: an action's name, and the clause and ladder step that it comes from."""

    name: str
    clause_id: str
    step: int
    days: int | None = None


class Usage(Record):
    """What a case has cost: calls, tokens, money as a decimal string in the price table's currency."""

    model_calls: int = 0
    tool_calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    cost: str = "0"


class AuditorName(Record):
    """Who judged: the auditor, its model and the hash of its prompts."""

    name: str
    model: str = ""
    prompts: str = ""


class Decision(Record):
    """The one decision type, from draft (`recommended`) to export.

    Attributes:
        scope: markets in which it holds.
        rationale: rendered by code from the findings.
        notice: to the seller, from the clause's template.
        second_reviewer: the other person, where it took two: who had come to the same before.
        reasons: codes that sent the case to a person, empty where the agent decided alone.
        snapshot: hash of the policy corpus in force.
    """

    case_id: str
    outcome: Outcome
    scope: tuple[str, ...]
    findings: tuple[Finding, ...]
    rationale: str
    notice: str = ""
    action: Action | None = None
    decided_by: Literal["agent", "person"] = "agent"
    reviewer: str = ""
    second_reviewer: str = Field("", exclude_if=_nobody)
    reasons: tuple[ReasonCode, ...] = ()
    signals: dict[str, float] = Field(default_factory=dict)
    snapshot: str
    auditor: AuditorName
    usage: Usage = Usage()
    subject_revision: str | None = None
    at: Moment


class Consequence(Record):
    """What an answer would lead to, by code: an outcome (none while more is open) and an action's name."""

    outcome: Outcome | None = None
    action: str = ""


class Question(Record):
    """What a person is asked: one part, one confirmation, one choice of clause, or a gap in the policy.

    Attributes:
        neither: quotes that bear on it without taking a side.
        would_settle: the evidence that would settle it.
    """

    kind: QuestionKind
    text: str
    clause_id: str = ""
    clause_title: str = ""
    part: str = ""
    for_: tuple[Quote, ...] = Field((), alias="for")
    against: tuple[Quote, ...] = ()
    neither: tuple[Quote, ...] = ()
    would_settle: str = ""
    if_met: Consequence = Consequence()
    if_not_met: Consequence = Consequence()


class Escalation(Record):
    """A case handed to a person. It is answered once, under its number and digest."""

    case_id: str
    number: int
    digest: str
    round: int
    reasons: tuple[ReasonCode, ...]
    questions: tuple[Question, ...] = Field(min_length=1)
    recommended: Decision | None = None
    waiting_for: WaitingFor = "reviewer"
    meanwhile: Literal["keep", "hide"] = "keep"
    expires_at: Moment | None = None
    findings: tuple[Finding, ...] = ()


class Review(Record):
    """A reviewer's answer: judgements settled, a governing clause named, or the recommendation confirmed.

    Attributes:
        second_reviewer: who had come to the same before, where it takes two; never a reviewer's own to say.
    """

    number: Whole
    digest: str
    at: Moment
    reviewer: Id
    judgements: tuple[Judgement, ...] = ()
    governs: str | None = None
    confirmed: Flag = False
    add_clauses: tuple[str, ...] = ()
    action: str | None = None
    action_reason: str = ""
    notice: str | None = None
    comment: str = ""
    claim_feedback: tuple[dict[str, str], ...] = ()
    second_reviewer: str = Field("", exclude_if=_nobody)

    @property
    def settles(self) -> bool:
        """Whether it judges anything: one that does not leaves the case as it stood."""
        return bool(self.judgements or self.governs or self.confirmed)


class Supplement(Record):
    """New evidence for a case; it starts a new round."""

    number: Whole
    digest: str
    at: Moment
    by: Literal["seller", "platform", "person"]
    texts: tuple[CaseText, ...] = ()
    documents: tuple[Image, ...] = ()


class InformationRequest(Record):
    """A question to the seller; the case waits until the day named."""

    number: Whole
    digest: str
    at: Moment
    question: str = Field(min_length=1)
    until: Day


class Expiry(Record):
    """The waiting time is over: a new round at higher priority; it never decides."""

    number: Whole
    digest: str
    at: Moment
    expired: Literal[True]


Answer = Review | Supplement | InformationRequest | Expiry
_TELLING: tuple[tuple[str, type[Answer]], ...] = (
    ("reviewer", Review),
    ("until", InformationRequest),
    ("expired", Expiry),
    ("by", Supplement),
)


def read_answer(data: bytes | str | dict[str, Any]) -> Answer:
    """Read a person's answer.

    Raises:
        Invalid: where it is none of the kinds, or breaks its kind's form.
    """
    try:
        raw = orjson.loads(data) if isinstance(data, bytes | str) else data
    except orjson.JSONDecodeError as error:
        raise Invalid("the answer", (Problem(code="not_json", pointer="", detail=str(error)),)) from error
    kind = next((k for field, k in _TELLING if isinstance(raw, dict) and field in raw), None)
    if kind is None:
        hint = "a review has `reviewer`, a supplement `by`, an information request `until`, an expiry `expired`"
        raise Invalid("the answer", (Problem(code="unknown_kind", pointer="", detail="no kind of answer", hint=hint),))
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise Invalid("the answer", problems_of(error)) from error


def digest_of(case: dict[str, Any], findings: list[dict[str, Any]], snapshot: str, number: int) -> str:
    """What an escalation is bound to: SHA-256 over case, findings, snapshot and its number in the case."""
    canonical = orjson.dumps([case, findings, snapshot, number], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()
