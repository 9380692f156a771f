"""Baselines: what simpler deciders come to on the same cases. A figure says little until theirs stand beside it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agents.rulebook import judge_part
from cases.case import Case
from cases.cutting import cut_case
from cases.evidence import Evidence
from cases.finding import Verdict, derive
from cases.problem import Record
from evaluation.golden_case import Expectable, GoldenSet
from evaluation.intervals import Rate, rate
from policies.corpus import Corpus
from policies.document import document_of
from policies.lexical import LexicalIndex
from policies.table import lay

Answer = tuple[Expectable, Expectable]
"""What is right of a case, and what came."""


class Baseline(Record):
    """What a decider comes to; the rates are those of `Figures`.

    Attributes:
        name: who decides, in words.
        tuned_on: the split that something in it was chosen on; empty where nothing was.
    """

    name: str
    tuned_on: str = ""
    outcome: Rate
    alone: Rate
    alone_right: Rate
    unsafe: Rate
    wrongly_convicted: Rate


def baseline(name: str, answers: Sequence[Answer], tuned_on: str = "") -> Baseline:
    """Count a decider's answers."""
    alone = [(right, got) for right, got in answers if got != "person"]
    return Baseline(
        name=name,
        tuned_on=tuned_on,
        outcome=rate(sum(right == got for right, got in answers), len(answers)),
        alone=rate(len(alone), len(answers)),
        alone_right=rate(sum(right == got for right, got in alone), len(alone)),
        unsafe=rate(sum(got == "no_violation" != right for right, got in alone), len(alone)),
        wrongly_convicted=rate(sum(got == "violation" != right for right, got in alone), len(alone)),
    )


@dataclass(frozen=True)
class LexicalOnly:
    """Decides every case by the word search alone: a violation where the best clause that forbids scores enough.

    The clauses are indexed as the clause search does it, with the words of their signs as other names; but no sign is
    fired, no number measured, no record or picture looked at, and nobody is ever asked.
    """

    corpus: Corpus
    index: LexicalIndex

    @classmethod
    def of(cls, corpus: Corpus) -> "LexicalOnly":
        """Index a corpus, in memory."""
        return cls(corpus, LexicalIndex.build([document_of(clause) for clause in corpus.clauses.values()]))

    def score(self, case: Case) -> float:
        """BM25 of the best clause in force that forbids; 0 where none has a word in common with the case."""
        day = self.corpus.local_day(case.opened_at, case.region)
        forbids = [clause.id for clause in self.corpus.in_force(case.region, day) if clause.effect == "forbid"]
        language = case.language or ""
        told = [d.text for d in cut_case(case, day, language) if d.source.startswith(("listing.", "report:"))]
        found = self.index.top("\n".join(told), forbids, 1, language)["words"] if forbids else {}
        return max(found.values(), default=0.0)

    def answers(self, asked: GoldenSet, least: float) -> list[Answer]:
        """Decide every case of a set."""
        return [(row.expected.outcome, _convicted(self.score(row.case), least)) for row in asked]

    def least(self, tuned_on: GoldenSet) -> float:
        """The score from which on convicting gives the most right outcomes of a set; of equals the lowest."""
        scored = [(self.score(row.case), row.expected.outcome) for row in tuned_on]

        def right(least: float) -> int:
            return sum(_convicted(score, least) == outcome for score, outcome in scored)

        return max(sorted({0.0, *(score for score, _ in scored)}), key=right)


def _convicted(score: float, least: float) -> Expectable:
    return "violation" if score >= least else "no_violation"


def unverified(
    case: Case, evidence: tuple[Evidence, ...], candidates: Iterable[str], language: str, corpus: Corpus
) -> Expectable:
    """What the rulebook's judgements come to by themselves, with no verification and no guard; open: a person.

    Args:
        case: as read.
        evidence: that the audit had.
        candidates: ids of the clauses that it judged.
        language: of the case.
        corpus: in force.
    """
    table = lay(corpus, case, evidence, language)
    clauses = [corpus.clauses[clause_id] for clause_id in candidates]
    verdicts: dict[str, dict[str, Verdict]] = {
        clause.id: {name: judge_part(clause, part, table).verdict for name, part in clause.rule.judged.items()}
        for clause in clauses
    }
    return derive([clause.rule for clause in clauses], verdicts).outcome or "person"
