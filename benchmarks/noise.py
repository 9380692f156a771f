"""Measure the workflow round a model without one: an oracle that errs as often as it is told judges the argued cases.

    python benchmarks/noise.py [--seeds 50] [--errors 2,5,10,20] [--json FILE]

The auditor is `evaluation.oracle`: it knows the arguments of the golden cases (`dev` only), and each of its ballots is
wrong with the probability given, alone or, for a quarter of the errors, together with every other ballot on that part.
Corpus, search, tools, verification, challenge, guards and assessing are the product's. Tables stand beside the
simulation of docs/decisions/settled-by-a-lead.md; benchmarks/README.md says how to read them.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.runtime import Runtime

from cases.finding import Key, Verdict
from cases.journal import CaseJournal, MemoryJournal
from casewright.settings import Settings, shipped_policies
from casewright.wiring import Office, open_office
from evaluation.golden_case import Expectable, GoldenCase, GoldenSet, read_golden
from evaluation.intervals import rate
from evaluation.oracle import Noise, Oracle
from graphs.assess import matters, open_keys, outcome_of, reasons
from graphs.audit import after_challenge, after_investigate, after_verify, build
from graphs.desk import Desk
from graphs.guard import cleared_against_signs, convicted_on_a_report
from graphs.nodes import challenge, check, gather, investigate, prepare, retrieve, use_tools
from graphs.settings import AuditSettings
from graphs.state import AuditState, key_of, merged
from graphs.view import View

_DEV = Path(__file__).resolve().parent.parent / "evaluation" / "golden" / "dev"
_ONE = "one judge"
_ARMS = {
    _ONE: AuditSettings(),
    "lead 2": AuditSettings(lead=2, high_lead=2),
    "lead 3": AuditSettings(lead=3, high_lead=3),
    "2, high stake 3": AuditSettings(),
}
"""One judge is the investigator alone: its verified judgements are assessed with `challenge` left out. The last is what
`casewright audit` does."""
_QUARTER = 0.25
_SIMULATED = {
    ("one judge", 0.0): {2: "4.3 / 3.1 / 1", 5: "9.8 / 7.2 / 1", 10: "16.4 / 13.4 / 1"},
    ("lead 2", 0.0): {2: "0.04 / 0.3 / 2.3", 5: "0.40 / 1.4 / 2.7", 10: "1.6 / 6.2 / 3.4"},
    ("lead 3", 0.0): {2: "0.00 / 0.1 / 3.4", 5: "0.01 / 0.6 / 4.0", 10: "0.12 / 4.9 / 5.0"},
    ("lead 2", _QUARTER): {2: "1.2 / 1.0 / 2.2", 5: "3.1 / 2.7 / 2.6", 10: "6.0 / 7.1 / 3.1"},
    ("lead 3", _QUARTER): {2: "1.2 / 0.8 / 3.3", 5: "2.9 / 2.3 / 3.8", 10: "5.5 / 6.2 / 4.6"},
}
"""Our simulation of 4 clauses with 3 elements and an exemption, 40,000 cases (wrong alone % / escalated % / calls),
made when the challenge was designed. It has no guards, no person that is due, and nothing that code settles."""
_CHECKED = Noise(0.1, seed=1)
"""With this noise every case also goes through the whole graph, in every arm that has a challenge."""


class Cell(NamedTuple):
    """What is measured at once: every arm meets the same errors."""

    percent: float
    shared: float

    @property
    def title(self) -> str:
        """How it is printed."""
        if not self.percent:
            return "no error"
        return f"{self.percent:g} %, {'a quarter shared' if self.shared else 'independent'}"


class Ended(NamedTuple):
    """How one run ended: by derivation alone (none: open), and with all that assessing asks besides."""

    derived: str | None
    got: Expectable
    codes: tuple[str, ...]
    violated: tuple[str, ...]
    calls: int
    repaired: bool


@dataclass
class Counts:
    """Runs of one cell and arm, added up."""

    runs: int = 0
    calls: int = 0
    repairs: int = 0
    escalated: int = 0
    wrong: int = 0
    unsafe: int = 0
    other_clause: int = 0
    decidable: int = 0
    bare_open: int = 0
    bare_wrong: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    wrong_cases: Counter[str] = field(default_factory=Counter)

    def add(self, row: GoldenCase, ended: Ended) -> None:
        """Count one run."""
        expected = row.expected.outcome
        alone = ended.got != "person"
        wrong = alone and ended.got != expected
        self.runs += 1
        self.calls += ended.calls
        self.repairs += ended.repaired
        self.escalated += not alone
        self.wrong += wrong
        self.unsafe += wrong and ended.got == "no_violation"
        self.other_clause += alone and not wrong and ended.violated != due_clauses(row)
        if expected != "person":
            self.decidable += 1
            self.bare_open += ended.derived is None
            self.bare_wrong += ended.derived not in {None, expected}
        if not alone:
            self.codes.update(ended.codes)
        if wrong:
            self.wrong_cases[row.id] += 1


def due_clauses(row: GoldenCase) -> tuple[str, ...]:
    """The clauses that a decision on the case must name, in order of name."""
    return tuple(sorted(row.expected.clauses)) if row.expected.outcome == "violation" else ()


Found = dict[Cell, dict[str, Counts]]
Question = tuple[str, Key, Verdict, str]
"""What the noise is asked: case, part, right verdict, ballot."""


@dataclass(frozen=True)
class Heard(Noise):
    """Noise that keeps what it was asked and what it said."""

    said: list[tuple[Question, Verdict]] = field(default_factory=list)

    def verdict(self, case_id: str, key: Key, right: Verdict, ballot: str) -> Verdict:
        """Say what noise says, and keep it."""
        verdict = super().verdict(case_id, key, right, ballot)
        self.said.append(((case_id, key, right, ballot), verdict))
        return verdict


@dataclass
class Memory:
    """Runs that have been, as a tree of what was asked and answered: code that hears the same does the same.

    A run is read off the tree where each of its answers has been given in this order before; this is exact, and saves
    most of the time where errors are rare.
    """

    question: Question | None = None
    after: "dict[Verdict, Memory]" = field(default_factory=dict)
    ended: Ended | None = None

    def recall(self, noise: Noise) -> Ended | None:
        """How a run with this noise ends, if one that hears the same has been."""
        at: Memory | None = self
        while at is not None and at.question:
            at = at.after.get(noise.verdict(*at.question))
        return at.ended if at else None

    def keep(self, said: Sequence[tuple[Question, Verdict]], ended: Ended) -> None:
        """Remember a run."""
        at = self
        for question, verdict in said:
            at.question = question
            at = at.after.setdefault(verdict, Memory())
        at.ended = ended


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=50, help="runs of a case in each cell (50)")
    parser.add_argument("--errors", default="2,5,10,20", help="percent of ballots that are wrong (2,5,10,20)")
    parser.add_argument("--json", type=Path, help="write all figures here too")
    asked = parser.parse_args()
    errors = [float(percent) for percent in asked.errors.split(",")]
    cells = [Cell(0, 0), *(Cell(percent, shared) for percent in errors for shared in (0.0, _QUARTER))]
    begun = time.process_time()
    bench = asyncio.run(measured(read_golden(_DEV), cells, asked.seeds))
    report(bench, time.process_time() - begun)
    if asked.json:
        asked.json.write_text(json.dumps(plain(bench.found), indent=1), encoding="utf-8")


async def measured(golden: GoldenSet, cells: Sequence[Cell], seeds: int) -> "Bench":
    """Run every case in every cell and arm."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), policies=shipped_policies(), **golden.records)
        async with open_office(settings) as office:
            bench = Bench(office, golden.folder)
            for row in golden:
                await bench.take(row, cells, seeds)
    return bench


