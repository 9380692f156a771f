import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.casewright.conftest import VAPE, case, lines, results


def test_standard_input_gives_one_line_a_case(casewright, tmp_path):
    ran = casewright("audit", "-", cwd=tmp_path, stdin=json.dumps(case("one")), check=0)
    line = lines(ran.stdout)["one"]
    assert line["status"] == "decided"
    assert line["decision"]["outcome"] == "no_violation"
    assert set(line) == {"case_id", "status", "decision", "evidence", "clauses"}


def test_a_folder_is_read_whole_json_and_json_lines(casewright, tmp_path):
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    (tmp_path / "in" / "a.json").write_text(json.dumps(case("a")))
    (tmp_path / "in" / "b.json").write_text(json.dumps([case("b1"), case("b2")]))
    (tmp_path / "in" / "deeper" / "c.jsonl").write_text(json.dumps(case("c")) + "\n\n" + json.dumps(case("d")) + "\n")
    (tmp_path / "in" / "notes.txt").write_text("no cases here")
    ran = casewright("audit", "in", cwd=tmp_path, check=0)
    assert set(lines(ran.stdout)) == {"a", "b1", "b2", "c", "d"}


def test_bad_cases_are_named_with_pointers_and_the_others_go_on(casewright, tmp_path):
    bad = case("bad", subject={"titel": "x", "price": {"amount": "1,5", "currency": "SGD"}})
    text = "\n".join([json.dumps(case("good")), json.dumps(bad), "{not json", json.dumps(case("good"))])
    (tmp_path / "cases.jsonl").write_text(text)
    ran = casewright("audit", "cases.jsonl", cwd=tmp_path, check=1)
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    assert sorted(line["status"] for line in found) == ["decided", "invalid", "invalid", "invalid"]
    problems = {p["pointer"]: p for line in found if line["status"] == "invalid" for p in line["error"]["problems"]}
    assert problems["/subject/titel"]["code"] == "unknown_field"
    assert "schema" in problems["/subject/titel"]["hint"]
    assert "/subject/price/amount" in problems
    assert problems["/id"]["code"] == "id_twice"
    wheres = {line["error"]["where"] for line in found if line["status"] == "invalid"}
    assert wheres == {"cases.jsonl:2", "cases.jsonl:3", "cases.jsonl:4"}


def test_a_missing_file_is_named(casewright, tmp_path):
    ran = casewright("audit", "nowhere.json", cwd=tmp_path, check=1)
    (line,) = map(json.loads, ran.stdout.splitlines())
    assert line["error"]["problems"][0]["code"] == "unreadable_file"


def test_a_second_run_skips_what_is_there_and_tries_invalid_ones_again(casewright, folder):
    cases = (folder / "cases.jsonl").read_text()
    broken = {k: v for k, v in case("late").items() if k != "region"}
    (folder / "cases.jsonl").write_text(cases + json.dumps(broken) + "\n")
    casewright("audit", "cases.jsonl", "--out", "out.jsonl", cwd=folder, check=1)
    before = (folder / "out.jsonl").read_text()
    ran = casewright("audit", "cases.jsonl", "--out", "out.jsonl", cwd=folder, check=1)
    assert (folder / "out.jsonl").read_text() == before
    assert "3 had a result before" in ran.stderr
    (folder / "cases.jsonl").write_text(cases + json.dumps(case("late")) + "\n")
    casewright("audit", "cases.jsonl", "--out", "out.jsonl", cwd=folder, check=0)
    assert results(folder / "out.jsonl")["late"]["status"] == "decided"


