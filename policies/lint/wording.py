"""What a clause says in words: texts that two people would read in two ways, or that nobody reads to the end.

These are heuristics over English, the language that clauses are written in, and so warnings.
"""

import re
import textwrap
from collections.abc import Iterator

from cases.rule import Part
from policies.clause import Clause
from policies.corpus import pointer_of_part
from policies.lint.flaw import Flaw
from policies.lint.written import Written

SCREEN_LINES, SCREEN_WIDTH = 60, 100
"""One screen, in lines and characters."""

# A list that does not end is vague anywhere.
_OPEN_ENDED = r"etc|et cetera|and so on|and so forth|and the like|or the like|or similar|inter alia|and/or"
# A standard is vague unless the part says that it is one (`appraisal: true`), which a person then settles.
_STANDARD = (
    r"(?:in)?appropriate(?:ly)?|(?:un)?reasonabl[ey]|(?:un)?suitabl[ey]|(?:in)?adequate(?:ly)?|(?:in)?sufficient(?:ly)?"
    r"|excessive(?:ly)?|undu[el]y?|significant(?:ly)?|substantial(?:ly)?|relevant|applicable|properly|acceptabl[ey]"
    r"|(?:as|if|where) (?:needed|necessary|possible)|generally|normally|typically|usually|questionable|offensive"
    r"|obscene|indecent|tasteless"
)
_VAGUE = re.compile(rf"\b(?:{_OPEN_ENDED}|{_STANDARD})\b", re.IGNORECASE)
_VAGUE_STANDARD = re.compile(rf"\b(?:{_OPEN_ENDED})\b", re.IGNORECASE)

# Verbs that are no nouns, and so begin a second predicate after "and" wherever they stand.
_VERB = (
    r"is|are|was|were|has|have|had|does|do|did|can|cannot|could|may|might|must|will|would|shall|should"
    r"|says|tells|bears|holds|contains|comes|lacks|asks|gives|carries|weighs|belongs|refuses|promises|takes"
)
# Verbs that may be nouns ("brands and names"): they begin one where an object or a complement follows.
_VERB_OR_NOUN = (
    r"names|shows|states|claims|offers|costs|fits|looks|serves|uses|sells|sends|stands|speaks|exceeds|works|folds"
    r"|praises?|show|bear|hold"
)
_EITHER = f"(?:{_VERB}|{_VERB_OR_NOUN})"
_OBJECT = (
    r"(?:an?|the|its|their|his|it|them|no|not|none|any|all|another|each|every|that|to|at|over|under|from|more|one|\d+)"
)
_SUBJECT = r"(?:an?|the|its|their|it|they|this|that|these|each|every|somebody|nobody|one|there)"
_FIRST = re.compile(rf"\b{_EITHER}\b|^(?:It|This|The \w+) [a-z]+s\b")
_SECOND = re.compile(
    rf"(?:,? and|,? but|;)\s+(?:also\s+)?(?:"
    rf"(?:that|which|who)\s+\w+(?:\s+\w+){{0,3}}\s+{_EITHER}\b"
    rf"|(?:{_VERB})\b"
    rf"|(?:{_VERB_OR_NOUN})\s+{_OBJECT}\b"
    rf"|{_SUBJECT}(?:\s+[\w'-]+){{0,4}}?\s+{_EITHER}\b"
    r")",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\([^)]*\)|\"[^\"]*\"|“[^”]*”|«[^»]*»")

_LAW = re.compile(
    r"\b[A-Z]\w+ Act\b|\bAct(?: of)? \d|\bRegulations? (?:of )?\(?(?:E[CU]\b|No\.?|\d)|\bDirective \(?(?:E[CU]\b|\d)"
    r"|\b(?:Law|Decree|Order|Ordinance|Resolution|Code)[ ,]+(?:No\.?|nº|n°|of \d{4}|\d+/\d+)|\b(?:Act|Law) on [a-z]"
    r"|\bRegulations of \d{4}|\bCITES\b|\b(?:Penal|Criminal|Civil) Code\b|\b(?:StGB|BGB|UWG|BNatSchG)\b"
    r"|\b(?:Lei|Ley|Loi|Decreto|Decree|Akta|Undang-Undang|Luật|Nghị định) (?:No\.?|nº|n°|[Nn]omor|số|\d)"
    r"|第\d+条|พระราชบัญญัติ"
)


def check_wording(clause: Clause, written: Written) -> Iterator[Flaw]:
    """Vague words, two facts in one part, law without a reference, more than a screen."""
    for name, part in _texts(clause):
        pointer = f"{pointer_of_part(name, part)}/text"
        yield from _vague(clause, part, pointer, written)
        second = "" if part.of or part.appraisal else second_fact(part.text)
        if second:
            detail = f"two facts in one part: «{second}»"
            hint = "make it two parts, or one condition; of what is settled by one look, say what that look shows"
            yield written.flaw("two_facts", clause, pointer, detail, hint)
    law = _LAW.search(clause.text)
    if law and not clause.references:
        detail = f"it names a law («{law.group()}») and has no references"
        hint = "references: [{law, region, as_of}]: which law, where, and when somebody last looked"
        yield written.flaw("no_reference", clause, "", detail, hint)
    lines = screen_lines(clause.text)
    if lines > SCREEN_LINES:
        detail = f"its text takes {lines} lines of {SCREEN_WIDTH} characters: more than a screen"
        yield written.flaw("too_long", clause, "", detail, "shorten the prose, or make two clauses of it")


def second_fact(text: str) -> str:
    """Find where a second predicate begins ("it folds and does not lock"); empty where there is one.

    Kinds of one thing joined by "and", "or" and commas are one condition; so is what stands in brackets or quotation
    marks.
    """
    plain = _ASIDE.sub("", text)
    joined = (m for m in _SECOND.finditer(plain) if _FIRST.search(plain[: m.start()]))
    return next((m.group().lstrip(" ,;") for m in joined), "")


def screen_lines(text: str) -> int:
    """How many lines a text takes on a screen of 100 characters."""
    return sum(max(1, len(textwrap.wrap(line, SCREEN_WIDTH))) for line in text.split("\n"))


def _texts(clause: Clause) -> Iterator[tuple[str, Part]]:
    """Every part whose text is read: members, and the groups that they stand in."""
    for part in clause.rule.parts:
        yield part.name, part
        yield from ((member.name, member) for member in part.of)


def _vague(clause: Clause, part: Part, pointer: str, written: Written) -> Iterator[Flaw]:
    for found in (_VAGUE_STANDARD if part.appraisal else _VAGUE).finditer(part.text):
        hint = "say what is to be seen, or, of a standard, `appraisal: true`"
        yield written.flaw("vague_words", clause, pointer, f"«{found.group()}» can mean anything", hint)
