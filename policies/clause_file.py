"""The form of a clause file: front matter for code, prose for people; read with the line of every value."""

import re
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, RootModel, ValidationError, ValidationInfo, field_validator, model_validator

from cases.evidence import Voucher, normal
from cases.problem import Invalid, Problem, Record, pointer_of, problems_of
from cases.rule import Absence, Fact, Measure, Name, Part, RecordNeed, check_group
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

    @model_validator(mode="after")
    def _group_is_whole(self) -> Self:
        check_group(self.at_least, [bool(member.of) for member in self.of.values()])
        return self

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

    @field_validator("exemptions")
    @classmethod
    def _other_names(cls, exemptions: dict[str, PartFile], info: ValidationInfo) -> dict[str, PartFile]:
        """One judgement a name: an exemption named like an element would be judged by the same verdict."""
        if twice := set(exemptions) & set(info.data.get("elements", ())):
            msg = f"elements have these names too: {', '.join(sorted(twice))}"
            raise ValueError(msg)
        return exemptions

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
    return _source(_text(path, file), file, first_line=0, prose="")


def read_clause(path: Path, file: str) -> Source:
    """Read a clause file: front matter between `---` lines, then prose; raises `Invalid` with file and line."""
    text = _text(path, file)
    head, _, prose = text.removeprefix("---\n").partition("\n---\n")
    if not text.startswith("---\n") or not prose.strip():
        detail = "a clause file is front matter between two lines of ---, then prose"
        raise Invalid(file, (Problem(code="no_front_matter", pointer=f"{file}:1", detail=detail),))
    return _source(head, file, first_line=1, prose=prose.strip())


def _text(path: Path, file: str) -> str:
    try:
        return normal(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        problem = Problem(code="not_utf8", pointer=f"{file}:1", detail=str(error), hint="save the file as UTF-8")
        raise Invalid(file, (problem,)) from error


def _source(text: str, file: str, *, first_line: int, prose: str) -> Source:
    lines: dict[str, int] = {}
    faults: list[tuple[str, str, int]] = []
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        if node is not None:
            faults = _lines(node, "", first_line, lines)
        data = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, ValueError) as error:  # a ValueError is a day that the calendar does not have
        line = _line_of(error, text) + first_line
        detail = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        raise Invalid(file, (Problem(code="not_yaml", pointer=f"{file}:{line}", detail=detail),)) from error
    finally:
        loader.dispose()
    if not isinstance(data, dict):
        raise Invalid(file, (Problem(code="not_a_mapping", pointer=f"{file}:1", detail="expected a mapping"),))
    if faults:
        raise Invalid(file, tuple(Problem(code=c, pointer=f"{file}:{line}", detail=told) for c, told, line in faults))
    return Source(file=file, data=data, lines=lines, prose=prose)


# The C loader reads the corpus ten times faster; where PyYAML comes without it, the other reads the same.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_TAGS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"}
_DAY = re.compile(r"\b\d{4}-\d\d?-\d\d?\b")


