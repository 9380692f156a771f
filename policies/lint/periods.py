"""When clauses hold: periods that make no sense by themselves, or beside those of the clause's kin.

Kin are clauses of one type and effect that say the same at other times or places: one extends the other, both extend a
third, one sees the other, or their parts are the same.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from cases.rule import Part
from policies.clause import Clause, Period
from policies.family import sees, succeed
from policies.lint.flaw import Flaw
from policies.lint.written import Written


def check_periods(clause: Clause, written: Written) -> Iterator[Flaw]:
    """Periods that end before they start, overlap or leave a gap; the same parts with other consequences."""
    held = clause.in_force
    if held.to is not None and held.to <= held.from_:
        hint = "`to` is the first day on which it no longer holds"
        detail = f"it ends on {held.to}, and begins on {held.from_}: it never holds"
        yield written.flaw("ends_before_it_starts", clause, "/in_force/to", detail, hint)
        return
    if not written.covered(clause):
        hint = "check `except`, and the groups of regions.yaml"
        yield written.flaw("in_force_nowhere", clause, "/regions", "no market of the corpus is left", hint)
        return
    for other in written.corpus.clauses.values():
        if other.id != clause.id and (other.type, other.effect) == (clause.type, clause.effect):
            yield from _beside(clause, other, written)
    yield from _gap(clause, written)


def meet(one: Clause, other: Clause, written: Written) -> bool:
    """Tell whether two clauses hold in one market on one day, whatever replaces them there."""
    return _share_a_day(one.in_force, other.in_force) and bool(_shared_markets(one, other, written))


def _beside(clause: Clause, other: Clause, written: Written) -> Iterator[Flaw]:
    if _is_above(clause, other, written) or _is_above(other, clause, written):
        return  # a variant replaces what it extends
    if (other.id in written.selected and _later(other, clause)) or not meet(clause, other, written):
        return  # it is told of the later of the two
    where = f"in {_some(_shared_markets(clause, other, written))} on the same days"
    same = _same_parts(clause, other)
    if same and _consequences(clause) != _consequences(other):
        detail = f"{other.id} has the same parts and other consequences, {where}"
        hint = "give both one ladder, severity and `meanwhile`, or keep one of them"
        yield written.flaw("other_enforcement", clause, "/enforcement" if clause.enforcement else "/id", detail, hint)
    elif same or _siblings(clause, other, written) or succeed(clause, other):
        hint = "end the earlier one (`to`) where the later begins (`from`)"
        yield written.flaw("overlapping_periods", clause, "/in_force", f"{other.id} holds too, {where}", hint)


def _gap(clause: Clause, written: Written) -> Iterator[Flaw]:
    end = clause.in_force.to
    if end is None:
        return
    kin = [other for other in written.corpus.clauses.values() if _kin(clause, other, written)]
    for market in written.covered(clause):
        here = [other for other in kin if market in written.covered(other)]
        later = [other for other in here if other.in_force.from_ > end]
        if later and not any(other.in_force.holds(end) for other in here):
            first = min(later, key=lambda other: (other.in_force.from_, other.id))
            begins = first.in_force.from_
            detail = f"it ends on {end}, and {first.id} begins on {begins}: between them nothing holds in {market}"
            hint = "let one begin on the day on which the other ends"
            yield written.flaw("gap_between_periods", clause, "/in_force/to", detail, hint)
            return


def _kin(clause: Clause, other: Clause, written: Written) -> bool:
    if other.id == clause.id or (other.type, other.effect) != (clause.type, clause.effect):
        return False
    return (
        bool(set(written.lineage(clause.id)) & set(written.lineage(other.id)))
        or sees(clause, other)
        or _same_parts(clause, other)
    )


def _is_above(one: Clause, other: Clause, written: Written) -> bool:
    return one.id in written.lineage(other.id)


def _siblings(one: Clause, other: Clause, written: Written) -> bool:
    return bool(set(written.lineage(one.id)) & set(written.lineage(other.id)))


def _same_parts(one: Clause, other: Clause) -> bool:
    return _shapes(one) == _shapes(other)


def _shapes(clause: Clause) -> list[str]:
    return sorted(repr(_shape(part)) for part in clause.rule.parts)


def _shape(part: Part) -> dict[str, Any]:
    """A part without its name, which says nothing of what must be so."""
    shape = part.model_dump(exclude={"name", "of"})
    return {**shape, "of": sorted(repr(_shape(member)) for member in part.of)}


def _consequences(clause: Clause) -> tuple[object, ...]:
    return (clause.enforcement, clause.severity, clause.meanwhile)


def _later(one: Clause, other: Clause) -> bool:
    return (one.in_force.from_, one.id) > (other.in_force.from_, other.id)


def _shared_markets(one: Clause, other: Clause, written: Written) -> list[str]:
    theirs = set(written.covered(other))
    return [market for market in written.covered(one) if market in theirs]


def _share_a_day(one: Period, other: Period) -> bool:
    first = max(one.from_, other.from_)
    last = min(one.to or date.max, other.to or date.max)
    return first < last


def _some(markets: list[str]) -> str:
    shown = 4
    more = f" and {len(markets) - shown} more" if len(markets) > shown else ""
    return ", ".join(markets[:shown]) + more
