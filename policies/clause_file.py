"""The form of a clause file: front matter for code, prose for people; read with the line of every value."""

from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator

from cases.evidence import Voucher
from cases.problem import Invalid, Problem, Record, pointer_of, problems_of
from cases.rule import Absence, Fact, Measure, Name, Part, RecordNeed
from policies.clause import ClauseId, Enforcement, Examples, Guidance, Period, Reference, Signs


class PartFile(Record):
    """A part as written; see `docs/guides/write-a-clause.md`."""

    text: str
    proof: tuple[Voucher, ...] | None = None
    record: RecordNeed | None = None
    absence: Absence | None = None
    measure: Measure | None = None
    fact: Fact | None = None
    appraisal: bool = False
    weight: int = 1
    at_least: int | None = None
    of: dict[Name, "PartFile"] = Field(default_factory=dict)

    @field_validator("fact", mode="before")
    @classmethod
    def _parse_fact(cls, fact: object) -> object:
        return Fact.parse(fact) if isinstance(fact, str) else fact

    def part(self, name: str, role: Literal["element", "exemption"]) -> Part:
        """Make the part of the rule; members are named `group.member`."""
        fields = {field: getattr(self, field) for field in _SHARED}
        members = tuple(member.part(f"{name}.{key}", role) for key, member in self.of.items())
        return Part(name=name, role=role, of=members, **fields)


_SHARED = ("text", "proof", "record", "absence", "measure", "fact", "appraisal", "weight", "at_least")


class ClauseFile(Record):
    """The front matter of a clause, after merging with what it extends."""

    id: ClauseId
    title: str
    type: str
    effect: Literal["forbid", "permit"] = "forbid"
    over: tuple[ClauseId, ...] = ()
    regions: tuple[str, ...] = Field(min_length=1)
    except_: tuple[str, ...] = Field((), alias="except")
    in_force: Period
    severity: Literal["low", "medium", "high", "critical"]
    meanwhile: Literal["keep", "hide"] = "keep"
    elements: dict[Name, PartFile] = Field(min_length=1)
    exemptions: dict[Name, PartFile] = Field(default_factory=dict)
    enforcement: Enforcement | None = None
    notice: dict[str, str] = Field(default_factory=dict)
    examples: Examples = Examples()
    references: tuple[Reference, ...] = ()
    guidance: tuple[Guidance, ...] = ()
    dsa: dict[str, Any] = Field(default_factory=dict)
    see_also: tuple[ClauseId, ...] = ()
    extends: ClauseId | None = None

    @field_validator("references", mode="before")
    @classmethod
    def _dates_are_text(cls, references: object) -> object:
        """YAML reads 2026-01-05 as a date; `as_of` may be a month only, so it stays text."""
        if not isinstance(references, list):
            return references
        return [
            {**item, "as_of": item["as_of"].isoformat()}
            if isinstance(item, dict) and isinstance(item.get("as_of"), date)
            else item
            for item in references
        ]


class Source(Record):
    """A YAML document with the line on which each of its values stands."""

    file: str
    data: dict[str, Any]
    lines: dict[str, int]
    prose: str = ""

    def problem(self, code: str, pointer: str, detail: str, hint: str = "") -> Problem:
        """Name a problem by file and line (the nearest enclosing value where the pointed one is missing)."""
        at = pointer
        while at and at not in self.lines:
            at = at.rpartition("/")[0]
        where = f"{self.file}:{self.lines.get(at, 1)}"
        return Problem(code=code, pointer=where, detail=f"{pointer or '/'}: {detail}", hint=hint)


def read_yaml(path: Path, file: str) -> Source:
    """Read a YAML file that holds one mapping; raises `Invalid` with file and line."""
    return _source(path.read_text(encoding="utf-8"), file, first_line=0, prose="")


def read_clause(path: Path, file: str) -> Source:
    """Read a clause file: front matter between `---` lines, then prose; raises `Invalid` with file and line."""
    text = path.read_text(encoding="utf-8")
    head, _, prose = text.removeprefix("---\n").partition("\n---\n")
    if not text.startswith("---\n") or not prose.strip():
        detail = "a clause file is front matter between two lines of ---, then prose"
        raise Invalid(file, (Problem(code="no_front_matter", pointer=f"{file}:1", detail=detail),))
    return _source(head, file, first_line=1, prose=prose.strip())


def _source(text: str, file: str, *, first_line: int, prose: str) -> Source:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark.line if error.problem_mark else 0) + 1 + first_line
        problem = Problem(code="not_yaml", pointer=f"{file}:{line}", detail=error.problem or "not YAML")
        raise Invalid(file, (problem,)) from error
    if not isinstance(data, dict) or node is None:
        raise Invalid(file, (Problem(code="not_a_mapping", pointer=f"{file}:1", detail="expected a mapping"),))
    lines: dict[str, int] = {}
    twice = _lines(node, (), first_line, lines)
    if twice:
        problems = tuple(
            Problem(code="twice", pointer=f"{file}:{line}", detail=f"{key} is given twice") for key, line in twice
        )
        raise Invalid(file, problems)
    return Source(file=file, data=data, lines=lines, prose=prose)


def _lines(node: yaml.Node, at: tuple[str | int, ...], first: int, lines: dict[str, int]) -> list[tuple[str, int]]:
    """Fill `lines` by JSON pointer; return keys that a mapping holds twice (YAML would keep the last in silence)."""
    lines[pointer_of(at)] = node.start_mark.line + 1 + first
    twice: list[tuple[str, int]] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                twice.append((key.value, key.start_mark.line + 1 + first))
            seen.add(key.value)
            twice += _lines(value, (*at, key.value), first, lines)
            lines[pointer_of((*at, key.value))] = key.start_mark.line + 1 + first
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            twice += _lines(value, (*at, i), first, lines)
    return twice


def clause_file(source: Source, merged: dict[str, Any]) -> ClauseFile:
    """Check merged front matter; raises `Invalid` with file and line of each problem."""
    try:
        return ClauseFile.model_validate(merged)
    except ValidationError as error:
        raise Invalid(source.file, tuple(_located(source, p) for p in problems_of(error))) from error


def signs_of(source: Source) -> dict[str, Signs]:
    """Read a signs file: by judged part, words by language and attribute tests on both sides."""
    signs: dict[str, Signs] = {}
    problems: list[Problem] = []
    for part, written in source.data.items():
        try:
            signs[part] = Signs.model_validate(_with_sides(written))
        except ValidationError as error:
            problems += [_located(source, p) for p in problems_of(error, pointer_of((part,)))]
    if problems:
        raise Invalid(source.file, tuple(problems))
    return signs


def _with_sides(written: object) -> object:
    """Bring `for: {en: [...], attributes: [...]}` to `for: {words: {...}, attributes: [...]}`."""
    if not isinstance(written, dict):
        return written
    return {key: _side(value) if key in {"for", "against"} else value for key, value in written.items()}


def _side(value: object) -> object:
    if not isinstance(value, dict):
        return value
    # Values stay as YAML read them: 1:1 without quotes is the number 61 to it, and the form then refuses it.
    words = {str(key): tuple(words or ()) for key, words in value.items() if key != "attributes"}
    return {"words": words, "attributes": value.get("attributes", ())}


def _located(source: Source, problem: Problem) -> Problem:
    return source.problem(problem.code, problem.pointer, problem.detail, problem.hint)
