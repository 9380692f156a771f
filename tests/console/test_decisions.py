"""Decisions in this process: the search and its files, a decided case and its acts, and what a blind label hides."""

import csv
import io
import json
import re
from datetime import UTC, datetime
from html import unescape

import pytest

from cases.finding import Judgement
from policies.corpus import load_corpus
from service.answers import overturn
from service.guards import Guard, set_guard
from service.labels import give_label, next_blind
from service.notes import add_note
from service.reading import read
from tests.console.visitor import visitor
from tests.graphs.corpus import CLAUSES, write_corpus
from tests.graphs.doubles import request, review, supplement
from tests.service.shift import GUILTY, SHARP

EVERYTHING = ("reviewer", "senior", "policy", "lead", "admin")
NASTY = "<script>alert(1)</script> \u202etfel =2+3"


async def decided(shift, *ids, verdict="met", by="omar", comment="", **fields):
    """Cases that a person has decided."""
    for case_id in ids:
        (line,) = await shift.escalated(case_id, **fields)
        await shift.answer(line, review(f"{SHARP} {verdict}", reviewer=by, comment=comment))
        await shift.run(case_id)


async def recommended(shift, case_id, **given):
    """A case that was settled and still goes to a person, whose answer this is."""
    await shift.submit(case_id)
    await shift.worker(shift.office(GUILTY, automation="off")).take(case_id)
    await shift.answer(await shift.question(case_id), review(reviewer="omar", **given))
    await shift.run(case_id)


async def overturned(shift, case_id, why="the wrong listing"):
    async with shift.pool.acquire() as connection, connection.transaction():
        await overturn(connection, case_id, "omar", why)


def found(text):
    """Ids of the cases in a list."""
    return set(re.findall(r'<td class="thing"><a href="/decisions/([^"]+)"', text))


# The search


def test_an_address_narrows_the_list_and_the_form_keeps_what_it_does_not_ask(on_shift):
    async def body(shift):
        await decided(shift, "mine")
        await decided(shift, "theirs", verdict="not_met")
        await shift.escalated("open")
        async with visitor(shift) as http:
            everything = await http.text("/decisions")
            assert found(everything) == {"mine", "theirs", "open"}
            narrowed = await http.text("/decisions?outcome=violation&clause=blades.spring&q=switchblade")
            assert found(narrowed) == {"mine"}
            assert '<input type="hidden" name="clause" value="blades.spring">' in narrowed
            assert 'value="violation" selected' in narrowed
            assert found(await http.text("/decisions?status=waiting")) == {"open"}
            assert found(await http.text("/decisions?from=2999-01-01")) == set()
            assert found(await http.text("/decisions?q=no_such%25thing")) == set()

    on_shift(body)


def test_what_makes_no_sense_in_an_address_asks_for_nothing_and_the_rest_holds(on_shift):
    async def body(shift):
        await decided(shift, "mine")
        await decided(shift, "theirs", verdict="not_met")
        async with visitor(shift) as http:
            address = "/decisions?outcome=violation&status=nonsense&agreed=perhaps&from=yesterday&region=%00"
            text = await http.text(address.removesuffix("&region=%00"))
            assert found(text) == {"mine"}
            assert "nonsense" not in text
            assert found(await http.text(address)) == set()
            assert (await http.get("/decisions?after=nonsense")).status_code == 422

    on_shift(body)


def test_decisions_are_found_by_whether_people_agreed_with_the_agent_and_by_model(on_shift):
    async def body(shift):
        await recommended(shift, "same", confirmed=True)
        await recommended(shift, "milder", confirmed=True, action="restrict_seller", action_reason="first time")
        await decided(shift, "asked")
        assert (await read(shift.pool, "milder")).action == "restrict_seller"
        async with visitor(shift) as http:
            assert found(await http.text("/decisions?agreed=1")) == {"same"}
            assert found(await http.text("/decisions?agreed=0")) == {"milder"}
            assert found(await http.text("/decisions?model=script-1")) == {"same", "milder", "asked"}
            assert found(await http.text("/decisions?model=another")) == set()

    on_shift(body)


def test_pages_of_a_list_follow_on_each_other(on_shift):
    async def body(shift):
        await shift.submit(*(f"case-{i:02}" for i in range(60)))
        async with visitor(shift) as http:
            first = await http.text("/decisions?status=queued")
            assert "60 cases" in first
            further = re.search(r'href="(/decisions\?[^"]*after=[^"]*)"', first)[1].replace("&amp;", "&")
            second = await http.text(further)
        assert "status=queued" in further
        assert len(found(first)) == 50
        assert found(first) | found(second) == {f"case-{i:02}" for i in range(60)}

    on_shift(body)


def test_a_row_says_who_decided_and_what_became_of_it(on_shift):
    async def body(shift):
        await shift.submit("alone")
        await shift.run("alone")
        await decided(shift, "mine")
        await overturned(shift, "mine")
        async with visitor(shift, "omar") as http:
            text = await http.text("/decisions")
        rows = re.findall(r"<tr><td.*?</tr>", text, re.DOTALL)
        by_id = {next(iter(found(row))): row for row in rows}
        assert "Omar Tan" in by_id["mine"]
        assert "overturned" in by_id["mine"]
        assert "the agent" in by_id["alone"]
        assert "overturned" not in by_id["alone"]

    on_shift(body)