@dataclass
class CaseBench:
    """One case: what the tools and the search have found, kept, so that only the judging is run again."""

    office: Office
    row: GoldenCase
    folder: Path
    journal: MemoryJournal
    oracle: Oracle
    laid: AuditState
    desk: Desk
    last: AuditState
    memories: dict[str, Memory] = field(default_factory=lambda: {arm: Memory() for arm in _ARMS})

    @classmethod
    async def open(cls, office: Office, row: GoldenCase, folder: Path) -> "CaseBench":
        """Run the nodes up to the candidates, for once."""
        oracle, journal = Oracle(row), MemoryJournal()
        state = AuditState(case=row.case.model_dump(mode="json"))
        desk = await replace(office, auditor=oracle).desk(
            row.case, await CaseJournal.open(journal, row.case.id), folder
        )
        for node in (prepare, gather, retrieve):
            state = merged(state, **await node(state, Runtime(context=desk)))
        return cls(office, row, folder, journal, oracle, state, desk, state)

    async def fresh_desk(self) -> Desk:
        """A desk that has read nothing yet: one that keeps whatever it has read would grow with every run."""
        journal = await CaseJournal.open(self.journal, self.row.case.id)
        return await replace(self.office, auditor=self.oracle).desk(self.row.case, journal, self.folder)

    async def run(self, noise: Noise) -> dict[str, Ended]:
        """How every arm ends with one noise."""
        ended = {arm: known for arm, memory in self.memories.items() if (known := memory.recall(noise))}
        return ended if len(ended) == len(_ARMS) else await self.judged(noise)

    async def judged(self, noise: Noise) -> dict[str, Ended]:
        """Judge once, then go on in each arm: all meet the same errors."""
        heard = Heard(noise.error, noise.shared, noise.seed)
        self.desk.auditor = self.oracle.with_noise(heard)
        first = await walked(self.laid, self.desk, "investigate", "challenge")
        asked = len(heard.said)
        ended = {}
        for arm, settings in _ARMS.items():
            del heard.said[asked:]
            self.desk.settings = settings
            self.last = first if arm == _ONE else await walked(first, self.desk, "challenge", "assess")
            ended[arm] = assessed(self.last, self.desk)
            self.memories[arm].keep(heard.said, ended[arm])
        return ended

    def sizes(self) -> Counter[str]:
        """Count what the last run has judged, and what of it mattered in the end."""
        verdicts = self.last["verdicts"]
        docket = View(self.last, self.desk).docket
        told = [verdicts[key_of(*key)]["settled"] for key in matters(docket)]
        counted = Counter(cases=1, clauses=len(docket.clauses), judged=len(verdicts))
        counted.update(matter=len(told), by_code=told.count("code"))
        counted.update(judged_by_code=sum(held["settled"] == "code" for held in verdicts.values()))
        return counted

    def why(self) -> str:
        """Tell from the last run why it is not as argued: what the argument names and code or search sees otherwise."""
        docket = View(self.last, self.desk).docket
        argued = self.row.expected.parts
        told = [f"{clause} is no candidate" for clause in argued if clause not in docket.verdicts]
        for clause_id in (name for name in argued if name in docket.verdicts):
            for part, verdict in argued[clause_id].items():
                if (found := docket.found((clause_id, part))).verdict != verdict:
                    told.append(f"{clause_id} {part} is argued {verdict}, found {found.verdict} ({found.basis})")
        if any(cleared_against_signs(docket, key) for key in matters(docket)):
            told.append("the rulebook finds a cleared clause met")
        derived = outcome_of(docket)
        for clause_id, part in open_keys(docket, derived):
            if part not in argued.get(clause_id, {}):
                told.append(f"{clause_id} {part} is open and not argued")
        violated = derived.violated[:1]
        if violated and convicted_on_a_report(docket, docket.clause(violated[0])):
            told.append("there is a report, and no sign speaks for some met element")
        if not violated and "conflicting_signs" in reasons(docket, derived):
            told.append("a clause of a raised type may be cleared by `absent` alone")
        return "; ".join(told)

    async def checks(self) -> list[bool]:
        """Run the whole graph with one noise, and tell whether the shorter way ends as it does."""
        same = []
        for arm, ended in (await self.run(_CHECKED)).items():
            if arm == _ONE:
                continue
            desk = await self.fresh_desk()
            desk.auditor, desk.settings = self.oracle.with_noise(_CHECKED), _ARMS[arm]
            config: Any = {"configurable": {"thread_id": self.row.id}, "recursion_limit": 100}
            graph = build(InMemorySaver())
            state = await graph.ainvoke({"case": self.laid["case"]}, config, context=desk, durability="exit")
            decision, escalation = state.get("decision"), state.get("escalation")
            got = decision["outcome"] if decision else "person"
            codes = () if decision or not escalation else tuple(escalation["reasons"])
            same.append((got, codes, state["usage"]["model_calls"]) == (ended.got, ended.codes, ended.calls))
        return same


