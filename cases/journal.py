"""The journal: every paid or outside call, recorded before its answer is used.

With it a run is a pure function of case, policy snapshot and journal: a killed run re-enters from its input and
pays nothing twice but the call in flight, and a finished one can be replayed.
"""

import asyncio
import contextlib
import hashlib
import queue
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar, Protocol

import orjson

from cases.problem import CasewrightError


class NotInJournal(CasewrightError):
    """case {case}: the journal holds no answer for {slot}; the run cannot be replayed"""

    code: ClassVar[str] = "not_in_journal"
    hint: ClassVar[str] = "replay with the journal, settings and snapshot of the original run"


class JournalClosed(CasewrightError):
    """the journal is closed"""

    code: ClassVar[str] = "journal_closed"


Entries = dict[tuple[str, str], bytes]
"""Answers by slot and request hash."""


class Journal(Protocol):
    """Where answers are kept. Two users: memory (tests, one-off runs) and SQLite (beside `--out`)."""

    async def entries(self, case_id: str) -> Entries:
        """All that was recorded for a case."""
        ...

    async def record(self, case_id: str, slot: str, request: str, answer: bytes) -> None:
        """Keep an answer; returns only once it would survive a kill of the process."""
        ...


class CaseJournal:
    """One run's view of the journal of one case."""

    def __init__(self, journal: Journal, case_id: str, entries: Entries, *, replaying: bool = False) -> None:
        """Take the entries as read when the run starts; nobody else writes to this case meanwhile."""
        self._journal = journal
        self._case_id = case_id
        self._entries = entries
        self.replaying = replaying

    @classmethod
    async def open(cls, journal: Journal, case_id: str, *, replaying: bool = False) -> "CaseJournal":
        """Read what earlier attempts of this case have recorded."""
        return cls(journal, case_id, await journal.entries(case_id), replaying=replaying)

    def recorded(self, slot: str) -> Any:  # noqa: ANN401 - JSON
        """What was recorded in a slot, whatever was asked; raises NotInJournal where nothing was."""
        found = [answer for (name, _), answer in self._entries.items() if name == slot]
        if not found:
            raise NotInJournal(case=self._case_id, slot=slot)
        return orjson.loads(found[-1])

    async def note(self, slot: str, value: Any) -> None:  # noqa: ANN401 - JSON
        """Keep what the caller has to say about a run, so that a replay hears it, too; a later note replaces it."""
        self._entries[slot, ""] = answer = orjson.dumps(value)
        await self._journal.record(self._case_id, slot, "", answer)

    def noted(self, slot: str) -> Any:  # noqa: ANN401 - JSON
        """What was noted in a slot; None where nothing was."""
        found = self._entries.get((slot, ""))
        return orjson.loads(found) if found else None

    async def once(self, slot: str, request: bytes, call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - JSON
        """Return the recorded answer of `call`, or make the call and record it first.

        Args:
            slot: `round/step/ordinal`, such as `2/judge/3`; distinct slots stay distinct calls.
            request: what is asked, in bytes; a changed request is another call.
            call: gives the answer as plain JSON.

        Raises:
            NotInJournal: when replaying and nothing is recorded.
        """
        key = (slot, hashlib.sha256(request).hexdigest())
        if key not in self._entries:
            if self.replaying:
                raise NotInJournal(case=self._case_id, slot=slot)
            answer = orjson.dumps(await call())
            await self._journal.record(self._case_id, slot, key[1], answer)
            self._entries[key] = answer
        return orjson.loads(self._entries[key])


class MemoryJournal:
    """A journal that lives as long as the process."""

    def __init__(self) -> None:
        """Start empty."""
        self._cases: dict[str, Entries] = {}

    async def entries(self, case_id: str) -> Entries:
        """All that was recorded for a case."""
        return dict(self._cases.get(case_id, {}))

    async def record(self, case_id: str, slot: str, request: str, answer: bytes) -> None:
        """Keep an answer."""
        self._cases.setdefault(case_id, {})[slot, request] = answer


_SCHEMA = """
CREATE TABLE IF NOT EXISTS journal (
    seq INTEGER PRIMARY KEY, case_id TEXT NOT NULL, slot TEXT NOT NULL, request TEXT NOT NULL, answer BLOB NOT NULL,
    UNIQUE (case_id, slot, request)
)
"""
_ENTRIES = "SELECT slot, request, answer FROM journal WHERE case_id = ? ORDER BY seq"
_RECORD = "INSERT OR REPLACE INTO journal (case_id, slot, request, answer) VALUES (?, ?, ?, ?)"
_Job = tuple[Callable[[sqlite3.Connection], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class SqliteJournal:
    """A journal in an SQLite file, written by one thread; cases that wait together share a commit."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; `close` it when done."""
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # A killed process loses nothing in WAL with NORMAL; only a power cut may lose the last commits.
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("PRAGMA busy_timeout=10000")
        self._connection.execute(_SCHEMA)
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._closed = False
        self._thread.start()

    async def entries(self, case_id: str) -> Entries:
        """All that was recorded for a case."""

        def read(connection: sqlite3.Connection) -> Entries:
            rows = connection.execute(_ENTRIES, (case_id,))
            return {(slot, request): bytes(answer) for slot, request, answer in rows}

        entries: Entries = await self._do(read)
        return entries

    async def record(self, case_id: str, slot: str, request: str, answer: bytes) -> None:
        """Keep an answer; returns after its commit."""

        def write(connection: sqlite3.Connection) -> None:
            row = (case_id, slot, request, answer)
            connection.execute(_RECORD, row)

        await self._do(write)

    def close(self) -> None:
        """Finish what is waiting and close the file."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            self._thread.join()
            self._connection.close()

    async def _do(self, work: Callable[[sqlite3.Connection], Any]) -> Any:  # noqa: ANN401 - as the work returns
        if self._closed:
            raise JournalClosed
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        self._jobs.put((work, done, loop))
        return await done

    def _work(self) -> None:
        open_ = True
        while open_:
            waiting = [self._jobs.get()]
            while not self._jobs.empty():
                waiting.append(self._jobs.get())
            open_ = None not in waiting
            self._commit([job for job in waiting if job is not None])

    def _commit(self, batch: list[_Job]) -> None:
        results: list[tuple[_Job, Any, BaseException | None]] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            results.extend((job, job[0](self._connection), None) for job in batch)
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it, or wait for ever
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            results = [(job, None, error) for job in batch]
        for (_, done, loop), result, failure in results:
            with contextlib.suppress(RuntimeError):  # its loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_settle, done, result, failure)


def _settle(done: "asyncio.Future[Any]", result: object, failure: BaseException | None) -> None:
    if done.done():
        return
    if failure is None:
        done.set_result(result)
    else:
        done.set_exception(failure)
