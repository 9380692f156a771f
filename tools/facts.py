"""One measured fact as one line of a record: the number first, what it was measured on behind it."""

import math
from decimal import Decimal

from cases.evidence import one_line


def fact(name: str, value: float | Decimal, note: str = "") -> str:
    """Write a fact as `cases.evidence.facts_of` reads it.

    Args:
        name: from `policies/facts.yaml`, or a detail's name without a dot.
        value: up to four decimals are kept.
        note: what a person should know about the number.

    Returns:
        The line, or nothing where the value is no number: what was not measured is not written.
    """
    if not math.isfinite(value):
        return ""
    written = f"{value:.4f}".rstrip("0").rstrip(".")
    return f"{name}: {written}" + (f" ({one_line(note)})" if note else "")


def detail(name: str, value: object, limit: int = 600) -> str:
    """Write a named value that may come from outside: on one line, cut at `limit`; nothing where it is empty."""
    text = one_line(str(value)) if value is not None else ""
    shown = text if len(text) <= limit else text[:limit] + "…"
    return f"{name}: {shown}" if shown else ""


def record(*lines: str) -> str:
    """Join the lines of a record, leaving out what was not measured."""
    return "\n".join(line for line in lines if line)