def test_a_line_that_a_kill_left_half_written_is_written_again(casewright, folder):
    casewright("audit", "cases.jsonl", "--out", "out.jsonl", cwd=folder, check=0)
    whole = (folder / "out.jsonl").read_bytes()
    (folder / "out.jsonl").write_bytes(whole[:-40])
    casewright("audit", "cases.jsonl", "--out", "out.jsonl", cwd=folder, check=0)
    text = (folder / "out.jsonl").read_text()
    assert sorted(json.loads(line)["case_id"] for line in text.splitlines()) == ["dress", "knife", "vape"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_audit_goes_on(casewright, tmp_path, how):
    (tmp_path / "cases.jsonl").write_text("".join(json.dumps(case(f"n{i}")) + "\n" for i in range(120)))
    command = [sys.executable, "-m", "casewright", "audit", "cases.jsonl", "--out", "out.jsonl"]
    env = {**os.environ, "CASEWRIGHT_HOME": str(tmp_path / "home")}
    # Shells let what they start in the background ignore Ctrl-C; a user's terminal does not.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=env,
        stderr=subprocess.DEVNULL,
        preexec_fn=heed,  # noqa: PLW1509 - no threads here
    )
    out = tmp_path / "out.jsonl"
    deadline = time.monotonic() + 60
    while (not out.exists() or out.read_bytes().count(b"\n") < 5) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(how)
    assert process.wait(timeout=30) != 0
    casewright("audit", "cases.jsonl", "--out", "out.jsonl", cwd=tmp_path, check=0)
    ids = [json.loads(line)["case_id"] for line in out.read_text().splitlines()]
    assert len(ids) == 120
    assert sorted(set(ids)) == sorted(ids)


def test_images_outside_the_folder_are_not_read(casewright, tmp_path):
    (tmp_path / "secret.png").write_bytes(b"not for you")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.png").symlink_to(tmp_path / "secret.png")
    linked = case("linked", subject={"images": [{"path": "link.png"}]})
    escaping = case("escaping", subject={"images": [{"path": "../secret.png"}]})
    (tmp_path / "in" / "cases.json").write_text(json.dumps([linked, escaping]))
    found = lines(casewright("audit", "in", cwd=tmp_path, check=1).stdout)
    assert found["escaping"]["status"] == "invalid"
    assert found["linked"]["status"] == "escalated"
    assert "tool_unavailable" in found["linked"]["escalation"]["reasons"]
    (question,) = found["linked"]["escalation"]["questions"]
    assert "Image 1 could not be read" in question["text"]


def test_without_seller_records_nothing_is_said_about_them(casewright, tmp_path):
    ran = casewright("audit", "-", cwd=tmp_path, stdin=json.dumps(case("vape", VAPE)), check=0)
    line = lines(ran.stdout)["vape"]
    assert not [e for e in line["evidence"] if e["source"].startswith("tool:seller_history")]
    assert line["status"] == "escalated"


def test_automation_off_sends_every_case_to_a_person_with_a_recommendation(casewright, folder):
    ran = casewright(
        "audit", "cases.jsonl", "--sellers", "sellers.jsonl", cwd=folder, check=0, CASEWRIGHT_AUTOMATION="off"
    )
    found = lines(ran.stdout)
    assert {line["status"] for line in found.values()} == {"escalated"}
    assert found["knife"]["escalation"]["recommended"]["outcome"] == "violation"
    assert "automation_off" in found["dress"]["escalation"]["reasons"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("CASEWRIGHT_AUTOMATION", "always"), ("CASEWRIGHT_LEAD", "two")],
)
def test_a_wrong_setting_fails_by_its_name(casewright, folder, variable, value):
    ran = casewright("audit", "cases.jsonl", cwd=folder, check=2, **{variable: value})
    assert variable in ran.stderr


def test_a_model_that_is_not_named_fails_by_its_name(casewright, folder):
    ran = casewright("audit", "cases.jsonl", "--auditor", "llm", cwd=folder, check=2)
    assert "CASEWRIGHT_MODEL" in ran.stderr


def test_a_broken_corpus_is_named_by_file_and_line(casewright, folder, root):
    shutil.copytree(root / "policies", folder / "policies", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = folder / "policies" / "clauses" / "tobacco" / "e-cigarettes.md"
    path.write_text(path.read_text().replace("severity: high", "severity: tall"))
    ran = casewright("audit", "cases.jsonl", cwd=folder, check=2, CASEWRIGHT_POLICIES=folder / "policies")
    assert "clauses/tobacco/e-cigarettes.md:" in ran.stderr
    assert "/severity" in ran.stderr
