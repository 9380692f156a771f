"""What a violation leads to: where its clause's ladder stands for the seller, the action, and the notice. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cases.case import Case
from cases.decision import Action
from cases.evidence import Evidence, facts_of
from cases.finding import Derived, Finding
from graphs.docket import Judged
from graphs.rationale import Occasion, notice
from policies.clause import Clause
from policies.corpus import Corpus


@dataclass(frozen=True)
class Rung:
    """Where a clause's ladder stands for a seller.

    Attributes:
        person: this step asks for a person.
        strikes: counted in the clause's window, the case's own not among them.
        steps: that the ladder has.
    """

    action: Action
    person: bool
    strikes: int
    steps: int


def action_for(clause: Clause, evidence: Sequence[Evidence], day: date) -> Rung | None:
    """The rung that a clause's ladder leads to; None where it has no ladder.

    Args:
        clause: that is violated.
        evidence: that counts.
        day: the case's local day.
    """
    if clause.enforcement is None:
        return None
    strikes = strikes_of(evidence, clause.type, day, clause.enforcement.window_days)
    number, step = clause.enforcement.step_at(strikes)
    action = Action(name=step.action, clause_id=clause.id, step=number, days=step.days)
    return Rung(action, step.person, strikes, len(clause.enforcement.ladder))


def strikes_of(evidence: Sequence[Evidence], violation_type: str, day: date, window_days: int) -> int:
    """Strikes of one type in the window before `day`, from the platform's records; reversed ones do not count."""
    count = 0
    for item in evidence:
        facts = facts_of(item) if item.source.startswith("tool:seller_history/strike") else {}
        if facts.get("type") != violation_type or facts.get("reversed", "false").split()[0] in {"true", "1", "yes"}:
            continue
        try:
            at = datetime.fromisoformat(facts.get("at", "").split()[0]).date()
        except (ValueError, IndexError):
            continue
        count += timedelta(0) <= day - at <= timedelta(days=window_days)
    return count


@dataclass(frozen=True)
class Ground:
    """What a sanction goes by, beside the judgements.

    Attributes:
        evidence: every item that was ever quoted; `current`: those that count.
        language: of the case, BCP 47.
    """

    corpus: Corpus
    case: Case
    evidence: tuple[Evidence, ...]
    current: tuple[Evidence, ...]
    language: str

    @property
    def day(self) -> date:
        """The case's local day."""
        return self.corpus.local_day(self.case.opened_at, self.case.region)


@dataclass(frozen=True)
class Sanction:
    """What a violation leads to.

    Attributes:
        action: the rung's, or the one that a person has put in its place.
        notice: to the seller.
    """

    rung: Rung
    action: Action
    notice: str


def sanction_for(
    judged: Judged,
    derived: Derived,
    findings: Sequence[Finding],
    ground: Ground,
    action: str = "",
    told: str = "",
) -> Sanction | None:
    """The sanction of an outcome; None where it is no violation, or its clause has no ladder.

    Args:
        judged: candidates and judgements.
        derived: the outcome that follows from them.
        findings: the same, as they go into the decision.
        ground: what is known besides.
        action: by name, that a person has put in the place of the ladder's.
        told: the notice in a person's own words.
    """
    carrier = judged.clause(derived.carrier) if derived.carrier else None
    rung = action_for(carrier, ground.current, ground.day) if carrier and derived.outcome == "violation" else None
    if carrier is None or rung is None:
        return None
    taken = rung.action.model_copy(update={"name": action, "days": None}) if action else rung.action
    return Sanction(rung, taken, told or _notice(carrier, findings, ground))


def _notice(clause: Clause, findings: Sequence[Finding], ground: Ground) -> str:
    finding = next(finding for finding in findings if finding.clause_id == clause.id)
    subject = ground.case.subject
    occasion = Occasion(subject.title, subject.id, ground.case.region, ground.day, ground.language)
    return notice(clause, finding, occasion, ground.corpus, ground.evidence)
