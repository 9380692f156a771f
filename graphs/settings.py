"""What a company decides about its audits."""

from typing import Literal

from pydantic import Field

from cases.problem import Record


class AuditSettings(Record):
    """Settings of a run; they are pinned at the start of each round.

    Attributes:
        automation: `off`: every case to a person, with a recommendation; `provisional`: alone where nothing is open
            and all is verified; `certified`: comes later, behaves as `off` with `not_certified`.
        lead: ballots by which one verdict must lead; `high_lead` where severity or action is high.
        candidates: clauses taken from the search.
        tool_calls: that an auditor may ask for in a round.
        seconds: of work in a round; waiting for a person costs none. Model calls, tokens and cost of a round are
            bounded by the model's own settings.
        impact_limit: actions of this impact or more need a person.
        marking: whether instruction-like text is looked for.
        sampled: share of cases decided alone that go to a person all the same, 0 to 1.
        review_days: after which an unanswered escalation expires (and a new round runs).
    """

    automation: Literal["off", "provisional", "certified"] = "provisional"
    lead: int = Field(2, ge=1)
    high_lead: int = Field(3, ge=1)
    candidates: int = Field(5, ge=1)
    tool_calls: int = Field(12, ge=0)
    seconds: float = Field(600, gt=0)
    impact_limit: int = 4
    marking: bool = True
    sampled: float = Field(0.0, ge=0, le=1)
    review_days: int = Field(7, ge=1)
