"""What comes in: a case about one listing, and the record of its seller."""

from datetime import MAXYEAR, MINYEAR, date, datetime
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self, TypeVar

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from cases.problem import Invalid, Problem, Record, problems_of

Id = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Region = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
ViolationType = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z_]+$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, StringConstraints(max_length=100_000)]

_R = TypeVar("_R", bound=Record)


def _written_out(value: object) -> object:
    """Refuse numbers for times: seconds and milliseconds since 1970 look alike, and neither says its zone."""
    if isinstance(value, datetime) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    msg = "a time is RFC 3339 with a zone, such as 2026-03-14T09:30:00Z"
    raise ValueError(msg)


_D = TypeVar("_D", bound=date)


def _not_at_the_edge(moment: _D) -> _D:
    """Refuse the first and the last year there are: their days leave the calendar in other time zones."""
    if not MINYEAR < moment.year < MAXYEAR:
        msg = f"a time is between the years {MINYEAR + 1} and {MAXYEAR - 1}"
        raise ValueError(msg)
    return moment


def _day_written_out(value: object) -> object:
    """Refuse numbers for days; a midnight may stand for its day."""
    if isinstance(value, date) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    msg = "a day is written such as 2026-03-14"
    raise ValueError(msg)


def _counted(value: object) -> object:
    """Take 3.0 for 3, which are one number in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_not_at_the_edge)]
Day = Annotated[date, BeforeValidator(_day_written_out), AfterValidator(_not_at_the_edge)]
# JSON's own kinds are told apart: "3" is no number, and neither 1 nor "yes" is true.
Flag = Annotated[bool, Field(strict=True)]
Counted = BeforeValidator(_counted)
Whole = Annotated[int, Field(strict=True, ge=-(2**63), lt=2**63), Counted]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Mark = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A short name that somebody else gives; it is stored in columns, where control characters have no place."""


class Money(Record):
    """An amount as a decimal string (so that nothing is lost) with its ISO 4217 currency."""

    amount: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,15}(\.[0-9]{1,6})?$")]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

    @property
    def value(self) -> Decimal:
        """The amount as a number, in units of the currency."""
        return Decimal(self.amount)


class PastPrice(Money):
    """A price that the listing had, until a moment."""

    until: Moment | None = None


class Variant(Record):
    """One choice inside a listing."""

    name: Text
    price: Money | None = None


class Quantity(Record):
    """A number with its unit, such as 50 mg/ml."""

    value: Number
    unit: Annotated[str, StringConstraints(max_length=40)]


Scalar = str | int | float | Quantity


def _shaped(value: object) -> object:
    """Refuse what is no attribute in one sentence at its place; a union would name every type that it is not."""
    if all(_is_scalar(item) for item in (value if isinstance(value, list | tuple) else (value,))):
        return value
    msg = "an attribute is a text, a number, {value, unit}, or a list of these"
    raise ValueError(msg)


def _is_scalar(value: object) -> bool:
    if not isinstance(value, dict):
        return isinstance(value, str | int | float | Quantity) and not isinstance(value, bool)
    try:
        Quantity.model_validate(value)
    except ValidationError:
        return False
    return True


Attribute = Annotated[Scalar | tuple[Scalar, ...], BeforeValidator(_shaped)]


class Image(Record):
    """A picture, by path (read from the case file's folder) or by content hash (uploaded before)."""

    path: str | None = None
    sha256: Sha256 | None = None
    media_type: str | None = None

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str | None) -> str | None:
        if path is None:
            return None
        steps = PurePosixPath(path)
        if steps.is_absolute() or ".." in steps.parts or "\\" in path or "\x00" in path or not steps.parts:
            msg = "an image path is relative and stays inside the folder of its case file"
            raise ValueError(msg)
        return path

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.path is None) == (self.sha256 is None):
            msg = "give exactly one of path and sha256"
            raise ValueError(msg)
        return self


class Listing(Record):
    """The subject: what is judged."""

    kind: Literal["listing"]
    id: Id
    title: Text
    revision: Mark | None = None
    description: Text = ""
    category: tuple[Text, ...] = ()
    brand: Text = ""
    price: Money | None = None
    price_history: tuple[PastPrice, ...] = ()
    quantity: Whole | None = None
    condition: Text = ""
    ships_from: Region | None = None
    ships_to: tuple[Region, ...] = ()
    variants: tuple[Variant, ...] = ()
    attributes: dict[str, Attribute] = Field(default_factory=dict)
    images: tuple[Image, ...] = ()
    listed_at: Moment | None = None


Reporter = Literal["buyer", "rival", "brand_owner", "trusted_flagger", "authority", "employee", "model"]


class Report(Record):
    """Somebody's complaint about the subject."""

    by: Reporter
    text: Text
    verified: Flag = False
    type: ViolationType | None = None
    at: Moment | None = None
    reference: str | None = None
    due_at: Moment | None = None


class CaseText(Record):
    """A text that came with the case: a review, a message, a document."""

    source: Literal["product_review", "message", "order_note", "question", "document"]
    by: Literal["seller", "buyer", "rival", "brand_owner", "trusted_flagger", "authority", "employee", "platform"]
    text: Text
    at: Moment | None = None
    issuer: str | None = None
    model: str | None = None
    batch: str | None = None
    valid_until: Day | None = None
    verified: Flag = False


