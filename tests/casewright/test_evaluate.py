"""`casewright eval` as it is installed."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = [json.loads(line) for line in (ROOT / "evaluation/golden/dev/cases.jsonl").read_text("utf-8").splitlines()]


def small(folder):
    """A few of the shipped cases that need no picture, with their sellers."""
    chosen = [row for row in ROWS if not row["case"]["subject"].get("images") and not row.get("pair")][:6]
    (folder / "cases.jsonl").write_text("\n".join(map(json.dumps, chosen)), encoding="utf-8")
    sellers = (ROOT / "evaluation/golden/dev/sellers.jsonl").read_text(encoding="utf-8")
    (folder / "sellers.jsonl").write_text(sellers, encoding="utf-8")
    return chosen


def test_golden_scores_every_case_and_compares(casewright, tmp_path):
    chosen = small(tmp_path)
    ran = casewright("eval", "golden", "--split", tmp_path, "--json", "r.json", cwd=tmp_path, check=0)
    assert f"{len(chosen)} argued cases, judged by rulebook" in ran.stdout
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert [case["case_id"] for case in report["cases"]] == [row["id"] for row in chosen]
    figures = report["figures"]
    assert figures["quotes"]["hits"] == figures["quotes"]["n"] > 0
    right = sum(case["got"] == case["expected"] for case in report["cases"])
    assert figures["outcome"]["hits"] == right
    first = report["cases"][0]
    first["got"] = "no_violation" if first["got"] != "no_violation" else "violation"
    (tmp_path / "old.json").write_text(json.dumps(report), encoding="utf-8")
    ran = casewright("eval", "golden", "--split", tmp_path, "--against", "old.json", cwd=tmp_path, check=0)
    assert "1 outcomes changed" in ran.stdout
    assert f"  {first['case_id']}: " in ran.stdout


def test_baselines_stand_beside_the_figures(casewright, tmp_path):
    chosen = small(tmp_path)
    ran = casewright("eval", "golden", "--split", tmp_path, "--json", "r.json", cwd=tmp_path, check=0)
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    found = {one["name"]: one for one in report["baselines"]}
    assert list(found) == ["always asks", "word search alone", "rulebook without verification"]
    due = sum(row["expected"]["outcome"] == "person" for row in chosen)
    assert (found["always asks"]["outcome"]["hits"], found["always asks"]["alone"]["hits"]) == (due, 0)
    assert found["word search alone"]["alone"]["hits"] == len(chosen)
    assert found["word search alone"]["tuned_on"] == "dev"
    # Whoever is not checked decides more.
    alone = found["rulebook without verification"]["alone"]["hits"]
    assert report["figures"]["alone"]["hits"] <= alone
    assert "word search alone: threshold chosen on dev" in ran.stdout
    assert re.search(r"always asks +\S", ran.stdout)


def test_golden_refuses_what_cannot_be_right(casewright, tmp_path):
    rows = small(tmp_path)
    rows[0]["expected"]["clauses"] = ["no.such-clause"]
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    ran = casewright("eval", "golden", "--split", tmp_path, cwd=tmp_path, check=2)
    assert "unknown_clause" in ran.stderr
    ran = casewright("eval", "golden", "--split", "nowhere", cwd=tmp_path, check=2)
    assert "no_file" in ran.stderr


def test_retrieval_prints_every_language(casewright, tmp_path):
    ran = casewright("eval", "retrieval", "--missed", cwd=tmp_path, check=0)
    named = re.findall(r"(?m)^([a-z]{2,3}) +[\d.]+ %", ran.stdout)
    assert named == ["all", "de", "en", "es", "id", "ja", "ms", "pt", "th", "vi", "zh"]


def test_a_search_below_its_floor_ends_with_status_1(casewright, tmp_path):
    lines = (ROOT / "evaluation/retrieval/dev.jsonl").read_text(encoding="utf-8").splitlines()
    found, astray = json.loads(lines[0]), {**json.loads(lines[0]), "id": "astray", "query": "qqqq xxxx"}
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, [found, astray])), encoding="utf-8")
    (tmp_path / "floors.toml").write_text("recall_at_8 = 0.9", encoding="utf-8")
    ran = casewright("eval", "retrieval", "--split", "mine.jsonl", cwd=tmp_path, check=1)
    assert ran.stderr == "floor broken: recall_at_8 is 0.500 (1 of 2), and must be 0.9 at least\n"
