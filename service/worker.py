"""The worker: takes jobs from the queue, runs their cases, and writes down what came of them."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job as QueuedJob
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries

from agents.gate import ModelPaused
from cases.case import Case
from cases.journal import CaseJournal
from cases.problem import Record
from cases.watch import Watch, unwatched
from graphs.desk import Desk
from graphs.passes import Line, Pass, Saver, begin, go_on
from graphs.view import held_slot
from service.database import Pool
from service.guards import conclude_guarded
from service.journal import JournalWriter, RunJournal
from service.patience import Patience, PatientDriver
from service.pulse import pulse
from service.queue import ENTRYPOINT
from service.runs import Claim, Handed, Held, Superseded, claim, excuse, give_up, hand_over, is_suspect, put_off
from service.savers import GONE

log = logging.getLogger(__name__)

MakeDesk = Callable[[Case, CaseJournal], Awaitable[Desk]]
"""Lays out the desk for one case: the composition root's job."""
_BARE = 2
"""Attempts at laying a case out without tools and model."""
_FAILED = ["run_failed"]
"""What keeps the outcome of a bare run from taking effect alone."""

End = Literal["decided", "escalated", "given_up", "superseded", "model_away", "database_away", "failed"]


@dataclass
class Running:
    """A pass that is on its way, for whoever watches.

    Attributes:
        end: how it has ended; `failed` until it is known.
        line: the result that was written down; none where none was.
    """

    claim: Claim
    end: End = "failed"
    line: Line | None = None


class WorkerSettings(Record):
    """How a worker works.

    Attributes:
        in_flight: cases at a time.
        heartbeat_s: seconds without a sign of life after which another worker takes a case over.
        attempts: claims without getting on after which a case goes to a person as it is.
        again_s: seconds before a failed run is tried again; each further one doubles them.
        outages: absences of the database that a case may meet here before a further one counts against it: what
            looks like one may be the case's own doing.
    """

    in_flight: int = 200
    heartbeat_s: float = 8.0
    attempts: int = 8
    again_s: float = 1.0
    outages: int = 10


