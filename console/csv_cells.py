"""Tables as CSV that no spreadsheet takes for formulas."""

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_MARK = b"\xef\xbb\xbf"
"""By which spreadsheets know UTF-8."""


def cell(value: object) -> str:
    """A value as a cell; a text that a spreadsheet would run is put behind an apostrophe (OWASP, CSV Injection).

    Numbers stay numbers, negative ones too: a number cannot be a formula.
    """
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def written(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table (RFC 4180), in UTF-8 with the mark by which spreadsheets know it."""
    return _MARK + further([header, *rows])


def further(rows: Iterable[Sequence[object]]) -> bytes:
    """Rows that go on with a table whose beginning is written."""
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\r\n").writerows([cell(value) for value in row] for row in rows)
    return file.getvalue().encode("utf-8", "replace")
