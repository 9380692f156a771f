"""One thing that the lint finds, and how heavy each is."""

from collections.abc import Mapping
from typing import Literal

from cases.problem import Record

Severity = Literal["error", "warning"]

CODES: Mapping[str, Severity] = {
    # names.py
    "circular_see_also": "error",
    "circular_over": "error",
    "idle_over": "error",
    "null_takes_nothing": "error",
    "shared_anchor": "warning",
    # periods.py
    "ends_before_it_starts": "error",
    "in_force_nowhere": "error",
    "overlapping_periods": "error",
    "gap_between_periods": "warning",
    "other_enforcement": "error",
    # parts.py
    "no_possible_proof": "error",
    "idle_proof": "warning",
    "always_met": "error",
    "fact_bound": "error",
    "tool_absent": "error",
    "unknown_unit": "warning",
    # consequences.py
    "ladder_not_rising": "error",
    "ladder_starts_late": "error",
    "unknown_placeholder": "error",
    "expired_guidance": "warning",
    "unknown_region": "error",
    "undated_reference": "warning",
    # wording.py
    "vague_words": "warning",
    "two_facts": "warning",
    "no_reference": "warning",
    "too_long": "warning",
    # examples.py
    "no_example": "error",
    "not_retrieved": "error",
    "missing_signs": "warning",
    # the front door's, for it takes an auditor
    "wrongly_fulfilled": "error",
}
"""The lint's own codes. What keeps the corpus from loading has the loader's codes, and is an error."""


class Flaw(Record):
    """One thing to mend, at one place.

    Attributes:
        file: relative to the corpus.
        line: from 1.
        code: closed vocabulary: `CODES`, and the loader's.
        clause: id of the clause whose file it stands in; empty for the corpus's tables.
        detail: what is wrong.
        hint: how to mend it.
    """

    file: str
    line: int
    severity: Severity
    code: str
    clause: str
    detail: str
    hint: str = ""

    def __str__(self) -> str:
        """Render on one line, as editors and compilers do: place, severity, code, detail, hint."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}: {self.severity} {self.code}: {self.detail}{hint}"
