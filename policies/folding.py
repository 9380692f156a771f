"""Folding text for matching signs, with a way back to the stored text; and what negation and "for" look like."""

import re
import unicodedata
from dataclasses import dataclass

WORD = re.compile(r"\w+")
_LATIN = re.compile(r"[a-z]")
# Letters that do not decompose, but that people type without their stroke.
_STROKES = str.maketrans({"đ": "d", "ł": "l", "ø": "o", "ı": "i", "ħ": "h"})


class _Folding(dict[str, str]):
    """Folded form by character, computed once each."""

    def __missing__(self, char: str) -> str:
        folded = "".join(_plain(c) for c in unicodedata.normalize("NFKC", char).casefold().translate(_STROKES))
        self[char] = folded
        return folded


def _plain(char: str) -> str:
    """Drop diacritics of Latin letters only: elsewhere (Thai, kana) marks make another letter."""
    decomposed = unicodedata.normalize("NFD", char)
    return decomposed[0] if _LATIN.match(decomposed[0]) else char


_FOLDED = _Folding()


@dataclass(frozen=True)
class Folded:
    """A folded text; `origin[i]` is the code point of the stored text from which folded character `i` comes."""

    text: str
    origin: range | list[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Bring a stretch of the folded text back to the stored one."""
        return (self.origin[start], self.origin[end - 1] + 1)


def fold(text: str) -> Folded:
    """Fold case, width (NFKC) and Latin diacritics."""
    pieces = [_FOLDED[c] for c in text]
    joined = "".join(pieces)
    if len(joined) == len(text) and all(len(piece) == 1 for piece in pieces):
        return Folded(joined, range(len(text)))
    return Folded(joined, [i for i, piece in enumerate(pieces) for _ in piece])


def marked(segment: str) -> bool:
    """Tell whether a stretch has letters with diacritics (its author spells them, so they must agree)."""
    return any(_FOLDED[c] != c.casefold() and _LATIN.match(_FOLDED[c] or " ") is not None for c in segment)


_NEGATORS = {
    "en": {"no", "not", "non", "without", "never", "isn't", "isnt", "excluding", "except", "contains no"},
    "id": {"bukan", "tidak", "tanpa", "non", "bebas"},
    "ms": {"bukan", "tidak", "tanpa", "tiada", "bebas"},
    "vi": {"khong", "chua", "chang"},
    "pt": {"nao", "sem", "nem", "livre"},
    "es": {"no", "sin", "ni", "libre"},
    "de": {"kein", "keine", "keinen", "keiner", "nicht", "ohne"},
}
_NEGATED_BEFORE = re.compile(r"(?:ไม่มี|ไม่ใช่|ไม่|ปราศจาก|不含|不是|不能|没有|沒有|并非|無|无|非)[^\s,.;，。]{0,4}$")
_NEGATED_AFTER = re.compile(
    r"^(?:\s?-?\s?free\b|-?frei\b|を?(?:含まない|使用していない)|では(?:ない|ありません)|不使用|なし|フリー)"
)
_COMPATIBLE = {
    "for",
    "fits",
    "fit",
    "compatible",
    "suits",
    "untuk",
    "utk",
    "buat",
    "kompatibel",
    "para",
    "pra",
    "compativel",
    "cho",
    "fur",
    "fuer",
    "passend",
}
_COMPATIBLE_BEFORE = re.compile(r"(?:สำหรับ|ใช้กับ|รองรับ|适用于?|適用於?|用于|用於|兼容|相容)[^,.;，。]{0,8}$")
_COMPATIBLE_AFTER = re.compile(r"^\s?(?:用|対応|専用|兼容|适用|適用)")
_STOP = re.compile(r"[.!?;:,\n|()\[\]，。！？；：、/]")


def negated(folded: str, start: int, end: int, languages: frozenset[str]) -> bool:
    """Tell whether the words around a hit deny it: up to three words before, within the clause of the sentence."""
    words, before = _before(folded, start)
    denying = {word for language in languages for word in _NEGATORS.get(language, ())}
    if languages & {"pt"} and "es" not in languages:
        denying.discard("no")  # Portuguese "no" is "in the"
    return bool(denying & set(words)) or bool(
        _NEGATED_BEFORE.search(before) or _NEGATED_AFTER.match(folded[end : end + 16])
    )


def compatible(folded: str, start: int, end: int) -> bool:
    """Tell whether a hit only names what the item fits ("case for X", "compatible with X")."""
    words, before = _before(folded, start)
    if _COMPATIBLE & set(words):
        return True
    return bool(_COMPATIBLE_BEFORE.search(before) or _COMPATIBLE_AFTER.match(folded[end : end + 8]))


def _before(folded: str, start: int) -> tuple[list[str], str]:
    before = folded[max(0, start - 40) : start]
    cut = [m.end() for m in _STOP.finditer(before)]
    before = before[cut[-1] :] if cut else before
    return [m.group() for m in re.finditer(r"[\w']+", before)][-3:], before
