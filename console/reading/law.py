"""A clause as the page shows it: as in force on the case's day, with its quotes marked and its ladder's step."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from cases.rule import Part
from console.reading.quotes import Numbers, Run, runs
from policies.clause import Clause, Guidance, Reference
from policies.corpus import Corpus


@dataclass(frozen=True)
class Term:
    """A part as the clause states it.

    Attributes:
        key: clause and part, as forms name it; a group has none.
        runs: its text, cut where quotes begin and end.
        members: of a group.
        proof: whose word can show it, where not everybody's can; `record`: the kind of record that alone can.
    """

    key: str
    name: str
    role: str
    runs: tuple[Run, ...]
    members: tuple["Term", ...] = ()
    at_least: int | None = None
    weight: int = 1
    record: str = ""
    proof: tuple[str, ...] = ()
    absence: str = ""
    appraisal: bool = False


@dataclass(frozen=True)
class Rung:
    """A step of the ladder; `here` is the one that the case has come to."""

    strikes: int
    action: str
    days: int | None
    person: bool
    here: bool


@dataclass(frozen=True)
class Law:
    """A clause.

    Attributes:
        prose: its sentences, cut where quotes begin and end, by paragraph.
        guidance: rulings of the policy team that hold on the day.
        allowed: listings that are not meant.
        permits: clauses that may lift it, by id with their titles; `over`: those that it may lift itself.
    """

    clause: Clause
    prose: tuple[tuple[Run, ...], ...]
    elements: tuple[Term, ...]
    exemptions: tuple[Term, ...]
    guidance: tuple[Guidance, ...]
    ladder: tuple[Rung, ...]
    references: tuple[Reference, ...]
    permits: tuple[Clause, ...]


def law_of(clause: Clause, corpus: Corpus, region: str, day: date, numbers: Numbers, step: int | None = None) -> Law:
    """A clause for the page.

    Args:
        clause: to show.
        corpus: that it is part of.
        region: of the case; references of other markets are left out.
        day: of the case.
        numbers: of the quotes on the page.
        step: of the ladder that the case has come to, from 0; None where it is not known.
    """
    marks = numbers.within(f"clause:{clause.id}")
    permits = [c for c in corpus.in_force(region, day) if c.effect == "permit" and clause.id in c.rule.over]
    enforcement = clause.enforcement
    return Law(
        clause=clause,
        prose=tuple(_cut(clause, paragraph, marks) for paragraph in clause.prose.split("\n\n") if paragraph.strip()),
        elements=tuple(_term(clause, part, marks) for part in clause.rule.elements),
        exemptions=tuple(_term(clause, part, marks) for part in clause.rule.exemptions),
        guidance=tuple(g for g in clause.guidance if g.until is None or day < g.until),
        ladder=tuple(
            Rung(rung.strikes, rung.action, rung.days, rung.person, number == step)
            for number, rung in enumerate(enforcement.ladder if enforcement else ())
        ),
        references=tuple(ref for ref in clause.references if corpus.covers([ref.region], region)),
        permits=tuple(permits),
    )


def _cut(clause: Clause, words: str, marks: Iterable[tuple[int, int, int]]) -> tuple[Run, ...]:
    """A stretch of the clause's text, cut where quotes begin and end: their offsets are of the whole text."""
    at = clause.text.find(words)
    if at < 0:
        return (Run(words),)
    inside = [(max(0, s - at), e - at, n) for s, e, n in marks if s < at + len(words) and e > at]
    return runs(words, inside)


def _term(clause: Clause, part: Part, marks: list[tuple[int, int, int]], group: str = "") -> Term:
    name = part.name.rpartition(".")[2] if group else part.name
    return Term(
        key="" if part.of else f"{clause.id}|{part.name}",
        name=name,
        role=part.role,
        runs=_cut(clause, part.text, marks),
        members=tuple(_term(clause, member, marks, part.name) for member in part.of),
        at_least=part.at_least,
        weight=part.weight,
        record=part.record.kind if part.record else "",
        proof=part.proof or (),
        absence=part.if_absent,
        appraisal=part.appraisal,
    )
