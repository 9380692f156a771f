import asyncio
import uuid
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cursors import BadCursor, read_position, write_position
from service.events import (
    EVENTS,
    CursorTooOld,
    UnknownEvent,
    keep_numbering,
    number_events,
    pull,
    purge_events,
    wait_for_events,
)
from service.listening import Listener
from service.webhooks import WebhookStore


async def tell(connection, *case_ids, kind="case.decided", data=None):
    for case_id in case_ids:
        await connection.execute(
            "INSERT INTO events (type, case_id, data) VALUES ($1, $2, $3)", kind, case_id, data or {}
        )


async def subjects(pool, after=0, types=(), limit=100):
    found, cursor = await pull(pool, after, types, limit)
    return [event["subject"] for event in found], read_position(cursor)


def test_an_event_is_a_cloud_event(with_pool):
    async def body(pool):
        await tell(pool, "c-1", data={"outcome": "violation"})
        assert await number_events(pool) == 1
        (event,), _ = await pull(pool, 0)
        return event

    event = with_pool(body)
    assert uuid.UUID(event.pop("id"))
    written = event.pop("time")
    assert written.endswith("Z")
    assert datetime.fromisoformat(written).utcoffset() == timedelta(0)
    assert int(event.pop("sequence")) > 0
    assert event == {
        "specversion": "1.0",
        "source": "/casewright",
        "type": "case.decided",
        "subject": "c-1",
        "datacontenttype": "application/json",
        "data": {"outcome": "violation"},
    }


def test_no_cursor_passes_an_event_that_commits_late(with_pool):
    async def body(pool):
        late = await pool.acquire()
        transaction = late.transaction()
        await transaction.start()
        await tell(late, "late")  # its row comes first, its commit last
        await tell(pool, "early")
        assert await number_events(pool) == 1
        first, cursor = await subjects(pool)
        await transaction.commit()
        await pool.release(late)
        assert await number_events(pool) == 1
        second, _ = await subjects(pool, cursor)
        return first, second

    assert with_pool(body) == (["early"], ["late"])


def test_many_who_number_at_once_give_every_event_one_position(with_pool):
    async def body(pool):
        await tell(pool, *map(str, range(60)))
        counts = await asyncio.gather(*(number_events(pool) for _ in range(6)))
        rows = await pool.fetch("SELECT position FROM events ORDER BY seq")
        return sum(counts), [row["position"] for row in rows]

    total, positions = with_pool(body)
    assert total == 60
    assert positions == sorted(set(positions))
    assert len(positions) == 60


def test_what_is_told_while_others_number_comes_once_and_in_order_to_a_reader(with_pool):
    async def body(pool):
        async def writer(name):
            for number in range(25):
                async with pool.acquire() as connection, connection.transaction():
                    await tell(connection, f"{name}-{number}")
                    await asyncio.sleep(0.002 * (number * ord(name) % 4))

        numbering = [asyncio.create_task(keep_numbering(pool, 0.005)) for _ in range(2)]
        writers = asyncio.gather(*map(writer, "abc"))
        read, cursor = [], 0
        while len(read) < 75:
            found, cursor = await subjects(pool, cursor, limit=7)
            read += found
            await asyncio.sleep(0.003)
        await writers
        for task in numbering:
            task.cancel()
        return read, await subjects(pool, cursor)

    read, (rest, _) = with_pool(body)
    assert rest == []
    assert len(set(read)) == 75
    for name in "abc":
        assert [line for line in read if line[0] == name] == [f"{name}-{number}" for number in range(25)]


def test_pages_of_any_size_give_the_same_events_as_one(with_pool):
    async def body(pool):
        for number in range(23):
            await tell(pool, str(number), kind=EVENTS[number % 3])
        await number_events(pool)
        for types in ((), (EVENTS[1],), (EVENTS[0], EVENTS[2])):
            whole, end = await subjects(pool, types=types)
            for limit in (1, 2, 5, 8, 23):
                read, cursor, page = [], 0, [None]
                while page:
                    page, cursor = await subjects(pool, cursor, types, limit)
                    read += page
                assert read == whole
                assert cursor == end

    with_pool(body)


def test_only_the_types_asked_for_are_read_and_the_cursor_passes_the_others(with_pool):
    async def body(pool):
        await tell(pool, "a", kind="case.received")
        await tell(pool, "b", kind="case.decided")
        await tell(pool, "c", kind="case.received")
        await number_events(pool)
        first, cursor = await subjects(pool, types=("case.decided",))
        with pytest.raises(UnknownEvent, match=r"case\.eaten"):
            await pull(pool, 0, ("case.eaten",))
        return first, await subjects(pool, cursor)

    first, (rest, _) = with_pool(body)
    assert first == ["b"]
    assert rest == []


