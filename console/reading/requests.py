"""What the seller may be asked: composed from the open question, in the seller's language."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from cases.case import Case
from cases.decision import Escalation, Question
from policies.corpus import Corpus

_DAYS = (3, 5, 7, 14)


@dataclass(frozen=True)
class Composed:
    """A request to the seller, for a person to change and send.

    Attributes:
        language: of the text; `gloss`: the same in English, where it is not.
        days: until which the seller may answer, the first proposed.
    """

    text: str
    language: str
    gloss: str
    days: tuple[date, ...]


def compose(escalation: Escalation, case: Case, corpus: Corpus, today: date) -> Composed:
    """Compose the request that would settle the questions, from the corpus's sentences.

    Args:
        escalation: with its questions, and what would settle each.
        case: whose language it is written in, else English.
        corpus: with the sentence `ask` in its phrases.
        today: from which days are counted.
    """
    spoken = (case.language or "en").split("-")[0]
    language = spoken if "ask" in corpus.phrases.get(spoken, {}) else "en"
    wanted = [_wanted(question, corpus).rstrip(".") for question in escalation.questions]
    what = "; ".join(dict.fromkeys(filter(None, wanted)))
    return Composed(
        text=_filled(corpus, language, escalation, case, what),
        language=language,
        gloss=_filled(corpus, "en", escalation, case, what) if language != "en" else "",
        days=tuple(today + timedelta(days=days) for days in _DAYS),
    )


def _wanted(question: Question, corpus: Corpus) -> str:
    """What would settle a question; of one that is to be confirmed, what it is about."""
    clause = corpus.clauses.get(question.clause_id)
    part = clause.rule.judged.get(question.part) if clause else None
    if question.kind == "confirm":
        return part.text if part else ""
    return question.would_settle


def _filled(corpus: Corpus, language: str, escalation: Escalation, case: Case, what: str) -> str:
    phrases = corpus.phrases.get(language, {})
    values = {"title": case.subject.title, "listing_id": case.subject.id, "what": what}
    text = " ".join(filter(None, (phrases.get("ask"), phrases.get(f"ask_{escalation.meanwhile}"))))
    # One pass: a title that spells "{what}" stays as it is.
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), text)
