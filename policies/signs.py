"""Which signs fire where: words, patterns and attribute tests that speak for or against a part."""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from cases.evidence import Evidence
from policies.clause import AttributeTest, Clause, Signs
from policies.disguise import disguised
from policies.folding import WORD, Folded, compatible, describes, fold, folded_pattern, marked, negated, same_letters
from policies.units import in_unit, numbers_in

Direction = Literal["for", "against"]
# Scripts that write no spaces between words: phrases match inside longer runs.
_UNSPACED = {"th", "zh", "ja", "lo", "km", "my"}
# Titles of old strikes, names of sellers, other listings: words of somebody, but not about this item.
_OTHERS = ("tool:", "related:")
# Where it is said what an item is.
_CALLED = ("listing.title", "listing.category")
_SYMBOLS = re.compile(r"[^\w\s\-/.'’]")
_GAP = re.compile(r"[\s\-_/.'’]{0,3}")
_SQUEEZED_MIN = 7
_JOINED_MIN = 4


@dataclass(frozen=True)
class Hit:
    """A sign that fired.

    Attributes:
        start, end: code points of the evidence's stored text.
        negated: the words around it deny it.
    """

    clause_id: str
    part: str
    side: Direction
    evidence_id: str
    start: int
    end: int
    negated: bool = False


@dataclass(frozen=True)
class _Sign:
    clause_id: str
    part: str
    side: Direction
    language: str
    phrase: str
    words: tuple[str, ...]
    ignore_compatible: bool
    sources: tuple[str, ...]
    kind: bool = False

    def heard_in(self, item: Evidence, languages: frozenset[str]) -> bool:
        in_language = self.language == "*" or self.language in languages
        return in_language and (not self.sources or item.source.startswith(self.sources))


