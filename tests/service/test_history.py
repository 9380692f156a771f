"""What has become of a case, read back."""

import pytest

from service.answers import overturn
from service.appeals import appeal_of
from service.history import history
from service.intake import NoSuchCase, submit
from tests.graphs.doubles import request, review, supplement
from tests.service.shift import OPEN, SHARP


def test_each_turn_says_who_was_asked_and_what_came(on_shift):
    async def body(shift):
        (line,) = await shift.escalated("one", says=OPEN)
        await shift.answer(line, request(), by="ana")
        await shift.run("one", shift.worker(shift.office(OPEN)))
        await shift.answer(await shift.question("one"), supplement("It is blunt."))
        await shift.run("one", shift.worker(shift.office(OPEN)))
        return await history(shift.pool, "one")

    told = on_shift(body)
    assert [turn.waiting_for for turn in told.turns] == ["reviewer", "seller", "reviewer"]
    assert [turn.answered_by for turn in told.turns][:1] == ["ana"]
    assert told.turns[1].answer.texts[0].text == "It is blunt."
    assert (told.turns[2].answer, told.strike, told.appeals, told.label) == (None, None, (), None)
    assert told.events[0].type == "case.received"


def test_an_overturned_decision_names_its_reason_its_strike_and_its_appeal(on_shift):
    async def body(shift):
        (line,) = await shift.escalated("one")
        await shift.answer(line, review(f"{SHARP} met", reviewer="ana"))
        await shift.run("one")
        await submit(shift.pool, [await appeal_of(shift.pool, "one", "again", "It is a comb.")])
        async with shift.pool.acquire() as connection, connection.transaction():
            await overturn(connection, "one", "lena", "a comb, indeed")
        with pytest.raises(NoSuchCase):
            await history(shift.pool, "nobody")
        return await history(shift.pool, "one"), await history(shift.pool, "again")

    told, appeal = on_shift(body)
    assert (told.overturned["by"], told.overturned["why"]) == ("lena", "a comb, indeed")
    assert (told.strike.clause_id, told.strike.reversed_by) == ("blades.spring", "lena")
    assert [made.case_id for made in told.appeals] == ["again"]
    assert appeal.appeal_of == "one"
