"""Words spelt so that a filter does not read them, and a buyer does: digits for letters, letters set apart."""

import re
from collections.abc import Iterator

# Digits and signs that stand for a letter; 1 for two.
_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})
_LEET_L = str.maketrans({"1": "l"})
_SIGN = r"[^\W_]|[@$!]"
_APART = r"(?<![\w@$])"
_MIXED = re.compile(rf"{_APART}(?=[a-z0-9@$!]*[a-z])(?=[a-z0-9@$!]*[0-9@$!])[a-z0-9@$!]+(?!\w)")
_SPACED = re.compile(rf"{_APART}(?:(?:{_SIGN}) {{1,2}}){{3,}}(?:{_SIGN})(?!\w)")
_DOTTED = re.compile(rf"(?<![^\W\d_])(?:{_SIGN})(?:[.*_·\-](?:{_SIGN})){{2,}}(?!\w)")
_BROKEN = re.compile(rf"{_APART}(?:{_SIGN})+(?:[.*_·\-](?:{_SIGN})+)+(?!\w)")
_SHORTEST = {_SPACED: 4, _DOTTED: 3, _MIXED: 5, _BROKEN: 6}
"""Letters that a word must have: what is shorter happens by chance (sizes, models, chemical formulas)."""


def disguised(folded: str) -> Iterator[tuple[int, int, set[str]]]:
    """Find words that are spelt in a disguise.

    Args:
        folded: a folded text.

    Yields:
        Where each stands, and what it may read.
    """
    for pattern, shortest in _SHORTEST.items():
        for match in pattern.finditer(folded):
            joined = re.sub(r"[^\w@$!]|_", "", match.group())
            words = {joined, joined.translate(_LEET), joined.translate(_LEET_L).translate(_LEET)}
            if pattern is _MIXED:
                words.discard(joined)  # as it stands it is found anyway
            long = {word for word in words if len(word) >= shortest and word.isalpha()}
            if long:
                yield match.start(), match.end(), long


def undisguised(folded: str) -> list[str]:
    """What the words in disguise may read, once each, in order: other words to search for."""
    found = [word for _, _, words in sorted(disguised(folded), key=lambda f: f[:2]) for word in sorted(words)]
    return list(dict.fromkeys(found))
