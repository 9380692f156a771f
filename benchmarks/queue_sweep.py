"""Kill workers that have a case at every boundary there is; others finish, and every case ends as undisturbed.

    python benchmarks/queue_sweep.py [--db embedded|tcp|DSN] [--every N]

Boundaries are those of every node that a case comes to, and of the service: claimed, an answer recorded, a paused run
kept, handed over, concluded. One kind of case decides at once; the other looks something up, asks a person, hears from
the seller, asks again and is answered. A worker takes one case for each boundary of a pass; each stops at its own, and
then the worker kills itself (SIGKILL). Without --db: on the embedded database, then on a second PostgreSQL over TCP.
Exits 1 where a case does not end as it does undisturbed, or more than the call that was in flight is paid twice.
"""

import argparse
import asyncio
import json
import multiprocessing
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drills.cases import about
from drills.databases import fresh_database
from drills.doomed import RECORDING, work
from drills.model import repeats, truthful_model
from drills.processes import settings_for

from cases.case import read_case
from cases.decision import read_answer
from policies.corpus import load_corpus
from service.answers import answer
from service.database import Pool, open_pool
from service.intake import submit

_LONG_S, _SHORT_S = 3600.0, 1.0
"""Heartbeats: the doomed take over from nobody; who finishes takes over at once."""
_PATIENCE_S = 300.0
_LOOK_UP = {"do": "call_tool", "match": {"kind": "investigate", "text": "RELX", "turn": 0}, "times": None}
_TITLES = {"decides": ("Zombie knife with 12 inch serrated blade", "GB"), "asks": ("RELX disposable vape pod", "SG")}
_PASSES = {"decides": 1, "asks": 3}
_OPEN = {"clause_id": "tobacco.e-cigarettes", "part": "cessation-medicine", "verdict": "not_met", "basis": "person"}
_ANSWERS: tuple[dict[str, Any], ...] = (
    {"by": "seller", "texts": [{"source": "message", "by": "seller", "text": "It is new and sealed."}]},
    {"reviewer": "R. Viewer", "judgements": [_OPEN]},
)
"""What the second and the third pass of a case that asks begin with."""


@dataclass(frozen=True)
class Point:
    """A boundary, of one pass of one kind of case; and the case that meets its worker's end there."""

    kind: str
    number: int
    boundary: str
    place: int

    @property
    def case_id(self) -> str:
        """The case."""
        return f"{self.kind}-{self.number}-{self.place:03}"


@dataclass
class Ended:
    """How a case has ended: what is to be the same whether or not its worker died."""

    status: str
    outcome: str | None
    action: str | None
    decided_by: str | None
    events: tuple[str, ...]
    claims: int = field(compare=False)


@dataclass
class Sweep:
    """One database being swept."""

    pool: Pool
    environment: dict[str, str]
    folder: Path
    corpus: Any
    processes: Any

    async def until_idle(self, seen: Path) -> None:
        """Have a worker finish whatever is to be run, and write down the boundaries that it comes to."""
        running = self._start({}, _SHORT_S, seen)
        until = time.monotonic() + _PATIENCE_S
        while await self.pool.fetchval(_LEFT) and time.monotonic() < until and running.is_alive():  # noqa: ASYNC110 - no event crosses processes
            await asyncio.sleep(0.05)
        running.terminate()
        await asyncio.to_thread(running.join)

    async def trace(self, kind: str) -> list[list[str]]:
        """The boundaries of each pass of an undisturbed case, in order."""
        case_id, passes = f"{kind}-0-000", []
        for number in range(1, _PASSES[kind] + 1):
            seen = self.folder / f"trace-{kind}-{number}.txt"
            await self.prompt(case_id, number)
            await self.until_idle(seen)
            passes.append(seen.read_text().splitlines())
        return passes

    async def prompt(self, case_id: str, number: int) -> None:
        """Have a pass of a case wished for: submit it, or answer its question."""
        kind = case_id.split("-", maxsplit=1)[0]
        if number == 1:
            await submit(self.pool, [read_case(about(case_id, *_TITLES[kind]))])
            return
        row = await self.pool.fetchrow(_QUESTION, case_id)
        bound = {"number": row["number"], "digest": row["digest"], "at": datetime.now(UTC).isoformat()}
        await answer(self.pool, case_id, read_answer({**bound, **_ANSWERS[number - 2]}), self.corpus)

    async def kill(self, points: Sequence["Point"]) -> bool:
        """Have a worker take the points' cases, and die once each is at its boundary; whether it did."""
        for point in points:
            await self.prompt(point.case_id, point.number)
        dying = self._start({point.case_id: point.boundary for point in points}, _LONG_S, self.folder / "dying.txt")
        await asyncio.to_thread(dying.join, _PATIENCE_S)
        died: bool = dying.exitcode == -signal.SIGKILL
        dying.kill()
        return died

    def _start(self, at: dict[str, str], heartbeat_s: float, seen: Path) -> Any:  # noqa: ANN401 - a process of the context
        started = self.processes.Process(target=work, args=(self.environment, at, seen, heartbeat_s))
        started.start()
        return started

    async def ended(self, case_id: str) -> Ended:
        """How a case stands."""
        row = await self.pool.fetchrow("SELECT * FROM cases WHERE id = $1", case_id)
        events = await self.pool.fetch("SELECT type FROM events WHERE case_id = $1 ORDER BY seq", case_id)
        told = tuple(event["type"] for event in events)
        return Ended(row["status"], row["outcome"], row["action"], row["decided_by"], told, row["epoch"])


