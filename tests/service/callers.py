"""A machine's callers: `python callers.py DSN CALLERS REQUESTS TOKENS SECONDS` prints when each call had its turn."""

import asyncio
import json
import sys
import time

from service.database import open_pool
from service.limiter import SharedGate


async def call(dsn, callers, requests, tokens, seconds):
    pool = await open_pool(dsn)
    gate = SharedGate(pool, "http://models/v1", requests or None, tokens or None)
    passed = []

    async def one(until):
        while time.time() < until:
            ticket = await gate.admit("m", 100)
            passed.append(time.time())
            await gate.answered(ticket, 120)

    until = time.time() + seconds
    await asyncio.gather(*(one(until) for _ in range(callers)))
    await pool.close()
    return passed


if __name__ == "__main__":
    dsn, callers, requests, tokens, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(call(dsn, int(callers), int(requests), int(tokens), float(seconds)))))  # noqa: T201 - it is read from there
