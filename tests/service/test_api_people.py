"""The people's part over HTTP: questions listed and leased, answers taken once, appeals, decisions reversed."""

import asyncio
from datetime import UTC, datetime

import orjson
import pytest

NOW = datetime.now(UTC).isoformat()


async def asked(http):
    return (await http.get("/api/v1/cases/remedy")).json()["escalation"]


def review(escalation, **changed):
    question = next(one for one in escalation["questions"] if one["kind"] == "part")
    judgement = {"clause_id": question["clause_id"], "part": question["part"], "verdict": "met", "basis": "person"}
    said = {"number": escalation["number"], "digest": escalation["digest"], "at": NOW, "reviewer": "ana"}
    return said | {"judgements": [judgement]} | changed


async def answer(http, body, case="remedy"):
    return await http.post(f"/api/v1/cases/{case}/answers", json=body)


def test_a_waiting_case_shows_its_question_and_a_decided_one_its_decision(with_worked_api):
    async def body(http):
        return [(await http.get(f"/api/v1/cases/{name}")).json() for name in ("remedy", "hemp")]

    waiting, decided = with_worked_api(body)
    assert (waiting["status"], decided["status"]) == ("waiting", "decided")
    assert waiting["escalation"]["questions"]
    assert decided["escalation"] is None
    assert decided["result"]["decision"]["outcome"] == decided["outcome"] == "violation"
    assert (decided["action"], decided["decided_by"]) == ("remove_listing", "agent")


def test_an_answer_is_taken_once_and_its_case_runs_on(with_worked_api):
    async def body(http):
        given = review(await asked(http))
        answers = await asyncio.gather(*(answer(http, given) for _ in range(10)))
        return answers, (await http.get("/api/v1/cases/remedy")).json()

    answers, standing = with_worked_api(body)
    assert sorted(one.status_code for one in answers) == [202] + [409] * 9
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {"answered_twice"}
    assert (standing["status"], standing["escalation"]) == ("queued", None)


def test_an_answer_to_what_is_not_open_is_a_conflict(with_worked_api):
    async def body(http):
        escalation = await asked(http)
        told = [review(escalation, digest="0" * 64), review(escalation, number=7), review(escalation)]
        return [await answer(http, one, case) for one, case in zip(told, ("remedy", "remedy", "hemp"), strict=True)]

    stale, other, none = with_worked_api(body)
    assert [one.status_code for one in (stale, other, none)] == [409, 409, 409]
    assert [one.json()["code"] for one in (stale, other, none)] == ["stale_answer", "stale_answer", "no_escalation"]


def test_what_an_answer_has_wrong_is_named_by_its_pointer(with_worked_api):
    async def body(http):
        good = review(await asked(http))
        strange = {"clause_id": "no.such", "part": "x", "verdict": "met", "basis": "person"}
        supplement = {name: good[name] for name in ("number", "digest", "at")} | {"by": "seller"}
        wrong = (
            good | {"judgements": [strange]},
            good | {"action": "boil_alive"},
            {"number": 1},
            supplement | {"documents": [{"path": "a.png"}]},
            good | {"reviewer": "a\x00b"},
        )
        return [await answer(http, one) for one in wrong]

    answers = with_worked_api(body)
    assert [one.status_code for one in answers] == [422] * 5
    pointers = [one.json()["problems"][0]["pointer"] for one in answers]
    assert pointers == ["/judgements/0/clause_id", "/action", "", "/documents/0/path", "/reviewer"]


def test_a_reviewer_takes_what_the_list_says(with_worked_api):
    async def body(http):
        await http.put("/api/v1/reviewers/ana", json={"languages": ["de"]})
        await http.put("/api/v1/reviewers/budi", json={"id": "budi", "languages": ["id"], "tiers": ["reviewer"]})
        refused = await answer(http, review(await asked(http)))
        claimed = [await http.post("/api/v1/escalations/claim", json={"reviewer": who}) for who in ("ana", "budi")]
        listed = [(await http.get("/api/v1/escalations", params={"reviewer": who})).json() for who in ("ana", "budi")]
        return refused, claimed, listed

    refused, (nothing, leased), (for_ana, for_budi) = with_worked_api(body)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_yours")
    assert (nothing.status_code, nothing.content) == (204, b"")
    assert (leased.status_code, leased.json()["case_id"], leased.json()["claimed_by"]) == (200, "remedy", "budi")
    assert for_ana["items"] == []
    assert [item["case_id"] for item in for_budi["items"]] == ["remedy"]