@dataclass
class Bench:
    """Cases are prepared, gathered and searched for once; what follows runs anew each time.

    Attributes:
        found: by cell and arm.
        exceptions: cases that an oracle without error does not get right alone, with its outcome and reasons.
        checked: runs that were repeated through the whole graph, and those that ended the same.
    """

    office: Office
    folder: Path
    found: Found = field(default_factory=dict)
    exceptions: dict[str, str] = field(default_factory=dict)
    checked: list[bool] = field(default_factory=list)
    sizes: Counter[str] = field(default_factory=Counter)

    async def take(self, row: GoldenCase, cells: Sequence[Cell], seeds: int) -> None:
        """Run one case through everything."""
        bench = await CaseBench.open(self.office, row, self.folder)
        for cell in cells:
            counts = self.found.setdefault(cell, {arm: Counts() for arm in _ARMS})
            for seed in range(1, (seeds if cell.percent else 1) + 1):
                for arm, ended in (await bench.run(Noise(cell.percent / 100, cell.shared, seed))).items():
                    counts[arm].add(row, ended)
            if not cell.percent:
                self.note(bench)
            bench.desk = await bench.fresh_desk()
        self.checked += await bench.checks()

    def note(self, bench: CaseBench) -> None:
        """Keep sizes, and what an oracle without error does not get right alone."""
        self.sizes += bench.sizes()
        ended, expected = assessed(bench.last, bench.desk), bench.row.expected.outcome
        if ended.got != expected:
            why = bench.why() or "nothing else"
            self.exceptions[bench.row.id] = f"{expected} → {ended.got} ({', '.join(ended.codes)}): {why}"