class SignIndex:
    """All signs of a set of clauses, looked up by the words of a text rather than tried one by one."""

    def __init__(self, clauses: Iterable[Clause]) -> None:
        """Index the signs of `clauses`; patterns are compiled here, once."""
        self._by_word: dict[str, list[_Sign]] = defaultdict(list)
        self._by_joined: dict[str, list[_Sign]] = defaultdict(list)
        self._by_pair: dict[str, list[_Sign]] = defaultdict(list)
        self._patterns: dict[str, list[tuple[re.Pattern[str], _Sign]]] = defaultdict(list)
        self._tests: list[tuple[AttributeTest, _Sign]] = []
        self._languages: dict[tuple[str, str], frozenset[str]] = {}
        for clause in clauses:
            for part, signs in clause.signs.items():
                self._languages[clause.id, part] = frozenset(signs.for_.words) - {"*"}
                self._index(clause.id, part, "for", signs)
                self._index(clause.id, part, "against", signs)

    def speaks(self, clause_id: str, part: str, language: str) -> bool:
        """Tell whether the part has `for` signs in the language, so that silence of its signs means something."""
        return language.split("-", maxsplit=1)[0] in self._languages.get((clause_id, part), frozenset())

    @property
    def languages(self) -> frozenset[str]:
        """Languages in which any part has signs."""
        return frozenset().union(*self._languages.values())

    def fire(self, evidence: Sequence[Evidence], languages: Iterable[str]) -> tuple[Hit, ...]:
        """Find every hit in what people wrote (platform and tool records speak by their facts).

        Args:
            evidence: the case's evidence.
            languages: whose words to look for, BCP 47; patterns under `*` always count.
        """
        heard = frozenset(language.split("-")[0] for language in languages)
        hits: dict[tuple[object, ...], Hit] = {}
        for item in evidence:
            if item.source.startswith(_OTHERS) or item.voucher in {"platform", "tool"} or item.flags.unavailable:
                continue
            for hit in self._hits(item, fold(item.text), heard):
                hits[hit.clause_id, hit.part, hit.side, hit.evidence_id, hit.start, hit.end] = hit
        return tuple(
            sorted(hits.values(), key=lambda h: (h.clause_id, h.part, h.side, int(h.evidence_id[1:]), h.start))
        )

    def _index(self, clause_id: str, part: str, side: Direction, signs: Signs) -> None:
        said = signs.for_ if side == "for" else signs.against
        ignore = signs.compatible == "ignore" and side == "for"
        for language, phrases in said.words.items():
            for phrase in phrases:
                folded = fold(phrase).text
                words = tuple(m.group() for m in WORD.finditer(folded))
                sign = _Sign(clause_id, part, side, language, phrase, words, ignore, signs.sources)
                self._place(sign, folded)
        for language, phrases in (signs.kind_words if side == "against" else {}).items():
            for phrase in phrases:
                folded = fold(phrase).text
                words = tuple(m.group() for m in WORD.finditer(folded))
                sign = _Sign(
                    clause_id, part, side, language, phrase, words, ignore_compatible=False, sources=(), kind=True
                )
                self._place(sign, folded)
        for test in said.attributes:
            sign = _Sign(clause_id, part, side, "*", test.attribute, (), ignore, signs.sources)
            self._tests.append((test, sign))

    def _place(self, sign: _Sign, folded: str) -> None:
        phrase = sign.phrase
        joined = "".join(sign.words)
        if not sign.kind and (len(joined) >= _JOINED_MIN or not joined.isascii()):
            self._by_joined[joined].append(sign)
        if len(phrase) > len("//") and phrase.startswith("/") and phrase.endswith("/"):
            pattern = re.compile(folded_pattern(phrase[1:-1]), re.IGNORECASE)
            self._patterns[sign.language].append((pattern, sign))
        elif sign.language in _UNSPACED and not phrase.isascii():
            self._by_pair[folded[:2]].append(sign)
        elif _SYMBOLS.search(folded):
            # "18+" is more than its words: the symbols must be there too. A word ends at its edge; a symbol need not.
            literal = r"\s*".join(re.escape(piece) for piece in folded.split())
            pattern = re.compile(rf"(?:(?<!\w)|(?!\w)){literal}(?:(?!\w)|(?<!\w))")
            self._patterns[sign.language].append((pattern, sign))
        elif sign.words:
            self._by_word[sign.words[0]].append(sign)

    def _hits(self, item: Evidence, folded: Folded, languages: frozenset[str]) -> Iterator[Hit]:
        found = [*self._words(item, folded), *self._pairs(folded), *self._regexes(item, folded, languages)]
        found += self._disguised(folded)
        if item.source.endswith("/ocr"):
            found += self._squeezed(folded)
        heard = [hit for hit in found if hit[0].heard_in(item, languages)]
        kinds: dict[tuple[str, str], list[tuple[str, tuple[int, int]]]] = defaultdict(list)
        for sign, start, end in heard:
            if sign.kind:
                kinds[sign.clause_id, sign.part].append((sign.language, (start, end)))
        for sign, start, end in heard:
            if sign.kind and not item.source.startswith(_CALLED):
                continue
            of_kind = kinds.get((sign.clause_id, sign.part), ()) if sign.side == "for" else ()
            if any(describes(folded.text, (start, end), kind, language) for language, kind in of_kind):
                continue
            if sign.ignore_compatible and compatible(folded.text, start, end):
                continue
            denied = negated(folded.text, start, end, languages, item.language)
            first, last = folded.span(start, end)
            yield Hit(sign.clause_id, sign.part, sign.side, item.id, first, last, denied)
        if item.source == "listing.attributes":
            yield from self._attributes(item)

    def _words(self, item: Evidence, folded: Folded) -> Iterator[tuple[_Sign, int, int]]:
        tokens = list(WORD.finditer(folded.text))
        for i, token in enumerate(tokens):
            for sign in self._by_word.get(token.group(), ()):
                run = tokens[i : i + len(sign.words)]
                if tuple(m.group() for m in run) != sign.words or not _joined(folded.text, run):
                    continue
                first, last = folded.span(run[0].start(), run[-1].end())
                segment = item.text[first:last]
                if marked(segment) and not same_letters(segment, sign.phrase):
                    continue  # other letters than the sign's: another word ("súng" is not "sung")
                yield sign, run[0].start(), run[-1].end()

    def _pairs(self, folded: Folded) -> Iterator[tuple[_Sign, int, int]]:
        text = folded.text
        for i in range(len(text)):
            for sign in (*self._by_pair.get(text[i : i + 2], ()), *self._by_pair.get(text[i], ())):
                phrase = fold(sign.phrase).text
                if text.startswith(phrase, i):
                    yield sign, i, i + len(phrase)

    def _regexes(self, item: Evidence, folded: Folded, languages: frozenset[str]) -> Iterator[tuple[_Sign, int, int]]:
        spoken = itertools.chain.from_iterable(self._patterns.get(name, ()) for name in sorted({"*", *languages}))
        for pattern, sign in spoken:
            if not sign.heard_in(item, languages):
                continue  # a pattern costs a search through the text, so it is not tried for nothing
            for found in pattern.finditer(folded.text):
                if found.end() > found.start():
                    yield sign, found.start(), found.end()

    def _disguised(self, folded: Folded) -> Iterator[tuple[_Sign, int, int]]:
        """Match words that are spelt so that a filter does not read them: "s1butr4m1n", "v a p e", "via.gra"."""
        for start, end, words in disguised(folded.text):
            for word in words:
                for sign in self._by_joined.get(word, ()):
                    yield sign, start, end

    def _squeezed(self, folded: Folded) -> Iterator[tuple[_Sign, int, int]]:
        """Match phrases in text whose spaces OCR has dropped."""
        kept = [i for i, c in enumerate(folded.text) if c.isalnum()]
        squeezed = "".join(folded.text[i] for i in kept)
        for signs in self._by_word.values():
            for sign in signs:
                joined = "".join(sign.words)
                if len(sign.words) > 1 and len(joined) >= _SQUEEZED_MIN and (at := squeezed.find(joined)) >= 0:
                    yield sign, kept[at], kept[at + len(joined) - 1] + 1

    def _attributes(self, item: Evidence) -> Iterator[Hit]:
        for line in re.finditer(r"[^\n]+", item.text):
            name, _, value = line.group().partition(": ")
            for test, sign in self._tests:
                if fold(test.attribute).text in fold(name).text and _passes(test, value):
                    yield Hit(sign.clause_id, sign.part, sign.side, item.id, line.start(), line.end())


def _joined(text: str, run: Sequence[re.Match[str]]) -> bool:
    """Tell whether words stand together: only spaces, hyphens and the like between them."""
    return all(_GAP.fullmatch(text, a.end(), b.start()) for a, b in itertools.pairwise(run))


def _passes(test: AttributeTest, value: str) -> bool:
    folded = fold(value).text
    if any(re.search(rf"(?<!\w){re.escape(fold(word).text)}(?!\w)", folded) for word in test.any_of):
        return True
    if test.over is None and test.under is None:
        return False
    for number in numbers_in(value, ""):
        amount = in_unit(number, test.unit)
        if amount is not None and (
            (test.over is not None and amount > test.over) or (test.under is not None and amount < test.under)
        ):
            return True
    return False
