"""Cases over HTTP: taken once, read back, listed to the end, taken back."""

import asyncio
import json

import pytest

CASE = {
    "id": "case-1",
    "opened_at": "2026-03-14T09:30:00Z",
    "region": "SG",
    "language": "en",
    "seller_id": "S-9",
    "subject": {"kind": "listing", "id": "L-77", "title": "Mini pod kit"},
}


def case(number, **changed):
    return CASE | {"id": f"case-{number}"} | changed


def test_a_case_is_taken_once_and_read_where_the_answer_says(with_api):
    async def body(http):
        taken = await http.post("/api/v1/cases", json=CASE)
        read = await http.get(taken.headers["location"])
        return taken, read

    taken, read = with_api(body)
    assert taken.status_code == 202
    assert taken.headers["location"] == "/api/v1/cases/case-1"
    assert taken.json()["status"] == "queued"
    assert read.status_code == 200
    assert read.json() == taken.json()


def test_the_same_body_in_another_order_has_the_first_answer_and_another_body_a_conflict(with_api):
    async def body(http):
        await http.post("/api/v1/cases", json=CASE)
        turned = {key: CASE[key] for key in reversed(CASE)} | {"reports": []}
        again = await http.post("/api/v1/cases", json=turned)
        other = await http.post("/api/v1/cases", json=CASE | {"region": "MY"})
        return again, other

    again, other = with_api(body)
    assert again.status_code == 200
    assert again.json()["region"] == "SG"
    assert other.status_code == 409
    assert other.json()["code"] == "another_body"


def test_of_a_hundred_submissions_at_once_one_takes_the_case(with_api):
    async def body(http):
        answers = await asyncio.gather(*(http.post("/api/v1/cases", json=CASE) for _ in range(100)))
        jobs = await http.pool.fetchval("SELECT count(*) FROM pgqueuer")
        told = await http.pool.fetchval("SELECT count(*) FROM events WHERE type = 'case.received'")
        return [answer.status_code for answer in answers], jobs, told

    statuses, jobs, told = with_api(body)
    assert sorted(statuses) == [200] * 99 + [202]
    assert (jobs, told) == (1, 1)


def test_each_thing_wrong_is_named_by_its_pointer(with_api):
    wrong = CASE | {"opened_at": "yesterday", "subject": CASE["subject"] | {"images": [{"sha256": "no"}]}, "colour": 1}
    answer = with_api(lambda http: http.post("/api/v1/cases", json=wrong))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert {problem["pointer"] for problem in told["problems"]} == {"/opened_at", "/subject/images/0/sha256", "/colour"}
    assert (told["type"], told["title"], told["status"]) == ("about:blank", "Unprocessable Entity", 422)


def test_no_file_is_read_for_whoever_sends_a_case(with_api):
    pictured = CASE | {"subject": CASE["subject"] | {"images": [{"path": "images/a.png"}]}}
    answer = with_api(lambda http: http.post("/api/v1/cases", json=pictured))
    assert answer.status_code == 422
    (problem,) = answer.json()["problems"]
    assert (problem["code"], problem["pointer"]) == ("path_over_http", "/subject/images/0/path")


@pytest.mark.parametrize("form", ["application/json", "application/x-ndjson"])
def test_of_a_batch_the_good_cases_are_taken_and_each_bad_one_is_named(with_api, form):
    sent = [case(1), case(2, region="nowhere"), case(3), case(1), case(4, opened_at=7), case(5, region="MY")]
    lines = "\n".join(json.dumps(item) for item in sent)
    content = json.dumps(sent) if form == "application/json" else lines

    async def body(http):
        await http.post("/api/v1/cases", json=case(5))
        return await http.post("/api/v1/cases", content=content, headers={"content-type": form})

    answer = with_api(body)
    assert answer.status_code == 202
    told = answer.json()
    assert (told["taken"], told["known"]) == (2, 1)
    refused = [(one["index"], one["case_id"], one["status"]) for one in told["refused"]]
    assert refused == [(1, "case-2", 422), (4, "case-4", 422), (5, "case-5", 409)]
    assert told["refused"][0]["problems"][0]["pointer"] == "/region"


def test_a_batch_without_one_good_case_is_refused_as_a_whole(with_api):
    answer = with_api(lambda http: http.post("/api/v1/cases", json=[case(1, region="x"), 7]))
    assert answer.status_code == 422
    assert [problem["pointer"] for problem in answer.json()["problems"]] == ["/0/region", "/1"]


@pytest.mark.parametrize("size", [0, 3])
def test_a_batch_has_no_more_cases_than_the_limit_and_at_least_one(with_api, size):
    sent = [case(number) for number in range(size)]
    answer = with_api(lambda http: http.post("/api/v1/cases", json=sent), batch_cases=2)
    assert (answer.status_code, answer.json()["problems"][0]["code"]) == (422, "batch_size")


