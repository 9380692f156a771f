"""Cases that differ, of six kinds (one in six goes to a person), and how a database takes them in."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cases.case import Case, read_case
from service.database import open_pool
from service.intake import submit
from service.migrate import migrate
from service.queue import analyze

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


def made_cases(count: int, first: int = 0) -> list[Case]:
    """Make cases of fifty sellers, from a number on."""
    return [read_case({**case(n), "seller_id": f"S-{n % 50}"}) for n in range(first, first + count)]


async def send(dsn: str, cases: Sequence[Case]) -> None:
    """Have a migrated database take cases in."""
    await migrate(dsn)
    pool = await open_pool(dsn, 2)
    try:
        for at in range(0, len(cases), 500):
            await submit(pool, cases[at : at + 500])
        await analyze(pool)
    finally:
        pool.terminate()
