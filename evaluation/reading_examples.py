"""How a clause's examples read: each as a title, once for every way in which the markets of the clause read it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from agents.rulebook import judge_part
from cases.case import Case, read_case
from cases.cutting import cut_case
from cases.evidence import number
from graphs.language import language_of
from policies.clause import Clause
from policies.corpus import Corpus, Survey
from policies.lint.written import Written
from policies.signs import SignIndex
from policies.table import Table

Side = Literal["violating", "allowed"]


@dataclass(frozen=True)
class Reading:
    """One example, as some markets read it.

    Attributes:
        markets: those in which code sees the same in it; the case stands in the first.
        case: a listing with the example as its title, and nothing else.
    """

    side: Side
    text: str
    markets: tuple[str, ...]
    case: Case


def readings_of(clause: Clause, corpus: Corpus, on: date) -> list[Reading]:
    """Read a clause's examples, violating ones first.

    Markets differ in the languages that are heard, and in the permits that may lift the clause. Where that makes no
    difference to what the rulebook sees in the example, one market stands for all of them: so an example costs an
    audit or a few, and not sixty.

    Args:
        clause: whose examples.
        corpus: that holds it.
        on: the day of trying; of a clause that is not in force on it, its first or its last day counts.

    Returns:
        Nothing where the clause governs no market.
    """
    written = Written(Path(), Survey(corpus, (), {}, {}), on, frozenset())
    reader = _Reader(clause, corpus, written.day_of(clause), written.markets(clause))
    sides: tuple[tuple[Side, tuple[str, ...]], ...] = (
        ("violating", clause.examples.violating),
        ("allowed", clause.examples.allowed),
    )
    return [reading for side, texts in sides for i, text in enumerate(texts) for reading in reader.read(side, i, text)]


class _Reader:
    """Reads one clause's examples in its markets, on one day."""

    def __init__(self, clause: Clause, corpus: Corpus, day: date, markets: tuple[str, ...]) -> None:
        self._clause = clause
        self._corpus = corpus
        self._day = day
        self._markets = markets
        self._signs = SignIndex([clause])
        self._permits = {market: self._permits_in(market) for market in markets}

    def read(self, side: Side, ordinal: int, text: str) -> Iterator[Reading]:
        """Put the markets together that see the same in a text; those that speak its language come first."""
        seen: dict[tuple[object, ...], list[str]] = {}
        looks: dict[tuple[str, ...], tuple[object, ...]] = {}
        for market in self._in_its_language_first(text):
            languages = self._corpus.languages(market)
            if languages not in looks:
                looks[languages] = self._look(text, market, languages)
            seen.setdefault((*looks[languages], self._permits[market]), []).append(market)
        for markets in seen.values():
            case = case_of_title(f"{side}-{ordinal}-{markets[0]}", text, self._day, markets[0])
            yield Reading(side, text, tuple(markets), case)

    def _in_its_language_first(self, text: str) -> list[str]:
        spoken = {language for market in self._markets for language in self._corpus.languages(market)}
        own = language_of(text, tuple(sorted(spoken)))
        return sorted(self._markets, key=lambda market: own not in self._corpus.languages(market))

    def _look(self, text: str, market: str, languages: tuple[str, ...]) -> tuple[object, ...]:
        """What the rulebook sees of each part."""
        language = language_of(text, languages)
        case = case_of_title("look", text, self._day, market)
        evidence = number(cut_case(case, self._day, language), 1)
        table = Table(
            case=case,
            evidence=evidence,
            hits=self._signs.fire(evidence, {language, "en", *languages}),
            language=language,
            day=self._day,
            covers=self._corpus.covers,
            speaks=lambda clause_id, part: self._signs.speaks(clause_id, part, language),
        )
        judged = [judge_part(self._clause, part, table) for part in self._clause.rule.judged.values()]
        return tuple((judgement.verdict, judgement.basis) for judgement in judged)

    def _permits_in(self, market: str) -> frozenset[str]:
        held = self._corpus.in_force(market, self._day)
        lifting = (self._clause.id, self._clause.type)
        return frozenset(
            c.id for c in held if c.effect == "permit" and (lifting[0] in c.rule.over or c.type == lifting[1])
        )


def case_of_title(case_id: str, text: str, day: date, market: str) -> Case:
    """Make a listing with a title and nothing else, opened at an hour at which it is the same day everywhere."""
    opened = {"id": case_id, "opened_at": f"{day}T10:00:00Z", "region": market, "seller_id": "example"}
    return read_case({**opened, "subject": {"kind": "listing", "id": "example", "title": text}})