_LEFT = "SELECT count(*) FROM cases WHERE status IN ('queued', 'running')"
_QUESTION = "SELECT number, digest FROM escalations WHERE case_id = $1 ORDER BY number DESC LIMIT 1"


def main() -> None:
    """Sweep and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db")
    parser.add_argument("--every", type=int, default=1, help="take one of so many boundaries")
    asked = parser.parse_args()
    fine = [asyncio.run(sweep(db, asked.every)) for db in ([asked.db] if asked.db else ["embedded", "tcp"])]
    sys.exit(0 if all(fine) else 1)


async def sweep(db: str, every: int) -> bool:
    """Sweep one database."""
    begun = time.monotonic()
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["drills.doomed", "agents.llm", "casewright.wiring"])
    calls = [{"name": "policy_search", "arguments": {"query": "medicine for cessation"}}]
    with (
        tempfile.TemporaryDirectory() as made,
        truthful_model(Path(made), 0.3, [{**_LOOK_UP, "calls": calls}]) as model,
    ):
        async with fresh_database(db) as dsn:
            pool = await open_pool(dsn)
            try:
                environment = {**model.environment, **settings_for(dsn, Path(made) / "home", 200)}
                swept = Sweep(pool, environment, Path(made), load_corpus(model.policies), processes)
                undisturbed, points, missed = await _kill_everywhere(swept, every)
                ends = {point: await swept.ended(point.case_id) for point in points}
            finally:
                await pool.close()
        paid = Counter(repeat.case_id for repeat in repeats(model.events))
    name = db if db in {"embedded", "tcp"} else "the database given"
    return report(name, Kept(undisturbed, ends, missed, paid), time.monotonic() - begun)


async def _kill_everywhere(swept: Sweep, every: int) -> tuple[dict[str, Ended], list[Point], list[Point]]:
    """Trace both kinds undisturbed; then each pass: kill at its boundaries, and have the rest done by another."""
    undisturbed, points = {}, []
    for kind in _PASSES:
        for number, boundaries in enumerate(await swept.trace(kind), 1):
            points += [Point(kind, number, boundary, n) for n, boundary in enumerate(boundaries, 1)]
        undisturbed[kind] = await swept.ended(f"{kind}-0-000")
    points, missed = points[::every], []
    for number in range(1, max(_PASSES.values()) + 1):
        now = [point for point in points if point.number == number]
        together = [point for point in now if not point.boundary.startswith(RECORDING)]
        alone = [[point] for point in now if point.boundary.startswith(RECORDING)]
        for dying in filter(None, [together, *alone]):
            missed += [] if await swept.kill(dying) else dying
        for point in points:
            if point.number != number <= _PASSES[point.kind]:
                await swept.prompt(point.case_id, number)
        await swept.until_idle(swept.folder / "finished.txt")
    return undisturbed, points, missed


@dataclass(frozen=True)
class Kept:
    """What a sweep has found."""

    undisturbed: dict[str, Ended]
    ends: dict[Point, Ended]
    missed: Sequence[Point]
    paid: Counter[str]


_NO_CLAIM_MORE = ("before the claim", "after the decision is written", "after the case is handed over")
"""Boundaries after which a case needs no claim more than undisturbed: it had none yet, or all was done."""


def report(name: str, found: Kept, took: float) -> bool:
    """Print a line a boundary, and tell whether every guarantee has held."""
    rows: dict[str, list[tuple[bool, int, int]]] = {}
    for point, ended in found.ends.items():
        plain = found.undisturbed[point.kind]
        again = not point.boundary.startswith(_NO_CLAIM_MORE)
        once = ended == plain and ended.claims == plain.claims + again and point not in found.missed
        allowed = int(point.boundary.startswith(RECORDING))
        rows.setdefault(point.boundary.rstrip(" 0123456789"), []).append((once, found.paid[point.case_id], allowed))
    print(f"{name}: {len(found.ends)} cases cut off at {len(rows)} boundaries, {took:.0f} s; undisturbed:")
    for kind, plain in found.undisturbed.items():
        print(f"  {kind}: {plain.decided_by}, {plain.outcome}, {plain.action}; {' '.join(plain.events)}")
    print(f"{'cut off':34} cases  ended as undisturbed  calls repeated  (allowed)")
    for boundary, row in rows.items():
        ended, paid, allowed = (sum(column) for column in zip(*row, strict=True))
        bad = "" if ended == len(row) and all(p <= a for _, p, a in row) else "  FAIL"
        print(f"{boundary:34} {len(row):5}  {ended:20}  {paid:14}  {allowed:9}{bad}")
    for point, ended in found.ends.items():
        if point in found.missed or ended != found.undisturbed[point.kind]:
            told = "its worker did not die there" if point in found.missed else json.dumps(vars(ended))
            print(f"FAIL {point.case_id} ({point.boundary}): {told}")
    return bool(rows) and all(once and p <= a for row in rows.values() for once, p, a in row)


if __name__ == "__main__":
    main()
