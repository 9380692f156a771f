"""Kill an audit at random, again and again, and count: one outcome a case, no call paid twice.

    python benchmarks/kills.py [--cases 200] [--kills 10] [--latency 0.2] [--seed 1]

The scripted model runs in a process of its own and counts requests that come again after it has answered them. Such a
request is allowed only where its answer was on the way, or not yet in the journal, when the process was killed.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from drills.cases import write_cases
from drills.model import Model, repeats, truthful_model

_ON_ITS_WAY_S = 0.5
"""An answer that the server has sent so long before a kill may not be in the journal yet: the process was busy."""


def main() -> None:
    """Run the drill and print what came of it; exit 1 where a case has not exactly one outcome."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--concurrency", type=int, default=8)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(0 if drill(Path(folder), asked) else 1)


def drill(folder: Path, asked: argparse.Namespace) -> bool:
    """Kill, start again, finish; then compare what is there with what should be."""
    cases = write_cases(folder / "cases.jsonl", asked.cases)
    with truthful_model(folder, asked.latency) as model:
        told = kill_and_finish(folder, model, asked)
        stats = model.stats
        return report(cases, folder / "out.jsonl", stats, told, late_answers(model, told["killed at"]))


def audit(folder: Path, model: Model, concurrency: int, *, quiet: bool = True) -> subprocess.Popen[bytes]:
    """Start the audit; the same command every time."""
    out = folder / "out.jsonl"
    command = [sys.executable, "-m", "casewright", "audit", str(folder / "cases.jsonl"), "--out", str(out)]
    environment = {**os.environ, **model.environment, "CASEWRIGHT_HOME": str(folder / "home")}
    return subprocess.Popen(  # noqa: S603 - ourselves
        [*command, "--auditor", "llm", "--concurrency", str(concurrency)],
        env=environment,
        stderr=subprocess.DEVNULL if quiet else None,
    )


def kill_and_finish(folder: Path, model: Model, asked: argparse.Namespace) -> dict[str, Any]:
    """Kill the audit `kills` times, each time while it asks the model, then let it finish."""
    chance = random.Random(asked.seed)  # noqa: S311 - to be repeatable
    in_flight = resumed = 0
    killed_at: list[float] = []
    for number in range(asked.kills):
        before = model.stats["calls"]
        process = audit(folder, model, asked.concurrency)
        while model.stats["calls"] == before and process.poll() is None:
            time.sleep(0.02)
        time.sleep(chance.uniform(0.05, 2.0))
        if process.poll() is not None:
            print(f"kill {number + 1}: the audit had finished before; fewer kills than asked")
            break
        in_flight += model.stats["in_flight"]
        killed_at.append(time.time())
        process.send_signal(signal.SIGKILL)
        process.wait()
        resumed += number > 0
    audit(folder, model, asked.concurrency, quiet=False).wait()
    told = {"kills": len(killed_at), "of a run started again": resumed, "in flight at kills": in_flight}
    return {**told, "killed at": killed_at}


def late_answers(model: Model, killed_at: list[float]) -> list[float]:
    """Of each call that came again after its answer: the time between that answer and the nearest kill, in seconds."""
    # An answer can also leave just after a kill, before the server notices that nobody is there.
    again = [repeat.answered_at for repeat in repeats(model.events) if repeat.answered_at is not None]
    return [min(abs(kill - answered) for kill in killed_at) for answered in again]


def report(cases: list[str], out: Path, stats: dict[str, int], told: dict[str, Any], ages: list[float]) -> bool:
    """Print, and tell whether every case has exactly one outcome and every ballot its own judge."""
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    counts = Counter(line["case_id"] for line in lines)
    once = sum(counts[case_id] == 1 for case_id in cases)
    twice = sum(cast_twice(line) for line in lines)
    shown = {name: value for name, value in {**told, **stats}.items() if name != "killed at"}
    print(", ".join(f"{name}: {value}" for name, value in shown.items()))
    statuses = dict(Counter(line["status"] for line in lines))
    print(f"cases with exactly one outcome: {once} of {len(cases)}; outcomes: {statuses}")
    print(f"ballots cast twice by one judge in one round: {twice}")
    latest = max(ages, default=0.0)
    print(f"calls repeated: {len(ages)}; each was answered within {latest * 1000:.0f} ms of a kill")
    return once == len(cases) and not twice and latest < _ON_ITS_WAY_S


def cast_twice(line: dict) -> int:  # type: ignore[type-arg] # a result line
    """Ballots of one part and round that carry the same judge and the same words (a blind judge heard twice)."""
    found = (line.get("decision") or line.get("escalation") or {}).get("findings", [])
    twice = 0
    for finding in found:
        for part in finding["parts"]:
            judges = [(b["round"], b["judge"]["prompt"]) for b in part["ballots"]]
            # Prompts take turns, three of them: within three blind ballots no prompt comes twice.
            twice += len(judges) - len(set(judges)) if len(judges) <= 4 else 0  # noqa: PLR2004 - investigator and three
    return twice


if __name__ == "__main__":
    main()
