"""The cases that a trouble breaks off, and when each goes on."""

import asyncio
import time
from collections.abc import Sequence

import asyncpg

from drills.looking import look

_WHERE = """
SELECT id, epoch, status, (SELECT count(*) FROM journal j WHERE j.case_id = c.id) AS recorded
FROM cases c WHERE id = ANY ($1)
"""
_BEGUN = "SELECT id FROM cases WHERE status = 'running' OR (status = 'queued' AND epoch > 0)"


class Interrupted:
    """The cases that were being run when something broke, and when each goes on."""

    def __init__(self, rows: Sequence[asyncpg.Record]) -> None:
        """Take them as they stood."""
        self._stood = {row["id"]: row for row in rows}
        self.count = len(rows)

    @classmethod
    async def at(cls, dsn: str) -> "Interrupted":
        """Those that have begun and are not over: being run, or put off."""
        begun = [row["id"] for row in await look(dsn, _BEGUN)]
        return cls(await look(dsn, _WHERE, begun))

    async def go_on(
        self, dsn: str, since: float, seconds: float = 300.0, *, begun_counts: bool = True
    ) -> tuple[float, float]:
        """Wait until all have gone on: recorded something, ended, or (where that counts) begun again.

        Returns:
            Seconds since `since` (monotonic) until the first and until all; infinite where one never does.
        """
        first = float("inf")
        left = dict(self._stood)
        while left:
            rows = await look(dsn, _WHERE, list(left))
            for row in rows:
                stood = left[row["id"]]
                over = row["status"] in {"decided", "waiting"}
                begun = begun_counts and row["epoch"] > stood["epoch"]
                if over or begun or row["recorded"] > stood["recorded"]:
                    del left[row["id"]]
                    first = min(first, time.monotonic() - since)
            if time.monotonic() - since > seconds:
                return first, float("inf")
            await asyncio.sleep(0.1)
        return first, time.monotonic() - since
