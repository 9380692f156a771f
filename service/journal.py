"""The journal in PostgreSQL: every paid or outside call of a case, under the epoch of the run that made it."""

import asyncio
from dataclasses import dataclass

from cases.journal import Entries
from service.database import Pool
from service.runs import Superseded

_ENTRIES = "SELECT slot, request, answer FROM journal WHERE case_id = $1 ORDER BY seq"
_RECORD = """
INSERT INTO journal (case_id, slot, request, answer)
SELECT case_id, slot, request, answer
FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::bytea[])
     WITH ORDINALITY AS sent (case_id, epoch, slot, request, answer, place)
JOIN cases c ON c.id = case_id AND c.epoch = sent.epoch
ORDER BY place
ON CONFLICT (case_id, slot, request) DO UPDATE SET answer = EXCLUDED.answer
RETURNING case_id, slot, request
"""


@dataclass(frozen=True)
class _Entry:
    case_id: str
    epoch: int
    slot: str
    request: str
    answer: bytes

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.case_id, self.slot, self.request)


class JournalWriter:
    """Writes for all runs of a process; what waits together is written by one statement."""

    def __init__(self, pool: Pool) -> None:
        """Write through the process's pool."""
        self.pool = pool
        self._waiting: list[tuple[_Entry, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, entry: _Entry) -> None:
        """Write an entry; returns once it is committed.

        Raises:
            Superseded: another run of the case has taken over.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        try:
            while self._waiting:
                # A statement may not touch one row twice: the second of two equal entries waits for the next.
                batch: dict[tuple[str, str, str], tuple[_Entry, asyncio.Future[None]]] = {}
                later = []
                for entry, done in self._waiting:
                    if entry.key in batch:
                        later.append((entry, done))
                    else:
                        batch[entry.key] = (entry, done)
                self._waiting = later
                await self._settle(list(batch.values()))
        finally:
            self._writing = None

    async def _settle(self, batch: list[tuple[_Entry, "asyncio.Future[None]"]]) -> None:
        columns = zip(*((e.case_id, e.epoch, e.slot, e.request, e.answer) for e, _ in batch), strict=True)
        try:
            rows = await self.pool.fetch(_RECORD, *map(list, columns))
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            for _, done in batch:
                if not done.done():
                    done.set_exception(error)
            return
        written = {(row["case_id"], row["slot"], row["request"]) for row in rows}
        for entry, done in batch:
            if done.done():  # its run was cancelled meanwhile
                continue
            if entry.key in written:
                done.set_result(None)
            else:
                done.set_exception(Superseded(case=entry.case_id))


class RunJournal:
    """The journal as one run sees it: what it records counts only while the run is the case's last."""

    def __init__(self, writer: JournalWriter, epoch: int) -> None:
        """Write under an epoch."""
        self._writer = writer
        self._epoch = epoch

    async def entries(self, case_id: str) -> Entries:
        """All that was recorded for a case."""
        if self._epoch == 1:
            return {}  # nobody was here before
        rows = await self._writer.pool.fetch(_ENTRIES, case_id)
        return {(row["slot"], row["request"]): bytes(row["answer"]) for row in rows}

    async def record(self, case_id: str, slot: str, request: str, answer: bytes) -> None:
        """Keep an answer; returns after its commit; raises Superseded where another run has taken over."""
        await self._writer.write(_Entry(case_id, self._epoch, slot, request, answer))


async def recorded(pool: Pool, case_id: str) -> Entries:
    """All that was recorded for a case, for a replay."""
    rows = await pool.fetch(_ENTRIES, case_id)
    return {(row["slot"], row["request"]): bytes(row["answer"]) for row in rows}
