"""Similar listings: is the price out of line, is the listing a duplicate or a copy, where do others put such items?"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from cases.case import Case, Id, Listing, Money, Text
from cases.evidence import Draft
from cases.problem import Record
from tools.facts import detail, fact, record
from tools.rows import read_rows
from tools.titles import NEAR_SAME, resemblance, shingles
from tools.tool import NO_ARGUMENTS, Look, off_loop

_SOURCE = "tool:similar_listings"
_ENOUGH = 5
_SIMILAR = 0.3
_CLEARLY_SIMILAR = 0.5
_SHOWN = 5


class Listed(Record):
    """Another listing as the index knows it.

    Attributes:
        pdq: PDQ hashes of its images, 64 hexadecimal digits each.
    """

    id: Id
    title: Text
    seller_id: Id | None = None
    category: tuple[Text, ...] = ()
    brand: Text = ""
    price: Money | None = None
    condition: Text = ""
    pdq: tuple[str, ...] = ()


class ListingIndex(Protocol):
    """The port: the platform's other listings. A company's search takes its place."""

    async def near(self, listing: Listing, seller_id: str) -> Sequence[Listed]:
        """Listings of the same category, of the same seller, or with a similar title; measuring is the tool's."""
        ...


class ListingRows:
    """Listings in memory, compared one by one: for some ten thousand rows. The embedded default reads a file."""

    def __init__(self, listings: Iterable[Listed] = ()) -> None:
        """Take the rows."""
        self.listings = tuple(listings)

    @classmethod
    def read(cls, path: Path) -> "ListingRows":
        """Read a JSON Lines file of `Listed` rows; raises `Invalid` with file and line."""
        return cls(read_rows(path, Listed))

    async def near(self, listing: Listing, seller_id: str) -> Sequence[Listed]:
        """Listings of the same category, of the same seller, or with a similar title, in the file's order."""
        title, category = shingles(listing.title), _folded(listing.category)

        def search() -> list[Listed]:
            return [
                other
                for other in self.listings
                if other.seller_id == seller_id
                or (category and _folded(other.category) == category)
                or resemblance(title, shingles(other.title)) >= _SIMILAR
            ]

        found: list[Listed] = await off_loop(search)
        return found


class SimilarListings:
    """The tool: measures the case's listing against others, the case's `related` among them."""

    name: str = "similar_listings"
    description: str = "The listing's price against comparable ones, its duplicates and copies, and similar titles."
    parameters: Mapping[str, Any] = NO_ARGUMENTS
    standing: bool = True
    reads_evidence: bool = False
    deadline_s: float = 10.0

    def __init__(self, index: ListingIndex) -> None:
        """Look up in `index`."""
        self._index = index

    async def run(self, look: Look, arguments: Mapping[str, Any]) -> list[Draft]:  # noqa: ARG002 - takes none
        """Measure; the numbers are our code's, the titles are other sellers'."""
        case = look.case
        near = await self._near(case)
        alike = _by_likeness(case.subject.title, near)
        shown = [pair for pair in alike if pair[0] >= _SIMILAR][:_SHOWN]
        lines = [*_price_facts(case, near), *_likeness_facts(case, alike)]
        lines += [_similar(i, likeness, item, case) for i, (likeness, item) in enumerate(shown, 1)]
        cut_already = {item.id for item in case.related}
        titles = [
            # Words of other sellers about other items: a lead to follow, so vouched for no better than a report.
            Draft(source=f"{_SOURCE}/{i}", voucher="reporter", text=_words(item))
            for i, (_, item) in enumerate(shown, 1)
            if item.id not in cut_already
        ]
        return [Draft(source=_SOURCE, voucher="tool", text=record(*lines)), *titles]

    async def _near(self, case: Case) -> list[Listed]:
        """The index's answer and the case's `related`; of two with one id the index knows more."""
        related = [Listed(id=r.id, title=r.title, seller_id=r.seller_id, price=r.price) for r in case.related]
        answered = await self._index.near(case.subject, case.seller_id)
        by_id = {item.id: item for item in (*related, *answered)}
        return [item for item in by_id.values() if item.id != case.subject.id]


def _by_likeness(title: str, near: Iterable[Listed]) -> list[tuple[float, Listed]]:
    ours = shingles(title)
    alike = [(resemblance(ours, shingles(item.title)), item) for item in near]
    return sorted(alike, key=lambda pair: (-pair[0], pair[1].id))


def _folded(category: Iterable[str]) -> tuple[str, ...]:
    return tuple(step.strip().casefold() for step in category)


def _of_others(case: Case, item: Listed) -> bool:
    return item.seller_id is not None and item.seller_id != case.seller_id


def _comparable(case: Case, near: Iterable[Listed]) -> list[Listed]:
    subject = case.subject
    return [
        item
        for item in near
        if _of_others(case, item)
        and item.price
        and subject.price
        and item.price.value > 0
        and item.price.currency == subject.price.currency
        and _folded(item.category) == _folded(subject.category)
        and (not item.condition or not subject.condition or item.condition.casefold() == subject.condition.casefold())
    ]


def _price_facts(case: Case, near: Sequence[Listed]) -> list[str]:
    subject = case.subject
    if subject.price is None or not subject.category:
        return ["price_comparison: none (the listing has no price or no category)"]
    comparable = _comparable(case, near)
    brand = subject.brand.strip().casefold()
    of_brand = [item for item in comparable if brand and item.brand.strip().casefold() == brand]
    lines = [_ratio("price.ratio_to_median", subject.price, comparable)]
    if not lines[0]:
        count = len(comparable)
        lines = [f"price_comparison: none (too few comparable listings: {count}, at least {_ENOUGH} are needed)"]
    return [*lines, _ratio("price.ratio_to_brand_median", subject.price, of_brand)]


def _ratio(name: str, price: Money, comparable: Sequence[Listed]) -> str:
    prices = [item.price.value for item in comparable if item.price]
    if len(prices) < _ENOUGH:
        return ""
    median = statistics.median(prices)
    note = f"{price.amount} {price.currency} against a median of {median} over {len(prices)} listings"
    return fact(name, price.value / median, note)


def _likeness_facts(case: Case, alike: Sequence[tuple[float, Listed]]) -> list[str]:
    same = [item for likeness, item in alike if likeness >= NEAR_SAME]
    lines = [
        fact("listing.duplicates", sum(item.seller_id == case.seller_id for item in same)),
        fact("listing.copies_other_sellers", sum(_of_others(case, item) for item in same)),
    ]
    placed = [
        _folded(item.category)
        for likeness, item in alike
        if likeness >= _CLEARLY_SIMILAR and item.category and _of_others(case, item)
    ]
    if case.subject.category and len(placed) >= _ENOUGH:
        agreeing = placed.count(_folded(case.subject.category))
        note = f"{agreeing} of {len(placed)} similar listings"
        lines.append(fact("listing.category_agreement", agreeing / len(placed), note))
    return lines


def _similar(ordinal: int, likeness: float, item: Listed, case: Case) -> str:
    whose = "this seller" if item.seller_id == case.seller_id else f"seller {item.seller_id or 'not known'}"
    price = f", {item.price.amount} {item.price.currency}" if item.price else ""
    return fact(f"similar_{ordinal}", likeness, f"listing {item.id} of {whose}{price}")


def _words(item: Listed) -> str:
    category = " > ".join(item.category)
    return record(detail("title", item.title), detail("category", category), detail("brand", item.brand))
