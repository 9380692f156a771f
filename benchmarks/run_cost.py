"""What a run costs beside peers that make the same model calls, each in a process of its own, on one scripted server.

    python benchmarks/run_cost.py [--cases 100] [--rounds 3] [--full] [--json FILE]

Arms take turns, round by round. CPU is that of the arm's process, all its threads; that of the scripted server is not
counted, and that of the database, where an arm has one, is told apart. The peers do nothing but the calls: requests and
answers of real audits, recorded before. What Casewright does besides (the shared work: preparation, tools, retrieval,
prompts, verification, assessing) is left out of its ratios, in two ways; benchmarks/README.md says how.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from service.embedded import EmbeddedPostgres

_HERE = Path(__file__).resolve().parent
_PEERS = _HERE.parent / ".venv" / "peers"
_BARE, _AGENT, _OURS = "bare openai loop", "create_agent, SQLite saver", "casewright"
_MACHINERY, _SHARED = "casewright, its machinery alone", "casewright, its shared work alone"
_WORKER, _WORKS = "casewright, worker on PostgreSQL", "casewright, worker's machinery alone"
_ARMS = {
    _BARE: ["peers.bare"],
    _AGENT: ["peers.agent", "--durability", "async"],
    _OURS: ["peers.ours", "--kind", "journal"],
    _MACHINERY: ["peers.ours", "--kind", "machinery"],
    _SHARED: ["peers.ours", "--kind", "shared"],
    _WORKER: ["peers.served", "--kind", "worker"],
    _WORKS: ["peers.served", "--kind", "machinery"],
    "bare openai loop, aiohttp": ["peers.bare", "--aiohttp"],
    "create_agent, saver on exit": ["peers.agent", "--durability", "exit"],
    "casewright, stock saver on exit": ["peers.ours", "--kind", "stock-exit"],
    "casewright, stock saver, async": ["peers.ours", "--kind", "stock-async"],
}
_ALWAYS = (_BARE, _AGENT, _OURS, _MACHINERY, _SHARED, _WORKER, _WORKS)
"""Arms that take part in every round; the others only in the first, unless all is asked for."""
_IN_FLIGHT, _LATENCY_S = 50, 0.1
_CROWD, _CROWD_LATENCY_S = 200, 1.0
_RECORDED = 48
Figures = dict[str, float]


def main() -> None:
    """Record, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100, help="measured cases a lap")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--full", action="store_true", help="every arm in every round, and 200 in flight for all")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    asked = parser.parse_args()
    absent = install_peers()
    arms = [name for name in _ARMS if not (absent and _ARMS[name][0] == "peers.agent")]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            told = {
                "calls": bench.calls(),
                "cpu_ms": bench.costs(arms, asked.cases, asked.rounds, always=arms if asked.full else _ALWAYS),
                "in_flight_200": bench.crowds(arms if asked.full else [name for name in arms if name in _ALWAYS]),
            }
        finally:
            bench.close()
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1), encoding="utf-8")


def install_peers() -> bool:
    """Put langchain where only its own arm looks; tell whether it could not be had."""
    if (_PEERS / "langchain").is_dir():
        return False
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", str(_PEERS)]
    ran = subprocess.run([*pip, "-r", str(_HERE / "requirements-peers.txt")], check=False)  # noqa: S603 - pip, hashes checked
    if ran.returncode:
        print("langchain could not be installed: create_agent is not measured")
    return bool(ran.returncode)


