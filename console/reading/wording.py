"""Two texts word by word: what went, what came, what stayed."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from policies.clause import Clause
from policies.difference import Change, clause_changes

_TOKEN = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff]|\w+|\s+|.", re.DOTALL)
"""A word, a stretch of space, a sign; of scripts that put no space between words a letter."""
_LONGEST = 6_000
"""Tokens of two texts together beyond which comparing them would keep others waiting."""
_KEPT = 90
"""Code points of unchanged text that are shown beside a change, on either side."""
_UNSEEN = ("signs of ", "kind words", "aliases")
"""Changes that a text does not show."""


@dataclass(frozen=True)
class Piece:
    """A stretch of two compared texts."""

    text: str
    kind: Literal["same", "gone", "new"]


@dataclass(frozen=True)
class Differing:
    """One thing that two clauses say otherwise.

    Attributes:
        what: as the corpus calls it, such as `text of device`.
    """

    what: str
    pieces: tuple[Piece, ...] = ()
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


def compared(before: str, after: str) -> tuple[Piece, ...]:
    """Compare two texts by words; a single value, and what is too long for that, counts as replaced."""
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    if before != after and (len(old) + len(new) > _LONGEST or not re.search(r"\s", f"{before}{after}")):
        return tuple(p for p in (Piece(before, "gone"), Piece(after, "new")) if p.text)
    found: list[Piece] = []
    for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, came = "".join(old[i:j]), "".join(new[k:m])
        if kind == "equal":
            found.append(Piece(gone, "same"))
        else:
            found += [piece for piece in (Piece(gone, "gone"), Piece(came, "new")) if piece.text]
    return _joined(found)


def _joined(pieces: list[Piece]) -> tuple[Piece, ...]:
    """Join changes that only a space parts: words that came together are read together."""
    found: list[Piece] = []
    for at, piece in enumerate(pieces):
        between = piece.kind == "same" and piece.text.isspace() and 0 < at < len(pieces) - 1
        parts = (Piece(piece.text, "gone"), Piece(piece.text, "new")) if between else (piece,)
        found.extend(parts)
    return tuple(_sorted_runs(found))


def _sorted_runs(pieces: list[Piece]) -> list[Piece]:
    """Of each run of changes what went as one piece, then what came."""
    found: list[Piece] = []
    gone = new = ""
    for piece in [*pieces, Piece("", "same")]:
        if piece.kind == "gone":
            gone += piece.text
        elif piece.kind == "new":
            new += piece.text
        else:
            found += [p for p in (Piece(gone, "gone"), Piece(new, "new"), piece) if p.text]
            gone = new = ""
    return found


def shortened(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Leave out the middle of long stretches that have not changed, where anything has."""
    if all(piece.kind == "same" for piece in pieces):
        return pieces
    last = len(pieces) - 1
    return tuple(
        Piece(_cut(p.text, first=at == 0, last=at == last), "same") if p.kind == "same" else p
        for at, p in enumerate(pieces)
    )


def _cut(text: str, *, first: bool, last: bool) -> str:
    if len(text) <= 2 * _KEPT + 20:
        return text
    head = "" if first else text[:_KEPT].rpartition(" ")[0]
    tail = "" if last else text[-_KEPT:].partition(" ")[2]
    return f"{head} … {tail}"


def differing(before: Clause, after: Clause) -> tuple[Differing, ...]:
    """What two clauses say otherwise, parts first; signs and other names, which no text shows, are left out."""
    return tuple(_differing(c) for c in clause_changes(before, after) if not c.what.startswith(_UNSEEN))


def _differing(change: Change) -> Differing:
    if change.removed or change.added:
        return Differing(change.what, (), change.removed, change.added)
    return Differing(change.what, shortened(compared(change.before or "", change.after or "")))
