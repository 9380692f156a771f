"""What would follow if a person answered so: by the code by which the graph decides, and reading nothing besides.

A person sees it while judging, and whoever takes an answer knows from it what the answer will do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from cases.case import Case
from cases.decision import Action, Answer, Escalation, InformationRequest, Outcome, Review
from cases.evidence import Evidence
from cases.finding import Derived, Finding, Judgement, Key, PartFinding, Status
from cases.problem import Record
from graphs.assess import as_recommended, findings_of, open_keys, outcome_of
from graphs.docket import Judged, persons_ballot
from graphs.sanction import Ground, sanction_for
from policies.corpus import Corpus


class Foreseen(Record):
    """What would follow from an answer.

    Attributes:
        outcome: none while something is open.
        carrier: the clause that carries a violation, and `type` its type; empty without one.
        action: of the clause's ladder, or in its place; its `step` counts from 0. None without violation or ladder.
        steps: that the ladder has; `strikes`: counted against the seller; `person`: this step asks for a person.
        open: parts that keep the outcome open, of the heaviest clause first; beside a confirmed outcome, those that it
            leaves aside.
        conflicts: pairs of clauses (permit, forbid) of which nobody has said which governs.
        statuses: of each candidate.
        notice: to the seller, in the case's language.
        new_round: the case would be judged anew first, for a clause was added, or its text has changed; nothing else
            can be foreseen then.
    """

    outcome: Outcome | None = None
    carrier: str = ""
    type: str = ""
    action: Action | None = None
    steps: int = 0
    strikes: int = 0
    person: bool = False
    open: tuple[Key, ...] = ()
    conflicts: tuple[Key, ...] = ()
    statuses: dict[str, Status] = Field(default_factory=dict)
    notice: str = ""
    new_round: bool = False


@dataclass(frozen=True)
class _Word:
    """What a person says: the parts of a review that bear on the decision."""

    judgements: tuple[Judgement, ...]
    governs: str = ""
    confirmed: bool = False
    action: str = ""
    notice: str = ""


def foresee(
    corpus: Corpus,
    case: Case,
    line: Mapping[str, Any],
    judgements: Iterable[Judgement],
    *,
    governs: str = "",
    requested: bool = False,
    confirmed: bool = False,
) -> Foreseen:
    """What would follow if a person answered an escalation with these judgements.

    Args:
        corpus: the policies in force.
        case: as it came in.
        line: the stored result line of the escalated case.
        judgements: the person's; none shows the case as it stands.
        governs: the clause that the person, or one before, has named as governing.
        requested: the seller has been asked already.
        confirmed: the person confirms the recommendation.
    """
    return _follow(corpus, case, line, _Word(tuple(judgements), governs, confirmed), requested=requested)


def foresee_review(
    corpus: Corpus, case: Case, line: Mapping[str, Any], review: Review, earlier: Iterable[Answer] = ()
) -> Foreseen:
    """What would follow from a whole review, its own action and notice included; see `foresee`.

    Args:
        corpus: the policies in force.
        case: as it came in.
        line: the stored result line of the escalated case.
        review: the answer.
        earlier: the answers that the case was given before, in their order.
    """
    if review.add_clauses:
        return Foreseen(new_round=True)
    before = tuple(earlier)
    named = [answer.governs for answer in (*before, review) if isinstance(answer, Review) and answer.governs]
    word = _Word(
        judgements=review.judgements,
        governs=named[-1] if named else "",
        confirmed=review.confirmed,
        action=review.action or "",
        notice=review.notice or "",
    )
    requested = any(isinstance(answer, InformationRequest) for answer in before)
    foreseen = _follow(corpus, case, line, word, requested=requested)
    # One that settles nothing leaves the case where it is, whatever the findings would say.
    undecided = {"outcome": None, "carrier": "", "type": "", "action": None, "notice": ""}
    return foreseen if review.settles else foreseen.model_copy(update=undecided)


def _follow(corpus: Corpus, case: Case, line: Mapping[str, Any], word: _Word, *, requested: bool) -> Foreseen:
    escalation = Escalation.model_validate(line["escalation"])
    if _changed(escalation.findings, corpus):
        return Foreseen(new_round=True)
    judged = Judged(
        clauses=tuple(corpus.clauses[clause_id] for clause_id in line["clauses"] if clause_id in corpus.clauses),
        findings=_with(escalation, word.judgements),
        governs=word.governs,
        requested=requested or bool(word.judgements or word.governs or word.confirmed),
    )
    derived = outcome_of(judged)
    if word.confirmed:
        judged, derived = as_recommended(judged, derived, requested=requested)
    return _foreseen(judged, derived, _ground(corpus, case, line), word)


def _changed(findings: Iterable[Finding], corpus: Corpus) -> bool:
    """Whether any clause that was judged reads otherwise now, or is gone."""
    known = corpus.clauses
    return any(
        finding.parts and (finding.clause_id not in known or known[finding.clause_id].sha256 != finding.clause_sha256)
        for finding in findings
    )


def _with(escalation: Escalation, said: Iterable[Judgement]) -> dict[str, dict[str, PartFinding]]:
    """The findings, in which a person's judgements have replaced the parts' verdicts."""
    findings = {f.clause_id: {part.part: part for part in f.parts} for f in escalation.findings}
    for judgement in said:
        parts = findings.setdefault(judgement.clause_id, {})
        held = parts.get(judgement.part)
        ballots = (*(held.ballots if held else ()), persons_ballot(judgement, "", escalation.round))
        parts[judgement.part] = PartFinding(
            part=judgement.part, verdict=judgement.verdict, basis="person", ballots=ballots
        )
    return findings


def _ground(corpus: Corpus, case: Case, line: Mapping[str, Any]) -> Ground:
    evidence = tuple(Evidence.model_validate(item) for item in line["evidence"])
    past = set(line.get("past", ()))
    current = tuple(item for item in evidence if item.id not in past)
    # The title is marked with the language in which the case was read, stated or guessed.
    marked = (item.language for item in evidence if item.source == "listing.title")
    return Ground(corpus, case, evidence, current, next(marked, case.language or ""))


def _foreseen(judged: Judged, derived: Derived, ground: Ground, word: _Word) -> Foreseen:
    sanction = sanction_for(judged, derived, findings_of(judged, derived), ground, word.action, word.notice)
    carrier = judged.clause(derived.carrier) if derived.carrier and derived.outcome == "violation" else None
    return Foreseen(
        outcome=derived.outcome,
        carrier=carrier.id if carrier else "",
        type=carrier.type if carrier else "",
        action=sanction.action if sanction else None,
        steps=sanction.rung.steps if sanction else 0,
        strikes=sanction.rung.strikes if sanction else 0,
        person=sanction.rung.person if sanction else False,
        open=open_keys(judged, derived),
        conflicts=derived.conflicts,
        statuses=derived.statuses,
        notice=sanction.notice if sanction else "",
    )
