"""What the drills share: worker processes with a scripted model, and a count of what came of their cases."""

import asyncio
import os
import shutil
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from cases.case import Case
from casewright.settings import shipped_policies
from service.database import AWAY, open_pool
from service.intake import submit
from service.migrate import migrate
from service.queue import analyze

_WORDS = [
    ("RELX disposable vape pod, {n} puffs", "SG"),
    ("Cotton summer dress no. {n}", "SG"),
    ("Zombie knife {n} with 12 inch serrated blade", "GB"),
    ("USB humidifier model {n}", "TH"),
    ("1:1 replica handbag, super copy, style {n}", "US"),
    ("Wooden toy train, {n} pieces", "DE"),
]
_PLAYERS = "players: {truthful: {kind: rulebook, policies: policies}}"
_PATIENCE_S = 900.0


def made_cases(count: int, first: int = 0) -> list[Case]:
    """Make cases that differ."""
    made = []
    for n in range(first, first + count):
        title, region = _WORDS[n % len(_WORDS)]
        subject = {"kind": "listing", "id": f"L-{n}", "title": title.format(n=n)}
        case = {"id": f"case-{n:05}", "opened_at": "2026-03-14T09:30:00Z", "region": region, "language": "en"}
        made.append(Case.model_validate({**case, "seller_id": f"S-{n % 50}", "subject": subject}))
    return made


async def send(dsn: str, cases: Sequence[Case]) -> None:
    """Have a migrated database take cases in."""
    await migrate(dsn)
    pool = await open_pool(dsn, 2)
    try:
        for at in range(0, len(cases), 500):
            await submit(pool, cases[at : at + 500])
        await analyze(pool)
    finally:
        pool.terminate()


@asynccontextmanager
async def scripted_model(
    folder: Path, replies: str, latency_s: float, within: Sequence[str] = (), port: int = 0
) -> AsyncIterator[int]:
    """Run a scripted model in a process of its own; gives its port.

    Args:
        folder: for its script and the corpus that its player judges by.
        replies: the script's replies, YAML.
        latency_s: before every answer.
        within: a command to start it with.
        port: to listen on; 0 takes a free one.
    """
    policies = folder / "policies"
    if not policies.exists():
        # A copy, so that nobody who edits a clause meanwhile takes part in the drill.
        shutil.copytree(shipped_policies(), policies, ignore=shutil.ignore_patterns("*.py*", "__pycache__"))
    script = folder / f"script-{abs(hash((replies, tuple(within), port)))}.yaml"
    script.write_text(f"latency_s: {latency_s}\n{_PLAYERS}\nreplies: {replies}\n", encoding="utf-8")
    command = [*within, sys.executable, "-m", "casewright", "model", "script", str(script), "--port", str(port)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        line = await process.stdout.readline() if process.stdout else b""
        yield int(line.decode().rpartition(":")[2].partition("/")[0])
    finally:
        process.terminate()
        await process.wait()


class Front:
    """One address in front of several models, of which one answers at a time, or none."""

    def __init__(self) -> None:
        """Begin with none: connections are refused."""
        self.port = free_port()
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.StreamWriter] = set()

    async def turn_to(self, port: int | None) -> None:
        """Have the model at a port answer; none: nobody. Connections to the one before are cut."""
        if self._server:
            self._server.close()
        for line in list(self._lines):
            line.transport.abort()
        self._server = None
        if port is not None:
            self._server = await asyncio.start_server(lambda r, w: self._pass_on(port, r, w), "127.0.0.1", self.port)

    async def _pass_on(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        self._lines |= {writer, forth}
        await asyncio.gather(_copy(reader, forth), _copy(back, writer))
        self._lines -= {writer, forth}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


PLAY = "[{do: play, player: truthful}]"
"""Replies of a model that judges as the rulebook does."""


@dataclass
class Workers:
    """Worker processes, which are to live through the drill.

    Attributes:
        home: a data folder whose embedded database is theirs; none: the database is that of `dsn`.
    """

    folder: Path
    dsn: str
    model_url: str
    in_flight: int = 300
    home: Path | None = None
    started: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self, within: Sequence[str] = (), dsn: str = "") -> int:
        """Start one more; gives its process number."""
        slot = len(self.started)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CASEWRIGHT_")}
        environment |= {
            "CASEWRIGHT_HOME": str(self.home or self.folder / "home"),
            "CASEWRIGHT_POLICIES": str(self.folder / "policies"),
            "CASEWRIGHT_DB": "" if self.home else dsn or self.dsn,
            "CASEWRIGHT_AUDITOR": "llm",
            "CASEWRIGHT_AUTOMATION": "provisional",
            "CASEWRIGHT_MODEL": "scripted",
            "CASEWRIGHT_MODEL_URL": self.model_url,
            "CASEWRIGHT_MODEL_CONCURRENCY": str(self.in_flight),
            "CASEWRIGHT_IN_FLIGHT": str(self.in_flight),
        }
        command = [*within, sys.executable, "-m", "casewright", "worker", "--slot", str(slot)]
        with self.log(slot).open("wb") as log:
            process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=log)
        self.started.append(process)
        return process.pid

    def log(self, slot: int) -> Path:
        """Where a worker's own words go."""
        return self.folder / f"worker-{slot}.log"

    def said(self, words: str) -> int:
        """How many lines of their logs hold some words."""
        return sum(words in line for slot in range(len(self.started)) for line in self.log(slot).open(encoding="utf-8"))

    @property
    def dead(self) -> list[int]:
        """Those that have ended."""
        return [process.pid for process in self.started if process.returncode is not None]

    async def stop(self) -> None:
        """Have them finish; who does not within half a minute is killed."""
        for process in self.started:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in self.started:
            try:
                await asyncio.wait_for(process.wait(), 30)
            except TimeoutError:
                print(f"worker {process.pid} did not end by itself")
                process.kill()
                await process.wait()


