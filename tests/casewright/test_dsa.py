"""`casewright dsa export`: from results to batches for the DSA Transparency Database, through the command itself."""

import json
import shutil

import pytest

CASE = {
    "id": "strong",
    "opened_at": "2026-04-08T08:05:00Z",
    "region": "DE",
    "language": "de",
    "seller_id": "S-10611",
    "subject": {
        "kind": "listing",
        "id": "L-100722",
        "title": "Nikotinsalz Liquid Minze, 5er-Set, je Flasche 10 ml",
        "description": "Nikotin 50 mg/ml. Fragen an vapor@liquid-shop.example oder 030 12345678.",
        "brand": "Nordhauch",
        "listed_at": "2026-03-30T10:00:00Z",
    },
    "reports": [{"by": "buyer", "text": "Jo Muster sold me this."}],
}
SELLER = {"id": "S-10611", "opened_at": "2020-01-01T00:00:00Z", "country": "DE", "name": "Nordhauch Versand"}


@pytest.fixture(scope="module")
def audited(casewright, tmp_path_factory):
    """A folder with results: a statement that is due, one that lacks a day, one elsewhere, and a clearance."""
    folder = tmp_path_factory.mktemp("dsa")
    dateless = {name: value for name, value in CASE["subject"].items() if name != "listed_at"}
    cases = [
        CASE,
        {**CASE, "id": "dateless", "subject": dateless},
        {**CASE, "id": "elsewhere", "region": "GB"},
        {**CASE, "id": "dress", "reports": [], "subject": {**dateless, "title": "Cotton dress", "description": ""}},
    ]
    (folder / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases), encoding="utf-8")
    (folder / "sellers.jsonl").write_text(json.dumps(SELLER) + "\n", encoding="utf-8")
    casewright("audit", "cases.jsonl", "--sellers", "sellers.jsonl", "--out", "r.jsonl", cwd=folder, check=0)
    return folder


def _statements(folder):
    return [s for file in sorted(folder.glob("*.json")) for s in json.loads(file.read_bytes())["statements"]]


def test_what_is_due_is_written_and_what_is_left_out_is_counted(casewright, audited):
    ran = casewright("dsa", "export", "r.jsonl", "--out", "first", "--validate", cwd=audited, check=1)
    assert ran.stdout == ""
    dateless, *rest = ran.stderr.splitlines()
    assert dateless.startswith("dateless: no_content_date (send `listed_at` with the listing")
    assert rest == [
        "1 statement written to first in 1 file; left out: 1 no_content_date, 1 no_violation, 1 outside_eea.",
        "Every statement in first is one that the database takes.",
    ]
    (statement,) = _statements(audited / "first")
    assert statement["territorial_scope"] == ["DE"]
    assert "account_type" not in statement  # the record does not say which it is
    assert statement["content_date"] == "2026-03-30"


def test_nobody_is_named(casewright, audited):
    casewright("dsa", "export", "r.jsonl", "--out", "quiet", cwd=audited)
    text = (audited / "quiet/statements-00001.json").read_text(encoding="utf-8")
    for private in ("S-10611", "L-100722", "Nordhauch", "Muster", "liquid-shop", "12345678", "Minze", 'strong"'):
        assert private not in text


def test_a_second_run_adds_only_what_is_new(casewright, audited, tmp_path):
    lines = (audited / "r.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    strong = next(line for line in lines if '"case_id":"strong"' in line)
    (tmp_path / "r.jsonl").write_text(strong, encoding="utf-8")
    casewright("dsa", "export", "r.jsonl", "--out", "out", cwd=tmp_path, check=0)
    (tmp_path / "r.jsonl").write_text(strong + strong.replace("strong", "second"), encoding="utf-8")
    ran = casewright("dsa", "export", "r.jsonl", "--out", "out", cwd=tmp_path, check=0)
    assert ran.stderr == "1 statement written to out in 1 file; 1 there before.\n"
    assert len({s["puid"] for s in _statements(tmp_path / "out")}) == 2


def test_the_last_line_of_a_case_counts(casewright, audited, tmp_path):
    lines = (audited / "r.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    strong = next(line for line in lines if '"case_id":"strong"' in line)
    cleared = json.loads(strong)
    cleared["decision"] |= {"outcome": "no_violation", "action": None, "at": "2026-05-01T00:00:00Z"}
    (tmp_path / "r.jsonl").write_text(strong + json.dumps(cleared, separators=(",", ":")) + "\n", encoding="utf-8")
    ran = casewright("dsa", "export", "r.jsonl", "--out", "out", cwd=tmp_path, check=0)
    assert ran.stderr == "0 statements written to out; left out: 1 no_violation.\n"


def test_a_batch_that_somebody_spoiled_is_found(casewright, audited, tmp_path):
    casewright("dsa", "export", audited / "r.jsonl", "--out", "out", cwd=tmp_path)
    file = tmp_path / "out/statements-00001.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"DE"', '"GB"'), encoding="utf-8")
    ran = casewright("dsa", "export", audited / "r.jsonl", "--out", "out", "--validate", cwd=tmp_path, check=1)
    assert "out/statements-00001.json: /statements/0/territorial_scope/0: invalid_value" in ran.stderr
    assert "is one that the database takes" not in ran.stderr


def test_another_corpus_than_that_of_the_decision_makes_no_statement(casewright, audited, tmp_path, root):
    shutil.copytree(root / "policies", tmp_path / "p", ignore=shutil.ignore_patterns("__pycache__"))
    clause = tmp_path / "p/clauses/tobacco/nicotine-strength.md"
    clause.write_text(clause.read_text(encoding="utf-8").replace("over 20 milligrams", "over 30 milligrams"))
    ran = casewright(
        "dsa", "export", audited / "r.jsonl", "--out", "out", cwd=tmp_path, check=1, CASEWRIGHT_POLICIES=tmp_path / "p"
    )
    assert "strong: clause_changed: tobacco.nicotine-strength (export with the corpus of the decision" in ran.stderr


def test_what_is_no_results_file_is_refused(casewright, tmp_path):
    (tmp_path / "r.jsonl").write_text("{}\n")
    assert "no_result" in casewright("dsa", "export", "r.jsonl", "--out", "o", cwd=tmp_path, check=2).stderr
