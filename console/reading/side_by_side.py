"""A clause's regional variants in columns: what each says, and the words in which it differs from the first."""

from collections.abc import Sequence
from dataclasses import dataclass

from console.reading.wording import Piece, compared, shortened
from policies.clause import Clause
from policies.difference import values_of

_ELSEWHERE = ("signs of ", "notice", "references", "aliases", "kind words", "role of ", "see also", "dsa", "guidance")
_ELSEWHERE_WHOLE = {"title", "type", "regions", "except", "extends", "in force from", "in force to", "parts", "over"}
_ELSEWHERE_WHOLE |= {"violating examples", "allowed examples"}
_DEFAULTS = {"", "no", "1"}
"""What a part says where its file says nothing."""


@dataclass(frozen=True)
class Cell:
    """What one variant says; `pieces` is empty where it says nothing, `same` where it says what the first says."""

    pieces: tuple[Piece, ...]
    same: bool


@dataclass(frozen=True)
class Row:
    """One thing that the variants say, or some of them."""

    what: str
    cells: tuple[Cell, ...]
    differs: bool


def side_by_side(variants: Sequence[Clause]) -> tuple[Row, ...]:
    """Lay variants side by side: what each is, its parts, its prose, what follows; each is compared with the first."""
    columns = [{k: _plain(v) for k, v in values_of(clause).items() if _shown(k)} for clause in variants]
    names = sorted(dict.fromkeys(name for column in columns for name in column), key=_rank)
    rows = [_row(name, [column.get(name, "") for column in columns]) for name in names]
    return tuple(row for row in rows if row is not None)


def _rank(name: str) -> int:
    if name in {"effect", "severity", "meanwhile"}:
        return 0
    return 3 if name.startswith("enforcement") else 2 if name == "prose" else 1


def _shown(name: str) -> bool:
    return name not in _ELSEWHERE_WHOLE and not name.startswith(_ELSEWHERE)


def _plain(value: str | tuple[str, ...]) -> str:
    return "\n".join(value) if isinstance(value, tuple) else value


def _row(name: str, said: Sequence[str]) -> Row | None:
    if set(said) <= _DEFAULTS:
        return None
    first, *others = said
    cells = [Cell((Piece(first, "same"),) if first else (), same=True)]
    cells += [_cell(first, other) for other in others]
    return Row(name.removeprefix("text of "), tuple(cells), len(set(said)) > 1)


def _cell(first: str, other: str) -> Cell:
    if other == first:
        return Cell((Piece(other, "same"),) if other else (), same=True)
    came = tuple(piece for piece in shortened(compared(first, other)) if piece.kind != "gone")
    return Cell(came if other else (), same=False)
