"""What a run costs beside peers that make the same model calls, each in a process of its own, on one scripted server.

    python benchmarks/run_cost.py [--cases 150] [--rounds 3] [--full]

Arms take turns, `--rounds` times. CPU is that of the arm's process, all threads; the server's is not counted. The
peers do nothing but the calls: requests and answers of real audits, recorded before. What Casewright does besides the
calls (preparation, tools, retrieval, verification, assessing) is measured apart, with the same nodes and no graph, no
journal and no model, and left out of its ratio: what remains is the graph, the journal, the client and the results.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_PEERS = _HERE.parent / ".venv" / "peers"
_ARMS = {
    "bare openai loop": ["peers.bare"],
    "bare loop, aiohttp": ["peers.bare", "--aiohttp"],
    "create_agent + SQLite saver": ["peers.agent", "--durability", "async"],
    "create_agent, durability exit": ["peers.agent", "--durability", "exit"],
    "casewright": ["peers.ours", "--kind", "journal"],
    "casewright, stock saver, exit": ["peers.ours", "--kind", "stock-exit"],
    "casewright, stock saver, async": ["peers.ours", "--kind", "stock-async"],
    "shared work alone": ["peers.ours", "--kind", "shared"],
}
_BARE, _AGENT, _OURS, _SHARED = "bare openai loop", "create_agent + SQLite saver", "casewright", "shared work alone"


def main() -> None:
    """Record, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--full", action="store_true", help="also 200 in flight at 1 s latency, for every arm")
    asked = parser.parse_args()
    install_peers()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            bench.costs(asked.cases, asked.rounds)
            bench.crowds(list(_ARMS)[:-1] if asked.full else [_BARE, _AGENT, _OURS])
            bench.calls(min(asked.cases, 48))
        finally:
            bench.server.terminate()
            bench.server.wait()


def install_peers() -> None:
    """Put langchain where only its own arm looks."""
    if not (_PEERS / "langchain").is_dir():
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--require-hashes",
            "--target",
            str(_PEERS),
        ]
        subprocess.run([*pip, "-r", str(_HERE / "requirements-peers.txt")], check=True)  # noqa: S603 - pip, hashes checked


class Bench:
    """One recording and one server, in which all arms take turns."""

    def __init__(self, folder: Path) -> None:
        """Record real audits and start the server that gives their answers again."""
        self.folder = folder
        self.record = folder / "record.json"
        self.python("peers.record", str(folder), "--count", "48")
        command = [sys.executable, "-m", "peers.server", str(self.record)]
        self.server = subprocess.Popen(command, cwd=_HERE, env=_environment(), stdout=subprocess.PIPE, text=True)  # noqa: S603
        self.url = (self.server.stdout.readline() if self.server.stdout else "").strip()

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
            sys.exit(f"{arguments[0]} failed:\n{ran.stderr[-2000:]}")
        return ran.stdout

    def counts(self, latency: float | None = None) -> dict[str, float]:
        """What the server has counted since it was last asked; sets its latency where one is given."""
        query = "" if latency is None else f"?latency={latency}"
        with urllib.request.urlopen(self.url.removesuffix("/v1") + "/counts" + query, timeout=30) as answer:  # noqa: S310
            counted: dict[str, float] = json.load(answer)
            return counted

    def arm(self, name: str, cases: int, in_flight: int, latency: float) -> dict[str, float]:
        """Run one arm in a process of its own."""
        module, *options = _ARMS[name]
        scratch = Path(tempfile.mkdtemp(dir=self.folder))
        if module != "peers.bare":
            options += ["--scratch", str(scratch)]
        given = [str(self.record), self.url, "--cases", str(cases), "--in-flight", str(in_flight)]
        said = self.python(module, *given, "--latency", str(latency), *options)
        measured: dict[str, float] = json.loads(said.splitlines()[-1])
        return measured

    def costs(self, cases: int, rounds: int) -> None:
        """CPU a case with 50 in flight and a server that answers at once, as ratios to the bare loop."""
        self.counts(latency=0)
        spent: dict[str, list[float]] = {name: [] for name in _ARMS}
        for _ in range(rounds):
            for name in _ARMS:
                spent[name].append(self.arm(name, cases, 50, 0)["cpu_ms"])
        print(f"CPU a case, 50 in flight, {cases} cases, {rounds} rounds (median, and the range over rounds)")
        for name, values in spent.items():
            print(f"  {name:32} {statistics.median(values):7.1f} ms  ({min(values):.1f} to {max(values):.1f})")
        print("Ratios, Casewright without the shared work:")
        for name in (key for key in _ARMS if key.startswith("casewright")):
            for peer in (_BARE, _AGENT):
                ratios = [(a - s) / p for a, s, p in zip(spent[name], spent[_SHARED], spent[peer], strict=True)]
                told = f"{statistics.median(ratios):.2f}  ({min(ratios):.2f} to {max(ratios):.2f})"
                print(f"  {name} : {peer}  {told}")

    def crowds(self, names: list[str]) -> None:
        """200 in flight at 1 s latency: the share of its time that a place waits for the model, and memory."""
        self.counts(latency=1)
        print("200 in flight, 1 s latency: of ideal, cases a second, peak memory")
        for name in names:
            found = self.arm(name, 600, 200, 1)
            ideal = f"{100 * found['of_ideal']:.1f} %" if "of_ideal" in found else "—"
            print(f"  {name:32} {ideal:>8}  {found['cases_s']:6.1f}/s  {found['peak_mb']:6.0f} MB")

    def calls(self, cases: int) -> None:
        """Model calls and tokens a case against the same agent as one plain ReAct loop."""
        self.counts(latency=0)
        for name, module in (("casewright", "peers.bare"), ("plain ReAct loop", "peers.react")):
            given = [str(self.record), self.url, "--cases", str(cases), "--in-flight", "1", "--latency", "0"]
            self.python(module, *given)
            print(f"{name}: {json.dumps(self.counts())}")


def _environment() -> dict[str, str]:
    paths = os.pathsep.join([str(_HERE), str(_PEERS)])
    return {**os.environ, "PYTHONPATH": paths}


if __name__ == "__main__":
    main()
