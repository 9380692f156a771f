"""Running cases: start, re-enter after a kill, resume with an answer. The file-backed run of `audit` is here too."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiosqlite
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from cases.case import Case
from cases.decision import Answer, Escalation, Usage
from cases.journal import CaseJournal, Journal, MemoryJournal, SqliteJournal
from graphs.audit import build
from graphs.desk import Desk
from graphs.escalations import AnsweredTwice, Escalations, Waiting, check_answer
from graphs.passes import PLAIN, Line, NotPaused, Pass, Saver, begin, config_of, go_on, line_of
from graphs.replay import MakeDesk, replayed


@dataclass(frozen=True)
class Run:
    """A run over many cases: its journal, its checkpoints and its escalations.

    Attributes:
        paused: where paused cases are kept; runs that end leave nothing there.
        emit: takes each result line before anything that could rebuild it is given up.
    """

    make_desk: MakeDesk
    journal: Journal
    paused: Saver
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
        passed = await begin(case, desk)
        await self._keep(passed, str(folder or ""))
        self.emit(passed.line)
        return passed.line

    async def answer(self, case_id: str, answer: Answer) -> Line:
        """Take a person's answer and resume the run.

        Raises:
            Invalid: names in the answer that are not there.
            NoEscalation, StaleAnswer, AnsweredTwice: before the graph is touched.
        """
        waiting = self.escalations.meant(case_id, answer)
        desk = await self._desk(waiting)
        check_answer(waiting.escalation, answer, desk.corpus)
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
        return await replayed(case_id, journal, self.escalations.answers(case_id), self.make_desk)

    async def spent(self, case_id: str) -> Usage:
        """What a case that waits for a person has cost so far; an escalation itself need not say it."""
        held = await build(self.paused).aget_state(config_of(case_id))
        return Usage.model_validate(held.values.get("usage", {}))

    async def _resume(self, waiting: Waiting, desk: Desk) -> Line:
        case_id = waiting.case_id
        try:
            passed = await go_on(self.paused, case_id, waiting.interrupt_id, waiting.answer or {}, desk)
        except NotPaused:
            line = await self._gone_on(waiting, desk)
        else:
            await self._keep(passed, waiting.folder)
            line = passed.line
        self.emit(line)
        self.escalations.closed(case_id, waiting.number)
        if line["status"] == "decided":
            await self.paused.adelete_thread(case_id)
        return line

    async def _gone_on(self, waiting: Waiting, desk: Desk) -> Line:
        """The run had gone on and paused anew before a crash; only its escalation was not written down."""
        snapshot = await build(self.paused).aget_state(config_of(waiting.case_id))
        state = dict(snapshot.values)
        interrupts = [interrupt for task in snapshot.tasks for interrupt in task.interrupts]
        self.escalations.record(Escalation.model_validate(state["escalation"]), interrupts[0].id, waiting.folder)
        return line_of(state, desk, status="escalated", escalation=state["escalation"])

    async def _keep(self, passed: Pass, folder: str) -> None:
        """Keep a run that has paused, then its escalation; what is decided, the journal can do again."""
        if passed.escalation:
            await passed.keep(self.paused, passed.escalation.case_id)
            self.escalations.record(passed.escalation, passed.interrupt_id, folder)

    async def _desk(self, waiting: Waiting) -> Desk:
        snapshot = await build(self.paused).aget_state(config_of(waiting.case_id))
        if not snapshot.values:  # another answer has concluded the case since this one was looked at
            raise AnsweredTwice(case=waiting.case_id, number=waiting.number)
        case = Case.model_validate(snapshot.values["case"])
        journal = await CaseJournal.open(self.journal, waiting.case_id)
        return await self.make_desk(case, journal, Path(waiting.folder) if waiting.folder else None)

    async def _paused_line(self, waiting: Waiting) -> Line:
        desk = await self._desk(waiting)
        snapshot = await build(self.paused).aget_state(config_of(waiting.case_id))
        plain = waiting.escalation.model_dump(mode="json")
        return line_of(dict(snapshot.values), desk, status="escalated", escalation=plain)


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
            yield Run(make_desk, MemoryJournal(), InMemorySaver(serde=PLAIN), escalations, emit)
            return
        journal = SqliteJournal(path)
        try:
            async with aiosqlite.connect(path) as connection:
                await connection.execute("PRAGMA busy_timeout=10000")
                saver = AsyncSqliteSaver(connection, serde=PLAIN)
                await saver.setup()
                yield Run(make_desk, journal, saver, escalations, emit)
        finally:
            journal.close()
    finally:
        escalations.close()
