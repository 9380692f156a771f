"""Single cases that come at the same time are taken in together: one transaction, and one wait for the disk."""

import asyncio

import asyncpg

from cases.case import Case
from cases.problem import CasewrightError
from service.database import Pool
from service.intake import Receipt, submit

_TOGETHER = 200
"""Cases that one transaction takes in at most."""


class Gathering:
    """Takes in the single cases of a process; what waits while one transaction is on its way makes up the next."""

    def __init__(self, pool: Pool) -> None:
        """Take in through the process's pool."""
        self._pool = pool
        self._waiting: list[tuple[Case, asyncio.Future[Receipt]]] = []
        self._taking: asyncio.Task[None] | None = None

    async def submit(self, case: Case) -> Receipt:
        """Take a case in, as `service.intake.submit` does; returns after its commit."""
        done: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((case, done))
        if self._taking is None:
            self._taking = asyncio.create_task(self._take())
        return await done

    async def _take(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
                await self._settle(batch)
        finally:
            self._taking = None

    async def _settle(self, batch: list[tuple[Case, "asyncio.Future[Receipt]"]]) -> None:
        try:
            receipts = await submit(self._pool, [case for case, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            await self._apart(batch, error)
            return
        for (_, done), receipt in zip(batch, receipts, strict=True):
            if not done.done():  # whoever waited may be gone
                done.set_result(receipt)

    async def _apart(self, batch: list[tuple[Case, "asyncio.Future[Receipt]"]], error: Exception) -> None:
        """A case that cannot be stored must not take others along: each is tried by itself."""
        if len(batch) > 1 and isinstance(error, asyncpg.DataError | CasewrightError):
            for one in batch:
                await self._settle([one])
            return
        for _, done in batch:
            if not done.done():
                done.set_exception(error)
