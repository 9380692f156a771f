"""`Prefer: wait=N` (RFC 7240): an answer that waits for a case's outcome, and holds no connection meanwhile."""

import asyncio
import re
from contextlib import suppress

from fastapi import Request

from service.api.reception import Reception
from service.reading import Standing, read

_LOOK_S = 5.0
"""Seconds after which a waiting request looks by itself: the listening connection may be away."""
_WAIT = re.compile(r'\s*wait\s*=\s*"?(\d{1,9})"?\s*(;.*)?', re.IGNORECASE)
_GOES_ON = {"queued", "running"}


def wished_wait(request: Request, most: int) -> int:
    """Seconds that a request wishes to wait, at most `most`; 0 where it has no wish that can be read."""
    wishes = ",".join(request.headers.getlist("Prefer")).split(",")
    found = next((match for wish in wishes if (match := _WAIT.fullmatch(wish))), None)
    return min(int(found[1]), most) if found else 0


async def settled(reception: Reception, case_id: str, seconds: float) -> Standing:
    """How a case stands once it is decided, waits for a person or is cancelled; or when the time is over."""
    until = asyncio.get_running_loop().time() + seconds
    with reception.listener.news_of(case_id) as news:
        while True:
            news.clear()
            standing = await read(reception.pool, case_id)
            left = until - asyncio.get_running_loop().time()
            if standing.status not in _GOES_ON or left <= 0:
                return standing
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), min(left, _LOOK_S))