def test_what_is_found_is_exported_as_lines_and_as_a_table_that_no_spreadsheet_runs(on_shift):
    async def body(shift):
        await decided(shift, "mine", subject={"title": "=HYPERLINK(1), Switchblade, sharp, brand new"})
        await decided(shift, "theirs", verdict="not_met")
        async with visitor(shift, roles=("senior",)) as http:
            lines = await http.text("/decisions.jsonl?outcome=violation")
            answered = await http.get("/decisions.csv?outcome=violation")
        assert [json.loads(line) for line in lines.splitlines()] == [(await read(shift.pool, "mine")).result]
        header, row = csv.reader(io.StringIO(answered.content.decode("utf-8-sig"), newline=""))
        told = dict(zip(header, row, strict=True))
        assert told["title"].startswith("'=HYPERLINK(1)")
        assert (told["case_id"], told["reviewer"], told["action"]) == ("mine", "omar", "remove_listing")
        assert "attachment" in answered.headers["content-disposition"]
        acts = await shift.pool.fetch("SELECT detail FROM acts WHERE act = 'decisions_exported'")
        assert [act["detail"] for act in acts] == [{"outcome": "violation"}] * 2

    on_shift(body)


@pytest.mark.parametrize("path", ["/decisions.csv", "/decisions.jsonl"])
def test_files_are_for_those_who_answer_for_the_work(on_shift, path):
    async def body(shift):
        async with visitor(shift, roles=("reviewer", "policy")) as http:
            assert (await http.get(path)).status_code == 403
            assert path not in await http.text("/decisions")

    on_shift(body)


# One case


def test_a_decided_case_shows_what_was_asked_what_was_said_and_what_went_out(on_shift):
    async def body(shift):
        await decided(shift, "mine", comment="The photo shows the edge.")
        await add_note(shift.pool, "mine", "omar", "Seen twice this week.")
        async with visitor(shift, "omar") as http:
            text = await http.text("/decisions/mine")
        decision = (await read(shift.pool, "mine")).result["decision"]
        assert "Omar Tan" in text
        for shown in ("The photo shows the edge.", "Seen twice this week.", "case.decided"):
            assert shown in text
        assert decision["notice"] in unescape(text)
        quoted = set(re.findall(r'class="quote"[^>]*data-q="(\d+)"', text))
        lit = {n for one in re.findall(r'<mark class="quote[^>]*data-q="([\d ]+)"', text) for n in one.split()}
        assert quoted & lit

    on_shift(body)


def test_a_case_that_waits_for_the_seller_shows_what_was_asked_and_what_came(on_shift):
    async def body(shift):
        (line,) = await shift.escalated("asked")
        await shift.answer(line, request("What is on the label?"), by="omar")
        await shift.run("asked")
        async with visitor(shift, "omar") as http:
            text = await http.text("/decisions/asked")
            assert "What is on the label?" in text
            assert "the seller is asked" in text
            assert "Overturn" not in text
            await shift.answer(await shift.question("asked"), supplement("It says kitchen knife."))
            await shift.run("asked")
            assert "It says kitchen knife." in await http.text("/decisions/asked")

    on_shift(body)


def test_what_two_people_have_said_stands_beside_each_other(on_shift):
    async def body(shift):
        await set_guard(shift.pool, Guard(kind="second", action="remove_listing"), "lead")
        (line,) = await shift.escalated("two")
        await shift.answer(line, review(f"{SHARP} met", reviewer="ana", comment="Sharp, says the title."))
        await shift.answer(line, review(f"{SHARP} met", reviewer="omar", comment="So it is."))
        await shift.run("two")
        async with visitor(shift, "omar") as http:
            text = await http.text("/decisions/two")
        assert "Sharp, says the title." in text
        assert "ana has said the same" in text

    on_shift(body)


def test_a_decision_is_overturned_once_with_a_reason_by_those_who_may(on_shift):
    async def body(shift):
        await decided(shift, "mine")
        async with visitor(shift, "rita", roles=("reviewer",)) as http:
            assert "/decisions/mine/overturn" not in await http.text("/decisions/mine")
            assert (await http.act("/decisions/mine/overturn", why="I differ")).status_code == 403
        async with visitor(shift, "lena", roles=("lead",)) as http:
            await http.act("/decisions/mine/overturn", why="  ")
            assert (await read(shift.pool, "mine")).overturned_at is None
            assert (await http.act("/decisions/mine/overturn", why=NASTY)).status_code == 303
            assert (await http.act("/decisions/mine/overturn", why="again")).status_code == 409
            text = await http.text("/decisions/mine")
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert "U+202E" in text
        assert "<script>alert" not in text
        assert "\u202e" not in text
        assert "Lena Tan" in text
        assert "taken back" in text
        assert "/decisions/mine/overturn" not in text
        assert await shift.events("mine") == ["case.received", "case.escalated", "case.decided", "case.overturned"]

    on_shift(body)


