"""The example cases in a service of their own: submitted, with their sellers, pictures and records, for the console."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cases.case import Case, Limits
from casewright.reading import read_cases
from casewright.settings import Settings
from casewright.wiring import seller_rows
from service.database import Pool
from service.images import store_image
from service.intake import submit
from service.platform import tell_seller

RECORDS = ("sellers", "listings", "recalls", "image_bank", "precedents")
"""The files of records beside the example cases."""
_HOURS = (1, 2, 3, 5, 8, 20, 26, 44)
"""After how many hours the examples are due, in turn: a queue has things that press."""


def example_folder() -> Path:
    """Where the example cases lie: inside the package when it is installed, beside it in a checkout."""
    import casewright  # noqa: PLC0415 - only its place is wanted

    package = Path(casewright.__file__ or "").parent
    inside = package / "examples"
    return inside if inside.is_dir() else package.parent / "examples"


def example_records() -> dict[str, Path]:
    """The example's own records, by the name of the setting."""
    files = {name: example_folder() / f"{name}.jsonl" for name in RECORDS}
    return {name: path for name, path in files.items() if path.exists()}


def for_examples(settings: Settings) -> Settings:
    """The settings of a service for the examples: their records, in a data folder of its own."""
    return settings.model_copy(update={**example_records(), "home": settings.home / "demo"})


def example_variables(settings: Settings) -> dict[str, str]:
    """The same for the workers, as variables."""
    records = {f"CASEWRIGHT_{name.upper()}": str(path) for name, path in example_records().items()}
    return {"CASEWRIGHT_HOME": str(settings.home), **records}


async def submit_examples(pool: Pool) -> int:
    """Submit the example cases, as a queue would: what is there already stays. Returns how many were taken.

    Args:
        pool: of a database that has been migrated.
    """
    rows = seller_rows(example_records().get("sellers"))
    cases = [case async for case in _cases(pool)]
    for seller_id in dict.fromkeys(case.seller_id for case in cases):
        seller = await rows.get(seller_id) if rows else None
        if seller:
            await tell_seller(pool, seller)
    return sum(receipt.taken == "taken" for receipt in await submit(pool, cases))


async def _cases(pool: Pool) -> AsyncIterator[Case]:
    # The same every day, so that a second start finds the same cases.
    begun = await pool.fetchval("SELECT min(received_at) FROM cases") or datetime.now(UTC)
    for number, read in enumerate(read_cases([str(example_folder() / "cases.jsonl")])):
        if read.case is None or read.folder is None:
            continue
        due = begun + timedelta(hours=_HOURS[number % len(_HOURS)])
        yield (await _uploaded(pool, read.case, read.folder)).model_copy(update={"due_at": due.replace(microsecond=0)})


async def _uploaded(pool: Pool, case: Case, folder: Path) -> Case:
    """The case with its pictures stored and named by what they hold."""
    images = []
    for image in case.subject.images:
        stored = await store_image(pool, (folder / (image.path or "")).read_bytes(), Limits())
        images.append(image.model_copy(update={"path": None, "sha256": stored.sha256, "media_type": stored.media_type}))
    return case.model_copy(update={"subject": case.subject.model_copy(update={"images": tuple(images)})})
