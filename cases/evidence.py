"""Evidence: immutable texts with a source and somebody who vouches for them, and quotes found in them by code."""

import hashlib
import re
import unicodedata
from typing import Annotated, Literal

from pydantic import Field

from cases.case import Whole
from cases.instruction import instruction_like
from cases.problem import Record

Voucher = Literal["seller", "reporter", "brand_owner", "authority", "trusted_flagger", "platform", "tool", "model"]
VOUCHERS: tuple[Voucher, ...] = (
    "seller",
    "reporter",
    "brand_owner",
    "authority",
    "trusted_flagger",
    "platform",
    "tool",
    "model",
)


class Span(Record):
    """Where a stretch of text stands in an image: code points `start` to `end`, box: x, y, width, height in pixels."""

    start: int
    end: int
    image: int
    box: tuple[int, int, int, int]


class Flags(Record):
    """What a reader must know about a text before trusting it.

    Attributes:
        instruction_like: stretches (start, end) that read like instructions to a machine or moderator.
        invisible_characters: Unicode names of characters that do not show.
        truncated: the text was cut.
        unavailable: the tool that should have answered did not; the text says why.
    """

    instruction_like: tuple[tuple[int, int], ...] = ()
    invisible_characters: tuple[str, ...] = ()
    truncated: bool = False
    unavailable: bool = False


class Evidence(Record):
    """One item of evidence; `text` never changes once it has its id.

    Attributes:
        id: `E1`, `E2`, ... in the order of the case.
        source: where it comes from, such as `listing.title`, `image:1/ocr`, `tool:recalls/1`.
        voucher: who answers for its truth: the author, not the channel.
        text: NFC, one fact a line in records. Offsets count its code points.
        sha256: of the text in UTF-8.
        language: BCP 47 tag, or empty where it is no prose.
        confidence: 0 to 1, where a machine read or saw it.
    """

    id: str
    source: str
    voucher: Voucher
    text: str
    sha256: str
    language: str = ""
    confidence: Annotated[float | None, Field(ge=0, le=1)] = None
    spans: tuple[Span, ...] = ()
    flags: Flags = Flags()


class Quote(Record):
    """Words taken from one evidence item or one clause; `start` and `end` once code has found them there."""

    evidence_id: str = ""
    clause_id: str = ""
    text: str
    gloss: str = ""
    start: Whole | None = None
    end: Whole | None = None


class Draft(Record):
    """Evidence before it has an id: what a tool or the cutting of a case returns."""

    source: str
    voucher: Voucher
    text: str
    language: str = ""
    confidence: float | None = None
    spans: tuple[Span, ...] = ()
    truncated: bool = False
    unavailable: bool = False


_SPACE = re.compile(r"\s+")
# Characters that change how a text reads without showing; joiners that scripts need are named, not cut.
_INVISIBLE = {"Cf", "Co", "Cs", "Cn", "Cc", "Zl", "Zp"}
# Letters and marks that show nothing, or vary how another shows; Unicode does not class them as format characters.
_FILLERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0d\uffa0\U000e0100-\U000e01ef]"
)


def normal(text: str) -> str:
    """Bring a text to the form in which it is stored: NFC, no NUL, line ends as LF."""
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "\ufffd")


def one_line(text: str) -> str:
    """Fold white space, so that a value from outside cannot begin a new line (a new fact) in a record."""
    return _SPACE.sub(" ", normal(text)).strip()


def invisible_characters(text: str) -> tuple[str, ...]:
    """Names of the characters in `text` that do not show, once each, in order of appearance."""
    hidden = dict.fromkeys(c for c in text if c not in "\n\t" and _hides(c))
    return tuple(unicodedata.name(c, f"U+{ord(c):04X}") for c in hidden)


def _hides(char: str) -> bool:
    return unicodedata.category(char) in _INVISIBLE or _FILLERS.match(char) is not None


def find_quote(text: str, quote: str) -> tuple[int, int] | None:
    """Find `quote` verbatim in `text`, folding white space and NFC only.

    Returns:
        Start and end in code points of `text`, or None where it is not there (or says nothing).
    """
    words = normal(quote).split()
    if not any(any(c.isalnum() for c in word) for word in words):
        return None
    found = re.search(r"\s+".join(re.escape(word) for word in words), text)
    return found.span() if found else None


def digest(text: str) -> str:
    """SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def number(drafts: "list[Draft]", first: int, *, marking: bool = True) -> tuple[Evidence, ...]:
    """Give drafts their ids, hashes and flags.

    Args:
        drafts: in the order in which they are to be numbered; empty texts are left out.
        first: number of the first id.
        marking: whether instruction-like text is looked for.
    """
    items: list[Evidence] = []
    for draft in drafts:
        text = normal(draft.text)
        if not text.strip():
            continue
        flags = Flags(
            instruction_like=instruction_like(text) if marking and draft.voucher not in {"platform", "tool"} else (),
            invisible_characters=invisible_characters(text),
            truncated=draft.truncated,
            unavailable=draft.unavailable,
        )
        items.append(
            Evidence(
                id=f"E{first + len(items)}",
                source=draft.source,
                voucher=draft.voucher,
                text=text,
                sha256=digest(text),
                language=draft.language,
                confidence=draft.confidence,
                spans=draft.spans,
                flags=flags,
            )
        )
    return tuple(items)


_LINE = re.compile(r"^(?P<name>[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*): (?P<value>.*)$", re.MULTILINE)


def facts_of(evidence: Evidence) -> dict[str, str]:
    """Read the `name: value` lines of a platform or tool record; what people wrote holds no facts, whoever vouches."""
    told = evidence.voucher not in {"platform", "tool"} or evidence.source.startswith(("report:", "text:"))
    if told or evidence.flags.unavailable:
        return {}
    return {found["name"]: found["value"] for found in _LINE.finditer(evidence.text)}


def line_of(evidence: Evidence, name: str) -> str:
    """The whole line of a record that holds the fact `name`, for quoting; empty where there is none."""
    found = next((m for m in _LINE.finditer(evidence.text) if m["name"] == name), None)
    return found.group(0) if found else ""
