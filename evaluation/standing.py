"""On which side of the line an example comes out: its own, the other, or neither while something is open."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cases.finding import Finding, PartFinding, Status, Verdict, clause_status, open_parts
from evaluation.reading_examples import Reading, Side
from graphs.rationale import names_part
from policies.clause import Clause
from policies.lint.examples import meant

Place = Literal["right", "open", "wrong"]
Came = Literal["unseen", "lifted", "fulfilled", "all_but", "not_fulfilled", "open"]
"""What became of the clause; `all_but`: fulfilled, but for what words cannot show."""
_TOLD: dict[Came, str] = {
    "unseen": "not looked at: neither search nor signs bring it up",
    "lifted": "fulfilled, and lifted by {named}",
    "fulfilled": "fulfilled",
    "all_but": "fulfilled, but for what words cannot show: {named}",
    "not_fulfilled": "not fulfilled",
    "open": "open: {named}",
}


@dataclass(frozen=True)
class Standing:
    """How one reading of an example came out.

    Attributes:
        named: the permit that lifts, or the parts that are open or beyond words; empty where the telling parts say it.
        parts: every judged part; empty where the clause was not judged.
        telling: those that carry what is told.
    """

    reading: Reading
    place: Place
    came: Came
    named: tuple[str, ...] = ()
    parts: tuple[PartFinding, ...] = ()
    telling: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """What became of it, in words."""
        return _TOLD[self.came].format(named=", ".join(self.named)).removesuffix(": ")


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


def examples_of(clause: Clause, readings: Sequence[Reading], came: Sequence[Finding | None]) -> list[Example]:
    """Put the readings of each example together, in the clause's order.

    Args:
        clause: whose examples.
        readings: of them.
        came: what was found of the clause in each reading; None where it was not looked at.
    """
    grouped: dict[tuple[Side, str], list[Standing]] = {}
    for reading, finding in zip(readings, came, strict=True):
        grouped.setdefault((reading.side, reading.text), []).append(_standing(clause, reading, finding))
    examples = []
    for (side, text), standings in grouped.items():
        order: tuple[Place, ...] = ("right", "open", "wrong") if side == meant(clause) else ("wrong", "open", "right")
        examples.append(Example(side, text, tuple(sorted(standings, key=lambda one: order.index(one.place)))))
    return examples


def _standing(clause: Clause, reading: Reading, finding: Finding | None) -> Standing:
    described = reading.side == meant(clause)
    otherwise: Place = "wrong" if described else "right"
    if finding is None:
        return Standing(reading, otherwise, "unseen")
    if finding.lifted_by:
        return Standing(reading, otherwise, "lifted", (finding.lifted_by,), finding.parts)
    place, came, named = _placed(clause, finding) if described else _placed_beyond(finding)
    return Standing(reading, place, came, named, finding.parts, _telling(clause, finding))


def _placed(clause: Clause, finding: Finding) -> tuple[Place, Came, tuple[str, ...]]:
    """Place an example of what the clause describes.

    A title proves no record, and no tool measures one: what only these can show says nothing against the example.
    """
    if finding.status == "fulfilled":
        return "right", "fulfilled", ()
    beyond = tuple(name for name, part in clause.rule.judged.items() if part.record or part.fact)
    said: dict[str, Verdict] = {part.part: part.verdict for part in finding.parts}
    said |= dict.fromkeys(beyond, "unclear")
    if clause_status(clause.rule, said) == "not_fulfilled":
        return "wrong", "not_fulfilled", ()
    left = open_parts(clause.rule, said)
    unsaid = tuple(name for name in left if name not in beyond)
    if not unsaid:
        return "right", "all_but", tuple(dict.fromkeys(name.partition(".")[0] for name in left))
    return "open", "open", unsaid


def _placed_beyond(finding: Finding) -> tuple[Place, Came, tuple[str, ...]]:
    """Place an example of what the clause does not describe, by all that was found."""
    places: dict[Status, Place] = {"fulfilled": "wrong", "not_fulfilled": "right", "open": "open"}
    return places[finding.status], finding.status, ()


def _telling(clause: Clause, finding: Finding) -> tuple[str, ...]:
    """Parts that settle the clause, or keep it open."""
    verdicts = {part.part: part.verdict for part in finding.parts}
    if finding.status == "open":
        return open_parts(clause.rule, verdicts)
    return tuple(name for name in verdicts if names_part(finding.settled_by, name))
