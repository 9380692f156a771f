"""A clause as its page shows it: what governed where and when, its variants, and who cites it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from console.reading.clause_list import State, covers, standing
from console.reading.side_by_side import Row, side_by_side
from console.reading.wording import Differing, differing
from policies.clause import Clause
from policies.corpus import Corpus
from policies.family import Span, family_of, governing, lineage, spans, variants_of


@dataclass(frozen=True)
class View:
    """From where a clause is looked at: a day, and a region where one is chosen."""

    on: date
    region: str = ""


@dataclass(frozen=True)
class Comparison:
    """A clause beside another, the earlier or more general one first."""

    before: Clause
    after: Clause
    rows: tuple[Differing, ...]


@dataclass(frozen=True)
class Variants:
    """Variants side by side.

    Attributes:
        columns: the first is the one with which the others are compared.
        rows: what they say otherwise; `alike`: names of what all say alike.
    """

    columns: tuple[Clause, ...]
    rows: tuple[Row, ...]
    alike: tuple[str, ...]


@dataclass(frozen=True)
class ClausePage:
    """A clause and what is around it.

    Attributes:
        replaced_by: the variant that governs the region in its place.
        above: what it extends, the nearest first; `below`: what extends it.
        family: its variants, and the texts before and after them.
        governs: of the family what governs the region on the day.
        spans: which of the family governs the region when; none where no region is chosen.
        lifted_by: permits over it; `lifts`: clauses that it is a permit over; `seen_by`: those that name it.
    """

    clause: Clause
    view: View
    state: State
    replaced_by: str
    above: tuple[Clause, ...]
    below: tuple[Clause, ...]
    family: tuple[Clause, ...]
    governs: tuple[Clause, ...]
    spans: tuple[Span, ...]
    variants: Variants | None
    comparison: Comparison | None
    lifted_by: tuple[Clause, ...]
    lifts: tuple[Clause, ...]
    sees: tuple[Clause, ...]
    seen_by: tuple[Clause, ...]


def clause_page(corpus: Corpus, clause: Clause, view: View, other: Clause | None = None) -> ClausePage:
    """Read a clause, looked at from a day and a region, beside `other` where that is named."""
    family = family_of(clause, corpus)
    ids = {one.id for one in family}
    held = governing(corpus, view.region, view.on) if view.region else ()
    state, replaced_by = standing(corpus, clause, view.region, view.on)
    everything = tuple(corpus.clauses.values())
    return ClausePage(
        clause=clause,
        view=view,
        state=state,
        replaced_by=replaced_by,
        above=lineage(clause, corpus)[1:],
        below=_by_id(c for c in everything if c.extends == clause.id),
        family=family,
        governs=tuple(c for c in held if c.id in ids),
        spans=spans(family, corpus, view.region) if view.region else (),
        variants=_variants(corpus, clause, view.on),
        comparison=_compared(clause, other, corpus) if other and other.id != clause.id else None,
        lifted_by=_by_id(c for c in everything if clause.id in c.rule.over),
        lifts=_by_id(corpus.clauses[i] for i in clause.rule.over),
        sees=_by_id(corpus.clauses[i] for i in clause.see_also),
        seen_by=_by_id(c for c in everything if clause.id in c.see_also),
    )


def _by_id(clauses: Iterable[Clause]) -> tuple[Clause, ...]:
    return tuple(sorted(clauses, key=lambda c: c.id))


def _variants(corpus: Corpus, clause: Clause, on: date) -> Variants | None:
    """Those that hold on the day, and this one; the general one first. None where there is nothing to lay beside it."""
    columns = tuple(c for c in variants_of(clause, corpus) if c.id == clause.id or c.in_force.holds(on))
    if len(columns) == 1:
        return None
    rows = side_by_side(columns)
    alike = tuple(row.what for row in rows if not row.differs)
    return Variants(columns, tuple(row for row in rows if row.differs), alike)


def _compared(clause: Clause, other: Clause, corpus: Corpus) -> Comparison:
    """Put the one first that the other extends, else the one that began first."""
    above = other in lineage(clause, corpus)
    below = clause in lineage(other, corpus)
    first = (other.in_force.from_, other.id) < (clause.in_force.from_, clause.id)
    before, after = (other, clause) if above or (first and not below) else (clause, other)
    return Comparison(before, after, differing(before, after))


def markets_of(corpus: Corpus, clause: Clause) -> tuple[str, ...]:
    """Regions of the corpus that a clause names, on whatever day."""
    return tuple(region for region in corpus.regions if covers(corpus, clause, region))