def _line_of(error: Exception, text: str) -> int:
    """The line that YAML stumbles over, from 1."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return error.problem_mark.line + 1
    if isinstance(error, yaml.reader.ReaderError):
        return text.count("\n", 0, error.position) + 1
    return next((text.count("\n", 0, m.start()) + 1 for m in _DAY.finditer(text) if not _is_day(m.group())), 1)


def _is_day(written: str) -> bool:
    year, month, day = (int(number) for number in written.split("-"))
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _lines(node: yaml.Node, at: str, first: int, lines: dict[str, int]) -> list[tuple[str, str, int]]:
    """Fill `lines` by JSON pointer, here and below `at`.

    Returns:
        Code, fault and line of keys that YAML would take otherwise in silence.
    """
    lines[at] = node.start_mark.line + 1 + first
    faults: list[tuple[str, str, int]] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1 + first
            if name in seen:
                faults.append(("twice", f"{name} is given twice", line))
            if key.tag not in _TEXT_TAGS:
                faults.append(("not_text", f"YAML does not read {name} as text: put it between quotation marks", line))
            seen.add(name)
            below = at + pointer_of((name,))
            faults += _lines(value, below, first, lines)
            lines[below] = line
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            faults += _lines(value, f"{at}/{i}", first, lines)
    return faults


def clause_file(source: Source, merged: dict[str, Any]) -> ClauseFile:
    """Check merged front matter; raises `Invalid` with file and line of each problem."""
    try:
        return ClauseFile.model_validate(merged)
    except ValidationError as error:
        raise Invalid(source.file, tuple(_located(source, p) for p in problems_of(error))) from error


ALIASES = "aliases"
"""Key of a signs file that names no part."""


class _Aliases(RootModel[dict[str, tuple[str, ...]]]):
    """Phrases by language."""


def aliases_of(source: Source) -> dict[str, tuple[str, ...]]:
    """Read the other names that a signs file gives its clause, by language; raises `Invalid` with file and line."""
    try:
        return _Aliases.model_validate(source.data.get(ALIASES) or {}).root
    except ValidationError as error:
        told = [p.model_copy(update={"pointer": f"/{ALIASES}{p.pointer}"}) for p in problems_of(error)]
        raise Invalid(source.file, tuple(_located(source, p) for p in told)) from error


def signs_of(source: Source) -> dict[str, Signs]:
    """Read a signs file: by judged part, words by language, attribute tests and kinds on both sides."""
    signs: dict[str, Signs] = {}
    problems: list[Problem] = []
    for part, written in source.data.items():
        if part == ALIASES:
            continue
        try:
            signs[part] = Signs.model_validate(_with_sides(written))
        except ValidationError as error:
            problems += [_located(source, _as_written(p, part)) for p in problems_of(error)]
        else:
            problems += _bad_phrases(source, part, signs[part])
    if problems:
        raise Invalid(source.file, tuple(problems))
    return signs


_WORDS = re.compile(r"^(/(?:for|against))/words")


def _as_written(problem: Problem, part: str) -> Problem:
    """Point to where it stands in the file, which knows no `words`."""
    return problem.model_copy(update={"pointer": pointer_of((part,)) + _WORDS.sub(r"\1", problem.pointer)})


def _bad_phrases(source: Source, part: str, signs: Signs) -> list[Problem]:
    """Phrases that nothing can match: empty ones, and regular expressions that are none."""
    hint = "write a phrase, or a Python regular expression between slashes"
    return [
        source.problem("bad_phrase", pointer_of((part, name, language, i)), f"{phrase!r}: {fault}", hint)
        for name, side in (("for", signs.for_), ("against", signs.against))
        for language, phrases in side.words.items()
        for i, phrase in enumerate(phrases)
        if (fault := _fault_of(phrase))
    ]


def _fault_of(phrase: str) -> str:
    if not phrase.strip("/ "):
        return "an empty phrase"
    if phrase.startswith("/") and phrase.endswith("/"):
        try:
            re.compile(phrase[1:-1])
        except re.error as error:
            return str(error)
    return ""


def _with_sides(written: object) -> object:
    """Bring `for: {en: [...], attributes: [...]}` to `for: {words: {...}, attributes: [...]}`."""
    if not isinstance(written, dict):
        return written
    return {key: _side(value) if key in {"for", "against"} else value for key, value in written.items()}


def _side(value: object) -> object:
    if not isinstance(value, dict):
        return value
    # Values stay as YAML read them: 1:1 without quotes is the number 61 to it, and a phrase outside a list would be a
    # row of letters; the form then refuses them.
    words = {key: () if words is None else words for key, words in value.items() if key not in {"attributes", "kinds"}}
    return {"words": words, "attributes": value.get("attributes", ()), "kinds": value.get("kinds", ())}


def _located(source: Source, problem: Problem) -> Problem:
    return source.problem(problem.code, problem.pointer, problem.detail, problem.hint)