def test_events_go_to_the_enabled_webhooks_that_want_them(with_pool):
    async def body(pool):
        store = WebhookStore(pool)
        every, _ = await store.make("https://a.example/")
        decided, _ = await store.make("https://b.example/", types=["case.decided"])
        off, _ = await store.make("https://c.example/")
        await store.change(off.id, enabled=False)
        await tell(pool, "a", kind="case.received")
        await tell(pool, "b", kind="case.decided")
        await number_events(pool)
        rows = await pool.fetch("SELECT webhook_id, case_id FROM deliveries JOIN events USING (position) ORDER BY 2, 1")
        wanted = sorted([("a", every.id), ("b", every.id), ("b", decided.id)])
        return [(row["case_id"], row["webhook_id"]) for row in rows], wanted

    got, wanted = with_pool(body)
    assert got == wanted


def test_a_reader_who_waits_is_woken_by_the_next_event(with_pool, dsn):
    async def body(pool):
        async with Listener(dsn).listening() as listener:
            numbering = asyncio.create_task(keep_numbering(pool, 0.02))
            waiting = [asyncio.create_task(wait_for_events(pool, listener, 0, seconds=30)) for _ in range(3)]
            await asyncio.sleep(0.3)
            started = asyncio.get_running_loop().time()
            await tell(pool, "c-1")
            answers = await asyncio.gather(*waiting)
            took = asyncio.get_running_loop().time() - started
            numbering.cancel()
            return [[event["subject"] for event in found] for found, _ in answers], took

    answers, took = with_pool(body)
    assert answers == [["c-1"]] * 3
    assert took < 1.5  # less than the look of its own


def test_a_reader_who_waits_in_vain_gets_a_cursor_that_has_passed_what_it_did_not_want(with_pool, dsn):
    async def body(pool):
        await tell(pool, "a", kind="case.received")
        await number_events(pool)
        async with Listener(dsn).listening() as listener:
            found, cursor = await wait_for_events(pool, listener, 0, ("case.decided",), seconds=0.2)
        return found, await subjects(pool, read_position(cursor))

    found, (rest, _) = with_pool(body)
    assert found == []
    assert rest == []


def test_waiting_survives_the_loss_of_the_listening_connection(with_pool, dsn):
    async def body(pool):
        async with Listener(dsn).listening() as listener:
            await asyncio.wait_for(listener.news().wait(), 5)  # it listens
            cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
            cuts = await pool.fetchval(cut)
            await asyncio.wait_for(listener.news().wait(), 5)  # it listens again
            waiting = asyncio.create_task(wait_for_events(pool, listener, 0, seconds=30))
            await asyncio.sleep(0.2)
            started = asyncio.get_running_loop().time()
            await tell(pool, "c-1")
            await number_events(pool)
            found, _ = await waiting
            return cuts, len(found), asyncio.get_running_loop().time() - started

    cuts, found, took = with_pool(body)
    assert (cuts, found) == (1, 1)
    assert took < 1.5


def test_old_events_are_purged_once_their_deliveries_are_over(with_pool):
    async def body(pool):
        store = WebhookStore(pool)
        await tell(pool, "undelivered-by-nobody")
        await number_events(pool)
        webhook, _ = await store.make("https://a.example/")
        await tell(pool, "delivered", "failed", "pending")
        await number_events(pool)
        positions = {row["case_id"]: row["position"] for row in await pool.fetch("SELECT * FROM events")}
        for status in ("delivered", "failed"):
            await pool.execute("UPDATE deliveries SET status = $1 WHERE position = $2", status, positions[status])
        await pool.execute("UPDATE events SET at = now() - interval '40 days'")
        await tell(pool, "new")
        await number_events(pool)
        assert await purge_events(pool, timedelta(days=50)) == 0
        assert await purge_events(pool, timedelta(days=30)) == 3
        with pytest.raises(CursorTooOld):
            await pull(pool, positions["undelivered-by-nobody"])
        kept, cursor = await subjects(pool)
        assert len(await store.deliveries(webhook.id)) == 2
        return kept, await subjects(pool, positions["failed"]), cursor > positions["pending"]

    kept, (after, _), ahead = with_pool(body)
    assert kept == ["pending", "new"]
    assert after == ["pending", "new"]
    assert ahead


def test_a_cursor_of_another_database_is_refused_not_waited_on(with_pool):
    async def body(pool):
        await tell(pool, "a")
        await number_events(pool)
        with pytest.raises(BadCursor):
            await pull(pool, 10_000)

    with_pool(body)


@given(st.integers(0, 2**63 - 1))
def test_a_cursor_is_read_back_and_goes_into_a_url_as_it_is(position):
    cursor = write_position(position)
    assert read_position(cursor) == position
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.text() | st.binary().map(lambda b: b.decode("latin-1")) | st.integers().map(str))
def test_what_is_no_cursor_is_refused_by_name(written):
    try:
        position = read_position(written)
    except BadCursor:
        return
    assert written in {"", write_position(position)}
