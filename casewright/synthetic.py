"""Cases that nobody sent: listings that read real, to try out how much a service takes. The same seed, the same cases.

They are for load, not for accuracy: nobody has argued what should become of them (that is `evaluation/golden`).
"""

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

_Offer = dict[str, Any]
_LISTINGS = Path(__file__).with_name("synthetic_listings.yaml")
_CURRENCIES = {
    "SG": ("SGD", 1), "DE": ("EUR", 1), "GB": ("GBP", 1), "US": ("USD", 1), "TH": ("THB", 25), "ID": ("IDR", 12_000),
    "MY": ("MYR", 3), "VN": ("VND", 18_000), "PH": ("PHP", 40), "JP": ("JPY", 110), "BR": ("BRL", 4), "MX": ("MXN", 14),
    "FR": ("EUR", 1), "PL": ("PLN", 4), "TW": ("TWD", 24),
}  # fmt: skip
"""What a market pays in, and about how much of it makes one unit of our prices."""
_COMPLAINTS = (
    ("buyer", "This is not what it says it is. Please have a look."),
    ("buyer", "I do not think that this may be sold here."),
    ("rival", "This shop sells things that none of us may sell."),
    ("rival", "Everybody knows what this is."),
)
_FIRST = datetime(2026, 3, 2, 8, tzinfo=UTC)
"""When the first case is opened: a fixed day, so that the clauses in force and each case's bytes stay the same."""
_APART = timedelta(seconds=97)
_DAYS = timedelta(days=28)
_SELLERS = 300
_LETTERS = "ABCDEFGHKLMNPRSTVWXZ"


def synthetic_cases(count: int | None, seed: int, prefix: str = "load") -> Iterator[dict[str, Any]]:
    """Make cases.

    About half are plain goods, the others goods that a clause of the example policies speaks of; some are suspected or
    reported, some of these wrongly. Case `n` depends on seed, prefix and `n` alone, not on how many are asked for.

    Args:
        count: how many; none: without end.
        seed: another one gives other cases under other ids.
        prefix: of the ids, which are `prefix-seed-n`, n from 0.

    Yields:
        Cases as plain JSON, each valid as `casewright schema case` says.
    """
    offers: list[_Offer] = yaml.safe_load(_LISTINGS.read_text(encoding="utf-8"))
    plain = [offer for offer in offers if "suspected" not in offer]
    doubtful = [offer for offer in offers if "suspected" in offer]
    for n in itertools.count() if count is None else range(count):
        chance = random.Random(f"{seed}/{n}")  # noqa: S311 - to be repeatable
        offer = chance.choice(chance.choice((plain, doubtful)))
        opened = _FIRST + (_APART * n) % _DAYS
        yield {
            "id": f"{prefix}-{seed}-{n}",
            "opened_at": _written(opened),
            "region": offer["region"],
            "language": offer["language"],
            # A few sellers have most of the listings, as on any marketplace.
            "seller_id": f"{prefix}-S{int(_SELLERS * chance.random() ** 2)}",
            "subject": _listing(offer, f"{prefix}-{seed}-L{n}", opened, chance),
            **_suspicion(offer, chance.choice(doubtful)["suspected"], opened, chance),
        }


def _listing(offer: _Offer, listing_id: str, opened: datetime, chance: random.Random) -> dict[str, Any]:
    filled = {"n": chance.randint(2, 48), "m": f"{''.join(chance.choices(_LETTERS, k=2))}-{chance.randint(100, 999)}"}
    currency, unit = _CURRENCIES[offer["region"]]
    return {
        "kind": "listing",
        "id": listing_id,
        "revision": str(chance.randint(1, 6)),
        "title": offer["title"].format(**filled),
        "description": offer["description"].format(**filled),
        "category": offer["category"],
        "price": {"amount": str(chance.randint(4, 90) * unit), "currency": currency},
        "quantity": chance.randint(1, 200),
        "condition": chance.choice(("new", "new", "new", "used")),
        "ships_from": chance.choice((offer["region"], offer["region"], "CN")),
        "listed_at": _written(opened - timedelta(hours=chance.randint(1, 400))),
    }


def _suspicion(offer: _Offer, wrongly: str, opened: datetime, chance: random.Random) -> dict[str, Any]:
    """Who suspects what: mostly something of doubtful goods, now and then something, wrongly, of plain ones."""
    named = offer.get("suspected", wrongly)
    doubtful = "suspected" in offer
    found: dict[str, Any] = {}
    if chance.random() < (0.7 if doubtful else 0.1):
        found["suspected"] = [named]
    if chance.random() < (0.5 if doubtful else 0.15):
        by, text = chance.choice(_COMPLAINTS)
        at = _written(opened - timedelta(minutes=chance.randint(5, 3000)))
        found["reports"] = [{"by": by, "type": named, "text": text, "at": at}]
    return found


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
