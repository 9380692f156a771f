"""Sellers as the service knows them: the records that the platform has told, with the strikes of its own decisions."""

from cases.case import Seller, Strike
from service.database import Pool
from tools.seller_history import SellerRecords

_STRIKES = """
SELECT type, at, case_id, subject_id, subject_title, reversed_at IS NOT NULL AS reversed
FROM effects WHERE seller_id = $1 ORDER BY at
"""


class LedgerRecords:
    """The seller records' port. What was decided here counts as a strike at once, and no more once it is overturned."""

    def __init__(self, pool: Pool, others: SellerRecords | None = None) -> None:
        """Look in the database, and for sellers that were not told there in `others`."""
        self._pool = pool
        self._others = others

    async def get(self, seller_id: str) -> Seller | None:
        """One seller's record with our strikes, or None where there is no record."""
        record = await self._pool.fetchval("SELECT record FROM sellers WHERE id = $1", seller_id)
        seller = Seller.model_validate(record) if record else None
        if seller is None and self._others:
            seller = await self._others.get(seller_id)
        if seller is None:
            return None
        rows = await self._pool.fetch(_STRIKES, seller_id)
        ours = [Strike.model_validate(dict(row)) for row in rows]
        # A platform may tell our own strikes back to us: each case counts once, and we know best what became of it.
        told = [strike for strike in seller.strikes if strike.case_id not in {mine.case_id for mine in ours}]
        return seller.model_copy(update={"strikes": (*told, *ours)})

    async def any(self) -> bool:
        """Whether there are records at all: where nobody has told any, a seller without one means nothing."""
        return self._others is not None or bool(await self._pool.fetchval("SELECT EXISTS (SELECT 1 FROM sellers)"))
