"""A folder of batches that are ready to be sent: it knows what is in it, so that no statement is made out twice.

The database takes a batch whole or not at all, and refuses one that names a statement a second time. So what lies here
is never written again: a further export adds files. `index.jsonl` beside them tells which case a statement is about;
it stays with the platform.
"""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from cases.problem import Invalid, Problem
from service.transparency import BATCH, Statement, batches, validate

_FILES = "statements-*.json"


class BatchFolder:
    """Fills batch files, each of at most 100 statements; the last one is written when the folder is closed.

    Attributes:
        written: statements written since it was opened.
        files: files written since it was opened.
    """

    def __init__(self, path: Path) -> None:
        """Open or create it.

        Raises:
            Invalid: where a file in it is no batch.
        """
        path.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._puids = {str(statement["puid"]) for _, statement in statements_in(path)}
        self._number = max((_number(file) for file in path.glob(_FILES)), default=0)
        self._waiting: list[tuple[str, Statement]] = []
        self.written = 0
        self.files = 0

    def __enter__(self) -> Self:
        """Give the folder itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits, unless something went wrong."""
        if error is None:
            self._write()

    def add(self, case_id: str, statement: Statement) -> bool:
        """Take a statement in; tells whether it is new here."""
        if statement.puid in self._puids:
            return False
        self._puids.add(statement.puid)
        self._waiting.append((case_id, statement))
        if len(self._waiting) == BATCH:
            self._write()
        return True

    def _write(self) -> None:
        """Tell the index first, then move the batch into place whole: what the batch holds, the index knows."""
        for batch in batches([statement for _, statement in self._waiting]):  # one, or none where nothing waits
            self._number += 1
            name = f"statements-{self._number:05d}.json"
            with (self._path / "index.jsonl").open("ab") as index:
                for case_id, statement in self._waiting:
                    index.write(orjson.dumps({"puid": statement.puid, "case_id": case_id, "file": name}) + b"\n")
            made = self._path / f".{name}.part"
            made.write_bytes(orjson.dumps(batch, option=orjson.OPT_INDENT_2) + b"\n")
            made.replace(self._path / name)
            self.files += 1
        self.written += len(self._waiting)
        self._waiting = []


def statements_in(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of a folder's batches, with its place: the file and a JSON pointer into it.

    Raises:
        Invalid: where a file is no batch.
    """
    for file in sorted(path.glob(_FILES)):
        try:
            found = orjson.loads(file.read_bytes())["statements"]
            placed = [
                (f"{file}: /statements/{i}", {"puid": statement["puid"], **statement})
                for i, statement in enumerate(found)
            ]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            detail = "this is no batch of statements; a folder of batches is what `casewright dsa export` writes"
            raise Invalid(str(file), (Problem(code="no_batch", pointer=str(file), detail=detail),)) from error
        yield from placed


def check_folder(path: Path) -> tuple[Problem, ...]:
    """Tell what the database would refuse of a folder: wrong fields, and a statement named twice."""
    seen: dict[str, str] = {}
    problems: list[Problem] = []
    for where, statement in statements_in(path):
        problems += [p.model_copy(update={"pointer": where + p.pointer}) for p in validate(statement)]
        if first := seen.get(statement["puid"]):
            detail = f"{statement['puid']} stands in {first} too; the database takes a `puid` once"
            problems.append(Problem(code="twice", pointer=f"{where}/puid", detail=detail))
        seen.setdefault(statement["puid"], where)
    return tuple(problems)


def _number(file: Path) -> int:
    digits = file.stem.removeprefix("statements-")
    return int(digits) if digits.isdecimal() else 0