def test_reviewers_are_listed_changed_and_taken_off(with_api):
    async def body(http):
        put = await http.put("/api/v1/reviewers/ana", json={"regions": ["SG"]})
        other = await http.put("/api/v1/reviewers/ana", json={"id": "budi"})
        listed, read = await http.get("/api/v1/reviewers"), await http.get("/api/v1/reviewers/ana")
        gone = [await http.delete("/api/v1/reviewers/ana") for _ in range(2)]
        return put, other, listed, read, gone

    put, other, listed, read, gone = with_api(body)
    assert put.json()["tiers"] == ["reviewer"]
    assert (other.status_code, other.json()["problems"][0]["pointer"]) == (422, "/id")
    assert listed.json()["items"] == [put.json()] == [read.json()]
    assert [one.status_code for one in gone] == [204, 404]


@pytest.mark.parametrize(
    ("narrowed", "found"),
    [
        ({}, ["remedy", "remedy-2", "remedy-3"]),
        ({"region": "ID"}, ["remedy", "remedy-2", "remedy-3"]),
        ({"region": "SG"}, []),
        ({"language": "id"}, ["remedy", "remedy-2", "remedy-3"]),
        ({"waiting_for": "senior"}, []),
        ({"type": "no.such"}, []),
    ],
)
def test_open_questions_are_listed_to_the_end_and_narrowed(with_worked_api, narrowed, found):
    async def body(http):
        for copy in ("remedy-2", "remedy-3"):
            await _copy(http.pool, "remedy", copy)
        cases, cursor = [], None
        while True:
            params = {"limit": 1} | narrowed | ({"cursor": cursor} if cursor else {})
            page = (await http.get("/api/v1/escalations", params=params)).json()
            cases += [item["case_id"] for item in page["items"]]
            cursor = page["next"]
            if cursor is None:
                return cases

    assert sorted(with_worked_api(body)) == found


async def _copy(pool, case_id, copy):
    """One more row as the first one's, under another id."""
    for table, key in (("cases", "id"), ("escalations", "case_id")):
        row = await pool.fetchrow(f"SELECT * FROM {table} WHERE {key} = $1", case_id)  # noqa: S608 - names of ours
        given = dict(row) | {key: copy}
        places = ", ".join(f"${number}" for number in range(1, len(given) + 1))
        await pool.execute(
            f"INSERT INTO {table} ({', '.join(given)}) VALUES ({places})",  # noqa: S608 - names of ours
            *given.values(),
        )


def test_an_appeal_opens_a_case_that_carries_the_first_one(with_worked_api):
    async def body(http):
        wish = {"statement": "It is a food supplement."}
        first = await http.post("/api/v1/cases/hemp/appeal", json=wish)
        again = await http.post("/api/v1/cases/hemp/appeal", json=wish)
        stored = await http.pool.fetchval("SELECT body FROM cases WHERE id = 'appeal-hemp'")
        original = await http.pool.fetchval("SELECT body FROM cases WHERE id = 'hemp'")
        return first, again, stored, original

    first, again, stored, original = with_worked_api(body)
    assert (first.status_code, first.headers["location"]) == (202, "/api/v1/cases/appeal-hemp")
    assert first.json()["appeal_of"] == "hemp"
    assert again.status_code == 200
    case, before = (orjson.loads(told) for told in (stored, original))
    for carried in ("opened_at", "region", "subject", "seller_id", "language", "reports", "texts"):
        assert case.get(carried) == before.get(carried)
    assert case["appeal"] == {"of": "hemp", "statement": "It is a food supplement."}


def test_an_appeal_may_come_as_a_case_of_its_own(with_worked_api, examples):
    case = examples["05-hemp-the-day-after"] | {"id": "again", "appeal": {"of": "hemp", "statement": "No."}}
    wrong = case | {"appeal": {"of": "spray", "statement": "No."}}

    async def body(http):
        sent = ({"case": case}, {"case": wrong}, {"case": case | {"region": 1}}, {"case": case, "statement": "x"})
        return [await http.post("/api/v1/cases/hemp/appeal", json=one) for one in sent]

    good, other, broken, both = with_worked_api(body)
    assert (good.status_code, good.json()["case_id"]) == (202, "again")
    pointers = [one.json()["problems"][0]["pointer"] for one in (other, broken, both)]
    assert pointers == ["/case/appeal/of", "/case/region", "/statement"]


