"""Casewright's own arms: as `casewright audit --out` runs, on the stock saver, and its shared work alone.

All run on the loop, and with the frozen heap, that the command gives itself.
"""

import argparse
import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.runtime import Runtime
from peers.bare import arguments
from peers.lap import One, lap, tell
from peers.machinery import MakeDesk, Step, machinery, steps_of
from peers.record import Recorded, read_record, settings_of

from cases.case import Case
from cases.journal import CaseJournal, MemoryJournal
from casewright.commands.audit import audit_run, run_quickly
from casewright.wiring import Office, open_office
from graphs import audit, nodes
from graphs.audit import build
from graphs.concluding import assess
from graphs.desk import Desk
from graphs.out_file import OutFile

_KINDS = ("journal", "stock-exit", "stock-async", "shared", "machinery")
_NODES: dict[str, tuple[Callable[..., Awaitable[Any]], Callable[[Any], str]]] = {
    "prepare": (nodes.prepare, lambda _: "gather"),
    "gather": (nodes.gather, lambda _: "retrieve"),
    "retrieve": (nodes.retrieve, lambda _: "investigate"),
    "investigate": (nodes.investigate, audit.after_investigate),
    "use_tools": (nodes.use_tools, lambda _: "investigate"),
    "verify": (nodes.check, audit.after_verify),
    "challenge": (nodes.challenge, audit.after_challenge),
    "assess": (assess, lambda _: ""),
}


class Remembering(CaseJournal):
    """A journal that keeps nothing: the model's answers come from the record after its latency, all else at once."""

    def __init__(self, case: Recorded, latency_s: float) -> None:
        """Take the answers by slot."""
        super().__init__(MemoryJournal(), case.id, {})
        self._latency_s = latency_s
        self._answers = {}
        for talk in case.conversations:
            for turn, answer in enumerate(talk.answers):
                self._answers[f"1/{talk.task}/{talk.ordinal or turn + 1}"] = answer

    async def once(self, slot: str, request: bytes, call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401, ARG002
        """Return the model's answer, or do the work."""
        if slot not in self._answers:
            return await call()
        await asyncio.sleep(self._latency_s)
        return self._answers[slot]


async def in_a_row(case: Case, desk: Desk) -> AsyncIterator[dict[str, Any]]:
    """Call the nodes one after another, as the graph's edges say, with no graph; yields what each changes."""
    state: dict[str, Any] = {"case": case.model_dump(mode="json")}
    runtime = Runtime(context=desk)
    at = "prepare"
    while at:
        node, onward = _NODES[at]
        changed = await node(state, runtime)
        yield changed
        state |= changed
        at = onward(state)


async def all_steps(lay: MakeDesk, cases: Sequence[Recorded]) -> dict[str, list[Step]]:
    """The steps of every recorded case, by the id it was recorded under.

    No measured case has that id: the escalations made here are then none of theirs.
    """
    distinct = {case.base: replace(case, id=case.base) for case in cases}
    return {base: await steps_of(lay, case, Remembering(case, 0), in_a_row) for base, case in distinct.items()}


@asynccontextmanager
async def ours(given: argparse.Namespace, office: Office, cases: Sequence[Recorded]) -> AsyncIterator[One]:
    """How one case is done, by kind of arm."""
    kind, folder = given.kind, given.scratch
    if kind == "journal":
        out = OutFile(folder / "out.jsonl")
        async with audit_run(office, folder / "run.db", out.append) as run:
            yield lambda recorded: run.audit(recorded.case)
        out.close()
    elif kind == "machinery":
        steps = await all_steps(partial(office.desk, folder=None), cases)
        async with machinery(office, folder, steps) as one:
            yield one
    elif kind == "shared":

        async def shared(recorded: Recorded) -> None:
            case = recorded.case
            async for _ in in_a_row(case, await office.desk(case, Remembering(recorded, given.latency), None)):
                pass

        yield shared
    else:
        async with AsyncSqliteSaver.from_conn_string(str(folder / "stock.db")) as saver:
            graph: Any = build(saver)
            durability = kind.removeprefix("stock-")

            async def stock(recorded: Recorded) -> None:
                case = recorded.case
                desk = await office.desk(case, await CaseJournal.open(MemoryJournal(), case.id), None)
                config: Any = {"configurable": {"thread_id": case.id}}
                await graph.ainvoke({"case": case.model_dump(mode="json")}, config, context=desk, durability=durability)

            yield stock


async def run(given: argparse.Namespace) -> None:
    """Measure the arm."""
    cases = read_record(given.record, given.cases + given.in_flight)
    settings = settings_of(given.record.parent, given.url)
    async with open_office(settings, "llm") as office, ours(given, office, cases) as one:
        gc.freeze()
        tell(await lap(cases, one, given.in_flight, given.latency))


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--kind", choices=_KINDS, default="journal")
    parser.add_argument("--scratch", type=Path, required=True, help="a folder for the run's files")
    run_quickly(run(parser.parse_args()))
