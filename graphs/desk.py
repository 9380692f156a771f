"""What a run works with: the dependencies that LangGraph's runtime context carries, so that tests pass doubles."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from agents.auditor import Auditor
from cases.case import Case
from cases.decision import Decision
from cases.evidence import Evidence
from cases.journal import CaseJournal
from cases.problem import Record
from cases.watch import Watch, unwatched
from graphs.settings import AuditSettings
from policies.corpus import Corpus
from policies.search import ClauseSearch
from policies.table import Table, lay
from tools.tool import Tool

_R = TypeVar("_R", bound=Record)


class Clock(Protocol):
    """What time it is. Two users: the system's clock, and a fixed one for replays and tests."""

    def now(self) -> datetime:
        """The present moment, with its zone."""
        ...


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """The present moment."""
        return datetime.now(UTC)


class DecisionSink(Protocol):
    """Where a decision goes. Called once or more with the same decision; the sink keeps one."""

    async def conclude(self, decision: Decision, evidence: tuple[Evidence, ...]) -> None:
        """Take the decision."""
        ...


class NoSink:
    """A sink for runs without effects: the caller reads the decision from the state."""

    async def conclude(self, decision: Decision, evidence: tuple[Evidence, ...]) -> None:
        """Take nothing."""


@dataclass
class Step:
    """A step of a run that is being taken, for whoever watches.

    Attributes:
        kind: a node of the graph, or a tool inside one.
        failed: the tool has not answered.
    """

    kind: Literal["node", "tool"]
    name: str
    failed: bool = False


@dataclass
class Desk:
    """The desk at which one case is worked on.

    Attributes:
        corpus: the policy snapshot in force.
        journal: of this case.
        folder: of the case file, for its images; none where there is none.
        watch: stands around each step.
    """

    corpus: Corpus
    search: ClauseSearch
    auditor: Auditor
    tools: Mapping[str, Tool]
    settings: AuditSettings
    journal: CaseJournal
    clock: Clock = field(default_factory=SystemClock)
    sink: DecisionSink = field(default_factory=NoSink)
    folder: Path | None = None
    pictures: Mapping[int, tuple[str, bytes]] = field(default_factory=dict)
    watch: Watch[Step] = unwatched
    _begun: float = field(default_factory=time.monotonic, repr=False)
    _laid: dict[tuple[str, ...], Table] = field(default_factory=dict, repr=False)
    _read: dict[int, tuple[Any, Record]] = field(default_factory=dict, repr=False)

    def elapsed(self) -> float:
        """Seconds since the desk was laid out: the working time of a round, for every start or resume lays out anew."""
        return time.monotonic() - self._begun

    def images(self, case: Case) -> Mapping[int, tuple[str, bytes]]:
        """Image bytes by number from 1, with their media types, for models that see; only checked images are here."""
        return self.pictures if case.subject.images else {}

    def read(self, kind: type[_R], plain: dict[str, Any]) -> _R:
        """Read a record of the state; nodes see the same objects again and again, and each is read once."""
        # The plain record is kept beside what was read, so that its id stays its own.
        held = self._read.get(id(plain))
        if held is not None and isinstance(held[1], kind):
            return held[1]
        made = kind.model_validate(plain)
        self._read[id(plain)] = (plain, made)
        return made

    def table(
        self, case: Case, evidence: tuple[Evidence, ...], language: str, past: tuple[Evidence, ...] = ()
    ) -> Table:
        """The case as code sees it; laid once for the same evidence."""
        key = tuple(item.id + item.sha256 for item in evidence)
        if key not in self._laid:
            self._laid = {key: self._lay(case, evidence, language, past)}
        return self._laid[key]

    def _lay(self, case: Case, evidence: tuple[Evidence, ...], language: str, past: tuple[Evidence, ...]) -> Table:
        """Lay the table anew, or only what has come, where no sign fires in it: firing signs is the dearest look."""
        for before in self._laid.values():
            known = len(before.evidence)
            if evidence[:known] == before.evidence and before.language == language:
                come = lay(self.corpus, case, evidence[known:], language, past)
                if not come.hits:
                    return replace(come, evidence=evidence, hits=before.hits)
        return lay(self.corpus, case, evidence, language, past)
