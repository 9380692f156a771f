"""Which signs fire where: words, patterns and attribute tests that speak for or against a part."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cases.evidence import Evidence
from policies.clause import AttributeTest, Clause, Signs
from policies.folding import Folded, compatible, describes, fold, negated
from policies.tongue import Direction, Sign, Tongue
from policies.units import in_unit, numbers_in

# Titles of old strikes, names of sellers, other listings: words of somebody, but not about this item.
_OTHERS = ("tool:", "related:")
# Where it is said what an item is.
_CALLED = ("listing.title", "listing.category")
_TITLE = ("listing.title",)


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


class SignIndex:
    """All signs of a set of clauses."""

    def __init__(self, clauses: Iterable[Clause]) -> None:
        """Take the signs of `clauses`; those of a language are indexed when it is first heard."""
        self._said: dict[str, list[Sign]] = defaultdict(list)
        self._tongues: dict[str, Tongue] = {}
        self._tests: list[tuple[AttributeTest, Sign]] = []
        self._languages: dict[tuple[str, str], frozenset[str]] = {}
        for clause in clauses:
            for part, signs in clause.signs.items():
                self._languages[clause.id, part] = frozenset(signs.for_.words) - {"*"}
                self._take(clause.id, part, "for", signs)
                self._take(clause.id, part, "against", signs)
            for part, called in clause.kind_words.items():
                self._take_kinds(clause.id, part, called)
            for language, names in clause.aliases.items():
                self._said[language] += [Sign(clause.id, "", "names", language, n, sources=_TITLE) for n in names]

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
        tongues = [self._tongue(language) for language in sorted({"*", *heard})]
        hits: dict[tuple[object, ...], Hit] = {}
        for item in evidence:
            if item.source.startswith(_OTHERS) or item.voucher in {"platform", "tool"} or item.flags.unavailable:
                continue
            for hit in self._hits(item, fold(item.text), tongues, heard):
                hits[hit.clause_id, hit.part, hit.side, hit.evidence_id, hit.start, hit.end] = hit
        return tuple(
            sorted(hits.values(), key=lambda h: (h.clause_id, h.part, h.side, int(h.evidence_id[1:]), h.start))
        )

    def _take(self, clause_id: str, part: str, side: Direction, signs: Signs) -> None:
        said = signs.for_ if side == "for" else signs.against
        ignore = signs.compatible == "ignore" and side == "for"
        for language, phrases in said.words.items():
            self._said[language] += [
                Sign(clause_id, part, side, language, phrase, ignore, signs.sources) for phrase in phrases
            ]
        for test in said.attributes:
            self._tests.append((test, Sign(clause_id, part, side, "*", test.attribute)))

    def _take_kinds(self, clause_id: str, part: str, called: Mapping[str, tuple[str, ...]]) -> None:
        for language, words in called.items():
            self._said[language] += [Sign(clause_id, part, "against", language, word, kind=True) for word in words]

    def _tongue(self, language: str) -> Tongue:
        if language not in self._tongues:
            self._tongues[language] = Tongue(self._said.get(language, ()))
        return self._tongues[language]

    def _hits(
        self, item: Evidence, folded: Folded, tongues: Sequence[Tongue], languages: frozenset[str]
    ) -> Iterator[Hit]:
        found = [hit for tongue in tongues for hit in tongue.find(item, folded) if hit[0].looked_for_in(item)]
        kinds: dict[tuple[str, str], list[tuple[str, tuple[int, int]]]] = defaultdict(list)
        for sign, start, end in found:
            if sign.kind:
                kinds[sign.clause_id, sign.part].append((sign.language, (start, end)))
        for sign, start, end in found:
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

    def _attributes(self, item: Evidence) -> Iterator[Hit]:
        for line in re.finditer(r"[^\n]+", item.text):
            name, _, value = line.group().partition(": ")
            for test, sign in self._tests:
                if fold(test.attribute).text in fold(name).text and _passes(test, value):
                    yield Hit(sign.clause_id, sign.part, sign.side, item.id, line.start(), line.end())


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
