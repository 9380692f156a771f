"""A clause's family: its variants elsewhere, the texts before and after it, and which of them governs when."""

from bisect import bisect_right
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from policies.clause import Clause
from policies.corpus import Corpus


@dataclass(frozen=True)
class Span:
    """Days over which the same clauses of a family govern a region.

    Attributes:
        from_, to: the days, `to` excluded; none where there is no end on that side.
        clauses: mostly one; none where nothing of the family governs.
    """

    from_: date | None
    to: date | None
    clauses: tuple[Clause, ...]

    def holds(self, day: date) -> bool:
        """Tell whether `day` is inside."""
        return (self.from_ is None or self.from_ <= day) and (self.to is None or day < self.to)


def lineage(clause: Clause, corpus: Corpus) -> tuple[Clause, ...]:
    """A clause and all that it extends, itself first."""
    found = [clause]
    while found[-1].extends:
        found.append(corpus.clauses[found[-1].extends])
    return tuple(found)


def variants_of(clause: Clause, corpus: Corpus) -> tuple[Clause, ...]:
    """All clauses that extend what this one extends, at any remove: the first is what all rest on, the rest by id."""
    root = lineage(clause, corpus)[-1]
    rest = [c for c in corpus.clauses.values() if c.id != root.id and lineage(c, corpus)[-1] is root]
    return (root, *sorted(rest, key=lambda c: c.id))


def family_of(clause: Clause, corpus: Corpus) -> tuple[Clause, ...]:
    """The variants of a clause, and those that come before or after one of them, by the day on which each begins."""
    variants = variants_of(clause, corpus)
    others = [c for c in corpus.clauses.values() if any(succeed(c, one) for one in variants)]
    return tuple(sorted({c.id: c for c in (*variants, *others)}.values(), key=lambda c: (c.in_force.from_, c.id)))


def succeed(one: Clause, other: Clause) -> bool:
    """Tell whether one was meant to end for the other: it has an end, they see each other and share a part's name."""
    alike = (one.type, one.effect) == (other.type, other.effect)
    ends = one.in_force.to is not None or other.in_force.to is not None
    return alike and ends and sees(one, other) and bool(set(one.rule.judged) & set(other.rule.judged))


def sees(one: Clause, other: Clause) -> bool:
    """Tell whether one of two clauses names the other under `see_also`."""
    return other.id in one.see_also or one.id in other.see_also


def governing(corpus: Corpus, region: str, day: date) -> tuple[Clause, ...]:
    """As `Corpus.in_force`, for days that anybody may ask for: it keeps an answer for each change, not for each day."""
    changes = _changes(corpus)
    at = bisect_right(changes, day)
    return corpus.in_force(region, changes[at - 1]) if at else ()


@lru_cache(maxsize=2)
def _changes(corpus: Corpus) -> tuple[date, ...]:
    """Days on which a clause begins or ends."""
    return _days(corpus.clauses.values())


def _days(clauses: Iterable[Clause]) -> tuple[date, ...]:
    return tuple(sorted({day for c in clauses for day in (c.in_force.from_, c.in_force.to) if day}))


def spans(family: Collection[Clause], corpus: Corpus, region: str) -> tuple[Span, ...]:
    """Which clauses of a family govern a region when, from the beginning to the end of time, without gaps."""
    ids = {clause.id for clause in family}
    found = [Span(None, None, ())]
    for day in _days(family):
        held = tuple(c for c in governing(corpus, region, day) if c.id in ids)
        if held != found[-1].clauses:
            last = found.pop()
            found += [Span(last.from_, day, last.clauses), Span(day, None, held)]
    return tuple(found)
