"""Questions as the page puts them: one at a time in hand, each answer with what it would cause."""

from collections.abc import Sequence
from dataclasses import dataclass

from cases.decision import Escalation, Question
from cases.evidence import Evidence
from console.reading.findings import Judged, Row, key_of
from console.reading.quotes import Cited, Numbers, cite


@dataclass(frozen=True)
class Ask:
    """What is put to the person about one part, one choice of clause, or one gap.

    Attributes:
        key: clause and part, as forms name it; empty for a question about no part.
        kind: `part`, `confirm`, `clause` or `policy`; `other` for a part that nobody asks about.
        text: the question, or the part's own text.
        open: its verdict is not known yet, so that ballots stay sealed until the person has judged.
        stands: the verdict as it stands.
    """

    key: str
    kind: str
    text: str
    clause_id: str
    clause_title: str
    part: str
    role: str
    stands: str
    for_: tuple[Cited, ...] = ()
    against: tuple[Cited, ...] = ()
    neither: tuple[Cited, ...] = ()
    would_settle: str = ""
    governing: tuple[tuple[str, str], ...] = ()

    @property
    def open(self) -> bool:
        """Whether the question is open."""
        return self.kind in {"part", "clause", "policy"}


def asks_of(
    escalation: Escalation,
    stake: Sequence[Judged],
    clashes: Sequence[tuple[str, str]],
    numbers: Numbers,
    evidence: dict[str, Evidence],
) -> tuple[Ask, ...]:
    """The questions first, in their order; then every other part on which the outcome can turn.

    Args:
        escalation: with its questions.
        stake: the findings at stake.
        clashes: pairs (permit, forbid) of which nothing says which governs.
        numbers: gives quotes their numbers: the questions' come first.
        evidence: by id.
    """
    rows = {row.key: (judged, row) for judged in stake for row in judged.rows}
    titles = {judged.clause_id: judged.title for judged in stake}
    found: list[Ask] = []
    for question in escalation.questions:
        held = rows.pop(key_of(question.clause_id, question.part), None) if question.part else None
        pairs = [pair for pair in clashes if pair[1] == question.clause_id] if question.kind == "clause" else []
        governing = tuple((c, titles.get(c, c)) for pair in pairs for c in (pair[1], pair[0]))
        found.append(_asked(question, held[1] if held else None, governing, numbers, evidence))
    return (*found, *(_other(judged, row) for judged, row in rows.values()))


def _asked(
    question: Question,
    row: Row | None,
    governing: tuple[tuple[str, str], ...],
    numbers: Numbers,
    evidence: dict[str, Evidence],
) -> Ask:
    return Ask(
        key=key_of(question.clause_id, question.part) if question.part else "",
        kind=question.kind,
        text=question.text,
        clause_id=question.clause_id,
        clause_title=question.clause_title,
        part=question.part,
        role=row.role if row else "",
        stands=row.verdict if row else "unclear",
        for_=tuple(cite(quote, numbers, evidence) for quote in question.for_),
        against=tuple(cite(quote, numbers, evidence) for quote in question.against),
        neither=tuple(cite(quote, numbers, evidence) for quote in question.neither),
        would_settle=question.would_settle,
        governing=governing,
    )


def _other(judged: Judged, row: Row) -> Ask:
    return Ask(
        key=row.key,
        kind="other",
        text=row.text,
        clause_id=judged.clause_id,
        clause_title=judged.title,
        part=row.name,
        role=row.role,
        stands=row.verdict,
        for_=row.quotes if row.verdict == "met" else (),
        against=row.quotes if row.verdict == "not_met" else (),
        neither=row.quotes if row.verdict == "unclear" else (),
    )


def number_questions(escalation: Escalation, numbers: Numbers) -> None:
    """Give the questions' quotes the first numbers."""
    for question in escalation.questions:
        for quote in (*question.for_, *question.against, *question.neither):
            numbers.of(quote)
