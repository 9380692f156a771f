"""Starting and ending worker processes."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def settings_for(dsn: str, home: Path, in_flight: int) -> dict[str, str]:
    """The environment of a worker that judges by a model and decides alone; which model is for others to say."""
    return {
        "CASEWRIGHT_DB": dsn,
        "CASEWRIGHT_HOME": str(home),
        "CASEWRIGHT_AUDITOR": "llm",
        "CASEWRIGHT_AUTOMATION": "provisional",
        "CASEWRIGHT_IN_FLIGHT": str(in_flight),
    }


def start_worker(
    slot: int, settings: Mapping[str, str], log: Path, within: Sequence[str] = ()
) -> "subprocess.Popen[bytes]":
    """Start a worker as `casewright serve` does.

    Args:
        slot: which of the machine's it is.
        settings: ours in its environment, and no others.
        log: where its own words go.
        within: a command to start it with.
    """
    others = {name: value for name, value in os.environ.items() if not name.startswith("CASEWRIGHT_")}
    command = [*within, sys.executable, "-m", "casewright", "worker", "--slot", str(slot)]
    with log.open("wb") as file:
        return subprocess.Popen(command, env={**others, **settings}, stderr=file)  # noqa: S603 - ourselves


def end_workers(processes: "Sequence[subprocess.Popen[bytes]]") -> None:
    """Have workers finish what is in flight; who does not within half a minute is killed."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            print(f"worker {process.pid} did not end by itself")
            process.kill()
            process.wait()