@dataclass
class Worker:
    """Runs cases.

    Attributes:
        desk: lays out a case's desk.
        bare_desk: one without tools and model, for a case whose runs have failed again and again.
        saver: where paused runs last.
        watch: stands around each pass.
        dsn: of the database, for signs of life from a thread; empty leaves them to the event loop.
    """

    pool: Pool
    saver: Saver
    desk: MakeDesk
    bare_desk: MakeDesk
    settings: WorkerSettings = WorkerSettings()
    watch: Watch[Running] = unwatched
    dsn: str = ""
    running: set[str] = field(default_factory=set)
    _alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Begin with no writes waiting."""
        self._journal = JournalWriter(self.pool)
        self._patience = Patience(self.pool)
        self._met: Counter[str] = Counter()

    async def take(self, case_id: str) -> None:
        """Run a case whose job has come; nothing happens where it needs no run.

        Raises:
            RetryRequested: it is to be tried again later.
        """
        try:
            await self._take(case_id)
        except GONE as error:
            await self._patience.until_back()
            raise RetryRequested(timedelta(seconds=self.settings.again_s), "the database was away") from error

    async def _take(self, case_id: str) -> None:
        claimed = await claim(self.pool, case_id)
        if claimed:
            await self._run(claimed)
        elif await is_suspect(self.pool, case_id):
            # What may have taken its worker down before runs beside no other of its kind: whoever goes down with
            # it is counted a claim more, and so only the cause itself comes to the last attempt.
            async with self._alone:
                claimed = await claim(self.pool, case_id, alone=True)
                if claimed:
                    await self._run(claimed)

    async def _run(self, claimed: Claim) -> None:
        self.running.add(claimed.case.id)
        running = Running(claimed)
        try:
            with self.watch(running):
                await self._ended(running)
        finally:
            self.running.discard(claimed.case.id)

    async def _ended(self, running: Running) -> None:
        """Run a case to whatever end, and say which."""
        claimed = running.claim
        try:
            running.line = await self._pass(claimed)
            running.end = running.line["status"] if running.line else "given_up"
        except Superseded:
            running.end = "superseded"
            log.info("superseded", extra={"case": claimed.case.id, "epoch": claimed.epoch})
            await excuse(self.pool, claimed)
        except ModelPaused as pause:
            running.end = "model_away"
            await put_off(self.pool, claimed)
            # Not all at once: the first to come back finds out whether the model answers again.
            after = pause.after_s * random.uniform(1, 1.25)  # noqa: S311 - spreads load, guards nothing
            raise RetryRequested(timedelta(seconds=after), "the model is away") from pause
        except Exception as error:
            if isinstance(error, GONE) and await self._sat_out(claimed, error):
                running.end = "database_away"
                # At once: being older, it then comes before what has not begun.
                raise RetryRequested(timedelta(0), "the database was away") from error
            log.exception("run failed", extra={"case": claimed.case.id, "attempt": claimed.attempts})
            after = min(60.0, self.settings.again_s * 2.0 ** (claimed.attempts - 1))
            raise RetryRequested(timedelta(seconds=after), type(error).__name__) from error
        else:
            self._met.pop(claimed.case.id, None)

    async def _sat_out(self, claimed: Claim, error: Exception) -> bool:
        """Wait for the database to be back and give the claim back uncounted; False where there was enough of that."""
        self._met[claimed.case.id] += 1
        if self._met[claimed.case.id] > self.settings.outages:
            return False
        log.info("run meets an absence", extra={"case": claimed.case.id, "why": type(error).__name__})
        await self._patience.until_back()
        await put_off(self.pool, claimed)
        return True

    async def _pass(self, claimed: Claim) -> Line | None:
        """Run a case and write down what came of it; returns that, or None where it could not even be laid out."""
        journal = await CaseJournal.open(RunJournal(self._journal, claimed.epoch), claimed.case.id)
        if claimed.attempts > self.settings.attempts:
            return await self._bare(claimed, journal)
        if journal.noted(held_slot(claimed.opens)) == _FAILED:
            await journal.note(held_slot(claimed.opens), [])  # that was said of a bare run, from which nothing came
        passed = await self._once(claimed, await self.desk(claimed.case, journal))
        try:
            return await self._write(claimed, passed)
        except Held as held:
            return await self._held(claimed, journal, passed, list(held.codes))

    async def _bare(self, claimed: Claim, journal: CaseJournal) -> Line | None:
        """A case whose runs fail is laid out for a person without tools and model; if that fails, too, as it is."""
        if claimed.attempts > self.settings.attempts + _BARE:
            async with self.pool.acquire() as connection:
                await give_up(connection, claimed)
            return None
        await journal.note(held_slot(claimed.opens), _FAILED)
        passed = await self._once(claimed, await self.bare_desk(claimed.case, journal))
        return await self._write(claimed, passed)

    async def _held(self, claimed: Claim, journal: CaseJournal, passed: Pass, codes: list[str]) -> Line:
        """What may not take effect alone is run again, from the journal, with that as a reason: it goes to a person."""
        await journal.note(held_slot(passed.state["round"]), codes)
        again = await self._once(claimed, await self.desk(claimed.case, journal))
        return await self._write(claimed, again)

    async def _once(self, claimed: Claim, desk: Desk) -> Pass:
        if claimed.paused is None:
            return await begin(claimed.case, desk)
        paused = claimed.paused
        return await go_on(self.saver, paused.thread, paused.interrupt_id, paused.answer, desk)

    async def _write(self, claimed: Claim, passed: Pass) -> Line:
        if passed.escalation is None:
            await conclude_guarded(self.pool, claimed, passed.line)
            return passed.line
        await passed.keep(self.saver, claimed.thread)
        language = str(passed.state["language"])
        handed = Handed(passed.line, language, passed.escalation, passed.interrupt_id)
        async with self.pool.acquire() as connection:
            await hand_over(connection, claimed, handed)
        return passed.line

    async def work(self, stop: asyncio.Event) -> None:
        """Work until told to stop; then finish what is in flight. A database that goes away is waited for."""
        self._patience.over = stop
        while not stop.is_set():
            try:
                await self._listen(stop)
            except GONE as error:
                log.warning("database away", extra={"why": f"{type(error).__name__}: {error}"})
            except ExceptionGroup as group:
                if group.split(GONE)[1] is not None:
                    raise
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.settings.again_s)

    async def _listen(self, stop: asyncio.Event) -> None:
        beat_s = self.settings.heartbeat_s / 8  # as often as the queue tells of them
        manager = QueueManager(Queries(PatientDriver(self.pool, self._patience, beat_s)))

        @manager.entrypoint(ENTRYPOINT, on_failure="hold")
        async def _case(job: QueuedJob) -> None:
            await self.take((job.payload or b"").decode())

        stopping = asyncio.create_task(_pass_on(stop, manager.shutdown))
        try:
            async with self._pulse(manager):
                await manager.run(
                    dequeue_timeout=timedelta(seconds=5),
                    batch_size=max(1, min(50, self.settings.in_flight // 2)),
                    max_concurrent_tasks=max(2, self.settings.in_flight),
                    heartbeat_timeout=timedelta(seconds=self.settings.heartbeat_s),
                    log_aggregation_interval=timedelta(0),
                )
        finally:
            stopping.cancel()

    def _pulse(self, manager: QueueManager) -> AbstractAsyncContextManager[None]:
        if not self.dsn:
            return nullcontext()
        return pulse(self.dsn, manager.queue_manager_id, self.settings.heartbeat_s / 4)


async def _pass_on(stop: asyncio.Event, shutdown: asyncio.Event) -> None:
    await stop.wait()
    shutdown.set()
