"""Policy search: an auditor looks for clauses in its own words."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from cases.evidence import Draft, Evidence, Voucher, one_line
from policies.clause import Clause
from tools.facts import detail, record
from tools.tool import BadArguments, Look

if TYPE_CHECKING:
    from policies.search import ClauseSearch  # loads the vector store, which whoever gives a search has loaded

_SOURCE = "tool:policy_search"
_SHOWN = 8
_QUERY_MAX = 1_000
# A policy's words say nothing about an item, so nobody who can prove a part may vouch for them here.
_VOUCHER: Voucher = "reporter"
_PARAMETERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {"query": {"type": "string", "description": "what the clause would be about, in any language"}},
    "required": ["query"],
    "additionalProperties": False,
}


class ClausesInForce(Protocol):
    """What is in force where and when; a policy snapshot (`policies.corpus.Corpus`) is one."""

    def in_force(self, region: str, day: date) -> tuple[Clause, ...]:
        """Clauses in force for a region on a day, merged with what they extend."""
        ...


class PolicySearch:
    """The tool, on request: clauses in force for the case's region and day."""

    name: str = "policy_search"
    description: str = "Search the clauses in force in your own words; gives ids and titles of what may be judged too."
    parameters: Mapping[str, Any] = _PARAMETERS
    standing: bool = False
    reads_evidence: bool = False
    deadline_s: float = 10.0

    def __init__(self, search: "ClauseSearch", policies: ClausesInForce) -> None:
        """Search in `search` among what `policies` has in force."""
        self._search = search
        self._policies = policies

    async def run(self, look: Look, arguments: Mapping[str, Any]) -> list[Draft]:
        """Search for `arguments["query"]`, cut at 1,000 characters; raises BadArguments where it is empty."""
        query = one_line(str(arguments.get("query", "")))[:_QUERY_MAX]
        if not query:
            raise BadArguments(tool=self.name, why="query is empty")
        clauses = {clause.id: clause for clause in self._policies.in_force(look.case.region, look.day)}
        hits = await self._search.search(query, list(clauses), _SHOWN, look.case.language or "")
        found = [clauses[hit.id] for hit in hits if hit.id in clauses]
        lines = [detail("clause", f"{clause.id} | {clause.title}") for clause in found]
        text = record(*lines) or "clause: none found"
        return [Draft(source=_SOURCE, voucher=_VOUCHER, text=text)]


def clauses_found(evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """Ids of the clauses that policy searches have found, in order, once each: candidates to judge too."""
    lines = [line for item in evidence if item.source == _SOURCE for line in item.text.splitlines()]
    named = [line.removeprefix("clause: ").split(" | ")[0] for line in lines if " | " in line]
    return tuple(dict.fromkeys(named))
