"""Ballots to verdicts: a part is settled when one verdict leads. Pure functions.

Repeating a judgement until one side leads by a fixed margin is Wald's sequential probability ratio test
(A. Wald, Sequential Tests of Statistical Hypotheses, Annals of Mathematical Statistics 16, 1945).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cases.finding import Ballot, Key, Verdict, Verdicts, decisive_parts, open_parts
from cases.rule import Rule

Settled = Literal["code", "lead", "contested", ""]
NARROW = "narrow"


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
    cast = [ballot.judgement.verdict for ballot in ballots if ballot.judge.prompt != NARROW]
    if not cast:
        return Tally("unclear", "")
    counted = Counter(cast).most_common()
    first, most = counted[0]
    second = counted[1][1] if len(counted) > 1 else 0
    if most - second >= lead:
        return Tally(first, "lead")
    if len(cast) > 2 * lead:
        return Tally("unclear", "contested")
    return Tally(first, "")


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