async def look(dsn: str, query: str, *arguments: Any) -> list[asyncpg.Record]:  # noqa: ANN401 - a query's
    """Ask over a connection of its own, again and again while the database is away."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            connection = await asyncpg.connect(dsn, timeout=5, command_timeout=30)
            try:
                return await connection.fetch(query, *arguments)
            finally:
                connection.terminate()
        except AWAY:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.05)


async def at_work(dsn: str, count: int, seconds: float = 300.0) -> int:
    """Wait until so many cases are being run; gives how many are."""
    until = time.monotonic() + seconds
    while True:
        running: int = (await look(dsn, "SELECT count(*) FROM cases WHERE status = 'running'"))[0][0]
        if running >= count or time.monotonic() > until:
            return running
        await asyncio.sleep(0.2)


_WHERE = """
SELECT id, epoch, status, (SELECT count(*) FROM journal j WHERE j.case_id = c.id) AS recorded
FROM cases c WHERE id = ANY ($1)
"""
_BEGUN = "SELECT id FROM cases WHERE status = 'running' OR (status = 'queued' AND epoch > 0)"


class Interrupted:
    """The cases that were being run when something broke, and when each goes on."""

    def __init__(self, rows: Sequence[asyncpg.Record]) -> None:
        """Take them as they stood."""
        self._stood = {row["id"]: row for row in rows}
        self.count = len(rows)

    @classmethod
    async def at(cls, dsn: str) -> "Interrupted":
        """Those that have begun and are not over: being run, or put off."""
        begun = [row["id"] for row in await look(dsn, _BEGUN)]
        return cls(await look(dsn, _WHERE, begun))

    async def go_on(
        self, dsn: str, since: float, seconds: float = 300.0, *, begun_counts: bool = True
    ) -> tuple[float, float]:
        """Wait until all have gone on: recorded something, ended, or (where that counts) begun again.

        Returns:
            Seconds since `since` (monotonic) until the first and until all; infinite where one never does.
        """
        first = float("inf")
        left = dict(self._stood)
        while left:
            rows = await look(dsn, _WHERE, list(left))
            for row in rows:
                stood = left[row["id"]]
                over = row["status"] in {"decided", "waiting"}
                begun = begun_counts and row["epoch"] > stood["epoch"]
                if over or begun or row["recorded"] > stood["recorded"]:
                    del left[row["id"]]
                    first = min(first, time.monotonic() - since)
            if time.monotonic() - since > seconds:
                return first, float("inf")
            await asyncio.sleep(0.1)
        return first, time.monotonic() - since


_OUTCOMES = """
SELECT c.id, c.status, c.attempts, c.epoch, c.result IS NOT NULL AS told,
    (SELECT count(*) FROM events e WHERE e.case_id = c.id AND e.type = 'case.received') AS received,
    (SELECT count(*) FROM events e WHERE e.case_id = c.id AND e.type = 'case.decided') AS decided,
    (SELECT count(*) FROM events e WHERE e.case_id = c.id AND e.type = 'case.escalated') AS escalated,
    (SELECT count(*) FROM escalations x WHERE x.case_id = c.id AND x.closed_at IS NULL) AS open,
    ARRAY(SELECT unnest(reasons) FROM escalations x WHERE x.case_id = c.id AND x.closed_at IS NULL) AS reasons
