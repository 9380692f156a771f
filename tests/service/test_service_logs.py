"""No line of a service's log holds a text of a case, a model's or an error's words, or a key, whatever goes wrong."""

import asyncio
import json

import httpx
import pytest

from agents.players import rulebook
from agents.script import Reply, Script, ScriptedModel
from service.database import open_pool
from service.queue import Job, wish
from tests.service.served import serving
from tests.service.working import KEY, settled

MARK = "Marzipankartoffel"
SAID = f"I was told {MARK} under {KEY}"


def case(case_id, **more):
    subject = {"kind": "listing", "id": f"L-{case_id}", "title": f"Dress {MARK} {case_id}", "description": MARK}
    whole = {"id": case_id, "opened_at": "2026-03-14T09:30:00Z", "region": "SG", "language": "en", "seller_id": "S-1"}
    reports = [{"by": "buyer", "text": f"It is {MARK}!"}]
    return {**whole, "subject": subject, "reports": reports, **more}


FAULTS = {
    "rejects": {"do": "error", "status": 401, "text": SAID},
    "unreadable": {"do": "nonsense", "form": "body", "text": SAID},
    "malformed": {"do": "nonsense", "form": "arguments", "text": f'{{"judgements": [{{"clause_id": "{MARK}"'},
    "talks": {"do": "nonsense", "form": "prose", "text": SAID},
    "refuses": {"do": "refuse", "text": SAID},
}


async def provoke(served, dsn):
    """Have everything go wrong that may."""
    headers = {"Authorization": f"Bearer {served.key}"}
    pool = await open_pool(dsn)
    try:
        async with httpx.AsyncClient(base_url=served.url, headers=headers, timeout=30) as http:
            await http.post("/api/v1/cases", json=[case(name) for name in (*FAULTS, "fine")])
            await http.post("/api/v1/cases", json=case("fine", seller_id=MARK))  # another body
            await http.post("/api/v1/cases", json={"id": "x", MARK: MARK})
            await http.get("/api/v1/cases", params={"seller_id": MARK, "cursor": MARK, "key": KEY})
            await http.get("/api/v1/cases", headers={"Authorization": f"Bearer {KEY}"})
            await settled(pool, *FAULTS, "fine", seconds=120)
            # A record that was damaged: what reads it quotes it.
            await http.post("/api/v1/cases", json=case("damaged"))
            await settled(pool, "damaged")
            damage = "UPDATE cases SET status = 'queued', body = convert_to($1, 'UTF8') WHERE id = 'damaged'"
            await pool.execute(damage, json.dumps({"id": MARK}))
            async with pool.acquire() as connection:
                await wish(connection, [Job("damaged", 9, 0)])
            async with asyncio.timeout(60):
                while b"a stored case is none any more" not in served.said.read_bytes():  # noqa: ASYNC110 - a file tells nobody
                    await asyncio.sleep(0.2)
    finally:
        await pool.close()


@pytest.fixture
def logged(dsn, tmp_path, corpus):
    """The lines of a service in which everything went wrong, and its first key."""

    async def inner():
        replies = [Reply.model_validate({**fault, "match": {"case": name}}) for name, fault in FAULTS.items()]
        script = Script(replies=(*replies, Reply(do="play", player="truthful")))
        async with ScriptedModel(script, {"truthful": rulebook(corpus)}) as model:
            given = {
                "CASEWRIGHT_MODEL": "scripted",
                "CASEWRIGHT_MODEL_URL": model.base_url,
                "CASEWRIGHT_MODEL_KEY": KEY,
            }
            opened = serving(
                tmp_path, CASEWRIGHT_DB=dsn, CASEWRIGHT_LOG="debug", CASEWRIGHT_MODEL_ATTEMPTS="2", **given
            )
            served = await asyncio.to_thread(opened.__enter__)
            try:
                await provoke(served, dsn)
                return served.key
            finally:
                await asyncio.to_thread(opened.__exit__, None, None, None)

    key = asyncio.run(inner())
    return (tmp_path / "said.log").read_text(), key


def test_no_line_holds_a_text_or_a_key_whatever_goes_wrong(logged):
    written, key = logged
    greeting = [line for line in written.splitlines() if not line.startswith("{")]
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    assert MARK not in written
    assert KEY not in written
    assert key not in written
    assert [line for line in greeting if "Traceback" in line] == []
    # And all of it was told: each fault of the model, the damaged record, every request.
    messages = "\n".join(line["message"] for line in lines)
    for told in (
        "RequestRejected (model_unavailable, model scripted, status 401)",
        "fault malformed",
        "ModelUnavailable",
    ):
        assert told in messages
    (damaged,) = [line for line in lines if line["message"] == "a stored case is none any more"]
    assert damaged["error"]["type"] == "ValidationError"
    assert any("runs.py" in place for place in damaged["error"]["places"])
    requests = [line for line in lines if line["logger"] == "uvicorn.access"]
    assert {(line["method"], line["path"], line["status"]) for line in requests} >= {
        ("POST", "/api/v1/cases", 202),
        ("POST", "/api/v1/cases", 409),
        ("POST", "/api/v1/cases", 422),
        ("GET", "/api/v1/cases", 401),
    }
    assert [line for line in requests if line["path"] in {"/readyz", "/healthz"}] == []
