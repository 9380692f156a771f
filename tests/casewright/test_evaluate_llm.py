"""`casewright eval golden --auditor llm`, over HTTP, with a scripted model: right judges, and one that errs."""

import asyncio
import json
import re

import pytest

from agents.players import rulebook
from agents.script import Reply, Script, ScriptedModel
from policies.corpus import load_corpus
from tests.casewright.conftest import VAPE, case

ROWS = [
    ("knife", case("knife", "Zombie knife, 12 inch serrated blade", region="GB"), "violation"),
    ("dress", case("dress"), "no_violation"),
    ("vape", case("vape", VAPE), "person"),
]
PRICES = 'currency = "USD"\nas_of = "2026-03-01"\n[models.scripted]\ninput = "1.00"\noutput = "10.00"\n'


@pytest.fixture(scope="module")
def truthful(root):
    """A scripted judge that says what the rulebook would say to what it sees."""
    return rulebook(load_corpus(root / "policies"))


def measured(casewright, folder, truthful, *replies):
    """Measure with a scripted model; returns what was printed, the report and how many requests the model had."""
    rows = [{"id": i, "case": c, "expected": {"outcome": outcome}} for i, c, outcome in ROWS]
    (folder / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (folder / "prices.toml").write_text(PRICES, encoding="utf-8")

    async def run():
        last = Reply(do="play", player="truthful")
        async with ScriptedModel(Script(replies=(*replies, last)), {"truthful": truthful}, keep=True) as server:
            variables = {
                "CASEWRIGHT_MODEL": "scripted",
                "CASEWRIGHT_MODEL_URL": server.base_url,
                "CASEWRIGHT_MODEL_PRICES": folder / "prices.toml",
            }
            command = ("eval", "golden", "--auditor", "llm", "--split", folder, "--json", "r.json")
            ran = await asyncio.to_thread(casewright, *command, cwd=folder, check=0, **variables)
            return ran.stdout, len(server.requests)

    printed, requests = asyncio.run(run())
    return printed, json.loads((folder / "r.json").read_text(encoding="utf-8")), requests


def test_a_model_is_measured_with_its_calls_tokens_cost_and_seconds(casewright, tmp_path, truthful):
    printed, report, requests = measured(casewright, tmp_path, truthful)
    assert "3 labelled cases, judged by llm (scripted)" in printed
    assert {one["case_id"]: one["got"] for one in report["cases"]} == {i: outcome for i, _, outcome in ROWS}
    # Every call is counted, also those of a case that went to a person without a recommendation.
    assert sum(one["model_calls"] for one in report["cases"]) == requests
    assert all(one["model_calls"] >= 2 and one["tokens"] > 0 and one["cost"] > 0 for one in report["cases"])
    spent = r"a case: ([\d.]+) model calls, 0.0 tool calls, (\d+) tokens, cost (0\.\d+), (\d+\.\d+) s"
    calls, tokens, cost, seconds = map(float, re.search(spent, printed).groups())
    assert calls == pytest.approx(requests / 3, abs=0.05)
    assert min(tokens, cost, seconds) > 0


def test_a_model_that_is_down_clears_nothing_and_its_report_says_so(casewright, tmp_path, truthful):
    printed, report, _ = measured(casewright, tmp_path, truthful, Reply(do="error", status=401))
    assert {one["got"] for one in report["cases"]} == {"person"}
    assert all("model_unavailable" in one["reasons"] for one in report["cases"])
    assert re.search(r"cleared unsafely +none to count", printed)
