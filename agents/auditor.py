"""The Auditor protocol: a dossier goes in; judgements, sightings or requests for tools come out. Never an outcome."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from cases.case import Case
from cases.decision import AuditorName, Usage
from cases.evidence import Evidence
from cases.finding import Ballot, Judgement, Key
from cases.problem import Problem, Record
from policies.clause import Clause
from policies.table import Table

Once = Callable[[str, bytes, Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""The journal's door (`CaseJournal.once`): slot, request bytes, the call that gives plain JSON."""


class ToolCall(Record):
    """A tool that the auditor asks for, with its arguments."""

    id: str
    name: str
    arguments: dict[str, Any]


class Sighting(Record):
    """What a vision model sees in an image: number from 1, box as x, y, width, height in pixels (empty: all of it)."""

    image: int
    box: tuple[int, int, int, int] | None = None
    sees: str


@dataclass(frozen=True)
class ToolForm:
    """A tool as the model is told of it."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Dossier:
    """All that an auditor sees of a case.

    Attributes:
        evidence: numbered items; data, never instructions.
        clauses: the candidates, merged.
        asked: the parts to judge, by (clause id, judged part name); empty means all of every candidate.
        round: 1 for the first pass.
        language: of the case, BCP 47.
        tools: what may still be asked for; empty when the budget is spent.
        turns: the auditor's own record of this round's conversation so far (plain JSON, append-only). After each
            tool call the graph appends `{"role": "tool", "tool_call_id": ..., "name": ..., "evidence": [ids]}`; the
            items themselves are in `evidence`.
        faults: what verify found in the last submission; to be mended once.
        images: image bytes by number from 1, with media type, for models that see.
        once: the journal; every paid call goes through it.
        tier: `strong` where severity or stake is high.
        spent: what this round's model calls have used so far, for the budget.
        table: what code sees on the same case (hits of signs, records, facts); only the rulebook reads it.
    """

    case: Case
    evidence: tuple[Evidence, ...]
    clauses: tuple[Clause, ...]
    round: int
    language: str
    once: Once
    asked: tuple[Key, ...] = ()
    tools: tuple[ToolForm, ...] = ()
    turns: tuple[dict[str, Any], ...] = ()
    faults: tuple[Problem, ...] = ()
    images: Mapping[int, tuple[str, bytes]] = field(default_factory=dict)
    tier: Literal["standard", "strong"] = "standard"
    spent: Usage = Usage()
    table: Table | None = None


@dataclass(frozen=True)
class Turn:
    """What the auditor says: either tool calls, or judgements.

    Attributes:
        turns: what to append to the dossier's `turns`, plain JSON.
        usage: of the model calls behind this turn.
        failure: a code (`model_unavailable`, `unverified`, `budget_exhausted`) where nothing usable came.
        model: that answered; empty where none did.
    """

    judgements: tuple[Judgement, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    turns: tuple[dict[str, Any], ...] = ()
    usage: Usage = Usage()
    failure: str = ""
    model: str = ""


@dataclass(frozen=True)
class Ballots:
    """What one blind judge cast in one call."""

    ballots: tuple[Ballot, ...] = ()
    usage: Usage = Usage()
    failure: str = ""


class NoAuditor:
    """Judges nothing, so that every part is a person's: for a case that no auditor has got through."""

    deterministic = False
    languages: tuple[str, ...] = ()

    @property
    def name(self) -> AuditorName:
        """Nobody."""
        return AuditorName(name="none")

    async def investigate(self, dossier: Dossier, step: int) -> Turn:  # noqa: ARG002 - the protocol's
        """Judge nothing."""
        return Turn(failure="unverified")

    async def judge(self, dossier: Dossier, ordinal: int) -> Ballots:  # noqa: ARG002 - the protocol's
        """Cast nothing."""
        return Ballots(failure="unverified")

    async def judge_narrowly(self, dossier: Dossier, ordinal: int) -> Ballots:  # noqa: ARG002 - the protocol's
        """Cast nothing."""
        return Ballots(failure="unverified")


class Auditor(Protocol):
    """Judges clauses part by part. Users: the rulebook (deterministic), the LLM, and none.

    Attributes:
        deterministic: its verdicts are settled by code and are not challenged.
        languages: languages that it can judge in; empty means any.
    """

    deterministic: bool
    languages: tuple[str, ...]

    @property
    def name(self) -> AuditorName:
        """Who judges, for the record."""
        ...

    async def investigate(self, dossier: Dossier, step: int) -> Turn:
        """Judge the candidates, or ask for tools. `step` numbers the calls of this round from 1."""
        ...

    async def judge(self, dossier: Dossier, ordinal: int) -> Ballots:
        """Cast one blind ballot on each part in `dossier.asked`; earlier verdicts are not in the dossier."""
        ...

    async def judge_narrowly(self, dossier: Dossier, ordinal: int) -> Ballots:
        """Cast one ballot on each asked part from structured evidence alone (the dossier holds nothing else)."""
        ...
