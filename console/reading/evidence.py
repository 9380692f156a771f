"""The evidence of a case as the page shows it: others' words, pictures and what was read in them, the seller's past."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from cases.case import Case, Seller
from cases.evidence import Evidence, facts_of
from console.reading.quotes import Numbers, Run, runs

_IMAGE = re.compile(r"image:(\d+)/(.+)")
_SIZE = re.compile(r"(\d+) x (\d+)")
_SHOWN = re.compile(r"listing (\S+) of seller (\S+)")
_WINDOW_DAYS = 365


@dataclass(frozen=True)
class Item:
    """One item of evidence.

    Attributes:
        kind: what it is called: the first step of its source, such as `listing.title` or `report`.
        ordinal: of several of a kind, which; empty where there is one.
        lines: its text, cut where marks begin and end; a record has one fact a line.
        prose: written in sentences; records are not.
    """

    id: str
    source: str
    kind: str
    ordinal: str
    voucher: str
    language: str
    runs: tuple[Run, ...]
    prose: bool
    confidence: float | None
    hidden: tuple[str, ...]
    planted: bool
    truncated: bool
    unavailable: bool

    @property
    def quoted(self) -> bool:
        """Whether something on the page quotes it."""
        return any(run.numbers for run in self.runs)


@dataclass(frozen=True)
class Box:
    """Where a text stands in a picture, in its pixels, and what was read there."""

    x: int
    y: int
    width: int
    height: int
    text: str
    numbers: tuple[int, ...]
    code: bool


@dataclass(frozen=True)
class Picture:
    """A picture of the listing.

    Attributes:
        sha256: of the bytes as they are stored; empty where it was named by a path.
        boxes: where text and codes were read.
        items: what was read in it, and what was measured.
        banks: entries of image banks that it matches, in their words; `shown_in`: listings that show it, too.
        graphic: its type is one whose pictures are veiled.
    """

    ordinal: int
    sha256: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    items: tuple[Item, ...]
    banks: tuple[str, ...]
    shown_in: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class StrikeMark:
    """A strike on the seller's timeline.

    Attributes:
        x: where it stands, 0 (the line's begin) to 100 (the day of the case).
        counts: of the type at hand, in the window, and not reversed.
    """

    x: float
    day: date
    type: str
    title: str
    counts: bool
    reversed: bool
    case_id: str


@dataclass(frozen=True)
class Past:
    """The seller's past.

    Attributes:
        window: where the window that counts begins on the timeline, 0 to 100.
        begins: the day at which the line begins; `today`: that of the case.
        items: the platform's records.
    """

    seller_id: str
    name: str
    window: float
    begins: date
    today: date
    strikes: tuple[StrikeMark, ...]
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Pane:
    """The evidence pane."""

    words: tuple[Item, ...]
    pictures: tuple[Picture, ...]
    past: Past | None
    measured: tuple[Item, ...]
    precedents: tuple[Item, ...]


def pane_of(case: Case, items: Iterable[Evidence], numbers: Numbers, seller: Seller | None, types: set[str]) -> Pane:
    """Sort a case's evidence for the page.

    Args:
        case: with its pictures.
        items: the evidence.
        numbers: of the quotes; all must have been given.
        seller: whose record, strikes reversed since included; None where there is none.
        types: violation types at hand, whose strikes count.
    """
    read = [(item, _item(item, numbers)) for item in items]
    words = [shown for item, shown in read if _is_word(item.source)]
    past = [(item, shown) for item, shown in read if item.source.startswith("tool:seller_history")]
    precedents = [shown for item, shown in read if item.source.startswith("tool:precedents")]
    rest = [
        shown
        for item, shown in read
        if not _is_word(item.source)
        and not item.source.startswith(("image:", "tool:seller_history", "tool:precedents"))
    ]
    return Pane(
        words=tuple(words),
        pictures=tuple(_pictures(case, read)),
        past=_past(case, past, seller, types) if past else None,
        measured=tuple(rest),
        precedents=tuple(precedents),
    )


def _is_word(source: str) -> bool:
    return source.startswith(("listing.", "report:", "text:", "related:", "appeal"))


def _item(item: Evidence, numbers: Numbers) -> Item:
    kind, _, ordinal = item.source.partition(":")
    if kind in {"tool", "image"}:
        kind, ordinal = item.source, ""
    return Item(
        id=item.id,
        source=item.source,
        kind=kind,
        ordinal=ordinal,
        voucher=item.voucher,
        language=item.language,
        runs=runs(item.text, numbers.within(item.id), item.flags.instruction_like),
        prose=not item.source.startswith(("tool:", "case.", "listing.attributes", "listing.offer")),
        confidence=item.confidence,
        hidden=item.flags.invisible_characters,
        planted=bool(item.flags.instruction_like),
        truncated=item.flags.truncated,
        unavailable=item.flags.unavailable,
    )


def _pictures(case: Case, read: Sequence[tuple[Evidence, Item]]) -> Iterable[Picture]:
    for ordinal, image in enumerate(case.subject.images, 1):
        mine = [(item, shown) for item, shown in read if _of_image(item.source) == ordinal]
        facts = [line for item, _ in mine if item.source.endswith("/checks") for line in item.text.split("\n")]
        size = next((_SIZE.search(line) for line in facts if line.startswith("size:")), None)
        yield Picture(
            ordinal=ordinal,
            sha256=image.sha256 or "",
            width=int(size[1]) if size else 0,
            height=int(size[2]) if size else 0,
            boxes=tuple(box for item, shown in mine for box in _boxes(item, shown)),
            items=tuple(shown for _, shown in mine),
            banks=tuple(line.partition(": ")[2] for line in facts if line.startswith("bank_match")),
            shown_in=tuple(
                (found[1], found[2]) for line in facts if line.startswith("shown_in") and (found := _SHOWN.search(line))
            ),
        )


def _of_image(source: str) -> int:
    found = _IMAGE.fullmatch(source)
    return int(found[1]) if found else 0


def _boxes(item: Evidence, shown: Item) -> Iterable[Box]:
    """A box a line of what was read; its number is that of a quote out of it."""
    for span in item.spans:
        x, y, width, height = span.box
        numbers: set[int] = set()
        at = 0
        for run in shown.runs:
            if at < span.end and at + len(run.text) > span.start:
                numbers.update(run.numbers)
            at += len(run.text)
        yield Box(x, y, width, height, item.text[span.start : span.end], tuple(sorted(numbers)), "/qr" in item.source)


def _past(case: Case, read: Sequence[tuple[Evidence, Item]], seller: Seller | None, types: set[str]) -> Past:
    today = case.opened_at.date()
    strikes = [s for s in (seller.strikes if seller else ()) if s.at <= case.opened_at and s.case_id != case.id]
    oldest = min((strike.at.date() for strike in strikes), default=today)
    span = max(2 * _WINDOW_DAYS, (today - oldest).days + 30)
    marks = [
        StrikeMark(
            x=100 * (1 - (today - strike.at.date()).days / span),
            day=strike.at.date(),
            type=strike.type,
            title=strike.subject_title,
            counts=strike.type in types and not strike.reversed and (today - strike.at.date()).days <= _WINDOW_DAYS,
            reversed=strike.reversed,
            case_id=strike.case_id or "",
        )
        for strike in sorted(strikes, key=lambda strike: strike.at)
    ]
    named = next((item for item, _ in read if item.source == "tool:seller_history/name"), None)
    return Past(
        seller_id=case.seller_id,
        name=facts_of(named).get("name", "") if named else "",
        window=100 * (1 - _WINDOW_DAYS / span),
        begins=date.fromordinal(today.toordinal() - span),
        today=today,
        strikes=tuple(marks),
        items=tuple(shown for item, shown in read if "/strike" not in item.source and item is not named),
    )
