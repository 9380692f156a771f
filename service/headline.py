"""What a list shows of a question, and what a search finds it by: kept beside it, so that no body is opened for it."""

import unicodedata

from cases.case import Case
from cases.decision import Decision, Escalation, QuestionKind
from cases.problem import Record

_LONGEST = 600
"""Characters of a question in a list; the whole is read at the case."""
_WORDS = 8
"""Words that a search looks for at most."""


class Headline(Record):
    """A question as a line of a list.

    Attributes:
        title: of the subject.
        question: the first question's text; `kind`, `clause_id` and `part` are the first question's, too.
        questions: how many there are.
        recommended: the agent's recommendation, as `outcome` or `outcome/action`; empty without one.
    """

    title: str = ""
    question: str = ""
    kind: QuestionKind = "confirm"
    questions: int = 0
    clause_id: str = ""
    part: str = ""
    recommended: str = ""


def headline_of(title: str, escalation: Escalation) -> Headline:
    """An escalation about a subject of this title, as a line of a list."""
    first = escalation.questions[0]
    shortened = first.text if len(first.text) <= _LONGEST else f"{first.text[: _LONGEST - 1].rstrip()}…"
    return Headline(
        title=title,
        question=shortened,
        kind=first.kind,
        questions=len(escalation.questions),
        clause_id=first.clause_id,
        part=first.part,
        recommended=came_to(escalation.recommended) if escalation.recommended else "",
    )


def came_to(decision: Decision) -> str:
    """What a decision comes to, as `outcome` or `outcome/action`."""
    return f"{decision.outcome}/{decision.action.name}" if decision.action else decision.outcome


def sought_in(case: Case) -> str:
    """What a search looks through: the ids of case, listing and seller, and the title."""
    return folded(f"{case.id}\n{case.subject.id}\n{case.seller_id}\n{case.subject.title}")


def patterns(query: str) -> list[str]:
    """What a person types, as patterns of LIKE: each word has to stand somewhere, also inside another word.

    Inside another word, because half of the world's scripts put no space between words.
    """
    escaped = folded(query).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return [f"%{word}%" for word in escaped.split()[:_WORDS]]


def folded(text: str) -> str:
    """A text without large letters, full width and U+0000, which nobody types (Unicode, 3.13: NFKC, case folding)."""
    return unicodedata.normalize("NFKC", text).casefold().replace("\0", "\ufffd")
