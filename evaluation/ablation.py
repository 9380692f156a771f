"""An ablation: an auditor without one of its abilities at a time, beside the auditor with all of them."""

from collections.abc import Iterable, Mapping

from cases.problem import Record
from evaluation.comparison import compare
from evaluation.scoring import Report


class Carried(Record):
    """What an ability carries: cases that come out otherwise without it.

    Attributes:
        changed: outcomes that differ.
        right_lost, right_gained: of these, right with the ability only, or without it only.
        unsafe_gained: cleared unsafely without the ability only.
    """

    ability: str
    changed: int
    right_lost: int
    right_gained: int
    unsafe_gained: int


def ablate(whole: Report, without: Mapping[str, Report]) -> tuple[Carried, ...]:
    """Say what each ability carries, in the order given.

    Args:
        whole: the report of the auditor with all its abilities.
        without: for each ability, the report on the same cases without it.

    Raises:
        OtherCases: where a report is on other cases.
    """
    return tuple(_carried(ability, whole, report) for ability, report in without.items())


def _carried(ability: str, whole: Report, report: Report) -> Carried:
    told = compare(whole, report)
    unsafe = {one.case_id for one in whole.cases if one.unsafe}
    return Carried(
        ability=ability,
        changed=len(told.flips),
        right_lost=told.lost,
        right_gained=told.won,
        unsafe_gained=sum(one.unsafe and one.case_id not in unsafe for one in report.cases),
    )


def table(carried: Iterable[Carried]) -> list[str]:
    """Lines for a terminal: a line an ability, that which carries the most right outcomes first."""
    rows = sorted(carried, key=lambda row: (-row.right_lost, -row.changed, row.ability))
    width = max([len(row.ability) for row in rows] + [len("without")])
    lines = [f"{'without':{width}}  changed  right lost  right gained  unsafe gained"]
    for row in rows:
        counts = f"{row.changed:7}  {row.right_lost:10}  {row.right_gained:12}  {row.unsafe_gained:13}"
        lines.append(f"{row.ability:{width}}  {counts}")
    return lines
