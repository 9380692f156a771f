"""The results file of a run: one JSON object a line, appended as cases finish; the last line of a case counts."""

from pathlib import Path
from typing import Any

import orjson

from cases.problem import Invalid, Problem


class OutFile:
    """Appends result lines, and knows which cases have one."""

    def __init__(self, path: Path) -> None:
        """Open or create it; a last line that a killed run left unfinished is cut off."""
        self._last: dict[str, bytes] = {}
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            self._read(path)
        self._file = path.open("ab")

    def concluded(self, case_id: str) -> bool:
        """Tell whether a case has a result; one that was invalid may have been mended since."""
        return case_id in self._last and orjson.loads(self._last[case_id])["status"] != "invalid"

    def append(self, line: dict[str, Any]) -> None:
        """Append a result; the very same one again is not written twice."""
        written = orjson.dumps(line, option=orjson.OPT_SORT_KEYS) + b"\n"
        if self._last.get(line["case_id"]) == written:
            return
        self._file.write(written)
        self._file.flush()
        self._last[line["case_id"]] = written

    def last(self) -> list[dict[str, Any]]:
        """The line that counts of each case, in the order in which they first appeared."""
        return [orjson.loads(line) for line in self._last.values()]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, path: Path) -> None:
        whole = path.read_bytes()
        kept = whole[: whole.rfind(b"\n") + 1]
        lines = kept.splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            if line.strip():
                self._last[_case_of(line, f"{path}:{number}")] = line
        rest = whole[len(kept) :]
        if not rest:
            return
        if not rest.startswith(_BEGINNING[: len(rest)]):
            raise _none(f"{path}:{len(lines) + 1}")
        with path.open("r+b") as file:
            file.truncate(len(kept))


_BEGINNING = b'{"case_id":'
"""What a result line begins with: whatever else stands at the end of a file is not ours to cut off."""


def _case_of(line: bytes, where: str) -> str:
    try:
        result = orjson.loads(line)
        case_id, status = str(result["case_id"]), result["status"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise _none(where) from error
    if status not in {"decided", "escalated", "invalid"}:
        raise _none(where)
    return case_id


def _none(where: str) -> Invalid:
    detail = "this is no result line; a results file is what `casewright audit --out` writes"
    return Invalid(where, (Problem(code="no_result", pointer=where, detail=detail),))