def test_an_appeal_against_a_case_that_is_not_here_is_refused_alone(with_api):
    lost = case(2, appeal={"of": "case-0", "statement": "It is mine."})

    async def body(http):
        return await http.post("/api/v1/cases", json=lost), await http.post("/api/v1/cases", json=[case(1), lost])

    alone, batch = with_api(body)
    assert (alone.status_code, alone.json()["problems"][0]["pointer"]) == (422, "/appeal/of")
    assert (batch.status_code, batch.json()["taken"], batch.json()["refused"][0]["index"]) == (202, 1, 1)


def test_batches_with_the_same_cases_in_another_order_wait_for_each_other(with_api):
    sent = [case(number) for number in range(60)]

    async def body(http):
        batches = [sent if turn % 2 else sent[::-1] for turn in range(12)]
        answers = await asyncio.gather(*(http.post("/api/v1/cases", json=batch) for batch in batches))
        return [answer.status_code for answer in answers], sum(answer.json()["taken"] for answer in answers)

    statuses, taken = with_api(body)
    assert statuses == [202] * 12
    assert taken == 60


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"signals": {"x": "inf"}}, "/signals/x"),
        ({"priority": 10**30}, "/priority"),
        ({"priority": True}, "/priority"),
        ({"reports": [{"by": "buyer", "text": "", "verified": "yes"}]}, "/reports/0/verified"),
        ({"opened_at": "9999-12-31T23:59:59-14:00"}, "/opened_at"),
        ({"group_key": "a\u0000b"}, "/group_key"),
        ({"texts": [{"source": "document", "by": "seller", "text": "", "valid_until": 0}]}, "/texts/0/valid_until"),
    ],
)
def test_what_could_not_be_read_back_is_not_taken(with_api, wrong, pointer):
    answer = with_api(lambda http: http.post("/api/v1/cases", json=CASE | wrong))
    assert answer.status_code == 422
    assert pointer in [problem["pointer"] for problem in answer.json()["problems"]]


def test_a_case_whose_texts_hold_any_character_is_taken_and_told_of(with_api):
    strange = CASE | {"subject": CASE["subject"] | {"title": "a\u0000\u202eb", "description": "\\u0000"}}

    async def body(http):
        return await http.post("/api/v1/cases", json=strange), await http.get("/api/v1/cases/case-1")

    taken, read = with_api(body)
    assert (taken.status_code, read.status_code) == (202, 200)


def test_a_cancelled_case_says_so_and_is_not_cancelled_again(with_api):
    async def body(http):
        await http.post("/api/v1/cases", json=CASE)
        return [await http.post(f"/api/v1/cases/{name}/cancel") for name in ("case-1", "case-1", "case-0")]

    first, second, unknown = with_api(body)
    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert (second.status_code, second.json()["code"]) == (409, "case_is_over")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no_such_case")


def test_a_list_misses_nothing_and_repeats_nothing_while_cases_are_added(with_api):
    async def body(http):
        await http.post("/api/v1/cases", json=[case(number) for number in range(40)])
        found, cursor, added = [], None, 40
        while True:
            params = {"limit": 7} | ({"cursor": cursor} if cursor else {})
            page = (await http.get("/api/v1/cases", params=params)).json()
            found += [item["case_id"] for item in page["items"]]
            cursor = page["next"]
            if cursor is None:
                return found, added
            if added < 60:
                await http.post("/api/v1/cases", json=[case(added + number) for number in range(4)])
                added += 4

    found, added = with_api(body)
    assert sorted(found) == sorted(f"case-{number}" for number in range(added))
    assert added == 60


def test_a_list_is_narrowed_by_what_is_named(with_api):
    async def body(http):
        sent = [case(1), case(2, region="MY"), case(3, seller_id="S-1"), case(4)]
        await http.post("/api/v1/cases", json=sent)
        await http.post("/api/v1/cases/case-4/cancel")
        asked = ({"region": "MY"}, {"seller_id": "S-1"}, {"status": "cancelled"}, {"subject_id": "L-0"})
        return [(await http.get("/api/v1/cases", params=params)).json()["items"] for params in asked]

    found = with_api(body)
    assert [[item["case_id"] for item in items] for items in found] == [["case-2"], ["case-3"], ["case-4"], []]


@pytest.mark.parametrize(
    "cursor", ["x", "é", "W10", "WyIyMDI2LTAxLTAxIiwiYSJd", "WyIyMDI2LTAxLTAxVDAwOjAwOjAwWiIsIlx1MDAwMCJd"]
)
def test_a_cursor_that_nobody_gave_out_is_refused(with_api, cursor):
    answer = with_api(lambda http: http.get("/api/v1/cases", params={"cursor": cursor}))
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_cursor")


def test_a_query_that_is_misspelled_is_not_passed_over(with_api):
    answer = with_api(lambda http: http.get("/api/v1/cases", params={"statsu": "queued"}))
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["pointer"] == "?statsu"


def test_an_id_may_hold_slashes_and_other_signs(with_api):
    strange = "S-9/refill ä?#%2F.."

    async def body(http):
        taken = await http.post("/api/v1/cases", json=case(1) | {"id": strange})
        return await http.get(taken.headers["location"]), await http.post(f"{taken.headers['location']}/cancel")

    read, cancelled = with_api(body)
    assert read.json()["case_id"] == strange
    assert cancelled.json()["status"] == "cancelled"
