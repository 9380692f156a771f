"""Quotes on a page: one number for the same words, wherever they stand, and texts cut where marks begin and end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from cases.evidence import Evidence, Quote

Place = tuple[str, int, int]
"""An evidence item or clause, and where in its text, in code points."""


def place_of(quote: Quote) -> Place | None:
    """Where a quote stands; None where code has not found it there."""
    source = quote.evidence_id or (f"clause:{quote.clause_id}" if quote.clause_id else "")
    if not source or quote.start is None or quote.end is None:
        return None
    return (source, quote.start, quote.end)


@dataclass
class Numbers:
    """Gives each place of a page its number, in the order in which they are first asked for."""

    _given: dict[Place, int] = field(default_factory=dict)

    def of(self, quote: Quote) -> int:
        """The number of a quote's place; 0 where it has none."""
        place = place_of(quote)
        return self._given.setdefault(place, len(self._given) + 1) if place else 0

    def within(self, source: str) -> list[tuple[int, int, int]]:
        """The places inside one text: start, end, number."""
        return [(start, end, number) for (name, start, end), number in self._given.items() if name == source]


@dataclass(frozen=True)
class Run:
    """A stretch of a text that is marked in one way.

    Attributes:
        numbers: of the quotes that it is a part of; `begins`: of those that begin here.
        planted: it reads like an instruction to whoever judges.
    """

    text: str
    numbers: tuple[int, ...] = ()
    begins: tuple[int, ...] = ()
    planted: bool = False


def runs(text: str, marks: Sequence[tuple[int, int, int]], planted: Iterable[tuple[int, int]] = ()) -> tuple[Run, ...]:
    """Cut a text into runs.

    Args:
        text: as it is stored.
        marks: of quotes: start, end, number, in code points of the text; they may overlap.
        planted: stretches that read like instructions.
    """
    odd = list(planted)
    size = len(text)
    inside = {min(size, edge) for start, end, *_ in (*marks, *odd) for edge in (start, end)}
    cuts = sorted(inside | {0, size})
    found = []
    for start, end in pairwise(cuts):
        numbers = tuple(sorted({n for s, e, n in marks if s <= start and end <= e}))
        begins = tuple(sorted({n for s, e, n in marks if s == start and n in numbers}))
        found.append(Run(text[start:end], numbers, begins, any(s <= start and end <= e for s, e in odd)))
    return tuple(found)


@dataclass(frozen=True)
class Cited:
    """A quote beside a claim, with its source and who vouches for it.

    Attributes:
        number: which the same words carry everywhere on the page; 0 where they were not found.
        where: id of the evidence item, or of the clause.
        source: of the evidence, such as `listing.title`; `clause` for a clause's own words.
    """

    text: str
    number: int
    where: str
    source: str
    voucher: str = ""
    gloss: str = ""
    language: str = ""


def cite(quote: Quote, numbers: Numbers, evidence: dict[str, Evidence]) -> Cited:
    """A quote as it stands beside a claim."""
    text = " ".join(quote.text.split())
    if quote.clause_id:
        return Cited(text, numbers.of(quote), quote.clause_id, "clause", gloss=quote.gloss)
    item = evidence.get(quote.evidence_id)
    if item is None:
        return Cited(text, 0, quote.evidence_id, "")
    return Cited(text, numbers.of(quote), item.id, item.source, item.voucher, quote.gloss, item.language)
