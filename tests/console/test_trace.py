"""The trace in this process: totals and calls as recorded, and whether the record still gives its result."""

import re

from cases.journal import NotInJournal
from graphs.replay import differences
from service.replay import replay
from tests.console.visitor import visitor
from tests.graphs.doubles import review
from tests.service.shift import GUILTY, SHARP
from tests.service.test_trace_record import INVESTIGATED, record


def words(text):
    """The page's words, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_a_trace_begins_with_its_totals_and_names_each_call(on_shift):
    async def body(shift):
        await shift.submit("one")
        await record(shift.pool, "one", INVESTIGATED)
        async with visitor(shift) as http:
            text = words(await http.text("/cases/one/trace"))
        assert "Model calls 4" in text
        assert "Tool calls 1" in text
        assert "Tokens sent 4,000 1,600 of them cached" in text
        assert "Cost 0.01" in text
        assert "seller_history" in text
        assert "A submission came back once" in text
        assert "One answer could not be read" in text
        assert "model-a → model-a-2026" in text

    on_shift(body)


def test_a_case_of_which_nothing_is_recorded_says_so(on_shift):
    async def body(shift):
        await shift.submit("one")
        async with visitor(shift) as http:
            text = words(await http.text("/cases/one/trace"))
            assert (await http.get("/cases/nobody/trace")).status_code == 404
        assert "Nothing is recorded of this case." in text
        assert "Rebuild" not in text

    on_shift(body)


async def decided(shift):
    (line,) = await shift.escalated("one")
    await shift.answer(line, review(f"{SHARP} met", reviewer="omar"))
    await shift.run("one")


def rebuilding(shift):
    """As the composition root does, over the desks of a shift."""

    async def rebuild(case_id):
        async def lay(case, journal, _):
            return await shift.office(GUILTY).desk(case, journal, None)

        then, now = await replay(shift.pool, case_id, lay, lay)
        return differences(then, now)

    return rebuild


def test_the_record_gives_the_same_result_again_and_nothing_changes(on_shift):
    async def body(shift):
        await decided(shift)
        before = await shift.row("one")
        async with visitor(shift, roles=("lead",), rebuild=rebuilding(shift)) as http:
            assert "Rebuild the result" in await http.text("/cases/one/trace")
            answered = await http.act("/cases/one/rebuild")
        assert "The record gives the same result again." in answered.text
        assert await shift.row("one") == before
        assert await shift.pool.fetchval("SELECT detail FROM acts WHERE act = 'rebuilt'") == {"same": True}

    on_shift(body)


def test_a_result_that_was_changed_afterwards_is_told_with_the_places(on_shift):
    async def body(shift):
        await decided(shift)
        result = (await shift.row("one"))["result"].replace(b'"omar"', b'"olga"')
        await shift.pool.execute("UPDATE cases SET result = $1", result)
        async with visitor(shift, roles=("lead",), rebuild=rebuilding(shift)) as http:
            text = words((await http.act("/cases/one/rebuild")).text)
        assert "It differs in" in text
        assert "/decision/reviewer" in text

    on_shift(body)


def test_what_cannot_be_rebuilt_says_why(on_shift):
    async def body(shift):
        await decided(shift)

        async def rebuild(case_id):
            raise NotInJournal(case=case_id, slot="1/gather/<b>")

        async with visitor(shift, roles=("lead",), rebuild=rebuild) as http:
            text = (await http.act("/cases/one/rebuild")).text
        assert "It could not be rebuilt." in text
        assert "1/gather/&lt;b&gt;" in text

    on_shift(body)


def test_rebuilding_is_for_those_who_answer_for_the_work(on_shift):
    async def body(shift):
        await decided(shift)
        async with visitor(shift, roles=("reviewer",), rebuild=rebuilding(shift)) as http:
            assert "Rebuild" not in await http.text("/cases/one/trace")
            assert (await http.act("/cases/one/rebuild")).status_code == 403

    on_shift(body)
