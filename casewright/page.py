"""A sheet as Markdown, or as one self-contained HTML page. Everything from a case is escaped."""

import functools
import re
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from casewright.sheet import Sheet

_TEMPLATES = Path(__file__).parent / "templates"
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~-])")


def html(sheet: Sheet) -> str:
    """Render a page that loads nothing from anywhere."""
    return _environment("html").get_template("sheet.html.j2").render(s=sheet)


def markdown(sheet: Sheet) -> str:
    """Render Markdown in which no text from a case is markup."""
    rendered = _environment("md").get_template("sheet.md.j2").render(s=sheet)
    return re.sub(r"\n{3,}", "\n\n", rendered).strip() + "\n"


def escaped(text: str) -> str:
    """Escape what Markdown would read as markup; line ends become spaces."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split("\n")))


@functools.cache
def _environment(kind: Literal["html", "md"]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=kind == "html",  # noqa: S701 - Markdown is escaped by the md filter, which every value passes
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["md"] = escaped
    return environment
