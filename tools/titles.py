"""How much two titles resemble each other, in any script."""

import re
import unicodedata

_APART = re.compile(r"[\W_]+")
_WIDTH = 3
NEAR_SAME = 0.8
"""Resemblance from which two titles count as near-same: a word changed or moved in a title of some ten words."""


def shingles(title: str) -> frozenset[str]:
    """Cut a title into overlapping runs of three letters or digits, folded in case, width and punctuation."""
    folded = " " + _APART.sub(" ", unicodedata.normalize("NFKC", title).casefold()).strip() + " "
    if folded.strip() == "":
        return frozenset()
    return frozenset(folded[at : at + _WIDTH] for at in range(max(1, len(folded) - _WIDTH + 1)))


def resemblance(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of shingles that two titles have in common, 0 to 1 (Broder 1997, "On the resemblance of documents")."""
    together = len(one | other)
    return len(one & other) / together if together else 0.0
