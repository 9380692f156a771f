"""Recalls: does a recall notice name this listing's barcode or lot, or a product of its brand and name?"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import BeforeValidator, ConfigDict

from cases.evidence import Draft
from cases.problem import Record
from tools.facts import detail, fact, record
from tools.identifiers import Item, covers_lot, gtins, item_of, words_of
from tools.rows import read_rows
from tools.tool import NO_ARGUMENTS, Look, ToolUnavailable, off_loop

_SOURCE = "tool:recalls"
_SHOWN = 5
_DATE_FORMATS = ("%Y-%m-%d", "%m/%d/%Y", "%Y%m%d")
_CORPORATE = {"inc", "llc", "ltd", "corp", "corporation", "company", "gmbh", "group", "international", "usa"}
_COMMON_MIN = 2
_COMMON_SHARE = 0.5
_LONG = 8
"""Notices describe a product in a sentence; of long ones no more common words are asked than of this many."""


def _as_tuple(value: object) -> object:
    """Agencies give one firm as text, several as a list, and none as null."""
    values = value if isinstance(value, list | tuple) else (value,)
    return tuple(item for item in values if item is not None)


_Texts = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
_Words = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


class Recall(Record):
    """One notice, as agencies publish them; fields that the tool has no use for are let through unread.

    Attributes:
        date: as written; ISO, or month/day/year as US agencies write it.
        upcs: barcodes, as written.
        code_info: free text with lots, batches and expiry dates.
        regions: ISO codes in which it holds, where the table says so.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    agency: _Words = ""
    date: _Words = ""
    firm: _Texts = ()
    product: _Words = ""
    brand: _Words = ""
    reason: _Texts = ()
    classification: _Words = ""
    upcs: _Texts = ()
    code_info: _Words = ""
    distribution: _Words = ""
    regions: _Texts = ()
    url: _Words = ""

    @property
    def day(self) -> dt.date | None:
        """The notice's day, where it can be read."""
        for form in _DATE_FORMATS:
            try:
                return dt.datetime.strptime(self.date.strip(), form).date()  # noqa: DTZ007 - a day, no moment
            except ValueError:
                continue
        return None


class RecallTable(Protocol):
    """The port: recall notices. A company's service takes its place."""

    async def near(self, barcodes: frozenset[str], lots: frozenset[str], words: frozenset[str]) -> Sequence[Recall]:
        """Notices that could concern an item.

        Args:
            barcodes: GTINs, digits without leading zeros.
            lots: lots and batches, letters and digits only, in capitals.
            words: of the item's title and brand, folded as `words_of` does.
        """
        ...


class RecallRows:
    """Notices in memory; the embedded default reads a JSON Lines file."""

    def __init__(self, recalls: Iterable[Recall] = ()) -> None:
        """Take the notices."""
        self._recalls = tuple(recalls)

    @classmethod
    def read(cls, path: Path) -> "RecallRows":
        """Read a JSON Lines file of notices; raises `Invalid` with file and line."""
        return cls(read_rows(path, Recall))

    async def near(self, barcodes: frozenset[str], lots: frozenset[str], words: frozenset[str]) -> Sequence[Recall]:
        """Notices that share a barcode, a lot or brand and product words with the item; raises where none are kept."""
        if not self._recalls:
            raise ToolUnavailable(tool="recalls", why="no recall notices are loaded")
        item = Item(barcodes=barcodes, lots=lots, words=words)

        def search() -> list[Recall]:
            return [recall for recall in self._recalls if compare(item, recall).near]

        found: list[Recall] = await off_loop(search)
        return found


@dataclass(frozen=True)
class Comparison:
    """What a notice and an item have in common."""

    barcodes: frozenset[str]
    lots: frozenset[str]
    words: frozenset[str]
    same_product: bool

    @property
    def near(self) -> bool:
        """Whether the notice is worth a look at all."""
        return bool(self.barcodes) or self.same_product

    @property
    def matches(self) -> bool:
        """Whether an identifier ties the item to the notice; a lot only with the product, for lots are short."""
        return bool(self.barcodes) or bool(self.lots and self.same_product)