_NODES: dict[str, tuple[Callable[..., Any], Callable[[AuditState], str]]] = {
    "investigate": (investigate, after_investigate),
    "use_tools": (use_tools, lambda _: "investigate"),
    "verify": (check, after_verify),
    "challenge": (challenge, after_challenge),
}


async def walked(state: AuditState, desk: Desk, node: str, until: str) -> AuditState:
    """Go from node to node as the graph does, but for its checkpoints."""
    runtime = Runtime(context=desk)
    while node != until:
        step, after = _NODES[node]
        state = merged(state, **await step(state, runtime))
        node = after(state)
    return state


def assessed(state: AuditState, desk: Desk) -> Ended:
    """What the node `assess` decides, without the decision or escalation that it then writes."""
    docket = View(state, desk).docket
    derived = outcome_of(docket)
    codes = reasons(docket, derived)
    alone = derived.outcome is not None and not codes
    return Ended(
        derived=derived.outcome,
        got=derived.outcome if derived.outcome and alone else "person",
        codes=() if alone else codes or ("open_question",),
        violated=tuple(sorted(derived.violated)),
        calls=state["usage"]["model_calls"],
        repaired=state["repaired"],
    )


def report(bench: Bench, seconds: float) -> None:
    """Print the tables."""
    found = bench.found
    runs = sum(counts.runs for arms in found.values() for counts in arms.values())
    print(f"{runs} runs of {bench.sizes['cases']} argued cases (dev), {1000 * seconds / runs:.1f} ms of CPU a run,")
    print(f"{seconds / 60:.1f} min in all; {sum(bench.checked)} of {len(bench.checked)} runs end as in the whole graph")
    sizes = {name: number / bench.sizes["cases"] for name, number in bench.sizes.items()}
    print(
        f"a case: {sizes['clauses']:.1f} candidates, {sizes['judged']:.1f} parts judged ({sizes['judged_by_code']:.1f}"
        f" by code), {sizes['matter']:.1f} decisive or open ({sizes['by_code']:.1f} by code)"
    )
    print("\nSimulated: wrong alone % / escalated % / calls")
    table(found, lambda cell, arm, _: _SIMULATED.get((arm, cell.shared), {}).get(int(cell.percent), ""))
    print("\nDerivation alone, cases that need no person: wrong % / open % / calls")
    table(found, lambda _, __, c: f"{share(c.bare_wrong, c.decidable)} / {share(c.bare_open, c.decidable)} / {mean(c)}")
    print("\nThe workflow, all cases: wrong alone % (unsafe clearances %) / escalated % / calls")
    table(
        found,
        lambda _, __, c: (
            f"{share(c.wrong, c.runs)} ({share(c.unsafe, c.runs)}) / {share(c.escalated, c.runs, 1)} / {mean(c)}"
        ),
    )
    closer(found)
    print("\nWithout error not as argued:")
    for case, why in bench.exceptions.items():
        print(f"  {case}: {why}")
    if not all(bench.checked):
        sys.exit("the shorter way does not end as the whole graph does: the figures are not to be trusted")


