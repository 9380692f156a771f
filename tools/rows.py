"""Reading the files behind the embedded ports: JSON Lines, one record a line."""

from pathlib import Path
from typing import TypeVar

import orjson
from pydantic import ValidationError

from cases.problem import Invalid, Problem, Record, problems_of

_R = TypeVar("_R", bound=Record)
_SHOWN = 20


def read_rows(path: Path, kind: type[_R]) -> list[_R]:
    """Read a file of records; blank lines are skipped.

    Raises:
        Invalid: with the problems found, each with file, line and JSON pointer; or that the file cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        problem = Problem(code="unreadable_file", pointer=str(path), detail=error.strerror or str(error))
        raise Invalid(str(path), (problem,)) from error
    rows: list[_R] = []
    problems: list[Problem] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            rows.append(kind.model_validate(orjson.loads(line)))
        except orjson.JSONDecodeError as error:
            problems.append(Problem(code="not_json", pointer=where, detail=str(error), hint="one JSON object a line"))
        except ValidationError as error:
            problems += problems_of(error, under=where)
    if problems:
        raise Invalid(str(path), tuple(problems[:_SHOWN]))
    return rows