class Bench:
    """One recording and one server, in which all arms take turns."""

    def __init__(self, folder: Path) -> None:
        """Record real audits and start the server that gives their answers again."""
        self.folder = folder
        self.record = folder / "record.json"
        self.python("peers.record", str(folder), "--count", str(_RECORDED))
        command = [sys.executable, "-m", "peers.server", str(self.record)]
        self.server = subprocess.Popen(command, cwd=_HERE, env=_environment(), stdout=subprocess.PIPE, text=True)  # noqa: S603 - ourselves
        self.url = (self.server.stdout.readline() if self.server.stdout else "").strip()
        folder.chmod(0o755)  # as root, the database runs under an account of its own
        self.database = EmbeddedPostgres.start(folder)

    def close(self) -> None:
        """Stop both servers."""
        self.database.stop()
        self.server.terminate()
        self.server.wait()

    def python(self, *arguments: str) -> str:
        """Run one of the peers' modules; returns what it printed."""
        ran = subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, "-m", *arguments],
            cwd=_HERE,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            sys.exit(f"{' '.join(arguments)} failed:\n{ran.stderr[-2000:]}")
        return ran.stdout

    def counts(self, latency_s: float = 0) -> Figures:
        """Take what the server has counted since it was last asked, and set its latency."""
        url = f"{self.url.removesuffix('/v1')}/counts?latency={latency_s}"
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - this machine
            counted: Figures = json.load(answer)
            return counted

    def lap(self, name: str, cases: int, in_flight: int, latency_s: float) -> Figures:
        """Run one arm in a process of its own; an arm that has not made every call has measured nothing."""
        module, *options = _ARMS[name]
        if module != "peers.bare":
            options += ["--scratch", tempfile.mkdtemp(dir=self.folder)]
        if module == "peers.served":
            options += ["--server", self.database.dsn, "--server-pid", str(self.database.pid)]
        given = [str(self.record), self.url, "--cases", str(cases), "--in-flight", str(in_flight)]
        self.counts(latency_s)
        measured: Figures = json.loads(self.python(module, *given, "--latency", str(latency_s), *options))
        made = self.counts().get("calls", 0)
        if made != measured["calls"] and name != _SHARED:
            sys.exit(f"{name} made {made} calls where {measured['calls']} were to be made")
        return measured

    def costs(self, arms: Sequence[str], cases: int, rounds: int, *, always: Sequence[str]) -> dict[str, list[float]]:
        """CPU milliseconds a case of every arm and round, with 50 in flight; prints them, and their ratios."""
        spent: dict[str, list[float]] = {name: [] for name in arms}
        server: dict[str, list[float]] = {name: [] for name in (_WORKER, _WORKS)}
        for number in range(rounds):
            for name in arms:
                if number == 0 or name in always:
                    measured = self.lap(name, cases, _IN_FLIGHT, _LATENCY_S)
                    spent[name].append(measured["cpu_ms"])
                    if name in server:
                        server[name].append(measured["server_cpu_ms"])
        print(f"\nCPU a case, {_IN_FLIGHT} in flight, {_LATENCY_S:g} s latency, {cases} cases a lap: median (range)")
        for name, values in spent.items():
            beside = f"; PostgreSQL {_spread(server[name], 1)} ms" if name in server else ""
            print(f"  {name:36} {_spread(values, 1)} ms{beside}")
        print("Ratio to the peer, shared work left out: median (range)")
        for name in (name for name in arms if name.startswith(_OURS) and name != _SHARED):
            for peer in (peer for peer in (_BARE, _AGENT) if peer in spent):
                print(f"  {name + ' : ' + peer:64} {_spread(_ratios(spent, name, peer), 2)}")
        return spent

    def crowds(self, arms: Sequence[str]) -> dict[str, Figures]:
        """What 200 in flight at 1 s latency come to; prints it."""
        found = {}
        print(f"\n{_CROWD} in flight, {_CROWD_LATENCY_S:g} s latency: of ideal, cases a second, peak memory")
        for name in arms:
            found[name] = crowd = self.lap(name, 3 * _CROWD, _CROWD, _CROWD_LATENCY_S)
            ideal = f"{100 * crowd['of_ideal']:.1f} %"
            print(f"  {name:36} {ideal:>7} {crowd['window_cases_s']:6.1f}/s {crowd['peak_mb']:6.0f} MB")
        return found

    def calls(self) -> dict[str, Figures]:
        """Model calls and tokens a case, beside the same agent as one plain ReAct loop; prints them."""
        found = {}
        print("\nA case: model calls, tokens in, of these sent before in the same conversation, tokens out")
        for name, module in ((_OURS, "peers.bare"), ("plain ReAct loop", "peers.react")):
            given = [str(self.record), self.url, "--cases", str(_RECORDED - 1), "--in-flight", "1", "--latency", "0"]
            self.counts()
            self.python(module, *given)
            found[name] = one = {key: value / _RECORDED for key, value in self.counts().items()}
            sizes = (one["calls"], one["tokens_in"], one["tokens_repeated"], one["tokens_out"])
            print(f"  {name:18} {sizes[0]:5.1f} {sizes[1]:8.0f} {sizes[2]:8.0f} {sizes[3]:7.0f}")
        return found


def _ratios(spent: dict[str, list[float]], name: str, peer: str) -> list[float]:
    """Ratio of each round; what has only run once stands against that round."""
    rounds = zip(spent[name], spent[_SHARED], spent[peer], strict=False)
    return [(own - (0 if name in {_MACHINERY, _WORKS} else shared)) / other for own, shared, other in rounds]


def _spread(values: Sequence[float], digits: int) -> str:
    low, middle, high = (f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{middle:>6} ({low} to {high})" if len(values) > 1 else f"{middle:>6} (once)"


def _environment() -> dict[str, Any]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(_HERE), str(_PEERS)])}


if __name__ == "__main__":
    main()
