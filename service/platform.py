"""What the platform tells of its subjects and sellers."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import StringConstraints

from cases.case import Seller
from cases.problem import CasewrightError, Record
from service.database import Pool


class NoSuchSeller(CasewrightError):
    """there is no record of seller {seller}"""

    code: ClassVar[str] = "no_such_seller"


class Revision(Record):
    """Which revision of a subject is the one that buyers see now."""

    revision: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class ToldSubject(Revision):
    """A subject as it was told."""

    id: str
    told_at: datetime


async def tell_subject(pool: Pool, subject_id: str, revision: str) -> ToldSubject:
    """Note a subject's current revision: a decision on another one does not take effect alone."""
    row = await pool.fetchrow(
        "INSERT INTO subjects (id, revision) VALUES ($1, $2)"
        " ON CONFLICT (id) DO UPDATE SET revision = $2, told_at = now() RETURNING id, revision, told_at",
        subject_id,
        revision,
    )
    return ToldSubject(**dict(row or {}))


async def tell_seller(pool: Pool, seller: Seller) -> None:
    """Keep a seller's record, in the place of the one before."""
    await pool.execute(
        "INSERT INTO sellers (id, record) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET record = $2, told_at = now()",
        seller.id,
        seller.model_dump(mode="json"),
    )


async def seller_of(pool: Pool, seller_id: str) -> Seller:
    """The record as it was told.

    Raises:
        NoSuchSeller: none was.
    """
    record = await pool.fetchval("SELECT record FROM sellers WHERE id = $1", seller_id)
    if record is None:
        raise NoSuchSeller(seller=seller_id)
    return Seller.model_validate(record)