@pytest.mark.parametrize(("case", "status"), [("remedy", 409), ("nowhere", 404)])
def test_there_is_no_appeal_against_what_is_not_decided(with_worked_api, case, status):
    answer = with_worked_api(lambda http: http.post(f"/api/v1/cases/{case}/appeal", json={"statement": "x"}))
    assert answer.status_code == status


def test_a_decision_is_reversed_once_and_stays_as_it_was_made(with_worked_api):
    async def body(http):
        wish = {"reviewer": "ana", "why": "The law has changed."}
        first, second = [await http.post("/api/v1/cases/hemp/overturn", json=wish) for _ in range(2)]
        events = await http.pool.fetch("SELECT data FROM events WHERE type = 'case.overturned'")
        return first, second, events

    first, second, events = with_worked_api(body)
    assert (first.status_code, first.json()["status"], first.json()["outcome"]) == (200, "decided", "violation")
    assert first.json()["overturned_at"]
    assert (second.status_code, second.json()["code"]) == (409, "not_decided")
    assert [event["data"]["why"] for event in events] == ["The law has changed."]


def test_waiting_ends_when_a_case_is_settled_and_holds_no_connection(with_worked_api):
    async def body(http):
        case = {"id": "w", "opened_at": NOW, "region": "SG", "seller_id": "S-1"}
        case["subject"] = {"kind": "listing", "id": "L-1", "title": "x"}
        headers = {"Prefer": "wait=30"}
        begun = asyncio.get_running_loop().time()
        waiting = [asyncio.create_task(http.post("/api/v1/cases", json=case, headers=headers)) for _ in range(30)]
        await asyncio.sleep(1.5)
        free = [await http.get("/api/v1/cases/hemp") for _ in range(3)]
        await http.post("/api/v1/cases/w/cancel")
        answers = await asyncio.gather(*waiting)
        return answers, free, asyncio.get_running_loop().time() - begun

    answers, free, seconds = with_worked_api(body)
    assert {(one.status_code, one.json()["status"]) for one in answers} == {(200, "cancelled")}
    assert {one.headers["preference-applied"] for one in answers} == {"wait=30"}
    assert {one.status_code for one in free} == {200}
    assert seconds < 10


@pytest.mark.parametrize(("wish", "waits"), [("wait=1", True), ("respond-async, wait=1", True), ("wait=soon", False)])
def test_waiting_ends_when_the_time_is_over(with_api, wish, waits):
    async def body(http):
        case = {"id": "w", "opened_at": NOW, "region": "SG", "seller_id": "S-1"}
        case["subject"] = {"kind": "listing", "id": "L-1", "title": "x"}
        begun = asyncio.get_running_loop().time()
        answer = await http.post("/api/v1/cases", json=case, headers={"Prefer": wish})
        return answer, asyncio.get_running_loop().time() - begun

    answer, seconds = with_api(body)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert ("preference-applied" in answer.headers) is waits
    assert (seconds >= 1) is waits


def test_an_export_has_every_result_and_nothing_else(with_worked_api):
    async def body(http):
        whole = await http.get("/api/v1/export")
        decided = await http.get("/api/v1/export", params={"status": "decided"})
        none = await http.get("/api/v1/export", params={"to": "2020-01-01T00:00:00Z"})
        return whole, decided, none

    whole, decided, none = with_worked_api(body)
    assert whole.headers["content-type"] == "application/x-ndjson"
    lines = [orjson.loads(line) for line in whole.text.splitlines()]
    assert sorted(line["case_id"] for line in lines) == ["hemp", "remedy", "spray"]
    assert len(decided.text.splitlines()) == 2
    assert none.text == ""


def test_a_statement_of_reasons_is_given_for_what_is_restricted_in_the_union(with_worked_api):
    async def body(http):
        return [await http.get(f"/api/v1/cases/{name}/statement") for name in ("spray", "hemp", "remedy", "none")]

    spray, hemp, remedy, none = with_worked_api(body)
    assert (spray.status_code, spray.json()["territorial_scope"]) == (200, ["DE"])
    assert (hemp.status_code, hemp.json()["code"]) == (404, "outside_eea")
    assert (remedy.status_code, remedy.json()["code"]) == (409, "not_decided")
    assert none.status_code == 404