def test_an_appeal_is_a_case_of_its_own_taken_in_once_and_linked_both_ways(on_shift):
    async def body(shift):
        await decided(shift, "mine")
        async with visitor(shift) as http:
            answered = await http.act("/decisions/mine/appeal", statement="It is a comb.")
            assert answered.headers["location"] == "/decisions/appeal-mine"
            assert "It is a comb." in await http.text("/decisions/appeal-mine")
            assert 'href="/decisions/mine"' in await http.text("/decisions/appeal-mine")
            text = await http.text("/decisions/mine")
            assert 'href="/decisions/appeal-mine"' in text
            assert "/decisions/mine/appeal" not in text
            again = await http.act("/decisions/mine/appeal", statement="It is a comb.")
            assert again.headers["location"] == "/decisions/appeal-mine"
            assert (await http.act("/decisions/mine/appeal", statement="It is a spoon.")).status_code == 409
        assert (await read(shift.pool, "appeal-mine")).appeal_of == "mine"
        assert await shift.pool.fetchval("SELECT count(*) FROM acts WHERE act = 'appeal_taken_in'") == 2

    on_shift(body)


def test_where_nothing_was_found_there_is_nothing_to_appeal(on_shift):
    async def body(shift):
        await decided(shift, "mine", verdict="not_met")
        async with visitor(shift) as http:
            assert "/decisions/mine/appeal" not in await http.text("/decisions/mine")
            assert (await http.act("/decisions/mine/appeal", statement="Thanks.")).status_code == 409

    on_shift(body)


def test_others_words_are_text_and_an_id_may_hold_a_slash(on_shift):
    async def body(shift):
        title = f"Switchblade, sharp, brand new {NASTY}"
        await decided(shift, "shop/7", comment=NASTY, subject={"title": title}, description=NASTY)
        async with visitor(shift) as http:
            pages = [await http.text(p) for p in ("/decisions", "/decisions/shop%2F7", "/cases/shop%2F7/trace")]
            assert (await http.get("/decisions/nobody")).status_code == 404
        for text in pages:
            assert "&lt;script&gt;" in text
            assert "<script>alert" not in text
            assert "\u202e" not in text

    on_shift(body)


# Blind labels


def test_nothing_tells_how_a_case_was_decided_while_it_is_labelled_blind(on_shift):
    async def body(shift):
        await decided(shift, "hidden", comment="The photo shows the edge.")
        async with visitor(shift, "nadia", roles=EVERYTHING) as http:
            assert found(await http.text("/decisions")) == {"hidden"}
            assert (await next_blind(shift.pool, "nadia", 1.0)).case_id == "hidden"
            for _ in range(2):
                assert found(await http.text("/decisions")) == set()
                assert await http.text("/decisions.jsonl") == ""
                assert "hidden" not in await http.text("/decisions.csv")
                for path in ("/decisions/hidden", "/cases/hidden/trace", "/cases/hidden/statement"):
                    answered = await http.get(path)
                    assert answered.status_code == 403
                    assert "Give your label first" in answered.text
                assert (await http.act("/decisions/hidden/overturn", why="no")).status_code == 403
                # Its lease is over, and nobody else has it: it comes to the same person again.
                await shift.pool.execute("UPDATE labels SET claimed_until = now() - interval '1 day'")
            judged = Judgement(clause_id="blades.spring", part="sharp", verdict="not_met", basis="person")
            await give_label(shift.pool, "nadia", "hidden", [judged])
            text = await http.text("/decisions/hidden")
        assert "The photo shows the edge." in text
        assert "otherwise than decided" in text
        assert (await read(shift.pool, "hidden")).overturned_at is None

    on_shift(body)


# The statement of reasons


def test_the_statement_of_an_open_case_names_the_answers_that_it_needs(on_shift):
    async def body(shift):
        await shift.escalated("open")
        async with visitor(shift) as http:
            assert "needs an answer on: sharp" in await http.text("/cases/open/statement")

    on_shift(body)


def test_the_statement_of_what_is_recommended_is_the_one_that_would_go_out(on_shift, tmp_path):
    spring = CLAUSES["blades.spring"] + "dsa: {category: unsafe_and_prohibited_products}\n"
    listed = {"listed_at": datetime(2026, 1, 5, tzinfo=UTC).isoformat()}

    async def body(shift):
        shift.corpus = load_corpus(write_corpus(tmp_path / "policies", {"blades.spring": spring}))
        await shift.submit("outside", subject=listed)
        await shift.submit("undated", region="DE")
        await shift.submit("whole", region="DE", subject=listed)
        for case_id in ("outside", "undated", "whole"):
            await shift.worker(shift.office(GUILTY, automation="off")).take(case_id)
        async with visitor(shift) as http:
            assert "no market of the EEA" in await http.text("/cases/outside/statement")
            assert "since when the listing has been there" in await http.text("/cases/undated/statement")
            told = await http.text("/cases/whole/statement")
        assert "STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS" in told
        assert "AUTOMATED_DECISION_PARTIALLY" in told  # for a person takes it

    on_shift(body)
