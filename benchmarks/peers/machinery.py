"""Casewright's machinery alone: its graph, journal, client and results, with nodes that only repeat what they once did.

Each node makes the calls that it made when it was recorded, through the journal and, where a model was asked, over
HTTP; then it returns what it returned. The work that nodes otherwise do is left out, as it is for the peers.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from langgraph.runtime import Runtime
from peers.lap import One
from peers.record import TASKS, Recorded

from agents.endpoint import Endpoint
from agents.gate import Gate
from agents.model import EXAMPLE_PRICES, Prices
from cases.case import Case
from cases.journal import CaseJournal, MemoryJournal
from casewright.settings import Settings
from casewright.wiring import Office
from graphs import audit
from graphs.desk import Desk
from graphs.out_file import OutFile
from graphs.run import open_run

_NODES = ("prepare", "gather", "retrieve", "investigate", "use_tools", "check", "challenge", "assess", "conclude")
MakeDesk = Callable[[Case, CaseJournal], Awaitable[Desk]]
Made = tuple[str, bytes, Any]
"""A call that went through the journal: slot, request, answer."""


@dataclass(frozen=True)
class Step:
    """What a node did: its calls, and what it changed."""

    calls: Sequence[Made]
    changed: dict[str, Any]


@dataclass
class Replaying(Desk):
    """A desk at which every node repeats its step."""

    steps: list[Step] = field(default_factory=list)
    endpoint: Endpoint | None = None


class Noting(CaseJournal):
    """A journal that notes every call."""

    def __init__(self, to: CaseJournal) -> None:
        """Pass everything on to another."""
        super().__init__(MemoryJournal(), "", {})
        self._to = to
        self.made: list[Made] = []

    async def once(self, slot: str, request: bytes, call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - JSON
        """Pass on, and note."""
        answer = await self._to.once(slot, request, call)
        self.made.append((slot, request, answer))
        return answer


async def steps_of(
    lay: MakeDesk, recorded: Recorded, answers: CaseJournal, run: Callable[[Case, Desk], Any]
) -> list[Step]:
    """Do a case's work once, at a desk as `lay` makes it, with `run` (the nodes in a row); note it step by step."""
    noting, steps = Noting(answers), []
    async for changed in run(recorded.case, await lay(recorded.case, noting)):
        steps.append(Step(tuple(noting.made), changed))
        noting.made.clear()
    return [*steps, Step((), {"escalation": None})] if steps[-1].changed["decision"] else steps


@asynccontextmanager
async def machinery(office: Office, folder: Path, steps: Mapping[str, Sequence[Step]]) -> AsyncIterator[One]:
    """How one case is done when its nodes only repeat its steps, which are given by the id it was recorded under."""
    async with repeating(office.settings, partial(office.desk, folder=None), steps) as lay:

        async def desk(case: Case, journal: CaseJournal, _: Path | None) -> Desk:
            return await lay(case, journal)

        out = OutFile(folder / "out.jsonl")
        async with open_run(desk, folder / "run.db", out.append) as run:
            yield lambda recorded: run.audit(recorded.case)
        out.close()


@asynccontextmanager
async def repeating(
    settings: Settings, lay: MakeDesk, steps: Mapping[str, Sequence[Step]], gate: Gate | None = None
) -> AsyncIterator[MakeDesk]:
    """Replace every node by one that repeats its step; gives how a desk is then laid out."""
    for name in _NODES:
        setattr(audit, name, _repeat)  # the graph is compiled when it is first used
    chosen = settings.model_settings()
    endpoint = Endpoint(chosen, Prices.read(chosen.prices or EXAMPLE_PRICES), gate)

    async def desk(case: Case, journal: CaseJournal) -> Replaying:
        plain = await lay(case, journal)
        given = {each.name: getattr(plain, each.name) for each in fields(plain) if each.init}
        return Replaying(**given, steps=list(steps[case.id.split("~")[0]]), endpoint=endpoint)

    yield desk
    await endpoint.aclose()


async def _repeat(state: dict[str, Any], runtime: Runtime[Replaying]) -> dict[str, Any]:  # noqa: ARG001 - a node's form
    desk = runtime.context
    step = desk.steps.pop(0)
    for made in step.calls:
        await _again(desk, *made)
    return step.changed


async def _again(desk: Replaying, slot: str, request: bytes, answer: Any) -> None:  # noqa: ANN401 - JSON
    async def call() -> Any:  # noqa: ANN401 - JSON
        if slot.split("/")[1] in TASKS and desk.endpoint:
            return await desk.endpoint.complete(orjson.loads(request), request)
        return answer

    await desk.journal.once(slot, request, call)
