"""What a run carries from node to node: plain JSON, small, with a version, so that a paused case outlives a release."""

from typing import Any, TypedDict, cast

VERSION = 2

Plain = dict[str, Any]


class AuditState(TypedDict, total=False):
    """The state of one case.

    Attributes:
        version: of this shape; `upgraded` brings older ones up.
        case: the case as it came in.
        round: 1 for the first pass; an answer that adds evidence or clauses starts the next.
        pin: the round's snapshot, settings, auditor and clock.
        language: of the case.
        evidence: all items, in the order of their ids.
        looked: ids of what the last standing tools found; `past`: of what those before had found, and is so no more.
        candidates: clause ids to be judged, in order.
        added: clauses that a person added.
        standing_out: a clause that the search finds much nearer than every other one, or none.
        missing: raised violation types that no clause covers here.
        turns: the auditor's record of this round's conversation.
        steps: calls of `investigate` in this round.
        model: that answered last.
        asked_tools: tool calls that wait to be run.
        tools_used: tool calls in this round.
        submitted: judgements of the last submission, not yet verified.
        faults: what `verify` found in it.
        repaired: the faults have gone back once in this round.
        reopened: unjudged parts have gone back once in this round.
        verdicts: per `clause|part`: verdict, basis, how it was settled, the clause's hash, and its ballots.
        judged_blind: blind calls in this round.
        onward: where `challenge` leads next.
        failures: reason codes that running has met, in order.
        usage: of all rounds; `spent` of this one.
        number: of the last escalation.
        escalation: that waits for an answer.
        answer: taken up last.
        reviewed: reviewer's name once a person has judged.
        senior: a person could not tell; the next escalation goes to a senior.
        governs: the clause that a person named as governing.
        requested: the seller has been asked once.
        waiting_until: day until which a request waits.
        confirmed: a person has confirmed the recommendation as it stands.
        overrides: a person's action and notice.
        decision: the outcome, once there is one.
    """

    version: int
    case: Plain
    round: int
    pin: Plain
    language: str
    evidence: list[Plain]
    looked: list[str]
    past: list[str]
    candidates: list[str]
    added: list[str]
    standing_out: list[str]
    missing: list[str]
    turns: list[Plain]
    steps: int
    model: str
    asked_tools: list[Plain]
    tools_used: int
    submitted: list[Plain]
    faults: list[Plain]
    repaired: bool
    reopened: bool
    verdicts: dict[str, Plain]
    judged_blind: int
    onward: str
    failures: list[str]
    usage: Plain
    spent: Plain
    number: int
    escalation: Plain | None
    answer: Plain | None
    reviewed: str
    senior: bool
    governs: str
    requested: bool
    waiting_until: str
    confirmed: bool
    overrides: Plain
    decision: Plain | None


def key_of(clause_id: str, part: str) -> str:
    """The name under which a part's verdict is kept."""
    return f"{clause_id}|{part}"


def split_key(key: str) -> tuple[str, str]:
    """Clause id and part of a verdict's name."""
    clause_id, _, part = key.partition("|")
    return clause_id, part


def fresh_round(number: int) -> AuditState:
    """What every round begins with."""
    return AuditState(
        round=number,
        turns=[],
        steps=0,
        asked_tools=[],
        tools_used=0,
        submitted=[],
        faults=[],
        repaired=False,
        reopened=False,
        judged_blind=0,
        onward="",
        failures=[],
        spent={},
    )


def merged(state: AuditState, **changes: Any) -> AuditState:  # noqa: ANN401 - any value that a state may hold
    """The state with some of its keys changed."""
    return cast("AuditState", {**state, **changes})


def upgraded(state: AuditState) -> AuditState:
    """Bring the state of a run that paused under an earlier version up to this one; keys are only ever added.

    Version 1 knew neither a governing clause nor requests to the seller, and kept no blind ballots apart; nor did it
    know what was confirmed, or which evidence a later look has replaced.
    """
    added = AuditState(
        governs="",
        requested=False,
        added=[],
        waiting_until="",
        confirmed=False,
        overrides={},
        senior=False,
        judged_blind=0,
        looked=[],
        past=[],
    )
    return merged(merged(added, **state), version=VERSION)
