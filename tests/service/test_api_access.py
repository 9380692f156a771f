"""Who may ask what: keys and their scopes, and every refusal as a problem document."""

import asyncio

import pytest

from service.keys import make_key

CASE = {
    "id": "case-1",
    "opened_at": "2026-03-14T09:30:00Z",
    "region": "SG",
    "seller_id": "S-9",
    "subject": {"kind": "listing", "id": "L-77", "title": "Mini pod kit"},
}


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("sent", ["", "Basic YTpi", "Bearer", "Bearer cw_", "Bearer cw_" + "x" * 43, "Bearer \x7f"])
def test_nothing_is_told_without_a_key_that_is_known(with_api, sent):
    async def body(http):
        del http.headers["Authorization"]
        return await http.get("/api/v1/cases", headers={"Authorization": sent} if sent else {})

    answer = with_api(body)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_key_does_what_its_scopes_say_and_is_told_which_one_it_lacks(with_api):
    async def body(http):
        key = (await http.post("/api/v1/keys", json={"name": "queue", "scopes": ["submit"]})).json()
        sent = await http.post("/api/v1/cases", json=CASE, headers=bearer(key["secret"]))
        read = await http.get("/api/v1/cases/case-1", headers=bearer(key["secret"]))
        return sent, read

    sent, read = with_api(body)
    assert sent.status_code == 202
    assert (read.status_code, read.json()["code"]) == (403, "scope_lacks")
    assert read.json()["detail"] == "the key queue lacks the scope read"


def test_a_secret_is_shown_once_and_kept_nowhere(with_api):
    async def body(http):
        made = (await http.post("/api/v1/keys", json={"name": "desk", "scopes": ["read", "review"]})).json()
        listed = await http.get("/api/v1/keys")
        rows = await http.pool.fetch("SELECT * FROM keys")
        return made, listed, repr(rows)

    made, listed, kept = with_api(body)
    assert made["secret"].startswith("cw_")
    assert made["scopes"] == ["read", "review"]
    assert made["secret"] not in listed.text
    assert made["secret"] not in kept
    assert [key["name"] for key in listed.json()["items"]] == ["tests", "desk"]


def test_a_revoked_key_opens_nothing_more(with_api):
    async def body(http):
        made = (await http.post("/api/v1/keys", json={"name": "desk", "scopes": ["read"]})).json()
        asked = [await http.get("/api/v1/cases", headers=bearer(made["secret"]))]
        gone = await http.delete(f"/api/v1/keys/{made['id']}")
        asked.append(await http.get("/api/v1/cases", headers=bearer(made["secret"])))
        unknown = await http.delete("/api/v1/keys/key_0")
        return [answer.status_code for answer in asked], gone.status_code, unknown.status_code

    assert with_api(body) == ([200, 401], 204, 404)


def test_the_last_use_is_noted_once_a_minute(with_api):
    async def body(http):
        key = await make_key(http.pool, "desk", ["read"])
        await http.get("/api/v1/cases", headers=bearer(key.secret))
        first = await http.pool.fetchval("SELECT used_at FROM keys WHERE id = $1", key.id)
        http.app.state.reception.keys.forget()
        await http.get("/api/v1/cases", headers=bearer(key.secret))
        second = await http.pool.fetchval("SELECT used_at FROM keys WHERE id = $1", key.id)
        await http.pool.execute("UPDATE keys SET used_at = used_at - interval '2 minutes' WHERE id = $1", key.id)
        http.app.state.reception.keys.forget()
        await http.get("/api/v1/cases", headers=bearer(key.secret))
        third = await http.pool.fetchval("SELECT used_at FROM keys WHERE id = $1", key.id)
        return first, second, third

    first, second, third = with_api(body)
    assert first == second
    assert third > second


def test_where_no_keys_are_asked_for_everybody_may_ask(with_api):
    async def body(http):
        del http.headers["Authorization"]
        return await http.get("/api/v1/cases")

    assert with_api(body, keys=False).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/docs", 404, "not_found"),
        ("PATCH", "/api/v1/cases", 405, "method_not_allowed"),
        ("TRACE", "/healthz", 405, "method_not_allowed"),
        ("GET", "/api/v1/cases/" + "x" * 201, 422, "invalid"),
        ("GET", "/api/v1/cases/%00", 422, "invalid"),
        ("GET", "/api/v1/cases/%ff", 404, "no_such_case"),
    ],
)
def test_every_refusal_is_a_problem_document(with_api, method, path, status, code):
    answer = with_api(lambda http: http.request(method, path))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["status"], told["code"]) == (status, code)
    assert told["title"]
    assert told["detail"]


def test_a_path_names_every_method_that_it_takes(with_api):
    answer = with_api(lambda http: http.request("PATCH", "/api/v1/cases"))
    assert answer.headers["allow"] == "GET, POST"


def test_a_body_is_read_no_further_than_its_limit(with_api):
    read = []

    async def endless():
        for _ in range(1000):
            read.append(1)
            yield b" " * 1000

    async def body(http):
        json = {"content-type": "application/json"}
        said = await http.post("/api/v1/cases", content=b" " * 9000, headers=json)
        unsaid = await http.post("/api/v1/cases", content=endless(), headers=json)
        batch = await http.post("/api/v1/cases", content=b"[" + b" " * 4000 + b"7]", headers=json)
        return [answer.status_code for answer in (said, unsaid, batch)]

    assert with_api(body, case_bytes=2000, batch_bytes=8000) == [413, 413, 422]
    assert len(read) < 20


@pytest.mark.parametrize("given", ["text/plain", "", "application/x-www-form-urlencoded", "application/json, x/y"])
def test_another_media_type_is_refused(with_api, given):
    async def body(http):
        return await http.post("/api/v1/cases", content=b"{}", headers={"content-type": given} if given else {})

    assert with_api(body).status_code == 415


def test_beyond_the_backlog_submissions_are_put_off(with_api):
    async def body(http):
        first = await http.post("/api/v1/cases", json=CASE)
        await asyncio.sleep(1.1)
        return first, await http.post("/api/v1/cases", json=CASE | {"id": "case-2"})

    first, second = with_api(body, backlog=1)
    assert first.status_code == 202
    assert (second.status_code, second.headers["retry-after"], second.json()["code"]) == (503, "5", "overloaded")


def test_the_process_says_that_it_lives_and_whether_it_can_serve(with_api):
    async def body(http):
        del http.headers["Authorization"]
        ready = [await http.get("/healthz"), await http.get("/readyz")]
        await http.pool.execute("INSERT INTO migrations (number, name) VALUES (9999, 'of a later version')")
        return [*ready, await http.get("/readyz")]

    alive, ready, later = with_api(body)
    assert alive.json() == {"status": "alive"}
    assert (ready.status_code, ready.json()["status"], ready.json()["clauses"] > 100) == (200, "ready", True)
    assert (later.status_code, later.json()["code"]) == (503, "not_ready")


def test_a_database_that_is_away_is_said_so(with_api):
    async def body(http):
        del http.headers["Authorization"]
        await http.pool.close()
        return await http.get("/healthz"), await http.get("/readyz"), await http.get("/api/v1/cases")

    alive, ready, cases = with_api(body, keys=False)
    assert alive.status_code == 200
    assert [(a.status_code, a.json()["code"], a.headers["retry-after"]) for a in (ready, cases)] == [
        (503, "database_away", "5")
    ] * 2


def test_no_answer_is_kept_on_the_way_or_read_as_another_type(with_api):
    async def body(http):
        return [await http.get(path) for path in ("/healthz", "/nothing", "/api/v1/cases", "/openapi.json")]

    for answer in with_api(body):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers
