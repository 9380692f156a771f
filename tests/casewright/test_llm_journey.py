import asyncio
import json

import pytest

from agents.players import rulebook
from agents.script import Reply, Script, ScriptedModel
from cases.case import read_case
from casewright.commands.audit import audit_all, audit_run
from casewright.reading import Read
from casewright.settings import read_settings
from casewright.wiring import open_office
from policies.corpus import load_corpus
from tests.casewright.conftest import case


@pytest.fixture(scope="module")
def truthful(root):
    """A scripted judge that says what the rulebook would say to what it sees."""
    return rulebook(load_corpus(root / "policies"))


def audited(tmp_path, truthful, plain, replies=(), folder=None, **variables):
    """Audit one case with the model path; returns its result line and the requests that the model got."""

    async def run():
        last = Reply(do="play", player="truthful")
        async with ScriptedModel(Script(replies=(*replies, last)), {"truthful": truthful}, keep=True) as server:
            environment = {
                "CASEWRIGHT_HOME": str(tmp_path),
                "CASEWRIGHT_MODEL": "scripted",
                "CASEWRIGHT_MODEL_URL": server.base_url,
                **variables,
            }
            lines = []
            async with (
                open_office(read_settings(environment), "llm") as office,
                audit_run(office, tmp_path / "run.db", lines.append) as started,
            ):
                line = await started.audit(read_case(plain), folder)
            assert lines == [line]
            return line, server.requests

    return asyncio.run(run())


def test_a_case_takes_few_calls_and_comes_out_as_the_judges_say(tmp_path, truthful):
    line, requests = audited(tmp_path, truthful, case("dress"))
    assert line["decision"]["outcome"] == "no_violation"
    calls = len(requests)
    assert calls in {2, 3}  # one to investigate, and blind judges until each part leads by two, or by three
    assert line["decision"]["usage"]["model_calls"] == calls
    judges = {b["judge"]["prompt"] for f in line["decision"]["findings"] for p in f["parts"] for b in p["ballots"]}
    assert {"investigator", "judge-1"} <= judges


def test_severe_clauses_want_a_larger_lead(tmp_path, truthful):
    line, _ = audited(tmp_path, truthful, case("knife", "Zombie knife, 12 inch serrated blade", region="GB"))
    assert line["decision"]["outcome"] == "violation"
    (carrying,) = [f for f in line["decision"]["findings"] if f["clause_id"] == line["decision"]["action"]["clause_id"]]
    blade = next(p for p in carrying["parts"] if p["part"] == "blade")
    assert [b["judgement"]["verdict"] for b in blade["ballots"]] == ["met"] * 3


def test_a_model_that_sees_gets_the_pictures_and_its_sightings_prove_nothing(tmp_path, truthful, root):
    plain = case("pod", "Mini kit", subject={"images": [{"path": "images/mini-pod-kit.png"}]})
    seen = {"image": "1", "box": "", "sees": "a vape pod"}
    device = {"tobacco.e-cigarettes": {"device": {"verdict": "unclear"}}}
    reply = Reply(do="answer", judgements=device, sightings=(seen,), times=1)
    line, requests = audited(
        tmp_path, truthful, plain, (reply,), folder=root / "examples", CASEWRIGHT_MODEL_VISION="true"
    )
    assert any("data:image/jpeg;base64," in json.dumps(request) for request in requests)
    sighting = next(e for e in line["evidence"] if e["source"] == "image:1/sighting")
    assert (sighting["voucher"], sighting["text"]) == ("model", "a vape pod")
    assert line["status"] == "escalated"


def test_a_model_that_is_down_leaves_every_case_with_a_person(tmp_path, truthful):
    down = Reply(do="error", status=401)
    line, _ = audited(tmp_path, truthful, case("knife", "Zombie knife, 12 inch serrated", region="GB"), (down,))
    assert line["status"] == "escalated"
    assert "model_unavailable" in line["escalation"]["reasons"]
    texts = [q["text"] for question in line["escalation"]["questions"] for q in question["for"]]
    assert "Zombie knife" in " ".join(texts)


def test_one_case_that_fails_does_not_stop_the_others(tmp_path, monkeypatch):
    monkeypatch.setenv("CASEWRIGHT_HOME", str(tmp_path / "home"))
    good = Read("good", "x:1", None, case=read_case(case("good")))
    (tmp_path / "file").write_text("")
    broken = read_case(case("broken", subject={"images": [{"path": "a.png"}]}))
    reads = [Read("broken", "x:2", tmp_path / "file", case=broken), good]
    counts = asyncio.run(audit_all(reads, None, tmp_path / "out.jsonl", "rulebook", 2))
    assert counts["decided"] == 1
    assert counts["escalated"] + counts["failed"] == 1
