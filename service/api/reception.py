"""What the requests of a process share, and how a handler gets at it."""

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from policies.corpus import Corpus
from service.api.problems import Overloaded
from service.api.settings import ApiSettings
from service.database import Pool
from service.gathering import Gathering
from service.keys import KeyRing
from service.listening import Listener
from service.metrics import ServiceMetrics
from service.queue import backlog
from service.webhooks import WebhookStore

_COUNTED_S = 1.0
"""Seconds for which a count of the backlog is taken as true."""


class Backlog:
    """Lets submissions in while the backlog is short enough."""

    def __init__(self, pool: Pool, most: int) -> None:
        """Let in until `most` cases wait."""
        self._pool = pool
        self._most = most
        self._waiting = 0
        self._until = 0.0
        self._counting = asyncio.Lock()

    async def check(self) -> None:
        """Raise Overloaded where too many cases wait for a worker."""
        async with self._counting:
            if time.monotonic() >= self._until:
                self._waiting = await backlog(self._pool)
                self._until = time.monotonic() + _COUNTED_S
        if self._waiting >= self._most:
            raise Overloaded(waiting=self._waiting, most=self._most)


@dataclass(frozen=True)
class Reception:
    """What the requests of a process share."""

    pool: Pool
    corpus: Corpus
    settings: ApiSettings
    keys: KeyRing
    backlog: Backlog
    listener: Listener
    exports: asyncio.Semaphore
    drawing: asyncio.Semaphore
    webhooks: WebhookStore
    gathering: Gathering
    metrics: ServiceMetrics

    @classmethod
    def furnish(cls, pool: Pool, dsn: str, corpus: Corpus, settings: ApiSettings) -> "Reception":
        """Put a reception together; `dsn` is of the pool's database, for the connection that listens."""
        return cls(
            pool=pool,
            corpus=corpus,
            settings=settings,
            keys=KeyRing(pool),
            backlog=Backlog(pool, settings.backlog),
            listener=Listener(dsn),
            exports=asyncio.Semaphore(settings.exports),
            drawing=asyncio.Semaphore(2),
            gathering=Gathering(pool),
            webhooks=WebhookStore(pool, allow_private=settings.webhook_private),
            metrics=ServiceMetrics(pool),
        )


async def _reception_of(request: Request) -> Reception:
    reception: Reception = request.app.state.reception
    return reception


TheReception = Annotated[Reception, Depends(_reception_of)]
"""A handler's parameter: the reception."""
