"""Kill the queue's workers at random, again and again, and count: nothing lost, nothing decided or told twice.

    python benchmarks/queue_kills.py [--cases 2000] [--kills 10] [--latency 0.2] [--db embedded|tcp|DSN] [--seed 1]

Two `casewright worker` processes take cases from one database; ten times one of them is killed (SIGKILL) with cases in
its hands and started again, while more cases come in. Exits 1 where a guarantee is broken.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drills.cases import case
from drills.databases import fresh_database
from drills.model import Model, Repeat, repeats, truthful_model
from drills.processes import settings_for
from drills.workers import Crew, Held, crew, until_taken_up

from cases.case import read_case
from service.cursors import read_position
from service.database import Pool, open_pool
from service.events import pull
from service.intake import submit

_TAKEN_UP_S = 30.0
"""Within which every case of a dead worker is in other hands."""
_LAST_WORDS_S = 2.5
"""What the dead worker has sent may reach a busy model so much later; nobody has taken over by then."""
_PATIENCE_S = 300.0
"""Without a case getting on, after which the drill is over."""


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes:
        held: what was in the dead worker's hands.
        in_flight: its calls that had been made and whose answers were not in the journal.
        taken_up_s: until all of its cases were claimed again, or done.
    """

    at: float
    held: Held
    in_flight: int
    taken_up_s: float


@dataclass
class Tally:
    """What must be zero, by name; and what is told beside it."""

    broken: dict[str, int] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)


