"""On which side of the line an example comes out: its own, the other, or neither while something is open."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cases.finding import Finding, PartFinding, Status, Verdict, clause_status, open_parts
from casewright.reading_examples import Reading, Side
from casewright.rehearsal import Comes
from graphs.rationale import names_part
from policies.clause import Clause
from policies.lint.examples import meant

Place = Literal["right", "open", "wrong"]
_SPOKEN = {"fulfilled": "fulfilled", "not_fulfilled": "not fulfilled", "open": "open"}


@dataclass(frozen=True)
class Standing:
    """How one reading of an example came out.

    Attributes:
        told: in words.
        parts: every judged part; empty where the clause was not judged.
        telling: those that carry what is told.
    """

    reading: Reading
    place: Place
    told: str
    parts: tuple[PartFinding, ...] = ()
    telling: tuple[str, ...] = ()


@dataclass(frozen=True)
class Example:
    """An example with all its readings, the one that decides first.

    An example of what the clause describes is on its side where one market finds it so: another may not speak its
    language. One of what it does not describe is on the wrong side where one market finds it fulfilled.
    """

    side: Side
    text: str
    standings: tuple[Standing, ...]

    @property
    def deciding(self) -> Standing:
        """The reading that decides for the example."""
        return self.standings[0]


def examples_of(clause: Clause, readings: Sequence[Reading], came: Sequence[Comes]) -> list[Example]:
    """Put the readings of each example together, in the clause's order."""
    grouped: dict[tuple[Side, str], list[Standing]] = {}
    for reading, comes in zip(readings, came, strict=True):
        grouped.setdefault((reading.side, reading.text), []).append(_standing(clause, reading, comes))
    examples = []
    for (side, text), standings in grouped.items():
        order: tuple[Place, ...] = ("right", "open", "wrong") if side == meant(clause) else ("wrong", "open", "right")
        examples.append(Example(side, text, tuple(sorted(standings, key=lambda one: order.index(one.place)))))
    return examples


def _standing(clause: Clause, reading: Reading, comes: Comes) -> Standing:
    finding = comes.findings.get(clause.id)
    described = reading.side == meant(clause)
    if finding is None:
        return Standing(
            reading, "wrong" if described else "right", "not looked at: neither search nor signs bring it up"
        )
    if finding.lifted_by:
        told = f"fulfilled, and lifted by {finding.lifted_by}"
        return Standing(reading, "wrong" if described else "right", told, finding.parts)
    place, told = _placed(clause, finding) if described else _placed_beyond(finding)
    return Standing(reading, place, told, finding.parts, _telling(clause, finding))


def _placed(clause: Clause, finding: Finding) -> tuple[Place, str]:
    """Place an example of what the clause describes.

    A title proves no record, and no tool measures one: what only these can show says nothing against the example.
    """
    if finding.status == "fulfilled":
        return "right", "fulfilled"
    beyond = tuple(name for name, part in clause.rule.judged.items() if part.record or part.fact)
    said: dict[str, Verdict] = {part.part: part.verdict for part in finding.parts}
    said |= dict.fromkeys(beyond, "unclear")
    if clause_status(clause.rule, said) == "not_fulfilled":
        return "wrong", "not fulfilled"
    left = open_parts(clause.rule, said)
    unsaid = [name for name in left if name not in beyond]
    if not unsaid:
        groups = dict.fromkeys(name.partition(".")[0] for name in left)
        return "right", f"fulfilled, but for what words cannot show: {', '.join(groups)}"
    return "open", f"open: {', '.join(unsaid)}"


def _placed_beyond(finding: Finding) -> tuple[Place, str]:
    """Place an example of what the clause does not describe, by all that was found."""
    places: dict[Status, Place] = {"fulfilled": "wrong", "not_fulfilled": "right", "open": "open"}
    return places[finding.status], _SPOKEN[finding.status]


def _telling(clause: Clause, finding: Finding) -> tuple[str, ...]:
    """Parts that settle the clause, or keep it open."""
    verdicts = {part.part: part.verdict for part in finding.parts}
    if finding.status == "open":
        return open_parts(clause.rule, verdicts)
    return tuple(name for name in verdicts if names_part(finding.settled_by, name))
