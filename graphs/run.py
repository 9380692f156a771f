"""Running cases: start, re-enter after a kill, resume with an answer. The file-backed run of `audit` is here too."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command

from cases.case import Case
from cases.decision import Answer, Escalation, Usage
from cases.journal import CaseJournal, Journal, MemoryJournal, SqliteJournal
from cases.problem import CasewrightError
from graphs.audit import Audit, build
from graphs.desk import Desk
from graphs.escalations import AnsweredTwice, Escalations, Waiting, check_answer
from graphs.settings import AuditSettings
from graphs.state import AuditState

MakeDesk = Callable[[Case, CaseJournal, Path | None], Awaitable[Desk]]
"""Lays out the desk for one case: the composition root's job."""


class MadeOtherwise(CasewrightError):
    """case {case} was made with {what}; it is replayed with the same only"""

    code: ClassVar[str] = "made_otherwise"
    hint: ClassVar[str] = "set CASEWRIGHT_POLICIES and --auditor as they were"


_STEPS = 100
"""Supersteps that no honest case needs; LangGraph's own limit is a hundred times that."""
_PLAIN = JsonPlusSerializer(allowed_msgpack_modules=None)
"""Checkpoints hold plain JSON types only, and nothing else is ever loaded from them."""

Line = dict[str, Any]
"""One result as it is printed: case_id, status, decision or escalation, evidence, clauses."""


@dataclass(frozen=True)
class Run:
    """A run over many cases: its journal, its checkpoints and its escalations.

    Attributes:
        paused: where paused cases are kept; runs that end leave nothing there.
        emit: takes each result line before anything that could rebuild it is given up.
    """

    make_desk: MakeDesk
    journal: Journal
    paused: BaseCheckpointSaver[Any]
    escalations: Escalations
    emit: Callable[[Line], None]

    async def audit(self, case: Case, folder: Path | None = None) -> Line:
        """Audit one case from its input; after a kill, re-enter it: the journal keeps it from paying twice.

        Args:
            case: as read.
            folder: of the case file, for its images.

        Returns:
            The result line: decided, or escalated.
        """
        waiting = self.escalations.latest(case.id)
        if waiting and not waiting.closed:
            line = await self._paused_line(waiting)
            self.emit(line)
            return line
        if waiting:  # concluded by an answer: only its line is missing
            line = await self.replay(case.id)
            self.emit(line)
            return line
        desk = await self.make_desk(case, await CaseJournal.open(self.journal, case.id), folder)
        running = InMemorySaver(serde=_PLAIN)
        state = await self._invoke(build(running), case.id, {"case": case.model_dump(mode="json")}, desk)
        if "__interrupt__" in state:
            # Only a run that pauses needs to outlive the process; all else the journal can do again.
            await _move(running, self.paused, case.id)
        line = self._result(state, str(folder or ""), desk)
        self.emit(line)
        return line

    async def answer(self, case_id: str, answer: Answer) -> Line:
        """Take a person's answer and resume the run.

        Raises:
            Invalid: names in the answer that are not there.
            NoEscalation, StaleAnswer, AnsweredTwice: before the graph is touched.
        """
        waiting = self.escalations.meant(case_id, answer)
        desk = await self._desk(waiting)
        check_answer(waiting, answer, desk.corpus)
        return await self._resume(self.escalations.answer(case_id, answer), desk)

    async def finish(self) -> list[Line]:
        """Resume what a crash has left between an answer and its conclusion."""
        return [await self._resume(waiting, await self._desk(waiting)) for waiting in self.escalations.unfinished()]

    async def replay(self, case_id: str) -> Line:
        """Rebuild a case's last result from the journal and the answers given, reading nothing from the world.

        Raises:
            NotInJournal: the case, or a call that it needs, was not recorded.
            MadeOtherwise: it was made with another policy snapshot or auditor than those at hand.
        """
        journal = await CaseJournal.open(self.journal, case_id, replaying=True)
        pin = journal.recorded("1/pin")
        folder = Path(pin["folder"]) if pin["folder"] else None
        desk = await self.make_desk(Case.model_validate(pin["case"]), journal, folder)
        desk.settings = AuditSettings.model_validate(pin["settings"])
        at_hand = {"snapshot": desk.corpus.snapshot, "auditor": desk.auditor.name.model_dump(mode="json")}
        if other := [name for name, value in at_hand.items() if pin[name] != value]:
            raise MadeOtherwise(case=case_id, what=" and ".join(f"{name} {pin[name]}" for name in other))
        graph = build(InMemorySaver(serde=_PLAIN))
        state = await self._invoke(graph, case_id, {"case": pin["case"]}, desk)
        for answer in self.escalations.answers(case_id):
            pending = {interrupt.id: answer for interrupt in state.get("__interrupt__", [])}
            command: Command[Any] = Command(resume=pending)
            state = await self._invoke(graph, case_id, command, desk)
        if state.get("__interrupt__"):
            return _line(state, desk, status="escalated", escalation=state["escalation"])
        return _line(state, desk, status="decided", decision=state["decision"])

    async def spent(self, case_id: str) -> Usage:
        """What a case that waits for a person has cost so far; an escalation itself need not say it."""
        held = await build(self.paused).aget_state(_config(case_id))
        return Usage.model_validate(held.values.get("usage", {}))

    async def _resume(self, waiting: Waiting, desk: Desk) -> Line:
        graph = build(self.paused)
        snapshot = await graph.aget_state(_config(waiting.case_id))
        pending = {interrupt.id for task in snapshot.tasks for interrupt in task.interrupts}
        if waiting.interrupt_id in pending:
            command: Command[Any] = Command(resume={waiting.interrupt_id: waiting.answer})
            state = await self._invoke(graph, waiting.case_id, command, desk)
        else:
            # The run had gone on before the crash; only its result was not written down.
            state = {**snapshot.values, "__interrupt__": [i for t in snapshot.tasks for i in t.interrupts]}
        line = self._result(state, waiting.folder, desk)
        self.emit(line)
        self.escalations.closed(waiting.case_id, waiting.number)
        if line["status"] == "decided":
            await self.paused.adelete_thread(waiting.case_id)
        return line

    async def _desk(self, waiting: Waiting) -> Desk:
        snapshot = await build(self.paused).aget_state(_config(waiting.case_id))
        if not snapshot.values:  # another answer has concluded the case since this one was looked at
            raise AnsweredTwice(case=waiting.case_id, number=waiting.number)
        case = Case.model_validate(snapshot.values["case"])
        journal = await CaseJournal.open(self.journal, waiting.case_id)
        return await self.make_desk(case, journal, Path(waiting.folder) if waiting.folder else None)

    async def _invoke(self, graph: Audit, case_id: str, given: Any, desk: Desk) -> dict[str, Any]:  # noqa: ANN401 - input or Command
        return dict(await graph.ainvoke(given, _config(case_id), context=desk, durability="exit"))

    def _result(self, state: dict[str, Any], folder: str, desk: Desk) -> Line:
        interrupts = state.get("__interrupt__") or []
        if interrupts:
            escalation = Escalation.model_validate(state["escalation"])
            self.escalations.record(escalation, interrupts[0].id, folder)
            return _line(state, desk, status="escalated", escalation=state["escalation"])
        return _line(state, desk, status="decided", decision=state["decision"])

    async def _paused_line(self, waiting: Waiting) -> Line:
        desk = await self._desk(waiting)
        snapshot = await build(self.paused).aget_state(_config(waiting.case_id))
        plain = waiting.escalation.model_dump(mode="json")
        return _line(dict(snapshot.values), desk, status="escalated", escalation=plain)


