"""Single cases that come at the same time: taken in together, each with its own answer."""

import asyncio
from collections import Counter

import asyncpg

from cases.case import read_case
from service.gathering import Gathering

CASE = {
    "id": "case-1",
    "opened_at": "2026-03-14T09:30:00Z",
    "region": "SG",
    "seller_id": "S-9",
    "subject": {"kind": "listing", "id": "L-77", "title": "Mini pod kit"},
}


def case(number, **changed):
    return read_case(CASE | {"id": f"case-{number}"} | changed)


def test_each_of_many_at_once_is_taken_and_few_transactions_do_it(with_pool):
    async def body(pool):
        gathering = Gathering(pool)
        before = await pool.fetchval("SELECT pg_current_xact_id()::text::bigint")
        receipts = await asyncio.gather(*(gathering.submit(case(number)) for number in range(150)))
        after = await pool.fetchval("SELECT pg_current_xact_id()::text::bigint")
        return receipts, await pool.fetchval("SELECT count(*) FROM cases"), after - before

    receipts, stored, transactions = with_pool(body)
    assert [receipt.case_id for receipt in receipts] == [f"case-{number}" for number in range(150)]
    assert {receipt.taken for receipt in receipts} == {"taken"}
    assert stored == 150
    assert transactions < 30


def test_of_two_bodies_under_one_id_one_is_taken(with_pool):
    async def body(pool):
        gathering = Gathering(pool)
        both = [case(1), case(1, region="MY")] * 5
        return await asyncio.gather(*(gathering.submit(one) for one in both))

    counted = Counter(receipt.taken for receipt in with_pool(body))
    assert counted == {"taken": 1, "known": 4, "another_body": 5}


def test_a_case_that_cannot_be_stored_takes_no_other_along(with_pool):
    unstorable = case(2).model_copy(update={"region": "S\0"})

    async def body(pool):
        gathering = Gathering(pool)
        sent = (case(1), unstorable, case(3))
        return await asyncio.gather(*(gathering.submit(one) for one in sent), return_exceptions=True)

    first, second, third = with_pool(body)
    assert (first.taken, third.taken) == ("taken", "taken")
    assert isinstance(second, asyncpg.DataError)


def test_who_has_gone_meanwhile_is_not_waited_for(with_pool):
    async def body(pool):
        gathering = Gathering(pool)
        gone = asyncio.create_task(gathering.submit(case(1)))
        await asyncio.sleep(0)
        gone.cancel()
        return await gathering.submit(case(2)), await pool.fetchval("SELECT count(*) FROM cases")

    receipt, stored = with_pool(body)
    assert receipt.taken == "taken"
    assert stored == 2
