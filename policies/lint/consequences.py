"""What follows from a clause, and what it rests on: ladder, notice, guidance, references."""

import itertools
import re
from collections.abc import Iterator

from policies.clause import Clause, Step
from policies.lint.flaw import Flaw
from policies.lint.written import Written

PLACEHOLDERS = frozenset({"title", "listing_id", "scope", "date", "findings", "next_steps"})
"""What a notice is filled with."""
_DATED = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])(?:-\d\d)?")


def check_consequences(clause: Clause, written: Written) -> Iterator[Flaw]:
    """Ladders that do not rise, notices that would show a placeholder, guidance that has expired, undated law."""
    yield from _ladder(clause, written)
    for language, text in clause.notice.items():
        for name in re.findall(r"\{(\w+)\}", text):
            if name not in PLACEHOLDERS:
                detail = f"{{{name}}} is no placeholder: the seller would read it as it stands"
                hint = f"there are: {', '.join(f'{{{known}}}' for known in sorted(PLACEHOLDERS))}"
                yield written.flaw("unknown_placeholder", clause, f"/notice/{language}", detail, hint)
    for i, ruling in enumerate(clause.guidance):
        if ruling.until and ruling.until < written.on:
            detail = f"the ruling on {ruling.part} has expired on {ruling.until}: no one is shown it any more"
            yield written.flaw("expired_guidance", clause, f"/guidance/{i}/until", detail, "renew it, or take it out")
    known = {"*", *written.corpus.regions, *written.corpus.groups}
    for i, reference in enumerate(clause.references):
        if reference.region not in known:
            detail = f"{reference.region!r} is not known"
            yield written.flaw("unknown_region", clause, f"/references/{i}/region", detail)
        if not _DATED.fullmatch(reference.as_of):
            detail = f"{reference.as_of!r} is neither a month nor a day"
            hint = "write when somebody last looked, as 2026-01"
            yield written.flaw("undated_reference", clause, f"/references/{i}/as_of", detail, hint)


def _ladder(clause: Clause, written: Written) -> Iterator[Flaw]:
    steps = clause.enforcement.ladder if clause.enforcement else ()
    if steps and steps[0].strikes:
        detail = f"its first step begins at {steps[0].strikes} strikes, and is taken from 0 on all the same"
        yield written.flaw("ladder_starts_late", clause, "/enforcement/ladder/0", detail, "begin at `strikes: 0`")
    for i, (lower, higher) in enumerate(itertools.pairwise(steps), 1):
        fault = _fault(lower, higher, written)
        if fault:
            hint = "more strikes, and a heavier action or more days, at every step"
            yield written.flaw("ladder_not_rising", clause, f"/enforcement/ladder/{i}", fault, hint)


def _fault(lower: Step, higher: Step, written: Written) -> str:
    if higher.strikes <= lower.strikes:
        return f"{higher.strikes} strikes come after {lower.strikes}"
    actions = written.corpus.actions
    if actions[higher.action].impact < actions[lower.action].impact:
        return f"{higher.action} comes after {lower.action}, which is heavier"
    if higher.action == lower.action and (higher.days or 0) <= (lower.days or 0):
        return f"{higher.action} comes after {lower.action} and is no longer"
    return ""
