"""The scripted model in a process of its own, and what its log tells."""

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from casewright.settings import shipped_policies


@dataclass(frozen=True)
class Model:
    """A running model.

    Attributes:
        url: of its OpenAI-compatible endpoint.
        log: its file of what was asked and answered, a JSON object a line.
        policies: the corpus that it plays by: a copy, so that nobody who edits a clause meanwhile takes part.
    """

    url: str
    log: Path
    policies: Path

    @property
    def port(self) -> int:
        """Where it listens on this machine."""
        return int(self.url.rpartition(":")[2].partition("/")[0])

    @property
    def stats(self) -> dict[str, Any]:
        """What it has counted."""
        with urllib.request.urlopen(self.url.removesuffix("/v1") + "/stats", timeout=10) as answer:  # noqa: S310 - this machine
            counted: dict[str, Any] = json.load(answer)
            return counted

    @property
    def events(self) -> list[dict[str, Any]]:
        """Its log: `at`, `event` (asked, answered, lost, …), `request`, `kind`, `case`."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to ask it and to judge by the same corpus."""
        # On a busy machine an answer may take its time; a call that is given up would come again without a kill.
        named = {"CASEWRIGHT_MODEL_URL": self.url, "CASEWRIGHT_MODEL": "scripted", "CASEWRIGHT_MODEL_TIMEOUT": "600"}
        return {**named, "CASEWRIGHT_POLICIES": str(self.policies)}


PLAY = {"do": "play", "player": "truthful"}
"""A reply of a model that judges as the rulebook does."""


@contextmanager
def truthful_model(folder: Path, latency_s: float, first: Sequence[dict[str, Any]] = ()) -> Iterator[Model]:
    """Run a model that judges as the rulebook does, after a latency; `first` are replies that come before that."""
    with scripted_model(folder, [*first, PLAY], latency_s) as model:
        yield model


@contextmanager
def scripted_model(
    folder: Path, replies: Sequence[dict[str, Any]], latency_s: float, within: Sequence[str] = (), port: int = 0
) -> Iterator[Model]:
    """Run a scripted model in a process of its own.

    Args:
        folder: for its script, log and corpus; several may share it.
        replies: the script's (agents/script.py).
        latency_s: before every answer.
        within: a command to start it with.
        port: to listen on; 0 takes a free one.
    """
    policies, number = folder / "policies", len(list(folder.glob("script-*.json")))
    if not policies.exists():
        shutil.copytree(shipped_policies(), policies, ignore=shutil.ignore_patterns("*.py*", "__pycache__"))
    script, log = folder / f"script-{number}.json", folder / f"calls-{number}.jsonl"
    players = {"truthful": {"kind": "rulebook", "policies": "policies"}}
    script.write_text(json.dumps({"latency_s": latency_s, "players": players, "replies": list(replies)}))
    command = [*within, sys.executable, "-m", "casewright", "model", "script", str(script)]
    more = ["--port", str(port), "--log", str(log)]
    server = subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True)  # noqa: S603 - ourselves
    try:
        line = server.stdout.readline() if server.stdout else ""
        yield Model(line.strip().partition("=")[2], log, policies)
    finally:
        server.terminate()
        server.wait()


@dataclass(frozen=True)
class Repeat:
    """A call that came again: when it was asked, and when its first answer left (None: it never did)."""

    case_id: str
    at: float
    answered_at: float | None


def repeats(events: Sequence[dict[str, Any]]) -> list[Repeat]:
    """Every call that was asked before, whether or not it had been answered."""
    asked: set[str] = set()
    answered: dict[str, float] = {}
    found = []
    for event in events:
        request = event["request"]
        if event["event"] == "asked" and request in asked:
            found.append(Repeat(event["case"], event["at"], answered.get(request)))
        if event["event"] == "asked":
            asked.add(request)
        elif event["event"] == "answered":
            answered[request] = event["at"]
    return found
