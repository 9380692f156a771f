"""Two reports on the same cases, side by side: which outcomes flip, and whether so many could be chance."""

from typing import ClassVar, Protocol

from cases.problem import CasewrightError, Record
from evaluation.golden_case import Expectable
from evaluation.intervals import mcnemar
from evaluation.scoring import Report, changed


class OtherCases(CasewrightError):
    """the reports are on different {what}: nothing in them can be paired"""

    code: ClassVar[str] = "other_cases"
    hint: ClassVar[str] = "run both on the same folder, with the same cases.jsonl, records and pictures"


class OnCases(Protocol):
    """What says on which cases it is. Two users: a report, and a golden set that is to be run."""

    @property
    def cases_sha256(self) -> str:
        """Hash of the file of cases."""
        ...

    @property
    def evidence_sha256(self) -> str:
        """Hash of records and pictures; empty where it was not kept."""
        ...


class Flip(Record):
    """A case that came out otherwise."""

    case_id: str
    title: str
    expected: Expectable
    before: Expectable
    after: Expectable


class Comparison(Record):
    """What changes from one report to another.

    Attributes:
        flips: in the order of the cases.
        won, lost: flips that are right afterwards, or were before; a flip from wrong to wrong is neither.
        p: of McNemar's exact test (1947) on won and lost.
        other_policies: the policies differ too, so that a flip may be theirs.
    """

    flips: tuple[Flip, ...]
    won: int
    lost: int
    p: float
    other_policies: bool


def compare(before: Report, after: Report) -> Comparison:
    """Pair two reports, case by case.

    Raises:
        OtherCases: where they are not on the same cases, records and pictures.
    """
    same_cases(before, after)
    return paired(before, after)


def paired(before: Report, after: Report) -> Comparison:
    """Pair the cases that two reports have in common by their ids, whatever else has changed in the set."""
    pairs = changed(before, after)
    won = sum(new.right and not old.right for old, new in pairs)
    lost = sum(old.right and not new.right for old, new in pairs)
    return Comparison(
        flips=tuple(
            Flip(case_id=new.case_id, title=new.title, expected=new.expected, before=old.got, after=new.got)
            for old, new in pairs
        ),
        won=won,
        lost=lost,
        p=mcnemar(won, lost),
        other_policies=before.snapshot != after.snapshot,
    )


def same_cases(one: OnCases, other: OnCases) -> None:
    """Refuse what cannot be paired; raises `OtherCases`. A report that kept no hash of its evidence is believed."""
    if one.cases_sha256 != other.cases_sha256:
        raise OtherCases(what="cases")
    if one.evidence_sha256 and other.evidence_sha256 and one.evidence_sha256 != other.evidence_sha256:
        raise OtherCases(what="records or pictures")
