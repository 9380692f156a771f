"""The numbers: counted from what is stored, with honest intervals, and exported so that no cell is a formula."""

import csv
import io

from hypothesis import example, given
from hypothesis import strategies as st

from console.csv_cells import cell, written
from service.answers import overturn
from service.closed import ClosedChoice, closed
from service.figures import FigureChoice, Share, figures, wilson
from tests.graphs import doubles
from tests.graphs.doubles import review
from tests.service.shift import BLADE, GUILTY, SHARP

OPENER = doubles.not_met("listing.title|Letter opener")
CLEARED = {BLADE: OPENER, "labels.origin|unstated": OPENER}


@given(st.text())
@example("=1+1")
@example("\t=1")
@example(" @SUM(A1)")
@example("＝1")
def test_no_text_becomes_a_formula_and_none_is_lost(text):
    told = cell(text)
    assert not told.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert told.removeprefix("'") == text.removeprefix("'") or told == text


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0")), min_size=2, max_size=2), max_size=5
    )
)
def test_a_table_is_read_back_as_it_was_written(rows):
    told = written(("one", "two"), rows).decode("utf-8-sig")
    read = list(csv.reader(io.StringIO(told, newline="")))
    assert read[1:] == [[cell(value) for value in row] for row in rows]


def test_numbers_stay_numbers():
    assert [cell(value) for value in (-3, 2.5, None, 0)] == ["-3", "2.5", "", "0"]


@given(st.integers(0, 500), st.integers(0, 500))
def test_an_interval_holds_its_share_and_stays_between_nothing_and_all(hits, misses):
    low, high = wilson(hits, hits + misses)
    assert 0 <= low <= high <= 1
    if hits + misses:
        assert low <= hits / (hits + misses) + 1e-9
        assert high >= hits / (hits + misses) - 1e-9


def test_the_interval_is_wilsons():
    low, high = wilson(8, 10)  # Brown, Cai and DasGupta's own example of the form: 0.490 to 0.943
    assert (round(low, 3), round(high, 3)) == (0.49, 0.943)
    assert Share(hits=0, of=0).interval == (0.0, 1.0)


def test_what_is_decided_asked_and_overturned_is_counted(on_shift):
    async def body(shift):
        await shift.submit("alone-1", "alone-2")
        for case_id in ("alone-1", "alone-2"):
            await shift.worker().take(case_id)
        await shift.escalated("asked")
        await shift.answer(await shift.question("asked"), review(f"{SHARP} met"))
        await shift.worker(shift.office(GUILTY)).take("asked")
        async with shift.pool.acquire() as connection, connection.transaction():
            await overturn(connection, "alone-2", "lead", "the wrong listing")
        return await figures(shift.pool, FigureChoice())

    found = on_shift(body)
    assert (found.volumes.received, found.volumes.alone, found.volumes.by_person) == (3, 2, 1)
    assert found.volumes.overturned == 1
    assert {(share.hits, share.of) for share in found.overturned_by_type} == {(1, 3)}
    assert {cause.name for cause in found.causes} == {"open_question"}
    assert sum(model.cases for model in found.models) == 3
    assert {duration.name for duration in found.durations} == {"agent", "person"}


def test_every_row_by_type_opens_as_many_cases_as_it_counts(on_shift):
    """A case that two types are suspected of counts for both; one that a violation was found in, for that one alone."""

    async def body(shift):
        await shift.submit("innocent", title="Letter opener", suspected=["prohibited.blades", "listing.labels"])
        await shift.submit("guilty", suspected=["listing.labels"])
        await shift.worker(shift.office(CLEARED)).take("innocent")
        labelled = {"labels.origin|unstated": doubles.not_met("listing.title|Switchblade")}
        await shift.worker(shift.office({**GUILTY, **labelled})).take("guilty")
        counted = (await figures(shift.pool, FigureChoice())).overturned_by_type
        found = {
            share.name: await closed(shift.pool, ClosedChoice(status="decided", type=share.name)) for share in counted
        }
        return {share.name: share.of for share in counted}, {name: page.total for name, page in found.items()}

    counted, listed = on_shift(body)
    assert counted == listed == {"prohibited.blades": 2, "listing.labels": 1}
