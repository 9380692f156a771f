"""What a handbook's columns and words mean: rows become rules in the corpus's vocabulary, by a mapping and defaults."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

from cases.evidence import one_line
from cases.problem import Invalid, Problem
from cases.rule import SEVERITIES, Effect
from casewright.handbook import Row, plain
from casewright.mapping import filled
from policies.clause import Clause
from policies.corpus import Corpus
from policies.draft import HandbookRule

_Kind = Literal["text", "word", "words", "texts", "day", "number"]
FIELDS: dict[str, _Kind] = {
    "title": "text",
    "text": "text",
    "area": "text",
    "name": "text",
    "type": "word",
    "effect": "word",
    "regions": "words",
    "from": "day",
    "to": "day",
    "severity": "word",
    "meanwhile": "word",
    "action": "word",
    "window_days": "number",
    "prohibited": "texts",
    "allowed": "texts",
    "exceptions": "texts",
    "examples": "texts",
    "violating_examples": "texts",
    "allowed_examples": "texts",
}
"""What a handbook may say of a rule: words are those of the corpus, texts are lists of sentences."""
_NEEDED = ("title", "text", "area", "type", "effect", "regions", "from", "severity")
_NEEDED_TO_FORBID = ("action", "window_days")
_LEAF = {"column", "each", "text", "split", "match", "default", "cut", "labels", "together"}
_NOTHING = re.compile(r"^\W*(none|n/?a|nil|not applicable)?\W*$", re.IGNORECASE)
_MARK = re.compile(r"^\s*(?:[-*•–]|\d+[.)])\s+")


@dataclass(frozen=True)
class _Field:
    """One field of a rule: where it stands (`shape`), what its words mean, which words are ours."""

    name: str
    kind: _Kind
    shape: Any
    labels: Mapping[str, str]
    ours: Mapping[str, str]
    together: str

    @property
    def column(self) -> str:
        """The column that it comes from; empty where it is made otherwise."""
        leaf = self.shape if isinstance(self.shape, dict) else {}
        return str(leaf.get("column") or leaf.get("each") or "")

    def read(self, row: Row, mapping: Path) -> Any:  # noqa: ANN401 - as its kind says
        """What a row says, in our words; raises `Invalid` with a pointer to the field."""
        value = filled(_leaf_of(self.shape, self.kind), row.cells, mapping)
        texts = [one_line(_MARK.sub("", str(one))) for one in (value if isinstance(value, list) else [value])]
        if self.kind == "texts":
            return tuple(text for text in texts if not _NOTHING.match(text))
        if self.kind == "words":
            return tuple(self.meant(text) for text in texts if text and value is not None)
        said = "" if value is None else str(value).strip()
        if self.kind == "text":
            return self.labels.get(plain(said), said)
        return self.meant(said) if said else ""

    def meant(self, said: str) -> Any:  # noqa: ANN401 - as its kind says
        """What one word means; raises `Invalid` where nobody has said so."""
        word = self.labels.get(plain(said), said)
        if self.kind == "day":
            return _day(word, self.name)
        if self.kind == "number":
            return _number(word, self.name)
        known = self.ours.get(plain(word))
        if known is None:
            shown = ", ".join(self.ours.values())
            hint = f"write it under `labels` of {self.name} in the mapping; ours are: {shown}"
            raise _invalid("unknown_label", self.name, f"nothing says what {said!r} means", hint)
        return known


class RuleMapping:
    """How the rows of one handbook become rules."""

    def __init__(self, shape: Mapping[str, Any], path: Path, corpus: Corpus) -> None:
        """Check a mapping.

        Args:
            shape: what `read_mapping` gives; empty where there is no mapping.
            path: the mapping's file, for what is wrong with it.
            corpus: whose types, regions and actions the rules are to name.

        Raises:
            Invalid: it names a field that no rule has, or a word that the corpus does not have.
        """
        self._path = path
        skip = shape.get("skip") or ()
        self.skip = tuple(map(str, skip)) if isinstance(skip, list | tuple) else (str(skip),)
        ours = _vocabulary(corpus)
        self._fields: dict[str, _Field] = {}
        problems = [
            Problem(code="unknown_field", pointer=name, detail=f"expected are skip, {', '.join(FIELDS)}")
            for name in shape
            if name not in {"skip", *FIELDS}
        ]
        for name, kind in FIELDS.items():
            if name in shape:
                try:
                    self._fields[name] = _field(name, kind, shape[name], ours.get(name, {}))
                except Invalid as error:
                    problems += error.problems
            else:
                self._fields[name] = _Field(name, kind, None, {}, ours.get(name, {}), "")
        if problems:
            placed = (p.model_copy(update={"pointer": f"{path}/{p.pointer.strip('/')}"}) for p in problems)
            raise Invalid(str(path), tuple(placed))

    @property
    def columns(self) -> dict[str, bool]:
        """Names of columns, and whether each holds a list: the mapping's, and where it is silent the fields' own."""
        return {
            field.column or name.replace("_", " "): field.kind == "texts"
            for name, field in self._fields.items()
            if (field.column or field.shape is None) and name not in {"title", "text", "area"}
        }

    def rule(self, row: Row) -> HandbookRule:
        """Make the rule of a row.

        Raises:
            Invalid: with everything that is missing or unknown, each with a pointer to its field.
        """
        said: dict[str, Any] = {}
        problems: list[Problem] = []
        fields = {name: _placed(field, row) for name, field in self._fields.items()}
        for name, field in fields.items():
            try:
                said[name] = field.read(row, self._path)
            except Invalid as error:
                if any(problem.code == "unknown_column" for problem in error.problems):
                    raise  # that is the mapping's fault, not a row's
                problems += error.problems
        # What could not be read is told already, and is not missing too.
        said |= {problem.pointer[1:]: "(unread)" for problem in problems}
        problems += _missing(said, fields)
        problems += _undecided(said, fields["prohibited"], row)
        if problems:
            raise Invalid("a rule", tuple(problems))
        areas = row.areas if self._fields["area"].shape is None else ()
        return _rule(said, areas or (said["area"],), any_of=_together(fields["prohibited"], row) == "any")


def _vocabulary(corpus: Corpus) -> dict[str, dict[str, str]]:
    """Our words, by field and by how they are compared."""
    words = {
        "type": corpus.types,
        "effect": get_args(Effect),
        "regions": ["*", *corpus.groups, *corpus.regions],
        "severity": SEVERITIES,
        "meanwhile": get_args(Clause.model_fields["meanwhile"].annotation),
        "action": corpus.actions,
    }
    return {name: {plain(str(word)): str(word) for word in known} for name, known in words.items()}


def _field(name: str, kind: _Kind, shape: Any, ours: Mapping[str, str]) -> _Field:  # noqa: ANN401 - YAML
    """Check what a mapping says of a field: its keys, and that every constant, default and label is a word of ours."""
    leaf = shape if isinstance(shape, dict) else {}
    known = _LEAF - ({"labels"} if kind == "texts" else set()) - ({"together"} if name != "prohibited" else set())
    if strange := sorted(set(map(str, leaf)) - known):
        raise _invalid("unknown_field", f"{name}/{strange[0]}", f"expected are {', '.join(sorted(known))}")
    labels = leaf.get("labels", {})
    if not isinstance(labels, dict) or (isinstance(shape, dict) and not {"column", "each", "text"} & set(leaf)):
        raise _invalid("not_a_mapping", name, "expected a value, or {column: ..., labels: {...}, default: ...}")
    together = str(leaf.get("together", ""))
    if together not in {"", "any", "all"}:
        hint = "any, where one condition is enough, or all"
        raise _invalid("invalid_value", f"{name}/together", f"{together!r} is neither any nor all", hint)
    words = {plain(str(word)): str(meant) for word, meant in labels.items()}
    field = _Field(name, kind, shape, words, ours, together)
    constants = leaf.get("default") if leaf else shape
    for pointer, values in ((name, constants), (f"{name}/labels", list(labels.values()))):
        for value in values if isinstance(values, list) else [] if values is None else [values]:
            _check(field, pointer, value)
    return field


def _check(field: _Field, pointer: str, value: object) -> None:
    """A word of the mapping's own must be ours already."""
    if isinstance(value, bool | dict | list):
        raise _invalid("not_text", pointer, f"YAML reads {value!r} here", 'put a text between quotation marks: "NO"')
    if field.kind in {"word", "words", "day", "number"}:
        try:
            _Field(field.name, field.kind, None, {}, field.ours, "").meant(str(value))
        except Invalid as error:
            detail, shown = f"there is no {field.name} {str(value)!r}", ", ".join(field.ours.values())
            hint = f"there are: {shown}" if shown else error.problems[0].hint
            raise _invalid("invalid_value", pointer, detail, hint) from error


