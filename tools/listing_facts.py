"""Listing facts: what code measures on the listing itself: its title, its prices over time and over variants."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cases.case import Case, Listing
from cases.evidence import Draft
from tools.facts import fact, record
from tools.tool import NO_ARGUMENTS, Look

_WORD = re.compile(r"[^\W_]+")
_WORD_MIN = 3
_LETTERS_MIN = 10
_UNSPACED_MAX = 0.3
_UNSPACED = ("THAI", "CJK", "HIRAGANA", "KATAKANA", "LAO", "KHMER", "MYANMAR")
# Words that any title repeats without stuffing; shorter ones are left out by their length.
_FUNCTION_WORDS = re.compile(
    r"and|the|for|with|from|your|you|per|pcs|set|size|new"
    r"|dan|untuk|dengan|yang|dari|buat"
    r"|para|con|por|del|los|las|una|sin|sem|com|dos|das|uma"
    r"|cho|của|với|các|cái"
    r"|und|mit|für|der|die|von"
)
_WINDOW = timedelta(days=30)


class ListingFacts:
    """The tool. It needs nothing but the case."""

    name: str = "listing_facts"
    description: str = "Numbers measured on the listing itself: title, prices over time and over variants."
    parameters: Mapping[str, Any] = NO_ARGUMENTS
    standing: bool = True
    reads_evidence: bool = False
    deadline_s: float = 2.0

    async def run(self, look: Look, arguments: Mapping[str, Any]) -> list[Draft]:  # noqa: ARG002 - takes none
        """Measure the case's listing."""
        lines = [*_title_facts(look.case.subject.title), *_price_facts(look.case), *_offer_facts(look.case)]
        return [Draft(source="tool:listing_facts", voucher="tool", text=record(*lines))]


def _title_facts(title: str) -> list[str]:
    lines = [fact("listing.title_length", len(title))]
    cased = [c for c in title if c.isupper() or c.islower()]
    if len(cased) >= _LETTERS_MIN:
        lines.append(fact("listing.title_capitals", sum(c.isupper() for c in cased) / len(cased)))
    letters = [c for c in title if c.isalpha()]
    unspaced = sum(unicodedata.name(c, "").startswith(_UNSPACED) for c in letters)
    if letters and unspaced / len(letters) <= _UNSPACED_MAX:
        lines.append(_repeats(title))
    return lines


def _repeats(title: str) -> str:
    words = _WORD.findall(unicodedata.normalize("NFKC", title).casefold())
    told = Counter(w for w in words if len(w) >= _WORD_MIN and not w.isdigit() and not _FUNCTION_WORDS.fullmatch(w))
    most, times = max(told.items(), key=lambda item: item[1], default=("", 0))
    # The word itself is the seller's: it is quoted from the title, not from here.
    note = f"a word of {len(most)} letters among {len(words)} words" if most else ""
    return fact("listing.title_repeats", times, note)


def _price_facts(case: Case) -> list[str]:
    subject = case.subject
    lines = [_variant_spread(subject)]
    if subject.price is None:
        return lines
    price, currency = subject.price.value, subject.price.currency
    lines.append(fact("price.amount", price, currency))
    earlier = [
        past
        for past in subject.price_history
        if past.currency == currency and past.value > 0 and (past.until is None or past.until <= case.opened_at)
    ]
    if earlier:
        highest = max(past.value for past in earlier)
        lines.append(fact("price.drop_ratio", price / highest, f"{price} {currency} against {highest} earlier"))
    ends = [past.until for past in earlier if past.until]
    if earlier and len(ends) == len(earlier):
        # A price that ended inside the window was asked in it (Directive 98/6/EC, Article 6a: the prior price).
        changed = max(ends)
        lowest = min(past.value for past in earlier if past.until and past.until > changed - _WINDOW)
        note = f"{price} {currency} against {lowest}, the lowest in the 30 days before {changed.date()}"
        lines.append(fact("price.ratio_to_lowest_30d", price / lowest, note))
    return lines


def _variant_spread(subject: Listing) -> str:
    priced = [variant.price for variant in subject.variants if variant.price]
    currencies = {price.currency for price in priced}
    if len(priced) <= 1 or len(currencies) != 1:
        return ""
    low, high = min(price.value for price in priced), max(price.value for price in priced)
    if not low:
        return "variant_prices: from nothing; a spread to a free variant has no number"
    note = f"{high} by {low} {currencies.pop()} over {len(priced)} variants"
    return fact("price.variant_spread", high / low, note)


def _offer_facts(case: Case) -> list[str]:
    subject = case.subject
    lines = [fact("listing.description_length", len(subject.description))]
    if subject.quantity is not None:
        lines.append(fact("listing.quantity", subject.quantity))
    if subject.listed_at and subject.listed_at <= case.opened_at:
        lines.append(fact("listing.age_days", (case.opened_at - subject.listed_at).days))
    if subject.ships_from:
        abroad = subject.ships_from[:2] != case.region[:2]
        lines.append(fact("listing.cross_border", int(abroad), f"from {subject.ships_from} to {case.region}"))
    return lines
