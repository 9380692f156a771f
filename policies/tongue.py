"""The signs of one language, looked up by the words of a text rather than tried one by one."""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from cases.evidence import Evidence
from policies.disguise import disguised
from policies.folding import WORD, Folded, compiled, fold, marked, same_letters

Direction = Literal["for", "against", "names"]
"""A sign speaks for or against a part; another name for what a clause is about proves nothing."""
# Scripts that write no spaces between words: phrases match inside longer runs.
_UNSPACED = {"th", "zh", "ja", "lo", "km", "my"}
_SYMBOLS = re.compile(r"[^\w\s\-/.'’]")
_GAP = re.compile(r"[\s\-_/.'’]{0,3}")
_SQUEEZED_MIN = 7
_JOINED_MIN = 4


class Sign(NamedTuple):
    """One phrase that speaks for or against a part.

    Attributes:
        language: of the phrase; `*` is any.
        ignore_compatible: not heard behind "for", "compatible with".
        sources: prefixes of the sources in which it is looked for; empty means every source.
        kind: it names another kind of goods.
    """

    clause_id: str
    part: str
    side: Direction
    language: str
    phrase: str
    ignore_compatible: bool = False
    sources: tuple[str, ...] = ()
    kind: bool = False

    def looked_for_in(self, item: Evidence) -> bool:
        """Tell whether the sign is looked for in an item's source."""
        return not self.sources or item.source.startswith(self.sources)


Found = tuple[Sign, int, int]
"""A sign, and the stretch of the folded text in which it stands."""


class Tongue:
    """An index of the signs of one language; one is built when the language is first heard."""

    def __init__(self, signs: Iterable[Sign]) -> None:
        """Index phrases by their first word or pair of characters, and compile patterns, once."""
        self._by_word: dict[str, list[tuple[tuple[str, ...], Sign]]] = defaultdict(list)
        self._by_joined: dict[str, list[Sign]] = defaultdict(list)
        self._by_pair: dict[str, list[tuple[str, Sign]]] = defaultdict(list)
        self._patterns: list[tuple[re.Pattern[str], Sign]] = []
        for sign in signs:
            self._place(sign, sign.phrase)

    def find(self, item: Evidence, folded: Folded) -> Iterator[Found]:
        """Find every sign in an item's text, folded: words, runs of characters, patterns, words in disguise."""
        yield from self._words(item, folded)
        yield from self._pairs(folded.text)
        yield from self._regexes(item, folded.text)
        yield from self._disguised(folded.text)
        if item.source.endswith("/ocr"):
            yield from self._squeezed(folded.text)

    def _place(self, sign: Sign, phrase: str) -> None:
        if len(phrase) > len("//") and phrase.startswith("/") and phrase.endswith("/"):
            self._patterns.append((compiled(phrase), sign))
            return
        folded = fold(phrase).text
        words = tuple(WORD.findall(folded))
        joined = "".join(words)
        if not sign.kind and (len(joined) >= _JOINED_MIN or not joined.isascii()):
            self._by_joined[joined].append(sign)
        if sign.language in _UNSPACED and not phrase.isascii():
            self._by_pair[folded[:2]].append((folded, sign))
        elif _SYMBOLS.search(folded):
            # "18+" is more than its words: the symbols must be there too. A word ends at its edge; a symbol need not.
            literal = r"\s*".join(re.escape(piece) for piece in folded.split())
            self._patterns.append((re.compile(rf"(?:(?<!\w)|(?!\w)){literal}(?:(?!\w)|(?<!\w))"), sign))
        elif words:
            self._by_word[words[0]].append((words, sign))

    def _words(self, item: Evidence, folded: Folded) -> Iterator[Found]:
        tokens = list(WORD.finditer(folded.text))
        for i, token in enumerate(tokens):
            for words, sign in self._by_word.get(token.group(), ()):
                run = tokens[i : i + len(words)]
                if tuple(m.group() for m in run) != words or not _joined(folded.text, run):
                    continue
                first, last = folded.span(run[0].start(), run[-1].end())
                segment = item.text[first:last]
                if marked(segment) and not same_letters(segment, sign.phrase):
                    continue  # other letters than the sign's: another word ("súng" is not "sung")
                yield sign, run[0].start(), run[-1].end()

    def _pairs(self, text: str) -> Iterator[Found]:
        for i in range(len(text)) if self._by_pair else ():
            for phrase, sign in (*self._by_pair.get(text[i : i + 2], ()), *self._by_pair.get(text[i], ())):
                if text.startswith(phrase, i):
                    yield sign, i, i + len(phrase)

    def _regexes(self, item: Evidence, text: str) -> Iterator[Found]:
        for pattern, sign in self._patterns:
            if not sign.looked_for_in(item):
                continue  # a pattern costs a search through the text, so it is not tried for nothing
            for found in pattern.finditer(text):
                if found.end() > found.start():
                    yield sign, found.start(), found.end()

    def _disguised(self, text: str) -> Iterator[Found]:
        """Match words that are spelt so that a filter does not read them: "s1butr4m1n", "v a p e", "via.gra"."""
        for start, end, words in disguised(text):
            for word in words:
                for sign in self._by_joined.get(word, ()):
                    yield sign, start, end

    def _squeezed(self, text: str) -> Iterator[Found]:
        """Match phrases in text whose spaces OCR has dropped."""
        kept = [i for i, c in enumerate(text) if c.isalnum()]
        squeezed = "".join(text[i] for i in kept)
        for words, sign in itertools.chain.from_iterable(self._by_word.values()):
            joined = "".join(words)
            if len(words) > 1 and len(joined) >= _SQUEEZED_MIN and (at := squeezed.find(joined)) >= 0:
                yield sign, kept[at], kept[at + len(joined) - 1] + 1


def _joined(text: str, run: Sequence[re.Match[str]]) -> bool:
    """Tell whether words stand together: only spaces, hyphens and the like between them."""
    return all(_GAP.fullmatch(text, a.end(), b.start()) for a, b in itertools.pairwise(run))
