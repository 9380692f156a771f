"""Which waiting questions are wanted: the facets of a list and of a claim, and their SQL."""

from typing import Any

from pydantic import Field

from cases.case import Language, Region, ViolationType
from cases.decision import ReasonCode, WaitingFor
from cases.problem import Record
from service.headline import patterns


class WaitingChoice(Record):
    """Which waiting questions are wanted. Of several values any one will do; a facet that names none does not matter.

    Attributes:
        waiting_for: whom they wait for; none: anybody.
        types: of violation, among those that are asked about.
        regions: as they are; a country is not its parts.
        languages: `en` is `en-GB` too.
        q: words that stand in the id of case, listing or seller, or in the title: every one of them.
    """

    waiting_for: WaitingFor | None = None
    types: tuple[ViolationType, ...] = Field((), max_length=500)
    reasons: tuple[ReasonCode, ...] = Field((), max_length=100)
    regions: tuple[Region, ...] = Field((), max_length=500)
    languages: tuple[Language, ...] = Field((), max_length=200)
    q: str = Field("", max_length=500)


ANYTHING = WaitingChoice()

OPEN = "e.answer IS NULL AND e.closed_at IS NULL"
# Parameters $2 to $7, as `choice_values` gives them; $1 is the reviewer in every query of the desk.
BY_TYPE = "($3::text[] = '{}' OR e.types && $3)"
BY_REASON = "($4::text[] = '{}' OR e.reasons && $4)"
BY_REGION = "($5::text[] = '{}' OR e.region = ANY($5))"
BY_LANGUAGE = "($6::text[] = '{}' OR e.language = ANY($6) OR split_part(e.language, '-', 1) = ANY($6))"
FOUND = "($2::text IS NULL OR e.waiting_for = $2) AND e.sought LIKE ALL($7::text[])"
CHOSEN = f"{FOUND} AND {BY_TYPE} AND {BY_REASON} AND {BY_REGION} AND {BY_LANGUAGE}"
PRESSING = "-e.urgency, e.raised_at, e.case_id"
"""The order of every list and claim, the most pressing first; an index has it."""


def choice_values(choice: WaitingChoice) -> tuple[Any, ...]:
    """The parameters of a choice."""
    return (
        choice.waiting_for,
        list(choice.types),
        list(choice.reasons),
        list(choice.regions),
        list(choice.languages),
        patterns(choice.q),
    )
