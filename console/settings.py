"""How the console works, as the company decides it."""

from pydantic import Field

from cases.problem import Record


class ConsoleSettings(Record):
    """What the company decides about its reviewers' pages.

    Attributes:
        judge_first: ballots and recommendation of an open question open only after the person has judged it.
        grace_s: seconds in which an answer can be taken back, before the case runs on.
        blind_share: of the cases that people decide, the share that a second person judges without seeing how.
        feedback_share: of the cases, the share in which each claim is to be called right, wrong or irrelevant.
        idle_minutes: without a click after which a session ends; `session_hours`: the longest that one lasts.
    """

    judge_first: bool = True
    grace_s: float = Field(6.0, ge=0, le=60)
    blind_share: float = Field(0.05, ge=0, le=1)
    feedback_share: float = Field(0.05, ge=0, le=1)
    idle_minutes: int = Field(120, ge=1, le=24 * 60)
    session_hours: int = Field(12, ge=1, le=7 * 24)