def closer(found: Found) -> None:
    """Print what lead 2 adds to the run without error, which cases it gets wrong, and why cases went to a person."""
    base = next(iter(found.values()))["lead 2"]
    print(
        "\nLead 2: wrong alone (Wilson, of runs over these cases); beyond no error, in points: wrong alone, escalated;"
    )
    print("right outcome by another clause; cases that were wrong; reasons in 100 runs")
    for cell, arms in found.items():
        counts = arms["lead 2"]
        wrong, escalated = (
            100 * (mine / counts.runs - theirs / base.runs)
            for mine, theirs in ((counts.wrong, base.wrong), (counts.escalated, base.escalated))
        )
        other = share(counts.other_clause, counts.runs)
        most = ", ".join(f"{case} {n}" for case, n in counts.wrong_cases.most_common(8))
        codes = ", ".join(f"{code} {100 * n / counts.runs:.1f}" for code, n in counts.codes.most_common())
        print(f"{cell.title:22} {rate(counts.wrong, counts.runs)}; {wrong:+.2f}, {escalated:+.2f}; {other} %")
        print(f"{'':24}{most or 'none'}\n{'':24}{codes}")


def table(found: Found, written: Callable[[Cell, str, Counts], str]) -> None:
    """Print a row a cell, a column an arm."""
    print(f"{'':22}" + "".join(f"{arm:>30}" for arm in _ARMS))
    for cell, arms in found.items():
        print(f"{cell.title:22}" + "".join(f"{written(cell, arm, counts):>30}" for arm, counts in arms.items()))


def share(hits: int, n: int, digits: int = 2) -> str:
    """Percent."""
    return f"{100 * hits / n:.{digits}f}"


def mean(counts: Counts) -> str:
    """Model calls a case."""
    return f"{counts.calls / counts.runs:.2f}"


def plain(found: Found) -> list[dict[str, Any]]:
    """All counts, for `--json`."""
    return [
        {"error_percent": cell.percent, "shared": cell.shared, "arm": arm, **vars(counts)}
        for cell, arms in found.items()
        for arm, counts in arms.items()
    ]


if __name__ == "__main__":
    main()
