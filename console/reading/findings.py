"""Findings as the page shows them: each part with its verdict, its quotes, and the ballots behind it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cases.evidence import Evidence, Quote
from cases.finding import Ballot, Finding, PartFinding, Verdict
from cases.rule import Part
from console.reading.quotes import Cited, Numbers, cite
from graphs.rationale import names_part
from policies.clause import Clause


@dataclass(frozen=True)
class Cast:
    """One ballot."""

    judge: str
    model: str
    verdict: Verdict
    basis: str
    quotes: tuple[Cited, ...]
    for_: tuple[Cited, ...]
    against: tuple[Cited, ...]
    why: str


@dataclass(frozen=True)
class Row:
    """One part of a clause, as it stands.

    Attributes:
        key: clause and part, as forms name it.
        role: element or exemption; `group` where it is a member of one.
        differ: its ballots do not all say the same.
        weight: that it counts in its group.
    """

    key: str
    name: str
    role: str
    text: str
    verdict: Verdict
    basis: str
    quotes: tuple[Cited, ...]
    why: str
    ballots: tuple[Cast, ...]
    group: str = ""
    weight: int = 1
    appraisal: bool = False

    @property
    def differ(self) -> bool:
        """Whether its ballots do not all say the same."""
        return len({cast.verdict for cast in self.ballots}) > 1


@dataclass(frozen=True)
class Judged:
    """One clause with its parts.

    Attributes:
        settling: of one that is not fulfilled, the part that settles it.
        known: the corpus still has it.
    """

    clause_id: str
    title: str
    effect: str
    type: str
    status: str
    lifted_by: str
    rows: tuple[Row, ...]
    settling: Row | None
    known: bool = True


def key_of(clause_id: str, part: str) -> str:
    """How forms name a part of a clause."""
    return f"{clause_id}|{part}"


def judged(
    finding: Finding, clause: Clause | None, title: str, numbers: Numbers, evidence: dict[str, Evidence]
) -> Judged:
    """One finding for the page; the clause is None where the corpus has it no more."""
    parts = clause.rule.judged if clause else {}
    rows = tuple(_row(finding.clause_id, found, parts.get(found.part), numbers, evidence) for found in finding.parts)
    return Judged(
        clause_id=finding.clause_id,
        title=clause.title if clause else title,
        effect=clause.effect if clause else "forbid",
        type=finding.type,
        status=finding.status,
        lifted_by=finding.lifted_by or "",
        rows=rows,
        settling=next((row for row in rows if names_part(finding.settled_by, row.name)), None),
        known=clause is not None,
    )


def _row(clause_id: str, found: PartFinding, part: Part | None, numbers: Numbers, evidence: dict[str, Evidence]) -> Row:
    said = found.speaking
    group, _, _ = found.part.rpartition(".")
    return Row(
        key=key_of(clause_id, found.part),
        name=found.part,
        role=part.role if part else "element",
        text=part.text if part else "",
        verdict=found.verdict,
        basis=found.basis,
        quotes=tuple(cite(quote, numbers, evidence) for quote in said.quotes) if said else (),
        why=said.why if said else "",
        ballots=tuple(_cast(ballot, numbers, evidence) for ballot in found.ballots),
        group=group,
        weight=part.weight if part else 1,
        appraisal=bool(part and part.appraisal),
    )


def _cast(ballot: Ballot, numbers: Numbers, evidence: dict[str, Evidence]) -> Cast:
    def cited(quotes: Iterable[Quote]) -> tuple[Cited, ...]:
        return tuple(cite(quote, numbers, evidence) for quote in quotes)

    said = ballot.judgement
    return Cast(
        judge=ballot.judge.prompt,
        model=ballot.judge.model,
        verdict=said.verdict,
        basis=said.basis,
        quotes=cited(said.quotes),
        for_=cited(ballot.for_),
        against=cited(ballot.against),
        why=said.why,
    )


def at_stake(findings: Iterable[Finding], asked: set[str]) -> tuple[list[Finding], list[Finding]]:
    """Findings that an answer can turn on (fulfilled, open, or asked about), and the others."""
    all_of = list(findings)
    stake = [f for f in all_of if f.status != "not_fulfilled" or f.clause_id in asked]
    return stake, [f for f in all_of if f not in stake]


def titles_of(texts: Mapping[str, str]) -> dict[str, str]:
    """Each clause's title as it was judged: the first line of its text."""
    return {clause_id: text.split("\n", 1)[0] for clause_id, text in texts.items()}
