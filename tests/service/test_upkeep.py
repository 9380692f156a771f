import asyncio

import asyncpg

from cases.case import Case
from casewright.synthetic import synthetic_cases
from service.events import number_events
from service.intake import submit
from service.listening import CASE_CHANNEL
from service.queue import analyze_grown
from service.upkeep import Task, keep


def _bulk(count):
    return [Case.model_validate(plain) for plain in synthetic_cases(count, 3)]


async def _analysed(pool):
    return await pool.fetchval("SELECT analyze_count FROM pg_stat_user_tables WHERE relname = 'pgqueuer'")


async def _counted(pool, at_least):
    """Wait until PostgreSQL has counted the rows: a connection tells its counts a second later, or ten."""
    query = "SELECT n_mod_since_analyze FROM pg_stat_user_tables WHERE relname = 'pgqueuer'"
    async with asyncio.timeout(15):
        while await pool.fetchval(query) < at_least:  # noqa: ASYNC110 - the server tells it no other way
            await asyncio.sleep(0.1)


def test_the_planner_is_told_once_the_queue_has_grown_deep_and_not_again(with_pool):
    async def body(pool):
        await submit(pool, _bulk(100))
        await analyze_grown(pool)
        before = await _analysed(pool)
        await submit(pool, _bulk(2500))
        await _counted(pool, 2000)
        await analyze_grown(pool)
        after = await _analysed(pool)
        await analyze_grown(pool)
        return before, after, await _analysed(pool)

    assert with_pool(body) == (0, 1, 1)


def test_of_many_workers_one_does_what_is_due(with_pool):
    async def body(pool):
        done = []

        async def do():
            done.append(1)

        tasks = [Task("sweeping", 0.4, do)]
        workers = [asyncio.create_task(keep(pool, tasks)) for _ in range(5)]
        await asyncio.sleep(2.0)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        return len(done)

    assert 2 <= with_pool(body) <= 7  # five times as often without turns


def test_who_waits_for_a_case_is_told_when_its_event_is_numbered(with_pool, dsn):
    async def body(pool):
        heard = asyncio.Queue()
        connection = await asyncpg.connect(dsn)
        await connection.add_listener(CASE_CHANNEL, lambda *said: heard.put_nowait(said[-1]))
        await submit(pool, _bulk(1))
        await number_events(pool)
        await pool.execute("INSERT INTO events (type, case_id) VALUES ('case.decided', 'load-3-0')")
        await number_events(pool)
        first = await asyncio.wait_for(heard.get(), 5)
        await connection.close()
        return first, heard.qsize()

    assert with_pool(body) == ("load-3-0", 0)
