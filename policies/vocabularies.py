"""The tables beside the clauses: violation types, actions, regions, facts, sentences and kinds of goods."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ConfigDict, RootModel, ValidationError, field_validator

from cases.problem import Invalid, Problem, Record, problems_of
from policies.clause_file import Source, read_yaml


class ViolationTypeInfo(Record):
    """One entry of the taxonomy; `graphic` where pictures of it are better not seen unasked."""

    title: str
    about: str = ""
    graphic: bool = False


class ActionInfo(Record):
    """What an action is: can it be taken back, and how heavy is it (1 to 5)."""

    title: str
    reversible: bool
    impact: int
    about: str = ""


class RegionInfo(Record):
    """A market: its name, the languages that its sellers write in, and its time zone (IANA)."""

    languages: tuple[str, ...]
    time_zone: str = "UTC"
    name: str = ""

    @field_validator("time_zone")
    @classmethod
    def _known(cls, time_zone: str) -> str:
        try:
            ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            msg = f"{time_zone!r} is no time zone of the IANA database"
            raise ValueError(msg) from error
        return time_zone


class FactInfo(Record):
    """A fact that a tool measures and a part may compare."""

    model_config = ConfigDict(frozen=True, extra="allow")

    unit: str = ""
    meaning: str = ""
    tool: str = ""


class _Phrases(RootModel[dict[str, str]]):
    """Sentences of one language, by name."""


class _Kind(RootModel[dict[str, tuple[str, ...]]]):
    """What goods of one kind are called, by language."""


def read_vocabularies(folder: Path, problems: list[Problem]) -> tuple[dict[str, Any], set[str]]:
    """The vocabularies, and the names of those that are faulty: what these do not know is no problem of a clause."""
    read: dict[str, Any] = {}
    faulty: set[str] = set()
    for file, key, kind in _VOCABULARIES:
        found: list[Problem] = []
        source = _vocabulary(folder, file, found)
        read[key] = _entries(source, key, kind, found)
        if key == "regions":
            read["groups"] = _groups(source, read[key], found)
        problems += found
        faulty |= {key} if found else set()
    read["phrases"] = {language: said.root for language, said in read["phrases"].items()}
    return read, faulty


_VOCABULARIES: tuple[tuple[str, str, type[Any]], ...] = (
    ("taxonomy", "types", ViolationTypeInfo),
    ("actions", "actions", ActionInfo),
    ("regions", "regions", RegionInfo),
    ("facts", "facts", FactInfo),
    ("phrases", "phrases", _Phrases),
)


Kinds = Mapping[str, Mapping[str, tuple[str, ...]]]


def read_kinds(folder: Path, problems: list[Problem]) -> Kinds:
    """Kinds of goods by name; none where the corpus has no `kinds.yaml`."""
    if not (folder / "kinds.yaml").exists():
        return {}
    source = _vocabulary(folder, "kinds", problems)
    return {name: kind.root for name, kind in _entries(source, "kinds", _Kind, problems).items()}


def _vocabulary(folder: Path, name: str, problems: list[Problem]) -> Source:
    path = folder / f"{name}.yaml"
    try:
        return read_yaml(path, path.name)
    except FileNotFoundError:
        problems.append(Problem(code="missing_file", pointer=path.name, detail=f"{path.name} is missing"))
    except Invalid as error:
        problems += error.problems
    return Source(file=path.name, data={}, lines={})


def _entries(source: Source, key: str, kind: type[Any], problems: list[Problem]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for name, written in _mapping(source, key, problems).items():
        try:
            entries[name] = kind.model_validate(written or {})
        except ValidationError as error:
            problems += [source.problem(p.code, f"/{key}/{name}{p.pointer}", p.detail) for p in problems_of(error)]
    return entries


def _mapping(source: Source, key: str, problems: list[Problem]) -> dict[str, Any]:
    written = source.data.get(key) or {}
    if isinstance(written, dict):
        return written
    problems.append(source.problem("not_a_mapping", f"/{key}", "expected a mapping"))
    return {}


def _groups(source: Source, regions: Mapping[str, object], problems: list[Problem]) -> dict[str, tuple[str, ...]]:
    groups: dict[str, tuple[str, ...]] = {}
    for name, members in _mapping(source, "groups", problems).items():
        if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
            problems.append(source.problem("not_a_list", f"/groups/{name}", "expected a list of region codes"))
            continue
        unknown = [member for member in members if member not in regions]
        problems += [source.problem("unknown_region", f"/groups/{name}", f"{m!r} is not known") for m in unknown]
        groups[name] = tuple(members)
    return groups
