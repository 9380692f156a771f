"""Rebuilding results in the process of the API and the console, which has no worker: from their records alone."""

import asyncio
from contextlib import suppress

import orjson

from casewright.serving import Desks, auditor_of, without_folder
from casewright.settings import Settings
from casewright.wiring import Closing, Office, Ports, make_auditor, make_tools, precedent_rows, seller_rows
from graphs.replay import differences
from policies.corpus import Corpus
from policies.document import document_of
from policies.search import ScanSearch
from service.database import Pool
from service.images import PostgresImageStore
from service.ledger import LedgerRecords
from service.precedents import PostgresPrecedents
from service.replay import replay
from tools.image_checks.checks import ImageChecks


class Rebuilder:
    """Rebuilds the last result of a case; tools and auditor are there to be named in requests, and are not called."""

    def __init__(self, settings: Settings, pool: Pool, corpus: Corpus) -> None:
        """Open nothing yet: most processes never rebuild a case."""
        self._settings, self._pool, self._corpus = settings, pool, corpus
        self._desks: Desks | None = None
        self._opening = asyncio.Lock()

    async def __call__(self, case_id: str) -> list[str]:
        """JSON pointers at which the result that is rebuilt differs from the one that was written; none: the same.

        Raises:
            NoSuchCase, NotInJournal, MadeOtherwise: see `service.replay`.
        """
        async with self._opening:
            self._desks = self._desks or await self._laid_out()
        desks = (without_folder(self._desks.full), without_folder(self._desks.bare))
        then, now = await replay(self._pool, case_id, *desks)
        return differences(then, orjson.loads(orjson.dumps(now)))

    async def _laid_out(self) -> Desks:
        ledger = LedgerRecords(self._pool, seller_rows(self._settings.sellers))
        closed = PostgresPrecedents(self._pool, precedent_rows(self._settings.precedents))
        office = await asyncio.to_thread(
            self._office, Ports(ledger, PostgresImageStore(self._pool), closed)
        )  # a model's client takes half a second to import
        return Desks(office, ledger)

    def _office(self, ports: Ports) -> Office:
        search = ScanSearch([document_of(clause) for clause in self._corpus.clauses.values()])
        auditor, vision = make_auditor(self._settings, auditor_of(self._settings))
        tools = make_tools(self._settings, self._corpus, search, ports)
        return Office(self._settings, self._corpus, search, auditor, tools, ports.images, vision)

    async def aclose(self) -> None:
        """Let go of what was opened."""
        if self._desks is None:
            return
        for tool in self._desks.office.tools.values():
            if isinstance(tool, ImageChecks):
                tool.close()
        if isinstance(self._desks.office.auditor, Closing):
            with suppress(Exception):  # nothing was sent, so nothing is lost
                await self._desks.office.auditor.aclose()
