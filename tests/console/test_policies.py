"""The policies' pages, in this process: what is listed, governs, differs, is cited and judged; precedents of a case."""

import asyncio
import re
from datetime import UTC, date, datetime

import httpx
import pytest

from console.accounts import Account, make_account, take_up
from console.app import make_console
from console.sessions import COOKIE, begin_session
from console.settings import ConsoleSettings
from evaluation.example_trial import judge_examples
from service.answers import answer
from service.api.settings import ApiSettings
from service.database import open_pool
from service.intake import submit
from tests.graphs.conftest import case
from tests.graphs.doubles import review
from tests.service.shift import SHARP, open_shift

GB, GB_2008 = "listing.reference-price-gb", "listing.reference-price-gb-2008"
NASTY = "<script>alert(1)</script> \u202etfel\0"


@pytest.fixture
def visiting(dsn, corpus):
    """Run an async body with a signed-in client of the console: `visiting(body, roles=..., corpus=...)`."""

    def run(body, roles=("reviewer",), corpus=corpus):
        async def inner():
            pool = await open_pool(dsn)
            try:
                async with client_of(pool, corpus, roles) as http:
                    return await body(http)
            finally:
                await pool.close()

        return asyncio.run(inner())

    return run


def client_of(pool, corpus, roles):
    """An HTTP client on a console of its own; `signed_in` is called by those who need a session."""
    app = make_console(pool, corpus, ConsoleSettings(), ApiSettings())
    return _Client(pool, roles, transport=httpx.ASGITransport(app=app), base_url="http://console")


class _Client(httpx.AsyncClient):
    def __init__(self, pool, roles, **fields):
        super().__init__(**fields)
        self.pool, self.roles = pool, roles

    async def __aenter__(self):
        await super().__aenter__()
        if self.roles is not None:
            name = f"visitor-{'-'.join(self.roles)}"
            token = await make_account(self.pool, Account(id=name, name="Visitor", roles=self.roles), "tests")
            await take_up(self.pool, token, "long enough to be safe")
            self.cookies.set(COOKIE, await begin_session(self.pool, name, "tests"))
        return self


def page(visiting, path, **more):
    """A page's text; the page must be there."""

    async def body(http):
        return await http.get(path)

    answered = visiting(body, **more)
    assert answered.status_code == 200
    return answered.text


def rows(text):
    """Ids of the listed clauses with how each stands."""
    found = re.findall(r'<li class="clause-row (\w+)">.*?<span class="src">([\w.-]+)', text, re.DOTALL)
    return {clause_id: state for state, clause_id in found}


