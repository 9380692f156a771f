"""The corpus as a list: which clauses are asked for, how each stands on a day, and what a search has found it by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

from policies.clause import Clause
from policies.corpus import Corpus
from policies.document import document_of
from policies.family import governing, lineage
from policies.folding import fold

State = Literal["in_force", "not_yet", "ended", "replaced"]
_WORDS = 8
"""Words of a search that are looked for at most."""
_AROUND = 60
"""Code points of a text that are shown on either side of what was found."""


@dataclass(frozen=True)
class Choice:
    """Which clauses are wanted.

    Attributes:
        words: all of which a clause has to hold, in whatever field.
        region: in which it holds, now or at another time; empty: anywhere.
        type: of violation, or its first half (`restricted`); empty: every one.
        on: the day on which they are looked at.
    """

    words: str
    region: str
    type: str
    on: date


@dataclass(frozen=True)
class Row:
    """A clause of the list.

    Attributes:
        replaced_by: the variant that governs the chosen region in its place.
        found: what it was found by, where its title and id do not show it.
    """

    clause: Clause
    state: State
    replaced_by: str = ""
    found: str = ""


def listed(corpus: Corpus, choice: Choice) -> list[Row]:
    """The chosen clauses: by id, or the best found first where words are sought."""
    found = _sought(corpus, choice.words)
    rows = [
        _row(corpus, corpus.clauses[clause_id], choice, told)
        for clause_id, told in found.items()
        if _wanted(corpus, corpus.clauses[clause_id], choice)
    ]
    return rows if choice.words.split() else sorted(rows, key=lambda row: row.clause.id)


def _wanted(corpus: Corpus, clause: Clause, choice: Choice) -> bool:
    if choice.type and choice.type not in {clause.type, clause.type.partition(".")[0]}:
        return False
    return not choice.region or covers(corpus, clause, choice.region)


def covers(corpus: Corpus, clause: Clause, region: str) -> bool:
    """Tell whether a clause names a region, on whatever day and whatever replaces it there."""
    return corpus.covers(clause.regions, region) and not corpus.covers(clause.except_, region)


def _row(corpus: Corpus, clause: Clause, choice: Choice, found: str) -> Row:
    state, replaced_by = standing(corpus, clause, choice.region, choice.on)
    return Row(clause, state, replaced_by, found)


def standing(corpus: Corpus, clause: Clause, region: str, on: date) -> tuple[State, str]:
    """How a clause stands on a day; with the id of the variant that governs a region in its place."""
    if on < clause.in_force.from_:
        return "not_yet", ""
    if clause.in_force.to is not None and clause.in_force.to <= on:
        return "ended", ""
    held = governing(corpus, region, on) if region and covers(corpus, clause, region) else (clause,)
    if any(c.id == clause.id for c in held):
        return "in_force", ""
    heirs = [c.id for c in held if any(above.id == clause.id for above in lineage(c, corpus))]
    return "replaced", heirs[0] if heirs else ""


@dataclass(frozen=True)
class _Field:
    """A text of a clause, as written and folded; `rank`: 0 for its names, 1 for other names, 2 for its text."""

    rank: int
    text: str
    folded: str


@lru_cache(maxsize=2)
def _fields(corpus: Corpus) -> dict[str, tuple[str, tuple[_Field, ...]]]:
    """Every text that a search looks through, by clause, joined and apart: folded once for a corpus."""
    fields = {clause.id: tuple(_fields_of(clause)) for clause in corpus.clauses.values()}
    return {clause_id: ("\n".join(f.folded for f in held), held) for clause_id, held in fields.items()}


def _fields_of(clause: Clause) -> Iterable[_Field]:
    phrases = [phrase for said in document_of(clause).aliases.values() for phrase in said]
    ranked = [(0, f"{clause.title} {clause.id} {clause.type}"), *((1, phrase) for phrase in phrases), (2, clause.text)]
    for rank, text in ranked:
        yield _Field(rank, text, fold(text).text)


def _sought(corpus: Corpus, words: str) -> dict[str, str]:
    """Ids of clauses that hold every word, the best first, with what shows it; all of them where there is no word."""
    asked = fold(words).text.split()[:_WORDS]
    if not asked:
        return dict.fromkeys(corpus.clauses, "")
    found = []
    for clause_id, (joined, fields) in _fields(corpus).items():
        if all(word in joined for word in asked):
            apart, rank, at = _best(fields, asked)
            found.append((apart, rank, clause_id, _shown(fields[at], asked) if rank else ""))
    return {clause_id: told for *_, clause_id, told in sorted(found)}


def _best(fields: Sequence[_Field], asked: Sequence[str]) -> tuple[bool, int, int]:
    """The best text that holds every word; else, of the best for each, the worst.

    Returns:
        Whether the words stand apart, the text's rank, and which text it is.
    """
    whole = [(f.rank, at) for at, f in enumerate(fields) if all(word in f.folded for word in asked)]
    if whole:
        return (False, *min(whole))
    return (True, *max(min((f.rank, at) for at, f in enumerate(fields) if word in f.folded) for word in asked))


def _shown(field: _Field, asked: Sequence[str]) -> str:
    """The words around what was found; another name as it is."""
    if field.rank == 1:
        return field.text
    folded = fold(field.text)
    at, word = min((folded.text.find(word), word) for word in asked if word in folded.text)
    start, end = folded.span(at, at + len(word))
    before, after = field.text[max(0, start - _AROUND) : start], field.text[end : end + _AROUND]
    head = "…" if start > _AROUND else ""
    tail = "…" if end + _AROUND < len(field.text) else ""
    return f"{head}{before}{field.text[start:end]}{after}{tail}".replace("\n", " ")