class Related(Record):
    """Another listing that bears on this one."""

    kind: Literal["listing"]
    id: Id
    title: Text = ""
    seller_id: Id | None = None
    description: Text = ""
    price: Money | None = None


class Appeal(Record):
    """A seller's objection to an earlier case."""

    of: Id
    statement: Text
    documents: tuple[Image, ...] = ()


class Case(Record):
    """A reported or flagged listing, with all that is known when it is opened."""

    id: Id
    opened_at: Moment
    region: Region
    subject: Listing
    seller_id: Id
    language: Language | None = None
    reports: tuple[Report, ...] = ()
    texts: tuple[CaseText, ...] = ()
    related: tuple[Related, ...] = ()
    suspected: tuple[ViolationType, ...] = ()
    signals: dict[str, Number] = Field(default_factory=dict)
    appeal: Appeal | None = None
    due_at: Moment | None = None
    priority: Whole = 0
    group_key: Mark | None = None

    @property
    def raised_types(self) -> tuple[str, ...]:
        """Violation types that somebody suspects or reports, in order, once each."""
        named = [*self.suspected, *(report.type for report in self.reports if report.type)]
        return tuple(dict.fromkeys(named))


class Strike(Record):
    """A violation that the platform has counted against the seller."""

    type: ViolationType
    at: Moment
    case_id: Id | None = None
    subject_id: Id | None = None
    subject_title: Text = ""
    reversed: Flag = False


class Authorisation(Record):
    """A record of the platform: what the seller may do, and what became of the request."""

    kind: Literal["brand", "category", "licence", "certificate", "registration"]
    value: Text
    region: Annotated[str, StringConstraints(pattern=r"^(\*|[A-Z]{2,6}(-[A-Z0-9]{1,3})?)$")]
    status: Literal["verified", "pending", "rejected", "revoked"]
    scope: Text = ""
    holder: Text = ""
    from_: Annotated[Day | None, Field(alias="from")] = None
    until: Day | None = None
    document: str = ""


class Link(Record):
    """Another account that shares something with this one."""

    seller_id: Id
    by: Literal["bank_account", "device", "address", "phone", "document"]


class Seller(Record):
    """What the platform knows of a seller."""

    id: Id
    opened_at: Moment
    country: Region
    name: Text = ""
    form: Literal["private", "trader"] | None = None
    identity: Literal["verified", "pending", "none"] | None = None
    state: Literal["active", "restricted", "suspended", "closed"] = "active"
    state_since: Moment | None = None
    rating: Number | None = None
    orders_90d: Whole | None = None
    refund_rate_90d: Number | None = None
    trusted: Flag = False
    strikes: tuple[Strike, ...] = ()
    authorisations: tuple[Authorisation, ...] = ()
    linked: tuple[Link, ...] = ()


class Limits(Record):
    """How large a case may be; a setting."""

    title: int = 500
    description: int = 20_000
    images: int = 12
    image_bytes: int = 10_000_000
    image_pixels: int = 40_000_000


def read_case(data: bytes | str | dict[str, Any], limits: Limits | None = None) -> Case:
    """Read one case.

    Args:
        data: JSON text or the parsed object.
        limits: sizes allowed; the defaults where none are given.

    Raises:
        Invalid: with every problem, each with its JSON pointer and what to do.
    """
    case = read_record(Case, "the case", data)
    too_large = tuple(_over_limits(case, limits or Limits()))
    if too_large:
        raise Invalid("the case", too_large)
    return case


def read_seller(data: bytes | str | dict[str, Any]) -> Seller:
    """Read one seller record; raises `Invalid` as `read_case` does."""
    return read_record(Seller, "the seller record", data)


def read_record(kind: type[_R], what: str, data: bytes | str | dict[str, Any]) -> _R:
    """Read one record of a kind; `what` is its name in the message of `Invalid`, raised as by `read_case`."""
    try:
        raw = orjson.loads(data) if isinstance(data, bytes | str) else data
    except orjson.JSONDecodeError as error:
        problem = Problem(code="not_json", pointer="", detail=str(error), hint="send one JSON object")
        raise Invalid(what, (problem,)) from error
    if not isinstance(raw, dict):
        problem = Problem(
            code="not_an_object", pointer="", detail="expected a JSON object", hint="send one JSON object"
        )
        raise Invalid(what, (problem,))
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise Invalid(what, problems_of(error)) from error


def _over_limits(case: Case, limits: Limits) -> list[Problem]:
    subject = case.subject
    sizes = (
        ("/subject/title", len(subject.title), limits.title, "characters"),
        ("/subject/description", len(subject.description), limits.description, "characters"),
        ("/subject/images", len(subject.images), limits.images, "images"),
    )
    return [
        Problem(
            code="too_long",
            pointer=pointer,
            detail=f"{size} {unit}, at most {limit} are taken",
            hint="shorten it, or raise the limit in the settings",
        )
        for pointer, size, limit, unit in sizes
        if size > limit
    ]
