"""The form of a rule: conditions that must hold, exemptions that lift, and what follows. Policies fill it."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from cases.evidence import VOUCHERS, Voucher
from cases.problem import Record

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
Severity = Literal["low", "medium", "high", "critical"]
Effect = Literal["forbid", "permit"]
Absence = Literal["not_met", "unclear", "request"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")

# Reports are a reason to look and a model's sight is a reason to ask; neither proves by itself.
DEFAULT_PROOF: tuple[Voucher, ...] = tuple(v for v in VOUCHERS if v not in {"reporter", "model"})


class Measure(Record):
    """A number that code finds in the evidence and compares: exactly one bound, in `unit`.

    Attributes:
        of: what is measured, as texts call it.
        per: `day` where what is taken in a day counts: an amount a portion is multiplied by the portions a day.
    """

    of: str
    unit: str = ""
    per: Literal["", "day"] = ""
    over: float | None = None
    at_least: float | None = None
    under: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if sum(bound is not None for bound in (self.over, self.at_least, self.under, self.at_most)) != 1:
            msg = "a measure has exactly one of over, at_least, under, at_most"
            raise ValueError(msg)
        return self

    def holds(self, value: float) -> bool:
        """Tell whether `value`, in the measure's unit, is on the side that the measure names."""
        if self.over is not None:
            return value > self.over
        if self.at_least is not None:
            return value >= self.at_least
        if self.under is not None:
            return value < self.under
        return self.at_most is not None and value <= self.at_most


_FACT = re.compile(r"^\s*(?P<name>[a-z_]+(?:\.[a-z0-9_]+)+)\s*(?P<op><=|>=|==|!=|<|>)\s*(?P<value>-?\d+(?:\.\d+)?)\s*$")


class Fact(Record):
    """A comparison of one named tool fact with a number, written `name op number`."""

    name: str
    op: Literal["<=", ">=", "==", "!=", "<", ">"]
    value: float

    @classmethod
    def parse(cls, text: str) -> "Fact":
        """Read `price.ratio_to_median <= 0.4`; raises ValueError where it is no such comparison."""
        found = _FACT.match(text)
        if not found:
            msg = f"{text!r} is no comparison of the form `name <= number`"
            raise ValueError(msg)
        return cls.model_validate({**found.groupdict(), "value": float(found["value"])})

    def holds(self, value: float) -> bool:
        """Tell whether `value` compares as the fact says."""
        return {
            "<=": value <= self.value,
            ">=": value >= self.value,
            "==": value == self.value,
            "!=": value != self.value,
            "<": value < self.value,
            ">": value > self.value,
        }[self.op]


class RecordNeed(Record):
    """The platform record that alone can prove a part: its kind and, where named, its value."""

    kind: Literal["brand", "category", "licence", "certificate", "registration"]
    value: str | None = None


def check_group(at_least: int | None, members: Sequence[bool]) -> None:
    """Raise ValueError where a group lacks one of its halves, or holds a group (`members`: is each one a group?)."""
    if bool(members) != (at_least is not None):
        msg = "a group has both `at_least` and `of`"
        raise ValueError(msg)
    if any(members):
        msg = "groups do not nest"
        raise ValueError(msg)


class Part(Record):
    """An element, an exemption, a group of either, or a member of a group.

    A group has members in `of` and counts their weights against `at_least`; only members and parts without
    members are judged. Members are named `group.member`. Groups do not nest.
    """

    name: str
    role: Literal["element", "exemption"]
    text: str
    proof: tuple[Voucher, ...] | None = None
    record: RecordNeed | None = None
    absence: Absence | None = None
    measure: Measure | None = None
    fact: Fact | None = None
    appraisal: bool = False
    weight: int = 1
    at_least: int | None = None
    of: tuple["Part", ...] = ()

    @model_validator(mode="after")
    def _group_is_whole(self) -> Self:
        check_group(self.at_least, [bool(member.of) for member in self.of])
        return self

    @property
    def by_code(self) -> bool:
        """Whether code judges it: by a record, a measure or a tool's fact."""
        return bool(self.record or self.measure or self.fact)

    @property
    def vouchers(self) -> tuple[Voucher, ...]:
        """Whose evidence can show this part met."""
        if self.record:
            return ("platform",)
        return self.proof or DEFAULT_PROOF

    @property
    def if_absent(self) -> Absence:
        """What no evidence means here (the defaults of the burden of proof)."""
        if self.absence:
            return self.absence
        if self.measure or self.fact:
            return "unclear"
        return "request" if self.record and self.role == "exemption" else "not_met"


class Rule(Record):
    """What code needs of a clause to derive an outcome from judgements.

    Attributes:
        parts: elements first, then exemptions, in the clause's order; what a clause rests on may be put before them.
        over: for a permit, ids of the clauses that it lifts.
    """

    id: str
    type: str
    effect: Effect = "forbid"
    over: tuple[str, ...] = ()
    severity: Severity = "medium"
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]

    @property
    def elements(self) -> tuple[Part, ...]:
        """The conditions that must all hold."""
        return tuple(part for part in self.parts if part.role == "element")

    @property
    def exemptions(self) -> tuple[Part, ...]:
        """The parts any one of which lifts the clause."""
        return tuple(part for part in self.parts if part.role == "exemption")

    @property
    def judged(self) -> dict[str, Part]:
        """Every part that gets a judgement, by name: members in place of their groups."""
        flat: dict[str, Part] = {}
        for part in self.parts:
            flat.update({member.name: member for member in part.of} if part.of else {part.name: part})
        return flat

    @property
    def grave(self) -> bool:
        """Whether much is at stake: severity high or critical."""
        return self.severity in {"high", "critical"}

    @property
    def weight(self) -> int:
        """Rank of the severity, 0 (low) to 3 (critical)."""
        return SEVERITIES.index(self.severity)
