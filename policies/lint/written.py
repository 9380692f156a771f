"""A corpus as it is written, for checks: where each value stands, where and when each clause holds."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from policies.clause import Clause
from policies.clause_file import Source
from policies.corpus import Corpus, Survey
from policies.document import document_of
from policies.lint.flaw import CODES, Flaw

if TYPE_CHECKING:
    from policies.lexical import LexicalIndex


@dataclass(frozen=True)
class Written:
    """What a check is given beside the clause that it looks at.

    Attributes:
        folder: of the corpus.
        survey: the corpus as far as it loads, and its files.
        on: the day on which it is looked at; decides what has expired.
        selected: ids of the clauses that are looked at; a flaw of two of them is told once.
        tools: names of the tools that can measure facts; empty where nobody says.
    """

    folder: Path
    survey: Survey
    on: date
    selected: frozenset[str]
    tools: frozenset[str] = frozenset()
    _markets: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def corpus(self) -> Corpus:
        """The clauses that load."""
        return self.survey.corpus

    def lineage(self, clause_id: str) -> tuple[str, ...]:
        """A clause and all that it extends, itself first."""
        found = [clause_id]
        while (above := self.corpus.clauses[found[-1]].extends) is not None:
            found.append(above)
        return tuple(found)

    def source(self, clause_id: str) -> Source:
        """A clause's front matter as written, without what it inherits."""
        return self.survey.sources[clause_id]

    def signs_owner(self, clause: Clause, part: str) -> str:
        """Id of the clause whose signs file gives the signs of a part; the clause's own where none does."""
        return next((c for c in self.lineage(clause.id) if part in self.survey.signs[c].data), clause.id)

    def flaw(self, code: str, clause: Clause, pointer: str, detail: str, hint: str = "") -> Flaw:
        """Name a flaw at a value of the merged clause: in the file that gives the value, be it an ancestor's."""
        owner = next((c for c in self.lineage(clause.id) if pointer in self.source(c).lines), clause.id)
        return flaw_in(self.source(owner), code, owner, pointer, detail, hint)

    def day_of(self, clause: Clause) -> date:
        """The day on which to look at a clause: today where it is in force, else its first or its last day."""
        held = clause.in_force
        if self.on < held.from_ or held.to is None or self.on < held.to:
            return max(self.on, held.from_)
        return held.to - timedelta(days=1)

    def covered(self, clause: Clause) -> tuple[str, ...]:
        """Markets of the corpus that the clause names, whatever replaces it there."""
        covers = self.corpus.covers
        return tuple(r for r in self.corpus.regions if covers(clause.regions, r) and not covers(clause.except_, r))

    def markets(self, clause: Clause) -> tuple[str, ...]:
        """Markets in which the clause itself is in force on its day; where a variant replaces it, it is not."""
        if clause.id not in self._markets:
            day = self.day_of(clause)
            held = [r for r in self.covered(clause) if any(c.id == clause.id for c in self.corpus.in_force(r, day))]
            self._markets[clause.id] = tuple(held)
        return self._markets[clause.id]

    def spoken(self, clause: Clause) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Of the clause's markets one for every set of languages that is spoken in any, with these languages."""
        found: dict[frozenset[str], tuple[str, tuple[str, ...]]] = {}
        for region in self.markets(clause):
            languages = self.corpus.languages(region)
            found.setdefault(frozenset(languages), (region, languages))
        return tuple(found.values())

    def rank(self, text: str, clause: Clause, region: str) -> int | None:
        """Rank, from 1, of a clause among those in force in a market for a text, by words and 4-grams alone."""
        from policies.search import LEG, LEXICAL, fuse  # noqa: PLC0415 - numpy is heavy, and signs mostly do without

        allowed = [c.id for c in self.corpus.in_force(region, self.day_of(clause))]
        found = [hit.id for hit in fuse(self._lexical.top(text, allowed, LEG), LEXICAL)]
        return found.index(clause.id) + 1 if clause.id in found else None

    @cached_property
    def _lexical(self) -> "LexicalIndex":
        from policies.lexical import LexicalIndex  # noqa: PLC0415 - as above

        return LexicalIndex.build([document_of(clause) for clause in self.corpus.clauses.values()])


def flaw_in(source: Source, code: str, clause_id: str, pointer: str, detail: str, hint: str = "") -> Flaw:
    """Name a flaw in a file, at a value or, where the file does not have it, at the nearest one around it."""
    at = pointer
    while at and at not in source.lines:
        at = at.rpartition("/")[0]
    return Flaw(
        file=source.file,
        line=source.lines.get(at, 1),
        severity=CODES[code],
        code=code,
        clause=clause_id,
        detail=f"{pointer or '/'}: {detail}",
        hint=hint,
    )
