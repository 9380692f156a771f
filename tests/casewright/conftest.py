"""Running the command as it is installed, in a home of its own, and a few small cases."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def casewright(tmp_path_factory):
    """Run `casewright ...`: returns the finished process."""
    home = tmp_path_factory.mktemp("home")

    def run(*arguments, cwd, stdin=None, check=None, **variables):
        kept = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8"}
        env = {**kept, "CASEWRIGHT_HOME": str(home / "data"), **{name: str(v) for name, v in variables.items()}}
        command = ["casewright", *map(str, arguments)]
        ran = subprocess.run(
            command, cwd=cwd, env=env, input=stdin, capture_output=True, encoding="utf-8", check=False, timeout=120
        )
        if check is not None:
            assert ran.returncode == check, ran.stdout + ran.stderr
        return ran

    return run


def case(case_id="c-1", title="Cotton summer dress with flowers, size M", **fields):
    """Make a case as plain JSON; `subject` holds further fields of the listing."""
    subject = {"kind": "listing", "id": f"L-{case_id}", "title": title, **fields.pop("subject", {})}
    whole = {"id": case_id, "opened_at": "2026-03-14T09:30:00Z", "region": "SG", "language": "en", "seller_id": "S-1"}
    return {**whole, "subject": subject, **fields}


VAPE = "RELX disposable vape pod kit, mint, 5000 puffs"
SELLER = {"id": "S-1", "opened_at": "2020-01-01T00:00:00Z", "country": "SG"}


@pytest.fixture
def folder(tmp_path):
    """A folder with three cases (a clearance, a violation, a question) and the seller's record."""
    cases = [
        case("dress"),
        case("knife", "Zombie knife, 12 inch serrated blade", region="GB"),
        case("vape", VAPE, region="PH"),  # where a seller who holds a licence may sell it, and is asked for it
    ]
    (tmp_path / "cases.jsonl").write_text("".join(json.dumps(c) + "\n" for c in cases))
    (tmp_path / "sellers.jsonl").write_text(json.dumps(SELLER) + "\n")
    return tmp_path


def lines(text):
    """Result lines by case."""
    return {line["case_id"]: line for line in map(json.loads, text.splitlines())}


def results(path):
    """The line that counts of each case in a results file."""
    return lines(Path(path).read_text(encoding="utf-8"))
