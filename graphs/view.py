"""Reading the plain state as typed things: one place where nodes and state meet."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from agents.auditor import Dossier, ToolForm
from cases.case import Case
from cases.decision import Usage
from cases.evidence import Draft, Evidence, number
from cases.finding import Ballot, Judgement, Key, PartFinding
from cases.problem import Problem
from graphs.desk import Desk
from graphs.docket import Docket
from graphs.settle import Settled
from graphs.state import AuditState, key_of, split_key
from policies.clause import Clause
from policies.table import Table

_NEAR_A_SIGN = 80
"""Code points round a sign that the narrow judge reads of free text."""
_STRUCTURED = ("listing.category", "listing.brand", "listing.attributes", "listing.condition", "listing.offer")


@dataclass(frozen=True)
class View:
    """One state, read; nothing here writes."""

    state: AuditState
    desk: Desk

    @cached_property
    def case(self) -> Case:
        """The case."""
        return self.desk.read(Case, self.state["case"])

    @cached_property
    def evidence(self) -> tuple[Evidence, ...]:
        """Every item, by id."""
        return tuple(self.desk.read(Evidence, item) for item in self.state.get("evidence", []))

    @cached_property
    def current(self) -> tuple[Evidence, ...]:
        """The items that count: those without what a later round's look has replaced."""
        past = set(self.state.get("past", []))
        return tuple(item for item in self.evidence if item.id not in past)

    @cached_property
    def table(self) -> Table:
        """The case as code sees it."""
        past = set(self.state.get("past", []))
        replaced = tuple(item for item in self.evidence if item.id in past)
        return self.desk.table(self.case, self.current, self.state["language"], replaced)

    def named_since(self, known: int) -> set[Key]:
        """Parts that evidence names which has come after the first `known` items."""
        fresh = {item["id"] for item in self.state["evidence"][known:]}
        return {(hit.clause_id, hit.part) for hit in self.table.hits if hit.evidence_id in fresh}

    @cached_property
    def clauses(self) -> tuple[Clause, ...]:
        """The candidates, as the corpus has them now; one that it has no more is none."""
        known = self.desk.corpus.clauses
        return tuple(known[clause_id] for clause_id in self.state.get("candidates", []) if clause_id in known)

    @cached_property
    def docket(self) -> Docket:
        """What assessing looks at."""
        findings: dict[str, dict[str, PartFinding]] = {}
        settled: dict[Key, str] = {}
        for name, entry in self.state.get("verdicts", {}).items():
            clause_id, part = split_key(name)
            ballots = tuple(self.desk.read(Ballot, ballot) for ballot in entry["ballots"])
            found = PartFinding(part=part, verdict=entry["verdict"], basis=entry["basis"], ballots=ballots)
            findings.setdefault(clause_id, {})[part] = found
            settled[clause_id, part] = entry["settled"]
        reviewed = bool(self.state.get("reviewed"))
        auditor = self.desk.auditor
        return Docket(
            corpus=self.desk.corpus,
            clauses=self.clauses,
            table=self.table,
            settings=self.desk.settings,
            findings=findings,
            settled=settled,
            failures=(*self.state.get("failures", []), *self.held),
            standing_out=tuple(self.state.get("standing_out", [])),
            missing=tuple(self.state.get("missing", [])),
            governs=self.state.get("governs", ""),
            reviewed=reviewed,
            requested=self.state.get("requested", False) or reviewed,
            deterministic=auditor.deterministic,
            auditor_languages=auditor.languages,
        )

    @property
    def held(self) -> list[str]:
        """Reason codes by which whoever runs the case has kept this round's outcome from taking effect alone."""
        return self.desk.journal.noted(held_slot(self.state["round"])) or []

    def ballots(self, key: Key) -> tuple[Ballot, ...]:
        """Ballots on one part that count: those of this round, or those that settled one carried over."""
        entry = self.state.get("verdicts", {}).get(key_of(*key))
        cast = tuple(self.desk.read(Ballot, b) for b in entry["ballots"]) if entry else ()
        carried = entry is not None and entry["settled"] == "lead"
        return tuple(ballot for ballot in cast if carried or ballot.round == self.state["round"])

    def lead(self, clause_id: str) -> int:
        """Ballots by which a verdict on this clause must lead: more where severity or action is high."""
        clause = self.desk.corpus.clauses[clause_id]
        steps = clause.enforcement.ladder if clause.enforcement else ()
        impact = max((self.desk.corpus.actions[step.action].impact for step in steps[:1]), default=0)
        high = clause.rule.grave or impact >= self.desk.settings.impact_limit
        return self.desk.settings.high_lead if high else self.desk.settings.lead

    @property
    def strong(self) -> bool:
        """Whether any candidate asks for the strong tier."""
        return any(self.lead(clause.id) > self.desk.settings.lead for clause in self.clauses)

    @property
    def time_left(self) -> bool:
        """Whether this round may go on working; the auditor bounds calls, tokens and cost itself."""
        return self.desk.elapsed() < self.desk.settings.seconds

    def dossier(self, asked: Iterable[Key] = (), *, closing: bool = False) -> Dossier:
        """What the investigator sees.

        Args:
            asked: the parts to judge; empty means all.
            closing: no more tools may be asked for.
        """
        left = self.desk.settings.tool_calls - self.state.get("tools_used", 0)
        forms = tuple(
            ToolForm(tool.name, tool.description, tool.parameters)
            for tool in self.desk.tools.values()
            if not tool.standing or tool.parameters.get("properties")
        )
        return Dossier(
            case=self.case,
            evidence=self.current,
            clauses=self.clauses,
            round=self.state["round"],
            language=self.state["language"],
            once=self.desk.journal.once,
            asked=tuple(asked),
            tools=forms if left > 0 and not closing else (),
            turns=tuple(self.state.get("turns", [])),
            faults=tuple(Problem.model_validate(fault) for fault in self.state.get("faults", [])),
            images=self.desk.images(self.case),
            tier="strong" if self.strong else "standard",
            spent=Usage.model_validate(self.state.get("spent", {})),
            table=self.table,
        )

    def blind(self, asked: Iterable[Key]) -> Dossier:
        """What a blind judge sees: no turns, no verdicts, only the clauses asked about."""
        keys = tuple(asked)
        named = {clause_id for clause_id, _ in keys}
        whole = self.dossier(keys, closing=True)
        return replace(whole, clauses=tuple(c for c in self.clauses if c.id in named), turns=(), faults=())

    def narrow(self, asked: Iterable[Key]) -> Dossier:
        """What the narrow judge sees: structured fields, records, measurements, and little round each sign."""
        keys = tuple(asked)
        items = [item for item in self.current if item.voucher in {"platform", "tool"}]
        items += [_short(item) for item in self.current if item.source in _STRUCTURED]
        for key in keys:
            for hit in self.table.of_part(*key):
                item = self.table.item(hit.evidence_id)
                if item.source not in _STRUCTURED:
                    window = item.text[max(0, hit.start - _NEAR_A_SIGN) : hit.end + _NEAR_A_SIGN]
                    items.append(item.model_copy(update={"text": window}))
        kept = sorted({(i.id, i.text): i for i in items}.values(), key=lambda i: int(i.id[1:]))
        return replace(self.blind(keys), evidence=tuple(kept), images={})


