"""What lies on the table when code judges: a case's evidence with every sign that fires in it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from cases.case import Case
from cases.evidence import Evidence
from policies.corpus import Corpus
from policies.signs import Hit


@dataclass(frozen=True)
class Table:
    """One case as code sees it.

    Attributes:
        hits: every sign that fired.
        past: items that a later look has replaced: nothing is judged by them, but what was quoted of them can be read.
        language: of the case, BCP 47.
        day: the case's local day.
        covers: whether region names of a record cover a region (the corpus knows groups).
        speaks: whether a judged part (clause id, part) has `for` signs in the case's language.
    """

    case: Case
    evidence: tuple[Evidence, ...]
    hits: tuple[Hit, ...]
    language: str
    day: date
    covers: Callable[[Iterable[str], str], bool]
    speaks: Callable[[str, str], bool]
    past: tuple[Evidence, ...] = ()

    def of_part(self, clause_id: str, part: str) -> tuple[Hit, ...]:
        """Hits on one part, both sides."""
        return self._by_part.get((clause_id, part), ())

    def speaks_of(self, clause_id: str) -> bool:
        """Whether any sign for a part of the clause fires."""
        return any(hit.clause_id == clause_id and hit.side == "for" for hit in self.hits)

    @cached_property
    def named(self) -> frozenset[str]:
        """Clauses that the title names by one of their aliases."""
        return frozenset(hit.clause_id for hit in self.hits if hit.side == "names" and not hit.negated)

    def item(self, evidence_id: str) -> Evidence:
        """One evidence item by id; raises KeyError where there is none."""
        return self._by_id[evidence_id]

    @cached_property
    def _by_part(self) -> dict[tuple[str, str], tuple[Hit, ...]]:
        parts: dict[tuple[str, str], tuple[Hit, ...]] = {}
        for hit in self.hits:
            key = (hit.clause_id, hit.part)
            parts[key] = (*parts.get(key, ()), hit)
        return parts

    @cached_property
    def _by_id(self) -> dict[str, Evidence]:
        return {item.id: item for item in (*self.past, *self.evidence)}


def lay(
    corpus: Corpus, case: Case, evidence: tuple[Evidence, ...], language: str, past: tuple[Evidence, ...] = ()
) -> Table:
    """Lay a case on the table: fire the signs of its language, of English and of its region's languages."""
    heard = {language or "en", "en", *corpus.languages(case.region)}
    return Table(
        case=case,
        evidence=evidence,
        hits=corpus.signs.fire(evidence, heard),
        language=language,
        day=corpus.local_day(case.opened_at, case.region),
        covers=corpus.covers,
        speaks=lambda clause_id, part: corpus.signs.speaks(clause_id, part, language or "en"),
        past=past,
    )
