"""Cursors: where a reader stands in a list, as an opaque text."""

import base64
import binascii
from datetime import datetime
from typing import ClassVar

import orjson

from cases.problem import CasewrightError


class BadCursor(CasewrightError):
    """the cursor is none of ours"""

    code: ClassVar[str] = "bad_cursor"
    hint: ClassVar[str] = "pass `next` of the page before as it stands"


def write_cursor(at: datetime, row_id: str) -> str:
    """The cursor behind a row, by its time and id."""
    return base64.urlsafe_b64encode(orjson.dumps([at.isoformat(), row_id])).decode().rstrip("=")


def read_cursor(text: str) -> tuple[datetime, str]:
    """Time and id of the row that a cursor stands behind.

    Raises:
        BadCursor: it was not written here.
    """
    try:
        at, row_id = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return datetime.fromisoformat(at), str(row_id)
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadCursor from error
