"""The API against its own OpenAPI document: what Schemathesis makes of it must be answered as the document says."""

import asyncio
import threading
from collections import Counter

import httpx
import pytest
import schemathesis
import uvicorn
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from service.api.app import make_app
from service.api.settings import ApiSettings
from service.coop import CoopMapping
from service.database import open_pool
from service.keys import SCOPES, make_key

# `positive_data_acceptance` holds that what fits the schema is taken. No JSON Schema can say these, so their refusal is
# the right answer to what fits it; each is a 422 with a code of its own.
BEYOND_A_SCHEMA = {
    "bad_cursor": "a cursor is one that this service has given out",
    "image_unreadable": "bytes are a picture",
    "no_such_case": "an appeal is against a case that is here",
    "not_this_case": "an appeal is against the case in its path",
    "unknown_item_type": "a Coop item is of the type that the setting maps",
    "bad_webhook": "a URL is https and leads to the public internet",
}


class Serving(threading.Thread):
    """The API on a port of this machine, with its own event loop."""

    def __init__(self, dsn, corpus):
        super().__init__()
        self._dsn, self._corpus = dsn, corpus
        self._ready = threading.Event()
        self.failed = None

    def run(self):
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - it is raised where the thread is waited for
            self.failed = error
        finally:
            self._ready.set()

    async def _serve(self):
        pool = await open_pool(self._dsn)
        self.key = (await make_key(pool, "schemathesis", SCOPES)).secret
        settings = ApiSettings(longest_wait=0, coop=CoopMapping(item_type="listing", region="SG"))
        app = make_app(pool, self._corpus, settings, dsn=self._dsn)
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", access_log=False, ws="none"))
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started:  # noqa: ASYNC110 - uvicorn says it no other way
            await asyncio.sleep(0.01)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"
        self._ready.set()
        await serving
        await pool.close()

    def __enter__(self):
        self.start()
        self._ready.wait()
        assert self.failed is None, self.failed
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self.join()
        assert self.failed is None, self.failed


@pytest.fixture
def serving(worked_dsn, corpus):
    with Serving(worked_dsn, corpus) as running:
        yield running


def document(serving):
    return httpx.get(f"{serving.url}/openapi.json", trust_env=False).json()


def examine(serving, phases):
    """Run Schemathesis with all its checks; what it found wrong, and how many requests it made by operation."""
    configured = SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "base-url": serving.url,
            "headers": {"Authorization": f"Bearer {serving.key}"},
            "generation": {"max-examples": 12, "no-shrink": True},
            "phases": {name: {"enabled": name in phases} for name in ("examples", "coverage", "fuzzing", "stateful")},
        }
    )
    schema = schemathesis.openapi.from_dict(document(serving), config=configured)
    wrong, requests = [], Counter()
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError):
            wrong.append(str(event.info))
        elif isinstance(event, events.FatalError):
            raise event.exception
        elif isinstance(event, events.ScenarioFinished):
            requests[event.recorder.label] += len(event.recorder.interactions)
            wrong += failures(event.recorder)
    return wrong, requests


def failures(recorder):
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            answer = recorder.interactions[case_id].response
            if check.name == "positive_data_acceptance" and code_of(answer) in BEYOND_A_SCHEMA:
                continue
            found = check.failure_info
            told = answer.content[:500] if answer else b""
            yield f"{recorder.label}: {check.name}: {found.failure.message}\n{found.code_sample}\n{told}"


def code_of(answer):
    told = answer.json()
    return next((problem["code"] for problem in told.get("problems", ())), told.get("code"))


@pytest.mark.parametrize("phases", [("coverage",), ("examples", "fuzzing", "stateful")], ids=["edges", "at random"])
def test_every_request_that_the_document_allows_or_forbids_is_answered_as_it_says(serving, phases):
    wrong, requests = examine(serving, phases)
    print(sum(requests.values()), "requests")  # noqa: T201 - the figure of the run, under -s
    assert not wrong, "\n\n".join(wrong)
    assert sum(requests.values()) > 300


def test_the_document_names_every_operation_with_its_key_and_its_refusals(serving):
    made = document(serving)
    operations = {(path, method): entry for path, entries in made["paths"].items() for method, entry in entries.items()}
    assert len(operations) == 41
    for (path, _), entry in operations.items():
        asks = path.startswith("/api/v1")
        assert ("security" in entry) is asks
        assert ("401" in entry["responses"]) is asks
        refusals = [reply for status, reply in entry["responses"].items() if status >= "400"]
        assert {media for reply in refusals for media in reply["content"]} == {"application/problem+json"}


def test_the_document_speaks_of_our_own_types(serving):
    schemas = document(serving)["components"]["schemas"]
    assert {"Case", "Standing", "Page", "Escalation", "Decision", "Review", "Seller", "Statement"} <= set(schemas)
    assert "path" not in schemas["Image"]["properties"]
    assert schemas["Listing"]["properties"]["title"]["maxLength"] == 500
    assert "remove_listing" in schemas["Guard"]["properties"]["action"]["enum"]
