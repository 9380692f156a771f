"""A person's decision becomes a precedent: kept with the decision, gone once overturned, filled in on upgrading."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import orjson
import pytest

from cases.case import read_case
from casewright.serving import SERVICE_DEFAULTS, open_worker
from casewright.settings import read_settings
from service.answers import answer, overturn
from service.migrate import migrate
from service.precedents import PostgresPrecedents
from service.reading import read
from tests.graphs.conftest import case
from tests.graphs.doubles import review
from tests.service.shift import GUILTY, SHARP, open_shift
from tests.service.test_upgrade import carried
from tools.precedents import Precedent, PrecedentRows
from tools.tool import Look, run_tool

CLAUSE = "blades.spring"
TITLE = case().subject.title


async def decided(shift, *ids, verdict="met", **fields):
    """Have a person settle cases whose sharpness is open."""
    for line in await shift.escalated(*ids, **fields):
        await shift.answer(line, review(f"{SHARP} {verdict}"))
        await shift.run(line["case_id"])


async def found(shift, others=None, **fields):
    return await PostgresPrecedents(shift.pool, others).similar(case(id="asks", **fields), (CLAUSE,))


def test_a_persons_decision_becomes_a_precedent_with_what_was_judged(on_shift):
    async def body(shift):
        await decided(shift, "one")
        return await found(shift), shift.corpus.clauses[CLAUSE]

    (precedent,), clause = on_shift(body)
    assert (precedent.case_id, precedent.decided_by, precedent.outcome) == ("one", "person", "violation")
    assert list(precedent.parts.items()) == [("blade", "met"), ("sharp", "met"), ("antique", "not_met")]
    assert precedent.clause_sha256 == clause.sha256
    assert precedent.region == case().region


def test_a_confirmed_recommendation_is_a_precedent_of_what_it_found(on_shift):
    async def body(shift):
        await shift.submit("one")
        worker = shift.worker(shift.office(GUILTY, automation="off"))
        line = (await shift.run("one", worker)).result
        await shift.answer(line, review(confirmed=True))
        await shift.run("one", worker)
        return await found(shift)

    (precedent,) = on_shift(body)
    assert precedent.parts == {"blade": "met", "sharp": "met", "antique": "not_met"}


def test_what_the_agent_decides_alone_is_no_precedent(on_shift):
    async def body(shift):
        await shift.submit("alone")
        standing = await shift.run("alone", shift.worker(shift.office(GUILTY)))
        return standing.decided_by, await found(shift)

    assert on_shift(body) == ("agent", [])


def test_a_decision_that_was_overturned_drops_out(on_shift):
    async def body(shift):
        await decided(shift, "one", "two")
        async with shift.pool.acquire() as connection:
            await overturn(connection, "one", "S. Enior", "It was a toy.")
        return [item.case_id for item in await found(shift)]

    assert on_shift(body) == ["two"]


def test_the_most_similar_title_comes_first_and_then_the_own_region(on_shift):
    async def body(shift):
        await decided(shift, "far", subject={"title": TITLE + " for the garden, with a belt and a bag"})
        await decided(shift, "near", region="DE")
        await decided(shift, "nearest")
        return [item.case_id for item in await found(shift)]

    assert on_shift(body) == ["nearest", "near", "far"]


def test_an_archive_speaks_of_cases_that_were_not_decided_here(on_shift):
    async def body(shift):
        await decided(shift, "one")
        told = {"clause_id": CLAUSE, "clause_sha256": "a" * 64, "decided_by": "person", "region": "SG", "parts": {}}
        archive = [Precedent(**told, case_id=name, title="An old knife") for name in ("one", "archived")]
        return await found(shift, PrecedentRows(archive))

    one, archived = on_shift(body)
    assert (one.case_id, one.parts["sharp"]) == ("one", "met")  # what was decided here is known best here
    assert archived.case_id == "archived"


def test_a_precedent_of_a_title_with_a_character_that_databases_refuse_is_kept(on_shift):
    async def body(shift):
        await decided(shift, "one", subject={"title": f"{TITLE}\0"})
        return [item.title for item in await found(shift)]

    assert on_shift(body) == [f"{TITLE}\ufffd"]


def test_an_auditor_who_asks_is_told_what_people_have_decided_here(worked_dsn, tmp_path):
    async def body():
        settings = read_settings({"CASEWRIGHT_HOME": str(tmp_path)}, defaults=SERVICE_DEFAULTS)
        async with open_worker(settings, worked_dsn) as (worker, _):
            line = (await read(worker.pool, "remedy")).result
            question = line["escalation"]["questions"][0]
            asking = await looking(worker.pool, "remedy")
            desk = await worker.desk(asking, None)
            await answer(
                worker.pool, "remedy", review(f"{question['clause_id']}|{question['part']} met")(line), desk.corpus
            )
            await worker.take("remedy")
            look = Look(asking, desk.corpus.local_day(asking.opened_at, asking.region))
            return question, await run_tool(desk.tools["precedents"], look, {"clause_id": question["clause_id"]})

    question, (draft,) = asyncio.run(body())
    assert {"precedent: remedy", f"part: {question['part']} met"} <= set(draft.text.splitlines())


async def looking(pool, like):
    """A case like a stored one, opened after all that has been decided."""
    body = orjson.loads(await pool.fetchval("SELECT body FROM cases WHERE id = $1", like))
    return read_case({**body, "id": "next", "opened_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()})


@pytest.mark.parametrize("title", [TITLE, f"{TITLE}: \\u0000 as text, and a real \0"])
def test_cases_decided_before_the_upgrade_are_filled_in(dsn, empty_dsn, tmp_path, title):
    async def body():
        await migrate(empty_dsn, 8)
        async with open_shift(dsn, tmp_path) as shift:
            await decided(shift, "one", subject={"title": title})
            await decided(shift, "two", verdict="not_met")
            await shift.submit("alone")
            await shift.run("alone", shift.worker(shift.office(GUILTY)))
            expected = await found(shift)
        source, target = await asyncpg.connect(dsn), await asyncpg.connect(empty_dsn)
        await carried(source, target)
        await source.close()
        await target.close()
        await migrate(empty_dsn)
        async with open_shift(empty_dsn, tmp_path) as shift:
            return expected, await found(shift)

    expected, filled = asyncio.run(body())
    assert {item.case_id for item in filled} == {"one", "two"}
    assert filled == expected
