"""A colleague who is asked to look: reads the case with its ballots sealed, answers with a note, and takes nothing."""

from service.notes import add_note, asked_of, notes
from tests.console.visitor import visitor
from tests.graphs.doubles import review
from tests.service.shift import OPEN, SHARP


async def asked(shift):
    """An open case in omar's hands, who asks nadia."""
    (line,) = await shift.escalated("one", says=OPEN)
    await shift.pool.execute(
        "UPDATE escalations SET claimed_by = 'omar', claimed_until = now() + interval '10 minutes'"
    )
    await add_note(shift.pool, "one", "omar", "Is this <b>sharp</b>?", "nadia")
    return line


def test_a_colleague_reads_who_asks_and_what_with_ballots_sealed_until_they_want_them(on_shift):
    async def body(shift):
        await asked(shift)
        async with visitor(shift) as http:
            text = await http.text("/cases/one/consult")
            assert "omar asks you to look" in text
            assert "Is this &lt;b&gt;sharp&lt;/b&gt;?" in text
            assert 'class="opened"' in text
            assert 'id="decide"' not in text
            assert '<fieldset class="verdict" disabled>' in text
            opened = await http.text("/cases/one/consult?ballots=1")
            assert 'class="opened"' not in opened
            assert 'data-sealing=""' in opened

    on_shift(body)


def test_the_answer_is_a_note_and_the_case_stays_in_its_hands(on_shift):
    async def body(shift):
        await asked(shift)
        async with visitor(shift) as http:
            assert [one.case_id for one in await asked_of(shift.pool, "nadia")] == ["one"]
            assert (await http.act("/cases/one/consult", text="Yes.")).status_code == 303
            assert (await http.act("/cases/one/consult", text="  ")).status_code == 422
            assert "Nobody has asked you" in await http.text("/cases/one/consult")
        assert [(note.by, note.text) for note in await notes(shift.pool, "one")][-1] == ("nadia", "Yes.")
        assert (await shift.question("one"))["row"]["claimed_by"] == "omar"
        assert await asked_of(shift.pool, "nadia") == ()

    on_shift(body)


def test_a_case_that_is_open_no_more_is_shown_as_it_stands(on_shift):
    async def body(shift):
        line = await asked(shift)
        await shift.answer(line, review(f"{SHARP} met", reviewer="omar"))
        await shift.run("one")
        async with visitor(shift) as http:
            assert (await http.get("/cases/one/consult")).headers["location"] == "/decisions/one"
        async with visitor(shift, "lena", roles=("lead",)) as http:
            assert (await http.get("/cases/one/consult")).status_code == 403

    on_shift(body)