def _short(item: Evidence) -> Evidence:
    """Structured fields hold values, not prose: lines longer than a sign's surroundings are left out."""
    lines = [line for line in item.text.split("\n") if len(line) <= _NEAR_A_SIGN]
    return item.model_copy(update={"text": "\n".join(lines)})


def appended(state: AuditState, drafts: list[Draft], *, marking: bool) -> list[dict[str, Any]]:
    """The state's evidence with drafts added; one that says word for word what its source has said is left out."""
    known = {(item["source"], item["text"]) for item in state.get("evidence", [])}
    fresh = number(drafts, len(state.get("evidence", [])) + 1, marking=marking)
    new = [item for item in _once_each(fresh) if (item.source, item.text) not in known]
    first = len(state.get("evidence", [])) + 1
    renumbered = [item.model_copy(update={"id": f"E{first + i}"}) for i, item in enumerate(new)]
    return [*state.get("evidence", []), *(item.model_dump(mode="json") for item in renumbered)]


def _once_each(items: Iterable[Evidence]) -> list[Evidence]:
    seen: dict[tuple[str, str], Evidence] = {}
    for item in items:
        seen.setdefault((item.source, item.text), item)
    return list(seen.values())


def ids_of(evidence: list[dict[str, Any]], drafts: list[Draft]) -> list[str]:
    """Ids of the items that say what drafts say."""
    said = {(item.source, item.text) for item in number(drafts, 1, marking=False)}
    return [item["id"] for item in evidence if (item["source"], item["text"]) in said]


def held_slot(number: int) -> str:
    """Where the journal holds what keeps a round's outcome from taking effect alone: a list of reason codes."""
    return f"{number}/held"


def entry(clause: Clause, judgement: Judgement, ballots: Iterable[Ballot], settled: Settled | str) -> dict[str, Any]:
    """A verdict as the state keeps it."""
    return {
        "verdict": judgement.verdict,
        "basis": judgement.basis,
        "settled": settled,
        "sha256": clause.sha256,
        "ballots": [ballot.model_dump(mode="json") for ballot in ballots],
    }
