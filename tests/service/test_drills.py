"""The drills of `benchmarks/`, small: workers are killed with cases in their hands, and every case has one outcome."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

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
    """What the drills are made of: `count` of what is told, `Doom`, and `worker_of`, whose worker it hears."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import queue_kills  # noqa: PLC0415 - it is found from here on
    from drills.doomed import Doom  # noqa: PLC0415 - as above

    from tests.service.hands import worker_of  # noqa: PLC0415 - as above

    return SimpleNamespace(count=queue_kills.count, Doom=Doom, worker_of=worker_of)


@pytest.fixture
def hands(dsn, tmp_path):
    """Start worker processes: `hands(at, delay, **settings)`; what still runs at the end is killed."""
    started = []

    def start(at=None, delay=0.0, **settings):
        places = {"dsn": dsn, "folder": tmp_path, "log": tmp_path / "calls", "seen": tmp_path / "seen"}
        spec = {**places, "at": at or {}, "delay": delay, "settings": settings}
        path = os.pathsep.join((str(ROOT), str(ROOT / "benchmarks")))
        kept = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "LANG": "C.UTF-8"}
        command = [sys.executable, Path(__file__).with_name("hands.py"), json.dumps(spec, default=str)]
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
            crew = [hands(delay=0.1, in_flight=10, heartbeat_s=1.0) for _ in range(2)]
            # Both at first: one of them alone may still be starting, and have nothing to lose.
            for dying in ((0, 1), (chance.randrange(2),)):
                done = await shift.pool.fetchval(RECORDED)
                while await shift.pool.fetchval(RECORDED) < done + 20:  # noqa: ASYNC110 - no event crosses processes
                    await asyncio.sleep(chance.uniform(0.02, 0.1))
                for dead in dying:
                    crew[dead].kill()
                    crew[dead].wait()
                    crew[dead] = hands(delay=0.1, in_flight=10, heartbeat_s=1.0)
            await asyncio.wait_for(until_idle(shift.pool), 60)
            await number_events(shift.pool)
            return await drills.count(shift.pool, len(ids))

    tally = asyncio.run(body())
    assert not any(tally.broken.values()), tally
    assert tally.told["cases"] == {"waiting": 15, "decided": 75}
    assert tally.told["most claims of a case"] > 1
    repeated = {call: n - 1 for call, n in calls_of(tmp_path).items() if n > 1}
    assert sum(repeated.values()) <= 3 * 10


def test_a_worker_that_dies_at_any_boundary_leaves_cases_that_end_as_undisturbed(dsn, tmp_path, hands, drills):
    async def finished(shift, name="finished"):
        """Have another worker finish; the boundaries that it comes to."""
        stop = asyncio.Event()
        worker = drills.worker_of(shift, drills.Doom({}, tmp_path / name), tmp_path / "calls", heartbeat_s=1.0)
        working = asyncio.create_task(worker.work(stop))
        await asyncio.wait_for(until_idle(shift.pool), 60)
        stop.set()
        await working
        return (tmp_path / name).read_text().splitlines()

    async def answered(shift, *ids):
        for case_id in ids:
            await shift.answer(await shift.question(case_id), review(f"{SHARP} met"))

    async def swept(shift, boundaries, kind, *told):
        """Cut a case off at each boundary, and have another worker finish them."""
        at = {f"{kind}-{n}": name for n, name in enumerate(boundaries, 1) if "is recorded" not in name}
        await shift.submit(*at)
        if kind == "asks-and-hears":
            await finished(shift)
            await answered(shift, *at)
        dying = hands(at, heartbeat_s=3600.0)
        assert await asyncio.to_thread(dying.wait, 60) == -9
        await finished(shift)
        for case_id, boundary in at.items():
            assert await shift.events(case_id) == ["case.received", *told], boundary
            if kind != "asks":
                assert (await read(shift.pool, case_id)).outcome == "violation", boundary

    async def body():
        async with open_shift(dsn, tmp_path) as shift:
            await shift.submit("decides-0")
            decides = await finished(shift, "decides")
            await shift.submit("asks-0")
            asks = await finished(shift, "asks")
            await answered(shift, "asks-0")
            hears = await finished(shift, "hears")
            assert {"after the claim", "before prepare", "before the decision is written"} <= set(decides)
            assert {"at the pause in await_review", "after the pause is kept", "after the case is handed over"} <= set(
                asks
            )
            assert {"before take_up", "after conclude", "after the decision is written"} <= set(hears)
            await swept(shift, decides, "decides", "case.decided")
            await swept(shift, asks, "asks", "case.escalated")
            await swept(shift, hears, "asks-and-hears", "case.escalated", "case.decided")

    asyncio.run(body())
    assert set(calls_of(tmp_path).values()) == {1}
