"""The drills of `benchmarks/`, small: workers are killed with cases in their hands, and every case has one outcome."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from service.events import number_events
from service.reading import read
from tests.graphs.doubles import review
from tests.service.shift import SHARP, open_shift

ROOT = Path(__file__).resolve().parents[2]
LEFT = "SELECT count(*) FROM cases WHERE status IN ('queued', 'running')"
RECORDED = "SELECT count(*) FROM journal"


@pytest.fixture
def drills(monkeypatch):
    """The drill of the queue, as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import queue_kills  # noqa: PLC0415 - it is found from here on

    return queue_kills


@pytest.fixture
def hands(dsn, tmp_path):
    """Start worker processes: `hands(seen, **spec)`; what still runs at the end is killed."""
    started = []

    def start(seen, **spec):
        given = {"dsn": dsn, "folder": str(tmp_path), "log": str(tmp_path / "calls"), "seen": str(seen), **spec}
        path = os.pathsep.join((str(ROOT), str(ROOT / "benchmarks")))
        kept = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "LANG": "C.UTF-8"}
        command = [
            sys.executable,
            Path(__file__).with_name("hands.py"),
            json.dumps({"heartbeat": 1.0, **spec, **given}),
        ]
        started.append(subprocess.Popen(command, env=kept))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


async def until_idle(pool):
    while await pool.fetchval(LEFT):  # noqa: ASYNC110 - no event crosses processes
        await asyncio.sleep(0.05)


def calls_of(folder):
    """How often each call was made, by case."""
    return Counter((folder / "calls").read_text().splitlines())


def test_workers_that_are_killed_lose_nothing_and_decide_nothing_twice(dsn, tmp_path, hands, drills):
    chance = random.Random(7)  # noqa: S311 - to be repeatable
    ids = [f"{'asks' if n % 6 == 0 else 'case'}-{n}" for n in range(90)]

    async def body():
        async with open_shift(dsn, tmp_path) as shift:
            await shift.submit(*ids)
            crew = [hands(tmp_path / "seen", delay=0.1, in_flight=10) for _ in range(2)]
            for _ in range(3):
                done = await shift.pool.fetchval(RECORDED)
                while await shift.pool.fetchval(RECORDED) < done + 20:  # noqa: ASYNC110 - no event crosses processes
                    await asyncio.sleep(chance.uniform(0.02, 0.1))
                dead = chance.randrange(2)
                crew[dead].kill()
                crew[dead].wait()
                crew[dead] = hands(tmp_path / "seen", delay=0.1, in_flight=10)
            await asyncio.wait_for(until_idle(shift.pool), 60)
            await number_events(shift.pool)
            return await drills.count(shift.pool, len(ids))

    tally = asyncio.run(body())
    assert not any(tally.broken.values()), tally
    assert tally.told["cases"] == {"waiting": 15, "decided": 75}
    assert tally.told["most claims of a case"] > 1
    repeated = {call: n - 1 for call, n in calls_of(tmp_path).items() if n > 1}
    assert sum(repeated.values()) <= 3 * 10


def test_a_worker_that_dies_at_any_boundary_leaves_a_case_that_ends_as_undisturbed(dsn, tmp_path, hands):
    """Three passes: one that decides, one that asks, and one that takes the answer up."""

    async def finished(pool, seen):
        worker = hands(seen)
        await asyncio.wait_for(until_idle(pool), 60)
        worker.terminate()
        await asyncio.to_thread(worker.wait)
        return seen.read_text().splitlines()

    async def answered(shift, *ids):
        for case_id in ids:
            await shift.answer(await shift.question(case_id), review(f"{SHARP} met"))

    async def cut_off(pool, at):
        """Have a worker die with each case at its boundary, and another one finish."""
        dying = hands(tmp_path / "dying", at=at, heartbeat=3600.0)
        assert await asyncio.to_thread(dying.wait, 60) == -9
        await finished(pool, tmp_path / "finished")

    async def body():
        async with open_shift(dsn, tmp_path) as shift:
            traced = {}
            await shift.submit("decides-0")
            traced["decides"] = await finished(shift.pool, tmp_path / "trace-1")
            await shift.submit("asks-0")
            traced["asks"] = await finished(shift.pool, tmp_path / "trace-2")
            await answered(shift, "asks-0")
            traced["takes up"] = await finished(shift.pool, tmp_path / "trace-3")
            assert {"before conclude", "after conclude", "after prepare"} <= set(traced["decides"])
            assert {"before keep", "after keep", "after hand over", "at the pause in await_review"} <= set(
                traced["asks"]
            )
            assert {"after claim", "before take_up", "after conclude"} <= set(traced["takes up"])
            for which, prefix in (("decides", "decides"), ("asks", "asks"), ("takes up", "asks-and")):
                at = {
                    f"{prefix}-{n}": boundary for n, boundary in enumerate(traced[which], 1) if "record" not in boundary
                }
                await shift.submit(*at)
                if which == "takes up":
                    await finished(shift.pool, tmp_path / "before")
                    await answered(shift, *at)
                await cut_off(shift.pool, at)
                told = ["case.received", *([] if which == "decides" else ["case.escalated"])]
                for case_id, boundary in at.items():
                    events = await shift.events(case_id)
                    assert events == [*told, *([] if which == "asks" else ["case.decided"])], boundary
                    if which == "asks":
                        continue
                    assert (await read(shift.pool, case_id)).outcome == "violation", boundary

    asyncio.run(body())
    assert set(calls_of(tmp_path).values()) == {1}
