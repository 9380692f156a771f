"""Floors: figures that a set must not fall below. A broken one ends the command with status 1."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, TypeAdapter, ValidationError

from cases.problem import Invalid, Problem, Record, problems_of
from evaluation.intervals import Rate
from evaluation.scoring import Figures

SHIPPED = Path(__file__).parent / "floors.toml"
"""Floors of our own sets, a table a split."""
_AT_MOST = {"unsafe", "wrongly_convicted"}


class Floors(Record):
    """What must hold; what is left out may be anything.

    Attributes:
        unsafe, wrongly_convicted: counts, at most.
        recall_at_8: of the retrieval set; the other rates are those of `Figures`, at least.
    """

    outcome: float | None = Field(None, ge=0, le=1)
    alone: float | None = Field(None, ge=0, le=1)
    alone_right: float | None = Field(None, ge=0, le=1)
    unsafe: int | None = Field(None, ge=0)
    wrongly_convicted: int | None = Field(None, ge=0)
    asked_when_due: float | None = Field(None, ge=0, le=1)
    right_question: float | None = Field(None, ge=0, le=1)
    due_when_asked: float | None = Field(None, ge=0, le=1)
    parts: float | None = Field(None, ge=0, le=1)
    clause_precision: float | None = Field(None, ge=0, le=1)
    clause_recall: float | None = Field(None, ge=0, le=1)
    type_precision: float | None = Field(None, ge=0, le=1)
    type_recall: float | None = Field(None, ge=0, le=1)
    quotes: float = Field(1.0, ge=0, le=1)
    recall_at_8: float | None = Field(None, ge=0, le=1)


def shipped_floors(split: str) -> Floors:
    """Floors of one of our own splits."""
    return TypeAdapter(dict[str, Floors]).validate_python(_toml(SHIPPED)).get(split, Floors())


def floors_beside(folder: Path) -> Floors:
    """Floors of somebody's own set: `floors.toml` of its folder; where there is none, every quote must stand.

    Raises:
        Invalid: where the file is no TOML, or names what is no figure.
    """
    path = folder / "floors.toml"
    if not path.is_file():
        return Floors()
    try:
        return Floors.model_validate(_toml(path))
    except ValidationError as error:
        found = problems_of(error)
        raise Invalid(str(path), tuple(p.model_copy(update={"pointer": f"{path}{p.pointer}"}) for p in found)) from None


def _toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Invalid(str(path), (Problem(code="not_toml", pointer=str(path), detail=str(error)),)) from error


def broken(floors: Floors, found: Figures | Rate) -> list[str]:
    """Say which floors do not hold, a sentence each; what had nothing to count breaks none.

    Args:
        floors: of the set.
        found: figures of its cases; of queries, the rate at which the first eight hold the clause.
    """
    return list(_broken(floors, found))


def _broken(floors: Floors, found: Figures | Rate) -> Iterator[str]:
    for name, floor in floors.model_dump(exclude_none=True).items():
        rate = found if isinstance(found, Rate) and name == "recall_at_8" else getattr(found, name, None)
        if not isinstance(rate, Rate) or not rate.n:
            continue
        if name in _AT_MOST and rate.hits > floor:
            yield f"{name} is {rate.hits}, and may be {floor} at most"
        if name not in _AT_MOST and rate.value < floor:
            yield f"{name} is {rate.value:.3f} ({rate.hits} of {rate.n}), and must be {floor:g} at least"
