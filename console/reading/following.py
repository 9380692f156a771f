"""What follows from judgements, in words: what each answer would cause, before and after it is given."""

from collections.abc import Sequence
from typing import Literal

from cases.decision import Decision, InformationRequest, Review
from cases.finding import Judgement, Verdict
from console.reading.case_file import CaseFile
from console.visit import Visit
from console.words import Words
from graphs.foresight import Foreseen, foresee
from policies.corpus import Corpus

Meanwhile = Literal["keep", "hide"]


def judgement_of(key: str, verdict: Verdict, why: str = "") -> Judgement:
    """A person's judgement of one part; `key` names clause and part as forms do."""
    clause_id, _, part = key.partition("|")
    return Judgement(clause_id=clause_id, part=part, verdict=verdict, basis="person", why=why)


def foreseen_of(file: CaseFile, corpus: Corpus, judgements: Sequence[Judgement], governs: str = "") -> Foreseen:
    """What would follow if the open question of a case were answered so, after what was answered before."""
    named = [before.governs for before in file.earlier if isinstance(before, Review) and before.governs]
    requested = any(isinstance(before, InformationRequest) for before in file.earlier)
    governing = governs or (named[-1] if named else "")
    return foresee(corpus, file.case, file.line, judgements, governs=governing, requested=requested)


def in_words(seen: Foreseen, visit: Visit, meanwhile: Meanwhile) -> str:
    """What follows, as one line."""
    words = visit.words
    if seen.new_round:
        return words("case.then.new_round")
    if seen.outcome is None:
        return words.count("case.then.open", max(1, len(seen.open)))
    if seen.outcome == "no_violation":
        return words(f"case.then.cleared.{meanwhile}")
    if seen.action is None:
        return words("case.then.violation")
    days = f", {words.count('time.days', seen.action.days)}" if seen.action.days else ""
    action = visit.action(seen.action.name) + days
    return words("case.then.action", action=action, strike=_strike(seen, visit.console.corpus, words))


def _strike(seen: Foreseen, corpus: Corpus, words: Words) -> str:
    """Which strike it is, of how many until the ladder's last step."""
    clause = corpus.clauses.get(seen.carrier)
    last = clause.enforcement.ladder[-1].strikes if clause and clause.enforcement else 0
    if last > seen.strikes:
        return words("case.then.strike", n=seen.strikes + 1, of=last)
    return words("case.then.first_strike", n=seen.strikes + 1)


def unclear_in_words(words: Words, meanwhile: Meanwhile) -> str:
    """What follows if the person cannot tell, either."""
    return words(f"case.then.unclear.{meanwhile}")


def recommended_in_words(decision: Decision, visit: Visit) -> str:
    """The agent's recommendation, as one line."""
    outcome = visit.words(f"outcome.{decision.outcome}")
    return f"{outcome}: {visit.action(decision.action.name)}" if decision.action else outcome