def _config(case_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": case_id}, "recursion_limit": _STEPS}


def _line(state: dict[str, Any] | AuditState, desk: Desk, **outcome: Any) -> Line:  # noqa: ANN401 - JSON
    known = desk.corpus.clauses  # a clause may be gone since the case was handed over
    clauses = {clause_id: known[clause_id].text for clause_id in state.get("candidates", []) if clause_id in known}
    return {
        "case_id": state["case"]["id"],
        **outcome,
        "evidence": state.get("evidence", []),
        "clauses": clauses,
    }


async def _move(running: InMemorySaver, paused: BaseCheckpointSaver[Any], case_id: str) -> None:
    """Carry the checkpoint of a paused run, with its pending interrupt, to where it lasts."""
    held = await running.aget_tuple(_config(case_id))
    if held is None:
        return
    fresh: RunnableConfig = {"configurable": {"thread_id": case_id, "checkpoint_ns": ""}}
    stored = await paused.aput(fresh, held.checkpoint, held.metadata, held.checkpoint["channel_versions"])
    by_task: dict[str, list[tuple[str, Any]]] = {}
    for task_id, channel, value in held.pending_writes or ():
        by_task.setdefault(task_id, []).append((channel, value))
    for task_id, writes in by_task.items():
        await paused.aput_writes(stored, writes, task_id)


@asynccontextmanager
async def open_run(make_desk: MakeDesk, path: Path | None, emit: Callable[[Line], None]) -> AsyncIterator[Run]:
    """Open a run.

    Args:
        make_desk: lays out the desk for a case.
        path: the SQLite file that keeps journal, checkpoints and escalations; none keeps them in memory.
        emit: takes each result line.
    """
    escalations = Escalations(path)
    try:
        if path is None:
            yield Run(make_desk, MemoryJournal(), InMemorySaver(serde=_PLAIN), escalations, emit)
            return
        journal = SqliteJournal(path)
        try:
            async with aiosqlite.connect(path) as connection:
                await connection.execute("PRAGMA busy_timeout=10000")
                saver = AsyncSqliteSaver(connection, serde=_PLAIN)
                await saver.setup()
                yield Run(make_desk, journal, saver, escalations, emit)
        finally:
            journal.close()
    finally:
        escalations.close()