def words(text):
    """The page's words, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_every_clause_is_listed_by_area_and_those_not_in_force_are_marked(visiting, corpus):
    text = page(visiting, "/policies?on=2026-03-01")
    listed = rows(text)
    assert set(listed) == set(corpus.clauses)
    holding = {c.id for c in corpus.clauses.values() if c.in_force.holds(date(2026, 3, 1))}
    assert {clause_id for clause_id, state in listed.items() if state == "in_force"} == holding
    assert (listed[GB], listed[GB_2008], listed["children.toy-passport"]) == ("in_force", "ended", "not_yet")
    assert 'id="g-tobacco"' in text


def test_a_region_lists_what_names_it_and_says_what_a_variant_replaces(visiting, corpus):
    text = page(visiting, "/policies?region=GB&on=2026-03-01&by=type")
    listed = rows(text)
    held = {clause.id for clause in corpus.in_force("GB", date(2026, 3, 1))}
    assert {clause_id for clause_id, state in listed.items() if state == "in_force"} == held
    assert listed["listing.reference-price"] == "replaced"
    assert f"replaced by {GB}" in words(text)
    assert "tobacco.e-cigarettes-my" not in listed
    assert 'id="g-listing-pricing"' in text


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ("E-CIGARETTES-MY", {"tobacco.e-cigarettes-my"}),
        ("ivory britain", {"wildlife.ivory-gb", "wildlife.antique-ivory-gb"}),
        ("kuche eisen zzz", set()),
    ],
)
def test_a_search_finds_clauses_that_hold_every_word(visiting, sought, found):
    assert set(rows(page(visiting, f"/policies?q={sought}"))) == found


def test_a_search_by_another_name_shows_that_name(visiting, corpus):
    aliases = corpus.clauses["tobacco.e-cigarettes"].signs["device"].for_.words["th"]
    text = page(visiting, f"/policies?q={aliases[0]}")
    assert "tobacco.e-cigarettes" in rows(text)
    assert aliases[0] in text


def test_the_script_is_given_the_list_alone(visiting):
    async def body(http):
        return await http.get("/policies?type=restricted", headers={"hx-request": "true"})

    text = visiting(body).text
    assert "<html" not in text
    assert "tobacco.cigarettes" in rows(text)
    assert "listing.reference-price" not in rows(text)


@pytest.mark.parametrize(("day", "governs"), [("2025-04-05", GB_2008), ("2025-04-06", GB)])
def test_a_clause_says_what_governed_a_region_on_a_day(visiting, day, governs):
    text = page(visiting, f"/policies/clauses/{GB}?region=GB&on={day}")
    ruling = text[text.index('class="ruling"') : text.index("<ol")]
    assert ("this text" in ruling) == (governs == GB)
    assert (GB_2008 in ruling) == (governs == GB_2008)
    spans = words(text[text.index('class="spans"') : text.index("</ol>")])
    assert "1 Jan 2023 to 6 Apr 2025" in spans
    assert "since 6 Apr 2025 this text" in spans


def test_two_texts_are_compared_word_by_word(visiting):
    text = page(visiting, f"/policies/clauses/{GB}?with={GB_2008}")
    beside = text[text.index('id="beside"') : text.index('class="clause-body"')]
    assert "<del>until 5</del><ins>from 6</ins> April 2025" in beside
    assert "<del>180</del><ins>365</ins>" in beside
    assert "signs of" not in beside


def test_variants_stand_side_by_side_with_what_differs_lit(visiting):
    text = page(visiting, "/policies/clauses/tobacco.e-cigarettes")
    table = text[text.index('class="variants"') : text.index('class="examples"')]
    assert table.count('<th scope="col"') == 5
    licensed = next(row for row in table.split("<tr>") if ">meanwhile<" in row)
    assert licensed.count("<ins>keep</ins>") == 1
    assert licensed.count('class="alike"') == 3
    taken = next(row for row in table.split("<tr>") if ">cessation-medicine<" in row)
    assert taken.count("taken away") == 1
    assert "effect" in table[table.index("Alike in all") :]


def test_a_variant_that_is_not_in_force_on_the_day_has_no_column(visiting):
    text = page(visiting, "/policies/clauses/listing.eco-claims?on=2026-01-01")
    assert 'class="variants"' not in text
    later = page(visiting, "/policies/clauses/listing.eco-claims?on=2026-10-01", roles=("lead",))
    assert 'class="variants"' in later


def test_guidance_that_is_over_says_so(visiting, corpus):
    clause = corpus.clauses["tobacco.e-cigarettes"]
    (ruling,) = clause.guidance
    before = words(page(visiting, f"/policies/clauses/{clause.id}?on=2026-03-01"))
    after = words(page(visiting, f"/policies/clauses/{clause.id}?on=2028-01-01", roles=("lead",)))
    assert ruling.text in before
    assert "until 30 Jun 2027" in before
    assert "over since 30 Jun 2027" in after


def test_a_clause_says_where_it_is_written_and_what_it_refers_to(visiting, corpus):
    text = words(page(visiting, "/policies/clauses/tobacco.e-cigarettes"))
    clause = corpus.clauses["tobacco.e-cigarettes"]
    for told in (clause.file, clause.sha256, "Tobacco (Control of Advertisements and Sale) Act 1993, s. 16"):
        assert told in text
    assert "Electronic cigarettes with nicotine (Japan) tobacco.e-cigarettes-jp extends this text" in text
    assert "It refers to Cigarettes, tobacco and tobacco to be heated tobacco.cigarettes" in text
    assert "0 decisions rest on it" in text


def test_examples_are_judged_by_the_rulebook_with_what_decided(visiting):
    text = page(visiting, "/policies/clauses/tobacco.e-cigarettes/examples")
    assert "7 as expected, 0 open, 0 not as expected" in words(text)
    assert "RELX pod, 5 flavours, mint" in words(text)
    assert "device met The title says «RELX»." in words(text)
    assert "SG, MX, BR: not fulfilled" in words(text)  # where nobody reads Thai


def test_an_example_on_the_wrong_side_is_told(visiting, corpus):
    clause = corpus.clauses["tobacco.e-cigarettes"]
    wrong = clause.examples.model_copy(update={"allowed": ("RELX pod, 5 flavours, mint",)})
    changed = changed_corpus(corpus, clause.model_copy(update={"examples": wrong}))
    text = page(visiting, f"/policies/clauses/{clause.id}/examples", corpus=changed)
    assert "4 as expected, 0 open, 1 not as expected" in words(text)
    assert re.search(r'class="example wrong">.*?RELX pod', text, re.DOTALL)


def test_no_example_of_the_corpus_is_on_the_wrong_side(corpus):
    async def body():
        clauses = [c for name, c in sorted(corpus.clauses.items()) if name.startswith(("tobacco", "knives", "food"))]
        return [await judge_examples(clause, corpus, date(2026, 3, 1)) for clause in clauses]

    judged = [example for examples in asyncio.run(body()) for example in examples]
    assert len(judged) > 100
    assert {example.deciding.place for example in judged} <= {"right", "open"}


def test_words_of_the_corpus_are_shown_as_text(visiting, corpus):
    clause = corpus.clauses["tobacco.e-cigarettes"]
    given = {"title": NASTY, "prose": NASTY, "notice": {"en": NASTY}, "text": NASTY}
    changed = changed_corpus(corpus, clause.model_copy(update=given))
    beside = page(visiting, f"/policies/clauses/{clause.id}?with=tobacco.e-cigarettes-my", corpus=changed)
    listed = page(visiting, "/policies?q=tobacco", corpus=changed, roles=("lead",))
    for text in (beside, listed):
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text
        assert "\u202e" not in text


def changed_corpus(corpus, clause):
    """The corpus with one clause changed."""
    kept = ("types", "actions", "regions", "groups", "facts", "phrases")
    clauses = {**corpus.clauses, clause.id: clause}
    return type(corpus)(snapshot="changed", clauses=clauses, **{name: getattr(corpus, name) for name in kept})


@pytest.mark.parametrize("path", ["no.such", "no.such/examples", f"{GB}?with=x"])
def test_a_clause_that_is_not_there_is_not_found(visiting, path):
    async def body(http):
        return await http.get(f"/policies/clauses/{path}")

    answered = visiting(body)
    assert answered.status_code == 404
    assert "there is no clause" in answered.text


@pytest.mark.parametrize(
    "query", ["on=yesterday&region=XX", "on=9999-12-31&region=GB", "on=0001-01-01&region=GB", "type=%27"]
)
def test_addresses_that_say_nonsense_are_read_as_far_as_they_make_sense(visiting, query):
    page(visiting, f"/policies?{query}")
    page(visiting, f"/policies/clauses/{GB}?{query}", roles=("lead",))


def test_whoever_is_not_signed_in_is_led_to_the_entrance(visiting):
    async def body(http):
        return [await http.get(path) for path in ("/policies", f"/policies/clauses/{GB}", "/cases/x/precedents")]

    for answered in visiting(body, roles=None):
        assert answered.status_code == 303
        assert answered.headers["location"].startswith("/sign-in")


@pytest.fixture
def decided(dsn, tmp_path):
    """Have a person settle cases of the small corpus by their titles, then run a body on a client and the shift."""

    def run(body, titles):
        async def inner():
            async with open_shift(dsn, tmp_path) as shift:
                for case_id, title in titles.items():
                    (line,) = await shift.escalated(case_id, subject={"title": title})
                    given = review(f"{SHARP} {'not_met' if 'toy' in title else 'met'}")
                    await answer(shift.pool, case_id, given(line), shift.corpus)
                    await shift.run(case_id)
                async with client_of(shift.pool, shift.corpus, ("reviewer",)) as http:
                    return await body(http, shift)

        return asyncio.run(inner())

    return run


TITLE = case().subject.title


def test_a_case_shows_peoples_decisions_by_the_same_clause(decided):
    async def body(http, shift):
        await submit(shift.pool, [case(id="asks/1", subject={"title": TITLE})])
        return (await http.get("/cases/asks%2F1/precedents?clause=blades.spring")).text

    text = decided(body, {"far": f"{TITLE} and a toy <b>box</b>", "one/2": TITLE})
    assert text.index("/decisions/one%2F2") < text.index("/decisions/far")
    assert "&lt;b&gt;box&lt;/b&gt;" in text
    assert "Violation: blade met , sharp met , antique not met" in words(text)
    assert "No violation: blade met , sharp not met" in words(text)
    assert "under an older text" not in text


def test_a_precedent_under_another_text_is_marked_and_an_overturned_one_is_gone(decided):
    async def body(http, shift):
        await submit(shift.pool, [case(id="asks")])
        await shift.pool.execute("UPDATE precedents SET clause_sha256 = 'other' WHERE case_id = 'old'")
        await shift.pool.execute("UPDATE cases SET overturned_at = $1 WHERE id = 'gone'", datetime.now(UTC))
        return (await http.get("/cases/asks/precedents?clause=blades.spring")).text

    text = decided(body, {"old": TITLE, "gone": TITLE})
    assert "under an older text" in text
    assert "/decisions/gone" not in text


def test_a_case_is_no_precedent_of_itself(decided):
    async def body(http, shift):  # noqa: ARG001 - as the others
        own = (await http.get("/cases/own/precedents?clause=blades.spring")).text
        unknown = (await http.get("/cases/own/precedents?clause=no.such")).text
        return own, unknown, (await http.get("/cases/none/precedents?clause=blades.spring")).status_code

    own, unknown, status = decided(body, {"own": TITLE})
    assert "No person has decided another case by this clause yet." in own
    assert "No person has decided another case by this clause yet." in unknown
    assert status == 404


def test_a_clause_counts_what_rests_on_it(decided):
    async def body(http, shift):  # noqa: ARG001 - as the others
        return words((await http.get("/policies/clauses/blades.spring")).text)

    text = decided(body, {"one": TITLE, "two": TITLE, "clear": f"{TITLE} toy"})
    assert "2 decisions rest on it 2 by people, 0 overturned" in text
    assert "a precedent in 3 decisions of people" in text
