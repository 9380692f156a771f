"""Folding text for matching signs, with a way back to the stored text; and what negation and "for" look like."""

import re
import unicodedata
from dataclasses import dataclass

# Thai, Lao, Burmese, Khmer, kana and Han write no spaces: "POD烟弹" is a word and a run of these.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
WORD = re.compile(rf"[^\W{_UNSPACED}]+|[{_UNSPACED}]+")
_LATIN = re.compile(r"[a-z]")
# What nobody sees parts no word: soft hyphens, zero-width and directional marks, fillers, variation selectors.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef]"
)
# Letters that do not decompose, but that people type without their stroke.
_STROKES = str.maketrans({"đ": "d", "ł": "l", "ø": "o", "ı": "i", "ħ": "h"})


class _Folding(dict[str, str]):
    """Folded form by character, computed once each."""

    def __missing__(self, char: str) -> str:
        folded = "".join(_plain(c) for c in _spelled(char).translate(_STROKES))
        self[char] = folded
        return folded


def _spelled(text: str) -> str:
    """Letters as their author means them: what shows, without case or width, with its diacritics."""
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()


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
    """Fold case, width (NFKC) and Latin diacritics; leave out what does not show."""
    if text.isascii():
        return Folded(text.lower(), range(len(text)))
    pieces = [_FOLDED[c] for c in text]
    joined = "".join(pieces)
    if len(joined) == len(text) and all(len(piece) == 1 for piece in pieces):
        return Folded(joined, range(len(text)))
    return Folded(joined, [i for i, piece in enumerate(pieces) for _ in piece])


def folded_pattern(pattern: str) -> str:
    """Fold the letters of a regular expression that are no ASCII, so that it finds what stands in folded texts."""
    return "".join(c if c.isascii() else re.escape(fold(c).text) for c in pattern)


def marked(segment: str) -> bool:
    """Tell whether a stretch has letters with diacritics (its author spells them, so they must agree)."""
    return any(_FOLDED[c] != _spelled(c) and _LATIN.match(_FOLDED[c]) is not None for c in segment)


def same_letters(segment: str, phrase: str) -> bool:
    """Tell whether two stretches have the same words, diacritics included."""
    return WORD.findall(_spelled(segment)) == WORD.findall(_spelled(phrase))


