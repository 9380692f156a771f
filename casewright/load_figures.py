"""The figures of a drive: how long, how many, what was lost, what was decided twice."""

import math
from collections.abc import Iterable

from cases.problem import Record
from casewright.driving import Fate, Ride

_NAMED = 10
"""How many cases are named of those that should not be."""


class Times(Record):
    """Percentiles of durations, in seconds, by nearest rank: the least that no fewer than so many do not exceed."""

    p50: float
    p95: float
    p99: float
    most: float


class LoadFigures(Record):
    """What a drive has measured; times in seconds, rates a second.

    Attributes:
        submitted: cases that were due. Each is one of: taken, known before, refused, never taken.
        offered_rate: of the arrivals, as they came out.
        driver_late: how much later than due a case was sent; large figures say that the driver itself was too slow.
        full: answers that there is no room; unanswered: attempts without an answer, or with an error of the service's.
        accepted: from due to taken, waiting for room included.
        outcome: from due to the first of decided and escalated, as the events tell it.
        throughput: outcomes a second, from the first case's due moment to the last outcome.
        lost: cases that were taken and have no outcome; lost_named: the first of them.
        decided_twice: cases with two events of a decision that have different ids; twice_named: the first of them.
        refused_named: the first that were refused, and why.
    """

    submitted: int
    taken: int
    known: int
    refused: int
    never_taken: int
    full: int
    unanswered: int
    offered_rate: float | None
    driver_late: Times | None
    accepted: Times | None
    outcome: Times | None
    decided: int
    escalated: int
    throughput: float | None
    lost: int
    lost_named: tuple[str, ...]
    decided_twice: int
    twice_named: tuple[str, ...]
    refused_named: dict[str, str]


def figures_of(ride: Ride) -> LoadFigures:
    """Count a drive. Cases that the service knew before are counted as such, and nowhere else."""
    fates = ride.fates
    new = {case_id: fate for case_id, fate in fates.items() if fate.taken and not fate.known}
    ended = [fate.at for fate in new.values() if fate.at]
    lost = [case_id for case_id, fate in new.items() if not fate.outcome]
    twice = [case_id for case_id, fate in fates.items() if len(fate.decisions) > 1]
    refused = {case_id: fate.refused for case_id, fate in fates.items() if fate.refused}
    dues = [fate.due for fate in fates.values()]
    known = sum(fate.known for fate in fates.values())
    return LoadFigures(
        submitted=len(fates),
        taken=len(new),
        known=known,
        refused=len(refused),
        never_taken=len(fates) - len(new) - known - len(refused),
        full=ride.full,
        unanswered=ride.unanswered,
        offered_rate=_rate(len(dues) - 1, dues),
        driver_late=times(fate.sent - fate.due for fate in fates.values()),
        accepted=times(fate.taken - fate.due for fate in new.values() if fate.taken),
        outcome=times(fate.at - fate.due for fate in new.values() if fate.at),
        decided=_count(new, "decided"),
        escalated=_count(new, "escalated"),
        throughput=_rate(len(ended), [*dues[:1], *ended]),
        lost=len(lost),
        lost_named=tuple(lost[:_NAMED]),
        decided_twice=len(twice),
        twice_named=tuple(twice[:_NAMED]),
        refused_named=dict(list(refused.items())[:_NAMED]),
    )


def times(durations: Iterable[float]) -> Times | None:
    """Percentiles of some durations; none where there are none."""
    ordered = sorted(durations)
    if not ordered:
        return None
    p50, p95, p99, most = (round(ordered[math.ceil(p / 100 * len(ordered)) - 1], 4) for p in (50, 95, 99, 100))
    return Times(p50=p50, p95=p95, p99=p99, most=most)


def _count(fates: dict[str, Fate], outcome: str) -> int:
    return sum(fate.outcome == outcome for fate in fates.values())


def _rate(count: int, moments: list[float]) -> float | None:
    took = max(moments, default=0.0) - min(moments, default=0.0)
    return round(count / took, 2) if took > 0 else None


def printed(figures: LoadFigures, statuses: dict[str, str]) -> list[str]:
    """Write figures for people, a line each.

    Args:
        figures: to write.
        statuses: what the service says of the cases that are named as lost.
    """
    late = f"; the driver was late by {_times(figures.driver_late)}" if figures.driver_late else ""
    others = f"known before {figures.known}, refused {figures.refused}, never taken {figures.never_taken}"
    outcomes = f"{figures.decided} decided, {figures.escalated} with a person"
    lines = [
        f"submitted      {figures.submitted} at {_per_second(figures.offered_rate)}{late}",
        f"taken          {figures.taken}; {others}",
        f"held off       {figures.full} times for want of room; no answer {figures.unanswered} times",
        f"accepted in    {_times(figures.accepted)}",
        f"outcome in     {_times(figures.outcome)}",
        f"outcomes       {outcomes}; {_per_second(figures.throughput)}",
        f"lost           {figures.lost}",
        *(f"  {case_id}: {statuses.get(case_id, '')}" for case_id in figures.lost_named),
        f"decided twice  {figures.decided_twice}",
        *(f"  {case_id}" for case_id in figures.twice_named),
    ]
    return [*lines, *(f"refused {case_id}: {why}" for case_id, why in figures.refused_named.items())]


def _per_second(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1f}/s"


def _times(found: Times | None) -> str:
    if found is None:
        return "-"
    values = (("p50", found.p50), ("p95", found.p95), ("p99", found.p99), ("most", found.most))
    return ", ".join(f"{name} {_duration(seconds)}" for name, seconds in values)


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
