"""Reading cases from files, folders and standard input: JSON (one or a list) and JSON Lines. Bad ones are named."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from cases.case import Case, Limits, read_case
from cases.problem import Invalid, Problem

_ENDINGS = {".json", ".jsonl", ".ndjson"}


@dataclass(frozen=True)
class Read:
    """One case as read: the case, or what is wrong with it.

    Attributes:
        case_id: as far as it is known; `file:line` else.
        where: `file`, or `file:line` in JSON Lines, or `file:/0` in a list.
        folder: of the file, for its images; none for standard input.
    """

    case_id: str
    where: str
    folder: Path | None
    case: Case | None = None
    problems: tuple[Problem, ...] = ()


def read_cases(paths: Iterable[str], limits: Limits | None = None) -> Iterator[Read]:
    """Read every case in `paths` (`-` is standard input), in order; a bad one never keeps the others back.

    A case id that comes twice is a problem of the second.
    """
    seen: dict[str, str] = {}
    for read in _all(paths, limits or Limits()):
        if read.case and read.case.id in seen:
            problem = Problem(
                code="id_twice",
                pointer="/id",
                detail=f"the case id {read.case.id!r} was read before, at {seen[read.case.id]}",
                hint="give each case an id of its own",
            )
            yield Read(read.where, read.where, read.folder, problems=(problem,))
            continue
        if read.case:
            seen[read.case.id] = read.where
        yield read


def _all(paths: Iterable[str], limits: Limits) -> Iterator[Read]:
    for written in paths:
        if written == "-":
            yield from _documents(sys.stdin.buffer.read(), "<stdin>", None, limits)
            continue
        path = Path(written)
        files = sorted(p for p in path.rglob("*") if p.suffix in _ENDINGS) if path.is_dir() else [path]
        if not files:
            yield _unreadable(written, None, "no_cases", f"no {', '.join(sorted(_ENDINGS))} files in this folder")
        for file in files:
            try:
                data = file.read_bytes()
            except OSError as error:
                yield _unreadable(str(file), None, "unreadable_file", error.strerror or str(error))
                continue
            yield from _documents(data, str(file), file.parent, limits)


def _documents(data: bytes, name: str, folder: Path | None, limits: Limits) -> Iterator[Read]:
    try:
        whole = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if data.count(b"\n") and name.endswith((".jsonl", ".ndjson", "<stdin>")):
            yield from _lines(data, name, folder, limits)
        else:
            yield _unreadable(name, folder, "not_json", str(error))
        return
    if isinstance(whole, list):
        for i, one in enumerate(whole):
            yield _one(one, f"{name}:/{i}", folder, limits)
    else:
        yield _one(whole, f"{name}:1" if name.endswith((".jsonl", ".ndjson")) else name, folder, limits)


def _lines(data: bytes, name: str, folder: Path | None, limits: Limits) -> Iterator[Read]:
    for number, line in enumerate(data.splitlines(), 1):
        where = f"{name}:{number}"
        if not line.strip():
            continue
        try:
            yield _one(orjson.loads(line), where, folder, limits)
        except orjson.JSONDecodeError as error:
            yield _unreadable(where, folder, "not_json", str(error))


def _one(raw: Any, where: str, folder: Path | None, limits: Limits) -> Read:  # noqa: ANN401 - JSON
    named = raw.get("id") if isinstance(raw, dict) else None
    case_id = named if isinstance(named, str) and named else where
    try:
        return Read(case_id, where, folder, case=read_case(raw, limits))
    except Invalid as error:
        return Read(case_id, where, folder, problems=error.problems)


def _unreadable(where: str, folder: Path | None, code: str, detail: str) -> Read:
    hint = "send JSON: one case, a list of cases, or one case a line"
    return Read(where, where, folder, problems=(Problem(code=code, pointer="", detail=detail, hint=hint),))
