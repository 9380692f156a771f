"""Searching all cases, and reading what ran in one."""

import pytest

from service.answers import overturn
from service.closed import ClosedChoice, closed
from service.trace import trace_of
from tests.graphs.doubles import review
from tests.service.shift import GUILTY, SHARP


@pytest.fixture
def searched(on_shift):
    """Search a database with a case decided alone, one by a person, one that waits, and one overturned."""

    def run(*choices, body=None):
        async def inner(shift):
            await shift.submit("alone", "undone")
            for case_id in ("alone", "undone"):
                await shift.worker().take(case_id)
            await shift.escalated("asked", "open")
            await shift.answer(await shift.question("asked"), review(f"{SHARP} met", reviewer="nadia"))
            await shift.worker(shift.office(GUILTY)).take("asked")
            async with shift.pool.acquire() as connection, connection.transaction():
                await overturn(connection, "undone", "lead", "the wrong listing")
            if body:
                return await body(shift)
            return [{row.case_id for row in (await closed(shift.pool, choice)).items} for choice in choices]

        return on_shift(inner)

    return run


def test_each_filter_finds_what_it_names(searched):
    choices = {
        ClosedChoice(): {"alone", "undone", "asked", "open"},
        ClosedChoice(status="waiting"): {"open"},
        ClosedChoice(outcome="violation"): {"alone", "undone", "asked"},
        ClosedChoice(decided_by="person"): {"asked"},
        ClosedChoice(overturned=True): {"undone"},
        ClosedChoice(model="script-1"): {"alone", "undone", "asked"},
        ClosedChoice(model="another"): set(),
        ClosedChoice(agreed=True): set(),
        ClosedChoice(agreed=False): set(),
        ClosedChoice(reason="open_question"): {"asked", "open"},
        ClosedChoice(clause="blades.spring"): {"alone", "undone", "asked"},
        ClosedChoice(action="remove_listing", decided_by="agent"): {"alone", "undone"},
        ClosedChoice(q="ASK"): {"asked"},
        ClosedChoice(q="switchblade alo"): {"alone"},
        ClosedChoice(q="100% no such_thing"): set(),
        ClosedChoice(region="XX"): set(),
    }
    assert searched(*choices) == list(choices.values())


def test_pages_follow_on_each_other_and_count_all(searched):
    async def body(shift):
        first = await closed(shift.pool, ClosedChoice(), limit=3)
        second = await closed(shift.pool, ClosedChoice(), first.next, limit=3)
        return first, second

    first, second = searched(body=body)
    assert (first.total, len(first.items), len(second.items), second.next) == (4, 3, 1, None)
    assert len({row.case_id for row in (*first.items, *second.items)}) == 4
    assert next(row for row in (*first.items, *second.items) if row.case_id == "asked").reviewer == "nadia"


def test_a_trace_names_each_recorded_call_in_its_order(searched):
    async def body(shift):
        return await trace_of(shift.pool, "asked"), await trace_of(shift.pool, "nobody")

    trace, none = searched(body=body)
    assert trace.calls[0].step == "pin"
    assert {call.round for call in trace.calls} == {1}
    assert trace.pins[1]["snapshot"]
    assert none.calls == ()
