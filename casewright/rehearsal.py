"""Rehearsing a snapshot: examples and golden cases go through the real order of work, and have no effects."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cases.decision import Decision, Escalation
from cases.finding import Finding
from casewright.evaluating import NO_RECORDS, audited
from casewright.settings import Settings
from casewright.wiring import AuditorKind, Office, Ports, make_tools, open_office, seller_rows
from evaluation.example_trial import KNOWN_SELLER
from evaluation.golden_case import Expectable, GoldenCase, GoldenSet
from evaluation.reading_examples import Reading
from graphs.passes import Line
from tools.image_checks.checks import ImageChecks
from tools.seller_history import SellerHistory, SellerRows


@dataclass(frozen=True)
class Comes:
    """What comes of a case, as far as somebody would notice another result.

    Attributes:
        outcome: `person` where it is handed on.
        action: the name of what is done about a violation.
        clauses: violated ones.
        asked: what a person is asked, each as `clause part`, or the kind of question.
        reasons: why it goes to a person.
        findings: every clause that was judged, by id.
    """

    outcome: Expectable
    action: str = ""
    clauses: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    findings: Mapping[str, Finding] = field(default_factory=dict)

    @property
    def hand(self) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
        """What has to differ for a case to have changed hands."""
        return (self.outcome, self.action, self.clauses, self.asked)

    def plain(self) -> dict[str, Any]:
        """As JSON, without the findings."""
        return {name: getattr(self, name) for name in ("outcome", "action", "clauses", "asked", "reasons")}


@asynccontextmanager
async def open_rehearsal(settings: Settings, policies: Path, kind: AuditorKind) -> AsyncIterator[Office]:
    """Open an office for one snapshot, without the user's records: these would answer for other sellers.

    Raises:
        Invalid: where the corpus is not valid.
        BadSetting: where a setting of the model is missing or wrong.
    """
    bare = settings.model_copy(update={**NO_RECORDS, "policies": policies})
    async with open_office(bare, kind) as office:
        yield office


async def try_readings(office: Office, readings: Sequence[Reading]) -> list[Comes]:
    """Audit examples, each as the title of a listing by a seller of whom the platform has no record."""
    tools = {**office.tools, SellerHistory.name: SellerHistory(SellerRows([KNOWN_SELLER]))}
    came = await audited(replace(office, tools=tools), [reading.case for reading in readings], None)
    return [comes_of(came[reading.case.id].line) for reading in readings]


async def try_golden(office: Office, golden: GoldenSet) -> dict[str, Comes]:
    """Audit golden cases with the records that lie beside them; by the id of the golden case.

    Raises:
        Invalid: where a file of records is not valid.
    """
    with _beside(office, golden) as ready:
        came = await audited(ready, [row.case for row in golden], golden.folder)
    return {row.id: comes_of(came[row.case.id].line) for row in golden}


@contextmanager
def _beside(office: Office, golden: GoldenSet) -> Iterator[Office]:
    """The office with the tools that read the records of a golden set."""
    settings = office.settings.model_copy(update=golden.records)
    tools = make_tools(settings, office.corpus, office.search, Ports(sellers=seller_rows(settings.sellers)))
    try:
        yield replace(office, settings=settings, tools=tools)
    finally:
        for tool in tools.values():
            if isinstance(tool, ImageChecks):
                tool.close()


def comes_of(line: Line) -> Comes:
    """Read what came of a case from its result line, decided or escalated."""
    if line["status"] == "decided":
        decision = Decision.model_validate(line["decision"])
        violated = tuple(f.clause_id for f in decision.findings if f.status == "fulfilled" and not f.lifted_by)
        return Comes(
            outcome=decision.outcome,
            action=decision.action.name if decision.action else "",
            clauses=violated if decision.outcome == "violation" else (),
            findings={finding.clause_id: finding for finding in decision.findings},
        )
    escalation = Escalation.model_validate(line["escalation"])
    return Comes(
        outcome="person",
        asked=tuple(f"{q.clause_id} {q.part}" if q.kind == "part" else q.kind for q in escalation.questions),
        reasons=escalation.reasons,
        findings={finding.clause_id: finding for finding in escalation.findings},
    )


def touching(golden: GoldenSet, clauses: Sequence[str]) -> GoldenSet:
    """The cases of a golden set whose right answer names one of some clauses."""
    wanted = set(clauses)
    return replace(golden, cases=tuple(row for row in golden if wanted & named_by(row)))


def named_by(row: GoldenCase) -> set[str]:
    """Clauses that the right answer of a golden case names."""
    asked = row.expected.question
    return {*row.expected.clauses, *row.expected.parts, *([asked.clause] if asked and asked.clause else [])}
