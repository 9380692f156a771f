"""A clause's examples as its page shows them: how each came out, by which parts, and where otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cases.finding import PartFinding, Verdict
from evaluation.reading_examples import Side
from evaluation.standing import Came, Example, Place, Standing


@dataclass(frozen=True)
class Line:
    """A part that decided, and why it was judged so."""

    part: str
    verdict: Verdict
    why: str


@dataclass(frozen=True)
class Outcome:
    """How an example comes out in some markets; `named` as in `evaluation.standing`."""

    came: Came
    named: tuple[str, ...]
    markets: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Tried:
    """An example.

    Attributes:
        decides: the outcome that places it; `otherwise`: others, in other markets.
    """

    text: str
    place: Place
    decides: Outcome
    otherwise: tuple[Outcome, ...]


@dataclass(frozen=True)
class Sides:
    """The examples of both sides, and how many came out where."""

    sides: dict[Side, tuple[Tried, ...]] = field(default_factory=dict)

    def count(self, place: Place) -> int:
        """How many came out so."""
        return sum(one.place == place for tried in self.sides.values() for one in tried)


def tried(examples: Sequence[Example]) -> Sides:
    """Put examples together by side; outcomes that are told alike are one, with all their markets."""
    sides: tuple[Side, ...] = ("violating", "allowed")
    return Sides({side: tuple(_tried(one) for one in examples if one.side == side) for side in sides})


def _tried(example: Example) -> Tried:
    alike: dict[tuple[Came, tuple[str, ...]], list[Standing]] = {}
    for standing in example.standings:
        alike.setdefault((standing.came, standing.named), []).append(standing)
    decides, *others = (_outcome(standings) for standings in alike.values())
    return Tried(example.text, example.deciding.place, decides, tuple(others))


def _outcome(standings: Sequence[Standing]) -> Outcome:
    first = standings[0]
    markets = tuple(market for standing in standings for market in standing.reading.markets)
    return Outcome(first.came, first.named, markets, tuple(_lines(first)))


def _lines(standing: Standing) -> list[Line]:
    """Parts that carry what is told: those that settle it or keep it open, else all that are met."""
    telling = [part for part in standing.parts if part.part in standing.telling]
    telling = telling or [part for part in standing.parts if part.verdict == "met"]
    silent = [part for part in telling if part.basis == "absent"]
    spoken = [part for part in telling if part.basis != "absent"]
    return [_line(part) for part in spoken or silent[:1]]


def _line(part: PartFinding) -> Line:
    said = part.speaking
    return Line(part.part, part.verdict, said.why if said else "")
