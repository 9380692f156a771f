"""Cases that differ, of six kinds: one in six goes to a person."""

import json
from pathlib import Path
from typing import Any

_WORDS = [
    ("RELX disposable vape pod, {n} puffs", "SG"),
    ("Cotton summer dress no. {n}", "SG"),
    ("Zombie knife {n} with 12 inch serrated blade", "GB"),
    ("USB humidifier model {n}", "TH"),
    ("1:1 replica handbag, super copy, style {n}", "US"),
    ("Wooden toy train, {n} pieces", "DE"),
]


def case(n: int) -> dict[str, Any]:
    """The case of a number."""
    title, region = _WORDS[n % len(_WORDS)]
    return about(f"case-{n:04}", title.format(n=n), region)


def about(case_id: str, title: str, region: str) -> dict[str, Any]:
    """A case about a listing with a title."""
    subject = {"kind": "listing", "id": f"L-{case_id}", "title": title}
    opened = {"opened_at": "2026-03-14T09:30:00Z", "region": region, "language": "en"}
    return {"id": case_id, **opened, "seller_id": "S-1", "subject": subject}


def write_cases(path: Path, count: int) -> list[str]:
    """Write `count` cases, one a line; return their ids."""
    made = [case(n) for n in range(count)]
    path.write_text("".join(json.dumps(one) + "\n" for one in made), encoding="utf-8")
    return [one["id"] for one in made]
