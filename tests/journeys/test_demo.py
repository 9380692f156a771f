"""The demo as somebody sees it who has just set the project up: through the command line, with nothing configured."""

import csv
import hashlib
import json
import os
import re
import runpy
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image, ImageChops

BIN = Path(sys.executable).parent
FILES = {"LISTINGS": "listings", "RECALLS": "recalls", "IMAGE_BANK": "image_bank", "PRECEDENTS": "precedents"}


@pytest.fixture(scope="module")
def casewright(tmp_path_factory):
    """Run the command as it is installed, in a home of its own: `casewright(folder, *arguments, **variables)`."""
    home = tmp_path_factory.mktemp("home")

    def run(folder, *arguments, **variables):
        kept = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8"}
        command = ["casewright", *map(str, arguments)]
        env = {**kept, "CASEWRIGHT_HOME": str(home / "data"), **{n: str(v) for n, v in variables.items()}}
        return subprocess.run(
            command, cwd=folder, env=env, capture_output=True, encoding="utf-8", check=False, timeout=120
        )

    return run


@pytest.fixture(scope="module")
def demo(casewright, root, tmp_path_factory):
    """What `casewright demo` prints, and its results by case."""
    out = tmp_path_factory.mktemp("out") / "demo.jsonl"
    ran = casewright(root, "demo", "--out", out)
    assert ran.returncode == 0, ran.stderr
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    return ran.stdout, {line["case_id"]: line for line in lines}


def _of(results, status):
    return [line for line in results.values() if line["status"] == status]


def test_every_case_has_a_result(demo, root):
    printed, results = demo
    cases = [json.loads(line)["id"] for line in (root / "examples/cases.jsonl").read_text("utf-8").splitlines()]
    assert len(cases) == 24
    assert sorted(results) == sorted(cases)
    assert _of(results, "invalid") == []
    # In the order of the file, whatever order they finished in.
    assert [found for found in re.findall(r"(?m)^(\d\d-\S+)  \S", printed) if found in cases] == cases


def test_enough_is_decided_and_enough_is_left_to_a_person(demo):
    printed, results = demo
    decided, escalated = _of(results, "decided"), _of(results, "escalated")
    assert len(decided) >= 6
    assert len(escalated) >= 8
    outcomes = Counter(line["decision"]["outcome"] for line in decided)
    assert outcomes["violation"] >= 3
    assert outcomes["no_violation"] >= 3
    assert "24 cases in" in printed
    assert f"{len(decided)} decided alone, {len(escalated)} to a person" in printed


def test_every_case_that_goes_to_a_person_asks_something(demo):
    for line in _of(demo[1], "escalated"):
        escalation = line["escalation"]
        assert escalation["reasons"], line["case_id"]
        assert escalation["questions"], line["case_id"]
        for question in escalation["questions"]:
            assert len(question["text"].split()) >= 4, line["case_id"]
            assert question["would_settle"].strip(), line["case_id"]


def test_the_readme_says_what_comes_out(demo, root):
    table = re.findall(r"(?m)^\| (\d\d-\S+) \|.*\| ([^|]+) \|$", (root / "examples/README.md").read_text("utf-8"))
    assert dict(table) == {case_id: _told(line) for case_id, line in sorted(demo[1].items())}


def _told(line):
    if line["status"] == "decided":
        decision = line["decision"]
        acted = f": {decision['action']['name'].replace('_', ' ')}" if decision.get("action") else ""
        return decision["outcome"].replace("_", " ") + acted
    first = line["escalation"]["questions"][0]
    if first["kind"] == "part":
        return f"a person: `{first['part']}` of {first['clause_id']}"
    return {"confirm": "a person confirms", "clause": "a person: which clause"}[first["kind"]]


def test_pairs_differ_in_one_fact_and_in_what_comes_out(demo, root):
    rows = [json.loads(line) for line in (root / "examples/cases.jsonl").read_text("utf-8").splitlines()]
    cases = {row["id"][:2]: row for row in rows}
    differing = {("02", "03"): {"region"}, ("04", "05"): {"opened_at"}, ("08", "09"): {"seller_id"}}
    for (one, other), fields in differing.items():
        first, second = (_bare(cases[number]) for number in (one, other))
        assert {name for name in first if first[name] != second[name]} == fields
        assert _told(demo[1][cases[one]["id"]]) != _told(demo[1][cases[other]["id"]])
    one, other = (cases[number]["subject"]["description"] for number in ("06", "07"))
    assert one.replace("20 mg/ml", "50 mg/ml") == other


def _bare(case):
    """A case without its names; of 08 and 09, opened minutes apart, the minute does not matter."""
    subject = {name: value for name, value in case["subject"].items() if name != "id"}
    opened_at = case["opened_at"] if case["id"][:2] in {"04", "05"} else case["opened_at"][:13]
    return {**case, "id": "", "opened_at": opened_at, "subject": subject}


def test_a_picture_carries_a_case(demo):
    by_picture = []
    for line in _of(demo[1], "decided"):
        evidence = {item["id"]: item["source"] for item in line["evidence"]}
        for finding in line["decision"]["findings"]:
            if finding["status"] == "fulfilled" and line["decision"]["outcome"] == "violation":
                quoted = {evidence[quote["evidence_id"]] for quote in _quotes(finding) if quote["evidence_id"]}
                by_picture += [line["case_id"]] if any(source.startswith("image:") for source in quoted) else []
    assert {"13-only-in-the-picture", "20-qr-code-leads-away"} <= set(by_picture)


