"""What is wrong with an input, where, and what to do about it."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError


class Record(BaseModel):
    """Parent of every contract: frozen, and strict about what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


class Problem(Record):
    """One thing wrong with one place.

    Attributes:
        code: closed vocabulary, for machines (`missing`, `unknown_field`, ...).
        pointer: JSON pointer (RFC 6901) into the offending document, or `file:line`.
        detail: what is wrong, for people.
        hint: what to do about it.
    """

    code: str
    pointer: str
    detail: str
    hint: str = ""

    def __str__(self) -> str:
        """Render on one line: where, code, detail, hint."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.pointer or '/'}: {self.code}: {self.detail}{hint}"


class CasewrightError(Exception):
    """Something went wrong in Casewright."""

    code: ClassVar[str] = "error"
    hint: ClassVar[str] = ""

    def __init__(self, pointer: str = "", **details: object) -> None:
        """Fill the class docstring's first line with `details`; it is the message."""
        self.pointer = pointer
        self.details = details
        template = (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(template.format(pointer=pointer, **details))

    @property
    def problem(self) -> Problem:
        """The error as a record to print or send."""
        return Problem(code=self.code, pointer=self.pointer, detail=str(self), hint=self.hint)


class Invalid(CasewrightError):
    """{what} is not valid: {summary}"""

    code: ClassVar[str] = "invalid"

    def __init__(self, what: str, problems: "tuple[Problem, ...]") -> None:
        """Carry every problem found, not only the first."""
        self.problems = problems
        summary = "; ".join(str(problem) for problem in problems)
        super().__init__(problems[0].pointer if problems else "", what=what, summary=summary)


_CODES = {
    "missing": ("missing", "add this field"),
    "extra_forbidden": ("unknown_field", "remove it, or check its spelling against `casewright schema`"),
    "timezone_aware": ("no_time_zone", "write RFC 3339 with a zone, such as 2026-03-14T09:30:00Z"),
    "json_invalid": ("not_json", "the text is not JSON"),
    "string_type": ("not_text", "put it between quotation marks"),
    "string_too_long": ("too_long", "shorten it, or raise the limit in the settings"),
    "too_long": ("too_many", "send fewer, or raise the limit in the settings"),
}


def pointer_of(location: tuple[int | str, ...]) -> str:
    """Turn a pydantic location into a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in location)


def problems_of(error: ValidationError, under: str = "") -> tuple[Problem, ...]:
    """Turn pydantic's errors into ours.

    Args:
        error: what pydantic raised.
        under: pointer of the validated value inside its document.
    """
    found = []
    for item in error.errors(include_url=False, include_input=False):
        code, hint = _CODES.get(item["type"], ("invalid_value", "see `casewright schema` for what is allowed here"))
        detail = item["msg"].removeprefix("Value error, ")
        found.append(Problem(code=code, pointer=under + pointer_of(item["loc"]), detail=detail, hint=hint))
    return tuple(found)
