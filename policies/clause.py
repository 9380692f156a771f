"""One clause as it stands in a snapshot: the rule for code, the text for people and model, and what follows."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from cases.problem import Record
from cases.rule import Rule

ClauseId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+$")]


class Period(Record):
    """Days in force: `from` included, `to` excluded; none means for ever."""

    from_: date = Field(alias="from")
    to: date | None = None

    def holds(self, day: date) -> bool:
        """Tell whether `day` is inside."""
        return self.from_ <= day and (self.to is None or day < self.to)


class Step(Record):
    """One rung of a ladder: from this many strikes on, this action."""

    strikes: int = Field(ge=0)
    action: str
    days: int | None = None
    person: bool = False


class Enforcement(Record):
    """The ladder, climbed by strikes of the clause's type within the window."""

    window_days: int = Field(gt=0)
    ladder: tuple[Step, ...] = Field(min_length=1)

    def step_at(self, strikes: int) -> tuple[int, Step]:
        """Return the number and the step that `strikes` earlier strikes lead to."""
        reached = [(i, step) for i, step in enumerate(self.ladder) if step.strikes <= strikes]
        return reached[-1] if reached else (0, self.ladder[0])


class Examples(Record):
    """Listings in sellers' words on both sides of the line."""

    violating: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


class Reference(Record):
    """A fact of law that the clause rests on."""

    law: str
    region: str
    as_of: str
    url: str = ""


class Guidance(Record):
    """A ruling of the policy team on one part, until a day."""

    part: str
    text: str
    by: str
    until: date | None = None


class AttributeTest(Record):
    """A test of a structured attribute: by words it must hold, or by a bound on its number."""

    attribute: str
    any_of: tuple[str, ...] = ()
    over: float | None = None
    under: float | None = None
    unit: str = ""


class Side(Record):
    """Signs that speak for, or against, one part.

    Attributes:
        words: by language (`*`: any), each a phrase, or a regular expression between slashes.
        attributes: tests of structured attributes.
        kinds: names of kinds of goods; what is called one of them is another thing (only where they speak against).
    """

    words: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    attributes: tuple[AttributeTest, ...] = ()
    kinds: tuple[str, ...] = ()


class Signs(Record):
    """What speaks for and against one part.

    Attributes:
        compatible: whether a hit after "for" or "compatible with" (an accessory) counts.
        anywhere: a description alone is enough, also where the clause is about what an item is.
        sources: prefixes of the sources in which signs are looked for; empty means every source.
    """

    for_: Side = Field(Side(), alias="for")
    against: Side = Side()
    compatible: Literal["count", "ignore"] = "count"
    anywhere: bool = False
    sources: tuple[str, ...] = ()


class Clause(Record):
    """A clause, merged with what it extends.

    Attributes:
        regions: ISO codes, groups or `*`, as written; `except_` are taken out again.
        rule: the parts, for derivation.
        signs: by the name of the judged part.
        kind_words: by judged part what the kinds that speak against it are called, by language (`kinds.yaml`).
        aliases: other names for what it is about, by language; they help the search to find it, and prove nothing.
        text: title, parts and prose as people, model and quotes see them; offsets count its code points.
        sha256: of `text`.
        file: where it was read from, relative to the corpus.
    """

    id: ClauseId
    title: str
    type: str
    effect: Literal["forbid", "permit"] = "forbid"
    regions: tuple[str, ...]
    except_: tuple[str, ...] = Field((), alias="except")
    in_force: Period
    severity: Literal["low", "medium", "high", "critical"]
    meanwhile: Literal["keep", "hide"] = "keep"
    rule: Rule
    enforcement: Enforcement | None = None
    notice: dict[str, str] = Field(default_factory=dict)
    examples: Examples = Examples()
    references: tuple[Reference, ...] = ()
    guidance: tuple[Guidance, ...] = ()
    dsa: dict[str, Any] = Field(default_factory=dict)
    see_also: tuple[str, ...] = ()
    extends: str | None = None
    signs: dict[str, Signs] = Field(default_factory=dict)
    kind_words: dict[str, dict[str, tuple[str, ...]]] = Field(default_factory=dict)
    aliases: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    prose: str
    text: str
    sha256: str
    file: str