FROM cases c ORDER BY c.id
"""


@dataclass(frozen=True)
class Outcome:
    """What came of all cases.

    Attributes:
        lost: that have no outcome, or no event of it.
        twice: that have more than one.
        reasons: of the escalations, how many name each.
    """

    cases: int
    decided: int
    waiting: int
    lost: list[str]
    twice: list[str]
    runs: int
    reasons: Counter[str]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost or doubled."""
        return not self.lost and not self.twice


async def outcome(dsn: str, sent: Sequence[Case]) -> Outcome:
    """Count the outcomes of the cases sent."""
    rows = {row["id"]: row for row in await look(dsn, _OUTCOMES)}
    found = [rows[case.id] for case in sent if case.id in rows]
    lost = [case.id for case in sent if case.id not in rows] + [row["id"] for row in found if not _has_one(row)]
    twice = [row["id"] for row in found if row["decided"] + row["escalated"] > 1 or row["received"] > 1]
    reasons = Counter(reason for row in found for reason in row["reasons"])
    statuses = Counter(row["status"] for row in found)
    runs = sum(row["epoch"] for row in found)
    return Outcome(len(sent), statuses["decided"], statuses["waiting"], lost, twice, runs, reasons)


def _has_one(row: asyncpg.Record) -> bool:
    if row["status"] == "decided":
        return bool(row["told"] and row["received"] and row["decided"])
    return bool(row["status"] == "waiting" and row["received"] and row["escalated"] and row["open"] == 1)


async def until_over(dsn: str, seconds: float = _PATIENCE_S) -> float:
    """Wait until every case is decided or with a person; gives the seconds that it took."""
    began = time.monotonic()
    query = "SELECT count(*) FROM cases WHERE status NOT IN ('decided', 'waiting')"
    while (await look(dsn, query))[0][0] and time.monotonic() - began < seconds:  # noqa: ASYNC110 - no event crosses processes
        await asyncio.sleep(0.3)
    return time.monotonic() - began


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table."""
    shown = [head, *(["" if cell is None else _cell(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in shown) for i in range(len(head))]
    for row in shown:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def verdict(came: Outcome, workers: Workers) -> bool:
    """Print what came of all, and tell whether nothing was lost or doubled and every worker lived."""
    print(
        f"{came.cases} cases: {came.decided} decided, {came.waiting} with people; lost {len(came.lost)}, "
        f"twice {len(came.twice)}; runs {came.runs}; workers that died {len(workers.dead)}"
    )
    print("reasons of those with people:", dict(came.reasons.most_common()))
    for name, cases in (("lost", came.lost), ("twice", came.twice)):
        if cases:
            print(f"{name}:", ", ".join(cases[:20]))
    return came.is_clean and not workers.dead
