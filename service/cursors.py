"""Cursors: where a reader stands in a list, as an opaque text."""

import base64
import binascii
import re
from typing import Annotated, ClassVar, NamedTuple

import orjson
from pydantic import Field, TypeAdapter

from cases.case import Id, Moment
from cases.problem import CasewrightError


class BadCursor(CasewrightError):
    """the cursor is none of ours"""

    code: ClassVar[str] = "bad_cursor"
    hint: ClassVar[str] = "pass `next` of the page before as it stands"


class Place(NamedTuple):
    """Where a row stands in its list: by rank where the list has one, by time, by id."""

    at: Moment
    row_id: Id
    rank: Annotated[int, Field(ge=-(2**31), lt=2**31)] = 0


_PLACE = TypeAdapter(Place)
_POSITION = re.compile(r"^1\.(0|[1-9][0-9]{0,18})$")
_LAST = 2**63 - 1


def write_place(place: Place) -> str:
    """The cursor behind a row."""
    parts = [place.at.isoformat(), place.row_id, place.rank]
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def read_place(text: str) -> Place:
    """The place of the row that a cursor stands behind.

    Raises:
        BadCursor: it was not written here.
    """
    try:
        parts = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        return _PLACE.validate_python(tuple(parts))
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadCursor from error


def write_position(position: int) -> str:
    """Make the opaque text that stands for "everything up to this position has been read"."""
    return base64.urlsafe_b64encode(f"1.{position}".encode()).decode().rstrip("=")


def read_position(cursor: str) -> int:
    """Read back what `write_position` made; the empty text is the beginning.

    Raises:
        BadCursor: it is something else.
    """
    if not cursor:
        return 0
    try:
        written = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise BadCursor from error
    found = _POSITION.match(written)
    if not found or int(found[1]) > _LAST or write_position(int(found[1])) != cursor:
        raise BadCursor
    return int(found[1])
