"""The embedded database into a file and back, and a case that waits for a person goes on where it was."""

import json
import shutil
import stat
import subprocess
import time

import httpx
import pytest

from tests.service.served import serving, variables
from tests.service.test_traces import case


def run(*arguments, home, **more):
    return subprocess.run(
        ["casewright", *map(str, arguments)],
        env=variables(home, **more), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.fixture
def home(tmp_path):
    """A data folder; as root, the database runs under an account of its own, which must come to it."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return tmp_path / "data"


def caller(served, key):
    return httpx.Client(base_url=f"{served.url}/api/v1", headers={"Authorization": f"Bearer {key}"}, timeout=30)


def until(http, case_id, status):
    by = time.monotonic() + 60
    while time.monotonic() < by:
        held = http.get(f"/cases/{case_id}").json()
        if held["status"] == status:
            return held
        time.sleep(0.1)
    raise AssertionError(held)


def test_a_case_that_waits_is_backed_up_wiped_restored_and_answered(home, tmp_path):
    file = tmp_path / "of-today.dump"
    with serving(home) as served, caller(served, served.key) as http:
        key = served.key
        assert http.post("/cases", json=case("c-1")).status_code == 202
        before = until(http, "c-1", "waiting")
        backed = run("backup", file, home=home)
        assert backed.returncode == 0, backed.stderr
        assert http.get("/cases/c-1").json() == before  # the service has gone on
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    shutil.rmtree(home / "postgres")
    restored = run("restore", file, home=home)
    assert restored.returncode == 0, restored.stderr
    with serving(home) as served, caller(served, key) as http:
        after = http.get("/cases/c-1").json()
        assert after == before
        number, digest = (after["escalation"][name] for name in ("number", "digest"))
        answer = {
            "number": number,
            "digest": digest,
            "at": "2026-03-15T10:00:00Z",
            "reviewer": "mia",
            "confirmed": True,
        }
        answered = http.post("/cases/c-1/answers", json=answer)
        assert answered.status_code == 202, answered.text
        decided = until(http, "c-1", "decided")
        assert (decided["outcome"], decided["decided_by"]) == ("no_violation", "person")
        events, page = [], {"next": ""}
        while len(events) < 3:  # an event is numbered a moment after it has happened
            page = http.get("/events", params={"after": page["next"], "wait": 20}).json()
            assert page["items"], events
            events += page["items"]
        assert [event["type"] for event in events] == ["case.received", "case.escalated", "case.decided"]
    again = run("restore", file, home=home)
    assert (again.returncode, again.stderr[:10]) == (2, "not_empty:")


def test_a_file_that_is_no_backup_changes_nothing(home, tmp_path):
    wrong = tmp_path / "wrong.dump"
    wrong.write_text(json.dumps({"no": "backup"}))
    failed = run("restore", wrong, home=home)
    assert (failed.returncode, failed.stderr[:14]) == (2, "backup_failed:")
    assert run("migrate", "--check", home=home).returncode == 1
    assert run("backup", tmp_path / "no" / "folder", home=home).returncode == 2
    assert list(tmp_path.glob("*.part")) == []


def test_another_database_is_backed_up_by_its_own_means(dsn, home):
    refused = run("backup", home.parent / "x.dump", home=home, CASEWRIGHT_DB=dsn)
    assert (refused.returncode, "its own" in refused.stderr or "own means" in refused.stderr) == (2, True)
    assert not home.exists()