def compare(item: Item, recall: Recall) -> Comparison:
    """Compare an item with one notice."""
    named = [words_of(name) - _CORPORATE for name in (recall.brand, *map(_name_of, recall.firm))]
    product = words_of(recall.product).difference(*named)
    common = product & item.words
    enough = max(min(_COMMON_MIN, len(product)), _COMMON_SHARE * min(len(product), _LONG))
    by_maker = any(words and words <= item.words for words in named)
    return Comparison(
        barcodes=item.barcodes & frozenset().union(*map(gtins, recall.upcs)),
        lots=frozenset(lot for lot in item.lots if covers_lot(recall.code_info, lot)),
        words=common,
        same_product=by_maker and bool(common) and len(common) >= enough,
    )


def _name_of(firm: str) -> str:
    """A firm's name without the address and history that notices put behind it."""
    return firm.removeprefix("Recalling Firm:").split(",")[0]


class Recalls:
    """The tool. It reads identifiers from attributes and documents, and from codes and texts already on the table."""

    name: str = "recalls"
    description: str = "Recall notices that name this listing's barcode or lot, or a product of its brand and name."
    parameters: Mapping[str, Any] = NO_ARGUMENTS
    standing: bool = True
    reads_evidence: bool = True
    deadline_s: float = 10.0

    def __init__(self, table: RecallTable) -> None:
        """Look up in `table`."""
        self._table = table

    async def run(self, look: Look, arguments: Mapping[str, Any]) -> list[Draft]:  # noqa: ARG002 - takes none
        """Look up; notices dated after the case's day are left out."""
        item = item_of(look)
        near = await self._table.near(item.barcodes, item.lots, item.words)
        known = [recall for recall in near if recall.day is None or recall.day <= look.day]
        compared = [(recall, compare(item, recall)) for recall in known]
        matching = [pair for pair in compared if pair[1].matches]
        possible = [pair for pair in compared if not pair[1].matches]
        shown = [*matching, *possible][:_SHOWN]
        lines = [*_identifiers(item), *_facts(item, matching, possible)]
        drafts = [Draft(source=_SOURCE, voucher="tool", text=record(*lines))]
        for i, (recall, comparison) in enumerate(shown, 1):
            drafts.append(Draft(source=f"{_SOURCE}/{i}", voucher="platform", text=_notice(recall, comparison)))
        return drafts


def _facts(item: Item, matching: Sequence[object], possible: Sequence[object]) -> list[str]:
    lines = [fact("recall.possible", len(possible), "same brand and product words, no identifier in common")]
    if matching:
        lines.append(fact("recall.match", 1, f"{len(matching)} notices name an identifier of this listing"))
    elif (item.barcodes or item.lots) and not possible:
        lines.append(fact("recall.match", 0, "no notice names an identifier of this listing"))
    return lines


def _identifiers(item: Item) -> list[str]:
    count = len(item.barcodes) + len(item.lots)
    return [fact("identifiers", count, "barcodes and lots that the listing states")]


def _notice(recall: Recall, comparison: Comparison) -> str:
    return record(
        detail("recall", recall.id),
        *(detail("matched_by", f"barcode {code}") for code in sorted(comparison.barcodes)),
        *(detail("matched_by", f"lot {lot}") for lot in sorted(comparison.lots) if comparison.matches),
        detail("words_in_common", ", ".join(sorted(comparison.words))),
        detail("agency", recall.agency),
        detail("date", recall.day or recall.date),
        detail("firm", "; ".join(recall.firm)),
        detail("product", recall.product),
        detail("reason", "; ".join(recall.reason)),
        detail("classification", recall.classification),
        detail("code_info", recall.code_info),
        detail("regions", ", ".join(recall.regions)),
        detail("distribution", recall.distribution),
    )
