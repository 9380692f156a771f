"""A case that waits for a person outlives releases: the database is migrated and its run's state brought up."""

import asyncio

import asyncpg
import pytest

from service.migrate import migrate, migrations
from service.reading import read
from tests.graphs.doubles import expiry, review, supplement
from tests.graphs.test_state import older
from tests.service.shift import GUILTY, SHARP, open_shift

ONE = "case-0001"
TABLES = ("cases", "journal", "escalations", "events", "checkpoints", "checkpoint_blobs", "checkpoint_writes")
COLUMNS = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER' AND is_identity = 'NO'
"""
PAST = [migration.number for migration in migrations()[:-1]]
ANSWERS = {
    "review": (review(f"{SHARP} met"), "person", []),
    "supplement": (supplement("It is razor sharp."), "agent", ["2/investigate/1", "2/judge/1"]),
    "expiry": (expiry(), "agent", ["2/investigate/1", "2/judge/1"]),
}


async def carried(source, target):
    """Copy what is kept of cases, as far as the target's tables know it."""
    for table in TABLES:
        there = {row["column_name"] for row in await target.fetch(COLUMNS, table)}
        shared = ", ".join(sorted(there & {row["column_name"] for row in await source.fetch(COLUMNS, table)}))
        for row in await source.fetch(f"SELECT {shared} FROM {table}"):  # noqa: S608 - names of our own tables
            places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
            await target.execute(f"INSERT INTO {table} ({shared}) VALUES ({places})", *row.values())  # noqa: S608 - as above


async def paused_then(dsn, empty_dsn, folder, upto, state):
    """Hand a case to a person, and leave it as an earlier release would have: its database, its run's state."""
    await migrate(empty_dsn, upto)
    async with open_shift(dsn, folder) as shift:
        await shift.escalated(ONE)
        if state == 1:
            await older(shift.saver, f"{ONE}/1")
    source, target = await asyncpg.connect(dsn), await asyncpg.connect(empty_dsn)
    await carried(source, target)
    await source.close()
    await target.close()


@pytest.mark.parametrize("state", [1, 2])
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("upto", PAST)
def test_a_case_paused_under_an_earlier_release_concludes_once(dsn, empty_dsn, tmp_path, upto, answer, state):
    given, by, calls = ANSWERS[answer]

    async def body():
        await paused_then(dsn, empty_dsn, tmp_path, upto, state)
        assert await migrate(empty_dsn) == [migration.name for migration in migrations() if migration.number > upto]
        async with open_shift(empty_dsn, tmp_path) as shift:
            assert (await read(shift.pool, ONE)).status == "waiting"
            await shift.answer(await shift.question(ONE), given)
            office = shift.office(GUILTY)
            worker = shift.worker(office)
            standing = await shift.run(ONE, worker)
            assert (standing.status, standing.outcome, standing.decided_by) == ("decided", "violation", by)
            await worker.take(ONE)
            assert await shift.events(ONE) == ["case.received", "case.escalated", "case.decided"]
            assert office.auditor.calls == [f"{ONE} {call}" for call in calls]

    asyncio.run(body())


def test_there_is_an_earlier_release():
    assert PAST
    assert PAST[0] == 1
