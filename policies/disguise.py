"""Words spelt so that a filter does not read them, and a buyer does: digits for letters, letters set apart."""

import re
from collections.abc import Iterator

# Digits and signs that stand for a letter; 1 for two.
_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})
_LEET_L = str.maketrans({"1": "l"})
_CHARS = "a-z0-9@$!"
_MIXED = re.compile(rf"(?<![\w@$])(?=[{_CHARS}]*[a-z])(?=[{_CHARS}]*[0-9@$!])[{_CHARS}]{{4,}}(?!\w)")
_SPACED = re.compile(
    rf"(?<![\w@$])(?:[{_CHARS}](?P<gap>[ .\-_*·])(?P=gap)?)(?:[{_CHARS}](?P=gap){{1,2}}){{2,}}[{_CHARS}](?!\w)"
)
_BROKEN = re.compile(rf"(?<![\w@$])[{_CHARS}]+(?:[.*_·\-][{_CHARS}]+)+(?!\w)")
_SHORTEST = {"spaced": 4, "mixed": 5, "broken": 6}
"""Letters that a word must have: what is shorter happens by chance (sizes, models, chemical formulas)."""


def disguised(folded: str) -> Iterator[tuple[int, int, set[str]]]:
    """Find words that are spelt in a disguise.

    Args:
        folded: a folded text.

    Yields:
        Where each stands, and what it may read.
    """
    for name, pattern in (("spaced", _SPACED), ("mixed", _MIXED), ("broken", _BROKEN)):
        for match in pattern.finditer(folded):
            joined = re.sub(r"[^a-z0-9@$!]", "", match.group())
            words = {joined, joined.translate(_LEET), joined.translate(_LEET_L).translate(_LEET)}
            if name == "mixed":
                words.discard(joined)  # as it stands it is found anyway
            long = {word for word in words if len(word) >= _SHORTEST[name] and word.isalpha()}
            if long:
                yield match.start(), match.end(), long