def main() -> None:
    """Run the drill and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--db", default="embedded")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--in-flight", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(0 if asyncio.run(drill(Path(folder), asked)) else 1)


async def drill(folder: Path, asked: argparse.Namespace) -> bool:
    """Submit, kill, start again, finish; then compare what is there with what should be."""
    with truthful_model(folder, asked.latency) as model:
        async with fresh_database(asked.db) as dsn:
            environment = {**model.environment, **settings_for(dsn, folder / "home", asked.in_flight)}
            pool = await open_pool(dsn)
            try:
                with crew(environment, folder) as workers:
                    begun = time.monotonic()
                    kills = await kill_and_submit(pool, workers, model, asked)
                    await until_done(pool)
                    took = time.monotonic() - begun
                    tally = await count(pool, asked.cases)
                    taken_over = await without_a_kill(pool, kills)
            finally:
                await pool.close()
        return report(asked, kills, tally, attributed(model, kills, taken_over), took)


async def kill_and_submit(pool: Pool, workers: Crew, model: Model, asked: argparse.Namespace) -> list[Kill]:
    """Submit the cases little by little, and kill again and again while both workers are at it."""
    chance = random.Random(asked.seed)  # noqa: S311 - to be repeatable
    feed = Feed(pool, asked)
    for slot in (0, 1):
        await workers.start(pool, slot)
        await workers.meet(pool, slot, feed.more)
    watched = []
    for _ in range(asked.kills):
        await feed.more(asked.cases // (2 * asked.kills))
        await asyncio.sleep(chance.uniform(0.2, 3.0))
        slot = chance.randrange(2)
        at, held = await workers.kill(pool, slot)
        watched.append(asyncio.create_task(_watched(pool, model, at, held)))
        await workers.start(pool, slot)
        await workers.meet(pool, slot, feed.more)
    await feed.more(asked.cases)
    return list(await asyncio.gather(*watched))


class Feed:
    """Submits the drill's cases, in order."""

    def __init__(self, pool: Pool, asked: argparse.Namespace) -> None:
        """Begin with the first."""
        self._pool = pool
        self._piece = max(4, asked.in_flight // 8)
        self._left = [read_case(case(n)) for n in range(asked.cases)]

    async def more(self, number: int = 0) -> None:
        """Submit some more; a small piece where no number is given."""
        taken = number or self._piece
        now, self._left = self._left[:taken], self._left[taken:]
        await submit(self._pool, now)


async def _watched(pool: Pool, model: Model, at: float, held: Held) -> Kill:
    recorded = await pool.fetchval(_RECORDED, list(held))
    await asyncio.sleep(_LAST_WORDS_S)
    asked = {event["request"] for event in model.events if event["case"] in held and event["at"] < at + _LAST_WORDS_S}
    return Kill(at, held, len(asked) - recorded, await until_taken_up(pool, held, at, _PATIENCE_S))


_RECORDED = "SELECT count(*) FROM journal WHERE case_id = ANY($1) AND slot ~ '^[0-9]+/(investigate|judge|narrow)'"


async def until_done(pool: Pool) -> None:
    """Wait until no case is to be run, and every event has its place; or until nothing gets on any more."""
    last, since = -1, time.monotonic()
    while left := await pool.fetchval(
        "SELECT (SELECT count(*) FROM cases WHERE status IN ('queued', 'running'))"
        " + (SELECT count(*) FROM events WHERE position IS NULL)"
    ):
        if left != last:
            last, since = left, time.monotonic()
        if time.monotonic() - since > _PATIENCE_S:
            return
        await asyncio.sleep(0.2)


async def count(pool: Pool, cases: int) -> Tally:
    """Count what is in the database, in SQL, and what a listener hears."""
    tally = Tally()
    query = "SELECT status, count(*) AS n FROM cases GROUP BY status"
    tally.told["cases"] = statuses = {row["status"]: row["n"] for row in await pool.fetch(query)}
    tally.broken["lost"] = cases - statuses.get("decided", 0) - statuses.get("waiting", 0)
    tally.broken["not with exactly one outcome"] = await pool.fetchval(_NOT_ONCE)
    tally.told["most claims of a case"] = await pool.fetchval("SELECT max(epoch) FROM cases")
    heard = await everything(pool)
    by_case: dict[str, Counter[str]] = {}
    for event in heard:
        by_case.setdefault(event["subject"], Counter())[event["type"]] += 1
    tally.told["events"] = len(heard)
    tally.broken["events heard twice"] = len(heard) - len({event["id"] for event in heard})
    once = ({"case.received": 1, "case.decided": 1}, {"case.received": 1, "case.escalated": 1})
    tally.broken["cases told of otherwise than once"] = cases - sum(found in once for found in by_case.values())
    return tally


_NOT_ONCE = """
SELECT count(*) FROM cases c WHERE (
    SELECT count(*) FROM events WHERE case_id = c.id AND type = 'case.decided'
) + (
    SELECT count(*) FROM escalations WHERE case_id = c.id AND closed_at IS NULL
) <> 1
"""


async def everything(pool: Pool) -> list[dict[str, Any]]:
    """Every event, as a listener pulls them."""
    heard: list[dict[str, Any]] = []
    after = 0
    while True:
        events, cursor = await pull(pool, after, limit=500)
        if not events:
            return heard
        heard += events
        after = read_position(cursor)


async def without_a_kill(pool: Pool, kills: list[Kill]) -> Counter[str]:
    """Cases that were claimed again although their worker lived: on a busy machine a sign of life may come late."""
    claims = {row["id"]: row["epoch"] for row in await pool.fetch("SELECT id, epoch FROM cases WHERE epoch > 1")}
    killed = Counter(case_id for kill in kills for case_id, hand in kill.held.items() if hand.claimed)
    return Counter({case_id: epoch - 1 - killed[case_id] for case_id, epoch in claims.items()})


@dataclass(frozen=True)
class Repeated:
    """Calls that came again, by what accounts for them; and the oldest answer that a kill has cost."""

    of_kills: int
    of_others: int
    unexplained: int
    taken_over: int
    oldest_s: float


def attributed(model: Model, kills: list[Kill], taken_over: Counter[str]) -> Repeated:
    """Lay each repeated call to a kill, or to its case's being taken over from the living: one call for each."""
    spent: set[tuple[str, float]] = set()
    ages: list[float] = [0.0]
    left, others = taken_over.copy(), 0
    again = repeats(model.events)
    for repeat in again:
        if kill := _kill_of(repeat, kills, spent):
            spent.add((repeat.case_id, kill.at))
            ages.append(kill.at - (repeat.answered_at or kill.at))
        elif left[repeat.case_id] > 0:
            left[repeat.case_id] -= 1
            others += 1
    return Repeated(len(spent), others, len(again) - len(spent) - others, taken_over.total(), max(ages))


def _kill_of(repeat: Repeat, kills: list[Kill], spent: set[tuple[str, float]]) -> Kill | None:
    before = [kill for kill in kills if kill.at < repeat.at and repeat.case_id in kill.held]
    return next((kill for kill in reversed(before) if (repeat.case_id, kill.at) not in spent), None)


def report(asked: argparse.Namespace, kills: list[Kill], tally: Tally, again: Repeated, took: float) -> bool:
    """Print the table, and tell whether every guarantee has held."""
    where = asked.db if asked.db in {"embedded", "tcp"} else "the database given"
    print(f"{asked.cases} cases, {len(kills)} kills, two workers, model {asked.latency} s, {where}: {took:.0f} s")
    print("kill  cases in hand  calls in flight  in other hands after")
    for number, kill in enumerate(kills, 1):
        print(f"{number:4}  {len(kill.held):13}  {kill.in_flight:15}  {kill.taken_up_s:18.1f} s")
    slowest = max((kill.taken_up_s for kill in kills), default=0.0)
    for name, value in tally.told.items():
        print(f"{name}: {value}")
    in_flight = sum(kill.in_flight for kill in kills)
    print(
        f"calls repeated after kills: {again.of_kills} of {in_flight} in flight; the oldest answer among them had left"
        f" {again.oldest_s * 1000:.0f} ms before"
    )
    print(
        f"cases taken over from a living worker (busy machine): {again.taken_over}; calls repeated: {again.of_others}"
    )
    broken = {**tally.broken, "calls repeated that nothing accounts for": again.unexplained}
    broken["more calls repeated than were in flight"] = max(0, again.of_kills - in_flight)
    broken["kills after which cases lay longer than 30 s"] = sum(kill.taken_up_s > _TAKEN_UP_S for kill in kills)
    for name, value in broken.items():
        print(f"{'FAIL' if value else 'ok  '}  {name}: {value}")
    print(f"slowest recovery: {slowest:.1f} s")
    return not any(broken.values()) and len(kills) == asked.kills


if __name__ == "__main__":
    main()
