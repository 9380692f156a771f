"""Ballots to verdicts: a part is settled when one verdict leads. Pure functions.

Repeating a judgement until one side leads by a fixed margin is Wald's sequential probability ratio test
(A. Wald, Sequential Tests of Statistical Hypotheses, Annals of Mathematical Statistics 16, 1945).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cases.finding import Ballot, Key, PartFinding, Verdict, Verdicts, decisive_parts, open_parts, settling_parts
from cases.rule import Part, Rule

Settled = Literal["code", "lead", "contested", ""]
NARROW = "narrow"
_SURE = 1000
"""Lead of what is not voted on: code or a person has said it."""


@dataclass(frozen=True)
class Tally:
    """Where one part stands.

    Attributes:
        verdict: the leader, or `unclear` where it is contested; before that the leader so far.
        settled: `code`, `lead` or `contested`; empty while more ballots are wanted.
    """

    verdict: Verdict
    settled: Settled


def tally(ballots: Sequence[Ballot], lead: int) -> Tally:
    """Count ballots of one part in one round; narrow ballots are a condition, not a vote.

    Args:
        ballots: in the order in which they were cast.
        lead: by how many ballots one verdict must lead; at most 2 * lead + 1 ballots are cast.
    """
    cast = _cast(ballots)
    if not cast:
        return Tally("unclear", "")
    first, ahead = _leader(cast)
    if ahead >= lead:
        return Tally(first, "lead")
    if len(cast) > 2 * lead:
        return Tally("unclear", "contested")
    return Tally(first, "")


def _cast(ballots: Iterable[Ballot]) -> list[Verdict]:
    """The votes among ballots, in the order in which they were cast."""
    return [ballot.judgement.verdict for ballot in ballots if ballot.judge.prompt != NARROW]


def _leader(cast: Sequence[Verdict]) -> tuple[Verdict, int]:
    """The verdict that most votes say, and by how many it leads the next one."""
    (first, most), *others = Counter(cast).most_common()
    return first, most - (others[0][1] if others else 0)


def narrow_heard(ballots: Iterable[Ballot]) -> bool:
    """Tell whether a narrow judge has judged the part."""
    return any(ballot.judge.prompt == NARROW for ballot in ballots)


def narrow_agrees(ballots: Iterable[Ballot], verdict: str) -> bool:
    """Tell whether a narrow judge, who reads no free text, has come to the same verdict."""
    return any(b.judge.prompt == NARROW and b.judgement.verdict == verdict for b in ballots)


def parts_that_matter(rules: Iterable[Rule], verdicts: Mapping[str, Verdicts]) -> tuple[Key, ...]:
    """Parts on which the outcome rests now: decisive or open ones of every candidate, in order."""
    found: dict[Key, None] = {}
    for rule in rules:
        judged = verdicts.get(rule.id, {})
        for part in (*decisive_parts(rule, judged), *open_parts(rule, judged)):
            found[rule.id, part] = None
    return tuple(found)


def firmest_first(rule: Rule, verdicts: Verdicts, findings: Mapping[str, PartFinding]) -> Rule:
    """Let a clause that several parts settle rest on the firmest of them, by putting these first.

    A matter of fact goes before an appraisal, which a person would have to settle; then what code or a person says
    before what is voted on, and the clearer vote before the closer one. Without ballots, or where they are equal, the
    clause's own order stands.
    """
    settling = settling_parts(rule, verdicts)
    if not settling[1:]:
        return rule

    def firmness(part: Part) -> tuple[bool, int]:
        judged = part.of or (part,)
        return (any(one.appraisal for one in judged), -min(_lead(findings.get(one.name)) for one in judged))

    others = tuple(part for part in rule.parts if part not in settling)
    return rule.model_copy(update={"parts": (*sorted(settling, key=firmness), *others)})


def _lead(found: PartFinding | None) -> int:
    """Ballots by which a part's verdict leads."""
    if found and found.basis in {"record", "measured", "person"}:
        return _SURE
    cast = _cast(found.ballots) if found else []
    return _leader(cast)[1] if cast else 0


def contenders(rules: Iterable[Rule], verdicts: Mapping[str, Verdicts], settled: Mapping[Key, str]) -> tuple[Key, ...]:
    """Parts that are voted on beside those that matter: any of them may be the first to settle its clause.

    A clause that several parts settle falls by whichever is settled first, so one vote that is close keeps nothing
    open that another one has decided.
    """
    found: list[Key] = []
    for rule in rules:
        keys = [
            [(rule.id, one.name) for one in part.of or (part,)]
            for part in settling_parts(rule, verdicts.get(rule.id, {}))
        ]
        if keys and not all(settled.get(key) for key in keys[0]):
            found += [key for part in keys[1:] for key in part]
    return tuple(found)