def _placed(field: _Field, row: Row) -> _Field:
    """The field with its column: that of its own name where the mapping is silent and the row has one."""
    if field.shape is not None:
        return field
    own = next((column for column in row.cells if plain(str(column)) == plain(field.name)), None)
    shape = {"column": own} if own is not None else None
    return _Field(field.name, field.kind, shape, field.labels, field.ours, field.together)


def _leaf_of(shape: Any, kind: _Kind) -> Any:  # noqa: ANN401 - YAML
    """A shape as `filled` takes it: a list cut at its lines, or regions at their commas, where nothing else is said."""
    if not isinstance(shape, dict):
        return shape
    leaf = {key: value for key, value in shape.items() if key not in {"labels", "together"}}
    column = leaf.pop("column", None)
    if column is None:
        return leaf
    if kind in {"words", "texts"} and "match" not in leaf:
        return {"split": "," if kind == "words" else "\n", **leaf, "each": column}
    return {**leaf, "column": column}


def _missing(said: Mapping[str, Any], fields: Mapping[str, _Field]) -> Iterator[Problem]:
    needed = _NEEDED + (_NEEDED_TO_FORBID if said["effect"] == "forbid" else ())
    for name in needed:
        if not said[name]:
            column = fields[name].column
            fill = f"fill “{column}”, or give it a `default` in the mapping"
            hint = fill if column else f"write it there, or name its column in the mapping: `{name}: {{column: ...}}`"
            hint += "" if name in {"title", "text"} else f"; what holds for all rules is `{name}: ...`"
            yield Problem(code="missing", pointer=f"/{name}", detail=f"nothing gives the rule's `{name}`", hint=hint)


