"""Precedents: closed cases that people decided by the same clause. Context for an auditor, never proof."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import AwareDatetime

from cases.case import Case, Id, Text
from cases.decision import Outcome
from cases.evidence import Draft, Voucher
from cases.finding import Verdict
from cases.problem import Record
from policies.clause import Clause, ClauseId
from tools.facts import detail, record
from tools.policy_search import ClausesInForce
from tools.rows import read_rows
from tools.titles import resemblance, shingles
from tools.tool import BadArguments, Look

_SOURCE = "tool:precedents"
_SHOWN = 5
# The platform keeps precedents, but what they say is about other items: whoever vouches for a precedent must not be
# able to prove a part of this case, and no clause takes a reporter's word unless it says so.
_VOUCHER: Voucher = "reporter"
_PARAMETERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {"clause_id": {"type": "string", "description": "the clause whose closed cases are wanted"}},
    "required": ["clause_id"],
    "additionalProperties": False,
}


class Precedent(Record):
    """One clause's finding in a closed case.

    Attributes:
        clause_sha256: of the clause's text when it was judged.
        parts: verdicts by judged part.
        overturned: whether a later decision reversed it.
    """

    case_id: Id
    clause_id: ClauseId
    clause_sha256: str
    parts: dict[str, Verdict]
    decided_by: Literal["agent", "person"]
    title: Text
    region: str
    outcome: Outcome | None = None
    overturned: bool = False
    closed_at: AwareDatetime | None = None


class Precedents(Protocol):
    """The port: closed cases. A file, or what people have decided in a service; a company's archive takes its place."""

    async def similar(self, case: Case, clause_ids: Sequence[str]) -> Sequence[Precedent]:
        """Precedents of the clauses, most similar to the case first; choosing among them is the tool's."""
        ...


class PrecedentRows:
    """Closed cases in memory; the embedded default reads a JSON Lines file."""

    def __init__(self, precedents: Iterable[Precedent] = ()) -> None:
        """Take the rows."""
        self._precedents = tuple(precedents)

    @classmethod
    def read(cls, path: Path) -> "PrecedentRows":
        """Read a JSON Lines file of precedents; raises `Invalid` with file and line."""
        return cls(read_rows(path, Precedent))

    async def similar(self, case: Case, clause_ids: Sequence[str]) -> Sequence[Precedent]:
        """Precedents of the clauses, by resemblance of titles; the case's own region first among equals."""
        return most_similar(case, [item for item in self._precedents if item.clause_id in clause_ids])


def most_similar(case: Case, precedents: Iterable[Precedent]) -> list[Precedent]:
    """Order precedents by resemblance of titles to a case's; its own region first among equals."""
    title = shingles(case.subject.title)

    def rank(item: Precedent) -> tuple[float, bool, str]:
        return (-resemblance(title, shingles(item.title)), item.region != case.region, item.case_id)

    return sorted(precedents, key=rank)


class PrecedentSearch:
    """The tool, on request: people's decisions only, none that was overturned, marked where the clause has changed."""

    name: str = "precedents"
    description: str = "Closed cases that people decided by a clause, most similar first. Context, never proof."
    parameters: Mapping[str, Any] = _PARAMETERS
    standing: bool = False
    reads_evidence: bool = False
    deadline_s: float = 5.0

    def __init__(self, precedents: Precedents, policies: ClausesInForce) -> None:
        """Look up in `precedents`; `policies` knows the text of the clauses in force."""
        self._precedents = precedents
        self._policies = policies

    async def run(self, look: Look, arguments: Mapping[str, Any]) -> list[Draft]:
        """Look up precedents of `arguments["clause_id"]`; raises BadArguments where that is not in force."""
        case, asked = look.case, str(arguments.get("clause_id", ""))
        clause = next((c for c in self._policies.in_force(case.region, look.day) if c.id == asked), None)
        if clause is None:
            raise BadArguments(tool=self.name, why="no clause of this id is in force for the case")
        found = await self._precedents.similar(case, (clause.id,))
        usable = [item for item in found if _counts(item, clause, case)][:_SHOWN]
        if not usable:
            none = f"no_precedent: {clause.id}"
            return [Draft(source=_SOURCE, voucher=_VOUCHER, text=none)]
        return [
            Draft(source=f"{_SOURCE}/{i}", voucher=_VOUCHER, text=_words(item, clause))
            for i, item in enumerate(usable, 1)
        ]


def _counts(item: Precedent, clause: Clause, case: Case) -> bool:
    own = {case.id, case.appeal.of if case.appeal else case.id}
    earlier = item.closed_at is None or item.closed_at <= case.opened_at
    by_people = item.decided_by == "person" and not item.overturned
    return item.clause_id == clause.id and by_people and earlier and item.case_id not in own


def _words(item: Precedent, clause: Clause) -> str:
    changed = "under_older_text: true" if item.clause_sha256 != clause.sha256 else ""
    return record(
        detail("precedent", item.case_id),
        detail("clause", item.clause_id),
        changed,
        detail("region", item.region),
        detail("closed", item.closed_at.date() if item.closed_at else None),
        detail("outcome", item.outcome),
        *(detail("part", f"{part} {verdict}") for part, verdict in item.parts.items()),
        detail("title", item.title),
    )
