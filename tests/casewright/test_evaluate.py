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