_ANY = re.compile(r"\b(any|one|either|each)\b", re.IGNORECASE)
_ALL = re.compile(r"\ball\b.*\b(hold|apply|met|true|together)\b", re.IGNORECASE)


def _together(field: _Field, row: Row) -> str:
    """How conditions go together: as their introduction or column says, else the mapping; empty where nothing does.

    "All of these are prohibited" says that each is, so `all` counts only where it says that all must hold.
    """
    told = row.said.get(field.column, field.column)
    anyone, everyone = bool(_ANY.search(told)), bool(_ALL.search(told))
    return field.together if anyone == everyone else "any" if anyone else "all"


def _undecided(said: Mapping[str, Any], field: _Field, row: Row) -> Iterator[Problem]:
    conditions = said["prohibited"]
    if isinstance(conditions, tuple) and len(conditions) > 1 and not _together(field, row):
        detail = f"{len(conditions)} conditions, and nothing says whether one is enough or all must hold"
        hint = (
            "introduce them with “Prohibited, any of:” or “Prohibited, where all of these hold:”, "
            "or write `prohibited: {column: ..., together: any}` (or all) in the mapping"
        )
        yield Problem(code="missing", pointer="/prohibited", detail=detail, hint=hint)


def _rule(said: Mapping[str, Any], areas: tuple[str, ...], *, any_of: bool) -> HandbookRule:
    """The rule of what a row says; plain examples show what the rule describes, and a permit describes what may be."""
    described = "allowed_examples" if said["effect"] == "permit" else "violating_examples"
    examples = {**said, described: (*said[described], *said["examples"])}
    forbids = said["effect"] == "forbid"
    fields = {name: said[name] for name in ("title", "text", "name", "type", "effect", "regions", "severity")}
    return HandbookRule(
        **fields,
        areas=areas,
        from_=said["from"],
        to=said["to"] or None,
        meanwhile=said["meanwhile"],
        conditions=said["prohibited"],
        any_of=any_of,
        exceptions=(*said["allowed"], *said["exceptions"]),
        action=said["action"] if forbids else "",
        window_days=said["window_days"] if forbids else 0,
        violating=examples["violating_examples"],
        allowed=examples["allowed_examples"],
    )


def _day(word: str, name: str) -> date:
    try:
        return date.fromisoformat(word)
    except ValueError as error:
        raise _invalid("invalid_value", name, f"{word!r} is no day", "write it as 2026-01-31") from error


def _number(word: str, name: str) -> int:
    if not word.isdecimal() or not int(word):
        raise _invalid("invalid_value", name, f"{word!r} is no number of days", "write it as 365")
    return int(word)


def _invalid(code: str, pointer: str, detail: str, hint: str = "") -> Invalid:
    return Invalid(pointer, (Problem(code=code, pointer=f"/{pointer}", detail=detail, hint=hint),))