_NEGATORS = {
    "en": {"no", "not", "non", "without", "never", "excluding", "except"}
    | {"isn't", "isnt", "aren't", "arent", "doesn't", "doesnt"},
    "id": {"bukan", "tidak", "tanpa", "non", "bebas"},
    "ms": {"bukan", "tidak", "tanpa", "tiada", "bebas"},
    "vi": {"khong", "chang"},  # not "chưa": without its marks it is "chứa", which says that something is in it
    "pt": {"nao", "sem", "nem", "livre"},
    "es": {"no", "sin", "ni", "libre"},
    "de": {"kein", "keine", "keinen", "keiner", "nicht", "ohne"},
}
# Wireless, seamless, unlimited, very, "not to be missed", "not dear": they begin like a denial and deny nothing.
_NEGATED_BEFORE = re.compile(
    r"(?:ไม่มี|ไม่ใช่|ไม่(?!แพง)|ปราศจาก|不含|不是|不能(?![错錯][过過])|没有|沒有|并非|[無无](?![线線缝縫限])|非(?!常))"
    r"[^\s,.;，。]{0,4}$"
)
_FREE_GIFT = r"(?:\d|ship|deliver|post|mail|gift|sample|return|trial|bag|box|case|pouch|cod\b|ongkir|of charge)"
_NEGATED_AFTER = re.compile(
    rf"^(?:\s?-\s?free\b|\s?free\b(?!\s{_FREE_GIFT})|-?frei\b"
    r"|を?(?:含まない|使用していない)|では(?:ない|ありません)|不使用|なし|フリー)"
)
# "Not only", "No 1", "free postage": words of denial in phrases that deny nothing.
_NOT_DENYING = re.compile(
    r"\b(?:no\s?\d+|no minimum|not (?:only|just)|(?:tidak|bukan) (?:hanya|cuma|saja)|bebas (?:ongkir|ongkos|biaya)"
    r"|khong chi|nicht nur|nao (?:so|apenas)|no (?:solo|solamente))\b"
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
# Folded like the texts that it reads: folding takes the Thai vowel in "for" apart.
_COMPATIBLE_BEFORE = re.compile(fold(r"(?:สำหรับ|ใช้กับ|รองรับ|适用于?|適用於?|用于|用於|兼容|相容)[^,.;，。]{0,8}$").text)
_COMPATIBLE_AFTER = re.compile(r"^\s?(?:用|対応|専用|兼容|适用|適用)")
# Languages whose adjectives and attributes follow their noun.
_NOUN_FIRST = {"id", "ms", "th", "vi", "pt", "es", "tl"}
_ABOUT = {"of", "about", "on", "featuring", "showing", "depicting", "uber"}
_JOINED = {
    "with",
    "and",
    "plus",
    "incl",
    "includes",
    "free",
    "bonus",
    "w",
    "dengan",
    "dan",
    "dgn",
    "gratis",
    "com",
    "e",
}
_JOINED |= {"con", "y", "mais", "mas", "und", "inkl", "inklusive", "co", "va", "kem", "tang"}
_JOINED_UNSPACED = re.compile(fold("[+&]|และ|พร้อม|แถม|[和跟及送とや付]").text)
_DESCRIBING = 2
"""Words that may stand between a noun and what describes it."""
_STOP = re.compile(r"[.!?;:,\n|()\[\]，。！？；：、/]")


def negated(folded: str, start: int, end: int, languages: frozenset[str], written_in: str = "") -> bool:
    """Tell whether the words around a hit deny it: up to three words before, within the clause of the sentence.

    Args:
        folded: the folded text.
        start: of the hit.
        end: of the hit.
        languages: whose words of denial to look for.
        written_in: language of the text, BCP 47; empty where nobody says.
    """
    words, before = _before(folded, start)
    denying = {word for language in languages for word in _NEGATORS.get(language, ())}
    if written_in[:2] == "pt" or (not written_in and "pt" in languages and "es" not in languages):
        denying.discard("no")  # Portuguese "no" is "in the"
    return bool(denying & set(words)) or bool(
        _NEGATED_BEFORE.search(before) or _NEGATED_AFTER.match(folded[end : end + 24])
    )


def compatible(folded: str, start: int, end: int) -> bool:
    """Tell whether a hit only names what the item fits ("case for X", "compatible with X")."""
    words, before = _before(folded, start)
    if _COMPATIBLE & set(words):
        return True
    return bool(_COMPATIBLE_BEFORE.search(before) or _COMPATIBLE_AFTER.match(folded[end : end + 8]))


def describes(folded: str, hit: tuple[int, int], kind: tuple[int, int], language: str) -> bool:
    """Tell whether a hit only describes a thing of another kind ("samurai sword poster", "buku sejarah vape").

    Args:
        folded: the folded text.
        hit: the stretch of it that a sign speaks of.
        kind: the stretch of it that says what the item is called.
        language: of the word for the kind.
    """
    first, last = sorted((hit, kind))
    between = folded[first[1] : last[0]]
    words = WORD.findall(between)
    if first[1] > last[0] or len(words) > _DESCRIBING or _STOP.search(between):
        return False
    if _JOINED & set(words) or _JOINED_UNSPACED.search(between):
        return False  # "vape with sticker": two things
    if hit < kind:
        return language not in _NOUN_FIRST
    return language in _NOUN_FIRST or bool(_ABOUT & set(words))


def _before(folded: str, start: int) -> tuple[list[str], str]:
    before = folded[max(0, start - 40) : start]
    cut = [m.end() for m in _STOP.finditer(before)]
    before = _NOT_DENYING.sub(" ", before[cut[-1] :] if cut else before)
    return [m.group().replace("’", "'") for m in re.finditer(r"[\w'’]+", before)][-3:], before
