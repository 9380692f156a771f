"""Cutting a text into what the lexical index matches: stemmed words by language and script, and character 4-grams."""

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import snowballstemmer

from policies.folding import fold

# A hostile listing has no end; a clause is found by its first pages.
MAX_CHARS = 20_000
_MAX_WORD = 64
_GRAM = 4

# Thai, Lao, Burmese and Khmer write no spaces: overlapping trigrams stand in for their words.
_TRIGRAM_SCRIPTS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
# Han and kana: overlapping bigrams.
_BIGRAM_SCRIPTS = "\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# Vowel signs of Arabic and Indic scripts are marks, which `\w` leaves out; without them their words fall apart.
_MARKS = "\u064b-\u065f\u0900-\u0dff"
_RUN = re.compile(
    rf"(?P<three>[{_TRIGRAM_SCRIPTS}]+)|(?P<two>[{_BIGRAM_SCRIPTS}]+)"
    rf"|(?P<word>(?:[^\W_{_TRIGRAM_SCRIPTS}{_BIGRAM_SCRIPTS}]|[{_MARKS}])+)"
)
# Soft hyphens, zero-width and directional marks inside a word hide it from a search and from nobody else.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)

_STEMMERS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "fi": "finnish",
    "fr": "french", "hi": "hindi", "hu": "hungarian", "id": "indonesian", "it": "italian", "ms": "indonesian",
    "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish",
    "ta": "tamil", "tr": "turkish",
}  # fmt: skip

# Folded function words. In a small corpus one of them in one clause's signs would look rare, and so weighty.
_STOP_WORDS = {
    language: frozenset(words.split())
    for language, words in {
        "en": "a about all an and any are as at be been being between but by can could did do does for from had "
        "has have how if in into is it its may must no not of on or shall should such that the their then "
        "there these they this to under was what when where which who whom whose why will with within "
        "would",
        "id": "ada adalah agar akan atau bagi bisa dalam dan dapat dari dengan di ini itu juga karena ke kepada "
        "oleh pada saat saya sebagai seperti tidak untuk utk yang yg",
        "ms": "ada adalah akan atau bagi boleh dalam dan dari daripada dengan di ialah ini itu juga ke kepada "
        "oleh pada saya sebagai seperti tidak untuk yang yg",
        "vi": "ban boi cac cai cho co cua cung da dang de den duoc hay khi khong la lam mot nay nhu nhung o rat "
        "se tai thi trong tu va van vao ve voi",
        "pt": "a ao aos as com como da das de do dos e em entre essa esse esta este foi mais na nao nas no nos "
        "o os ou para pela pelo por que se sem ser seu sua um uma voce",
        "es": "a al como con de del el en entre es esta este la las lo los mas no o para pero por que se sin "
        "son su sus un una usted y",
        "de": "als am an auch auf aus bei bis das dem den der des die durch ein eine einem einen einer er es "
        "fur im in ist mit nach nicht oder sie sind und vom von wie wird zu zum zur",
        "fr": "a au aux avec ce ces dans de des du elle en est et il la le les leur ne nous ou par pas pour que "
        "qui sa se son sur un une vous",
        "tl": "ang at ay ito ka kung mga na nang ng ni para po sa si yung",
    }.items()
}  # fmt: skip


_OF_THREAD = threading.local()


def plain(text: str) -> str:
    """Fold a text from anywhere: NFKC, case, Latin diacritics; no invisible characters; at most `MAX_CHARS`."""
    encodable = text[:MAX_CHARS].encode("utf-8", "ignore").decode()
    return fold(_INVISIBLE.sub("", unicodedata.normalize("NFKC", encodable))).text


def words(text: str, language: str) -> list[str]:
    """Cut a text into what is compared as words, in order: stems, trigrams or bigrams by script; no stop words.

    Args:
        text: as it came.
        language: BCP 47; one without a stemmer keeps its words as they are.
    """
    stop = stop_words(language)
    return [term for run in _runs(plain(text)) for term in _terms(run, language, stop)]


def variants(text: str, languages: tuple[str, ...], stems: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Cut a query like `words`, but keep for each word every stem that one of the languages `stems` gives it.

    A market's listings mix languages, and the indexed texts have theirs: any of a word's stems may be the one there.

    Args:
        text: as it came.
        languages: whose function words to leave out; other languages may mean something by them.
        stems: BCP 47, whose stems to try.
    """
    stop = frozenset[str]().union(*map(stop_words, languages))
    found: list[tuple[str, ...]] = []
    for run in _runs(plain(text)):
        if run.lastgroup == "word":
            word = run.group()[:_MAX_WORD]
            found += [] if word in stop else [tuple(sorted({word, *(_stem(word, other) for other in stems)}))]
        else:
            found += [(term,) for term in _terms(run, "", stop)]
    return found


def grams(text: str) -> list[str]:
    """Cut a text into overlapping 4-grams of its words joined by `_`, so that misspelt and joined words still meet."""
    return grams_of([run.group() for run in _runs(plain(text))])


def content_grams(text: str) -> list[str]:
    """Cut like `grams`, without English function words, whose 4-grams every text shares."""
    stop = _STOP_WORDS["en"]
    return grams_of([run.group() for run in _runs(plain(text)) if run.group() not in stop])


def grams_of(cut: list[str]) -> list[str]:
    """Overlapping 4-grams of words joined, and bounded, by `_`."""
    joined = f"_{'_'.join(cut)}_" if cut else ""
    return [joined[i : i + _GRAM] for i in range(len(joined) - _GRAM + 1)]


def stop_words(language: str) -> frozenset[str]:
    """Folded function words of a language; none where we have no list."""
    return _STOP_WORDS.get(_primary(language), frozenset())


def _runs(text: str) -> Iterator[re.Match[str]]:
    return _RUN.finditer(text)


def _terms(run: re.Match[str], language: str, stop: frozenset[str]) -> list[str]:
    found = run.group()
    if run.lastgroup == "word":
        return [] if found in stop else [_stem(found[:_MAX_WORD], language)]
    size = 3 if run.lastgroup == "three" else 2
    return [found[i : i + size] for i in range(max(1, len(found) - size + 1))]


def _primary(language: str) -> str:
    return language.lower().partition("-")[0]


@lru_cache(maxsize=1 << 16)
def _stem(word: str, language: str) -> str:
    algorithm = _STEMMERS.get(_primary(language))
    if algorithm is None:
        return word
    # A stemmer keeps its word in itself, so threads must not share one.
    kept: dict[str, Any] = _OF_THREAD.__dict__
    if algorithm not in kept:
        kept[algorithm] = snowballstemmer.stemmer(algorithm)
    return str(kept[algorithm].stemWord(word)) or word