# Quotes, checked by eyes of their own: nothing of ours is imported, and what a result line holds is all there is.


def _quotes(node):
    """Every quote anywhere inside a result."""
    if isinstance(node, dict):
        if {"text", "evidence_id", "clause_id"} <= node.keys():
            yield node
        for value in node.values():
            yield from _quotes(value)
    elif isinstance(node, list):
        for value in node:
            yield from _quotes(value)


def _folded(text):
    return " ".join(text.split())


def _wrong(line):
    """What is wrong with a line's quotes, as sentences."""
    texts = {item["id"]: item["text"] for item in line["evidence"]}
    for item in line["evidence"]:
        if hashlib.sha256(item["text"].encode()).hexdigest() != item["sha256"]:
            yield f"{item['id']} is not the text that its hash names"
    for quote in _quotes(line.get("decision") or line["escalation"]):
        place = quote["evidence_id"] or quote["clause_id"]
        source = texts.get(quote["evidence_id"]) if quote["evidence_id"] else line["clauses"].get(quote["clause_id"])
        if source is None:
            yield f"«{quote['text']}» is quoted from {place or 'nowhere'}, which the line does not hold"
        elif not quote["text"].strip() or _folded(quote["text"]) not in _folded(source):
            yield f"«{quote['text']}» does not stand in {place}"
        elif quote["start"] is None or _folded(source[quote["start"] : quote["end"]]) != _folded(quote["text"]):
            yield f"«{quote['text']}» does not stand at {quote['start']} of {place}"


def test_every_quote_stands_where_it_is_said_to_stand(demo):
    counted = Counter()
    for case_id, line in demo[1].items():
        assert list(_wrong(line)) == [], case_id
        counted[case_id] = sum(1 for _ in _quotes(line.get("decision") or line["escalation"]))
    assert set(counted) == set(demo[1])
    assert min(counted.values()) >= 1
    assert counted.total() >= 150


def test_the_rationale_quotes_nothing_else(demo):
    checked = 0
    for case_id, line in demo[1].items():
        decision = line.get("decision") or line["escalation"].get("recommended")
        texts = {item["id"]: _folded(item["text"]) for item in line["evidence"]}
        for words, place in re.findall(r"«([^»]+)» \((E\d+) ", decision["rationale"] if decision else ""):
            assert _folded(words) in texts[place], case_id
            checked += 1
    assert checked >= 50


@pytest.mark.parametrize("turn", [str.swapcase, lambda text: text + " indeed", lambda _: " "])
def test_the_check_of_quotes_would_notice(demo, turn):
    line = json.loads(json.dumps(demo[1]["07-nikotin-50"]))
    next(_quotes(line["decision"]))["text"] = turn(next(_quotes(line["decision"]))["text"])
    assert len(list(_wrong(line))) == 1


def test_the_check_of_quotes_would_notice_other_evidence(demo):
    line = json.loads(json.dumps(demo[1]["07-nikotin-50"]))
    line["evidence"][0]["text"] += " (Muster)"
    assert list(_wrong(line)) == ["E1 is not the text that its hash names"]


# What lies beside the cases


def test_the_pictures_come_out_as_they_are_kept(root, tmp_path):
    runpy.run_path(str(root / "examples/draw_images.py"))["draw"](tmp_path)
    kept = {path.name: path for path in (root / "examples/images").iterdir()}
    assert sorted(kept) == sorted(path.name for path in tmp_path.iterdir())
    for name, path in kept.items():
        with Image.open(path) as one, Image.open(tmp_path / name) as other:
            assert one.size == other.size
            assert ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getbbox() is None, name


def test_every_picture_belongs_to_a_case(root):
    rows = [json.loads(line) for line in (root / "examples/cases.jsonl").read_text("utf-8").splitlines()]
    named = {image["path"] for row in rows for image in row["subject"].get("images", [])}
    assert named == {f"images/{path.name}" for path in (root / "examples/images").iterdir()}


def test_a_table_becomes_cases_that_can_be_audited(casewright, root, tmp_path):
    table = root / "examples/from-table/listings.csv"
    made = casewright(
        tmp_path, "cases", "from-table", table, "--mapping", table.with_name("mapping.yaml"), "--out", "cases.jsonl"
    )
    assert (made.returncode, made.stderr) == (0, "")
    cases = [json.loads(line) for line in (tmp_path / "cases.jsonl").read_text("utf-8").splitlines()]
    with table.open(encoding="utf-8", newline="") as file:
        assert [case["subject"]["title"] for case in cases] == [row["headline"] for row in csv.DictReader(file)]
    assert [case["region"] for case in cases] == ["SG", "SG", "DE", "BR", "US", "ID"]
    # The records beside the cases are read as well: a row that is none would end the command.
    records = {f"CASEWRIGHT_{name}": root / f"examples/{file}.jsonl" for name, file in FILES.items()}
    audited = casewright(tmp_path, "audit", "cases.jsonl", "--sellers", root / "examples/sellers.jsonl", **records)
    assert audited.returncode == 0, audited.stderr
    results = {line["case_id"]: line for line in map(json.loads, audited.stdout.splitlines())}
    assert sorted(results) == sorted(case["id"] for case in cases)
    assert {line["status"] for line in results.values()} == {"decided", "escalated"}
    assert [wrong for line in results.values() for wrong in _wrong(line)] == []
