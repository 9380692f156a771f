"""Rows of a table in the shape that a mapping gives them: how exports of other systems become cases."""

import csv
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import orjson
import yaml

from cases.problem import Invalid, Problem


def read_mapping(mapping: Path) -> dict[str, Any]:
    """Read a mapping: YAML in the shape of what each row becomes.

    Raises:
        Invalid: where it is no YAML, or no mapping.
    """
    try:
        shape = yaml.safe_load(mapping.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = Problem(code="not_yaml", pointer=f"{mapping}:{line}", detail=error.problem or "not YAML")
        raise Invalid(str(mapping), (problem,)) from error
    if not isinstance(shape, dict):
        raise Invalid(
            str(mapping), (Problem(code="not_a_mapping", pointer=f"{mapping}:1", detail="expected a mapping"),)
        )
    return shape


def rows_of(table: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Go through a table's rows with their lines: CSV, tab-separated, or JSON Lines by the file's ending.

    Raises:
        Invalid: where a line is no JSON.
    """
    if table.suffix.lower() in {".csv", ".tsv"}:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t" if table.suffix.lower() == ".tsv" else ",")
            for row in reader:
                yield reader.line_num, row
        return
    for number, line in enumerate(table.read_bytes().splitlines(), 1):
        if line.strip():
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                problem = Problem(code="not_json", pointer=f"{table}:{number}", detail=str(error))
                raise Invalid(str(table), (problem,)) from error
            yield number, row


_LEAF = {"column", "each", "pairs"}
_NEEDED = {"amount", "currency", "text"}


def filled(shape: Any, row: dict[str, Any], mapping: Path) -> Any:  # noqa: ANN401 - JSON in, JSON out
    """Fill a shape from a row; what comes out empty is left out, and so is an object that loses what it needs.

    Raises:
        Invalid: where the table has no column of that name: the mapping's fault, not a row's.
    """
    if isinstance(shape, list):
        return [made for item in shape if (made := filled(item, row, mapping)) not in (None, {}, [])]
    if not isinstance(shape, dict):
        return shape
    if _LEAF & set(shape) or (set(shape) == {"text"} and isinstance(shape["text"], str)):
        return _leaf(shape, row, mapping)
    whole = {key: filled(value, row, mapping) for key, value in shape.items()}
    kept = {key: value for key, value in whole.items() if value not in (None, "", {}, [])}
    # Money without one of its halves is no money, and a report or text without words is none.
    return None if not _NEEDED & set(shape) <= set(kept) else kept


def _leaf(leaf: dict[str, Any], row: dict[str, Any], mapping: Path) -> Any:  # noqa: ANN401, PLR0911 - JSON; one return a form
    if "text" in leaf:
        try:
            return str(leaf["text"]).format_map(row)
        except KeyError as error:
            raise _unknown(error.args[0], row, mapping) from error
    column = leaf.get("column") or leaf.get("each") or leaf.get("pairs")
    if column not in row:
        raise _unknown(str(column), row, mapping)
    value = row[column]
    if "pairs" in leaf:
        return _pairs(value)
    if "match" in leaf:
        return next((to for part, to in leaf["match"].items() if str(part) in str(value)), leaf.get("default"))
    if value in (None, ""):
        return leaf.get("default")
    if leaf.get("as") == "decimal":
        return _decimal(value)
    if leaf.get("as") == "number":
        return _number(value)
    if "each" in leaf:
        return value if isinstance(value, list) else str(value).split(leaf.get("split", ","))
    return str(value)[: leaf.get("cut")] if leaf.get("as", "text") == "text" else value


def _pairs(value: Any) -> dict[str, str]:  # noqa: ANN401 - JSON
    """Attributes as a list of {name, value}, or as a mapping; of a name given twice the first counts."""
    if isinstance(value, dict):
        return {str(k): str(v) for k, v in value.items() if v not in (None, "")}
    found: dict[str, str] = {}
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict) and item.get("name") and item.get("value"):
            found.setdefault(str(item["name"]), str(item["value"]))
    return found


def _decimal(value: object) -> str | None:
    """A number, also in exponent form, as a plain decimal string."""
    try:
        # Crawled prices carry the noise of binary floats: 209.89999999999998 is 209.9.
        plain = f"{Decimal(str(value)).quantize(Decimal('0.000001')):f}"
    except InvalidOperation:
        return None
    return (plain.rstrip("0").rstrip(".") if "." in plain else plain) or "0"


def _number(value: object) -> object:
    """A number of a table, which knows only text; what is none stays as it is, and is refused where it stands."""
    plain = _decimal(value)
    return value if plain is None else float(plain) if "." in plain else int(plain)


def _unknown(column: str, row: dict[str, Any], mapping: Path) -> Invalid:
    hint = f"the columns are: {', '.join(map(str, row))}"
    problem = Problem(
        code="unknown_column", pointer=str(mapping), detail=f"the table has no column {column!r}", hint=hint
    )
    return Invalid(str(mapping), (problem,))
