"""Cursors: where a reader stands in a list, as an opaque text."""

import base64
import binascii
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


def write_cursor(place: Place) -> str:
    """The cursor behind a row."""
    parts = [place.at.isoformat(), place.row_id, place.rank]
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def read_cursor(text: str) -> Place:
    """The place of the row that a cursor stands behind.

    Raises:
        BadCursor: it was not written here.
    """
    try:
        parts = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        return _PLACE.validate_python(tuple(parts))
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadCursor from error
