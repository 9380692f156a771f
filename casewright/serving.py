"""The service's composition root: which database, and what a worker is made of."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import yaml
from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from agents.auditor import NoAuditor
from cases.case import Case
from cases.journal import CaseJournal
from cases.problem import Invalid, Problem, problems_of
from cases.watch import Watch, unwatched
from casewright.settings import Settings
from casewright.watching import NOBODY, Watches
from casewright.wiring import AuditorKind, Office, Ports, open_office, precedent_rows, seller_rows
from graphs.desk import Desk, Step
from graphs.replay import MakeDesk
from service.callbacks import coop_form
from service.coop import CoopMapping
from service.database import Pool, open_pool
from service.delivery import Deliverer
from service.duty import be_on_duty
from service.embedded import EmbeddedPostgres
from service.events import keep_numbering
from service.images import PostgresImageStore
from service.ledger import LedgerRecords
from service.limiter import SharedGate
from service.precedents import PostgresPrecedents
from service.savers import open_saver
from service.upkeep import keep, tasks
from service.worker import Worker, WorkerSettings

Beside = Callable[[], Coroutine[Any, Any, NoReturn]]
"""Something that runs as long as its worker does."""
log = logging.getLogger(__name__)
_CONNECTIONS = 20
"""Of a worker: many cases share a few, for each holds one for a millisecond at a time."""


SERVICE_DEFAULTS = {"CASEWRIGHT_AUTOMATION": "off"}
"""What the service does where the owner has said nothing: it decides nothing alone."""


def coop_mapping(settings: Settings) -> CoopMapping | None:
    """How a Coop organisation's words are ours, as the file that the settings name says; None where none is named.

    Raises:
        Invalid: it cannot be read, or is no mapping.
    """
    path = settings.service.coop
    if path is None:
        return None
    try:
        return CoopMapping.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise Invalid(path.name, problems_of(error)) from error
    except (OSError, yaml.YAMLError) as error:
        raise Invalid(path.name, (Problem(code="not_readable", pointer=path.name, detail=str(error)),)) from error


def auditor_of(settings: Settings) -> AuditorKind:
    """Who judges: whom the settings name, else the model where one is set, else the rulebook."""
    return settings.service.auditor or ("llm" if settings.model.get("model") else "rulebook")


def database_of(settings: Settings) -> tuple[str, EmbeddedPostgres | None]:
    """The connection string of the service's database, and the embedded server where it is that.

    Raises:
        DatabaseNotStarted: the embedded one does not come up.
    """
    if settings.service.db:
        return settings.service.db, None
    embedded = EmbeddedPostgres.start(settings.home)
    return embedded.dsn, embedded


_OF_THE_API = ("/api/", "/healthz", "/readyz", "/metrics", "/openapi.json")


def beside(api: ASGIApp, console: ASGIApp) -> ASGIApp:
    """One app of two: what is asked of the API goes there, everything else to the console."""

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(_OF_THE_API):
            await console(scope, receive, send)
        else:
            await api(scope, receive, send)

    return either


@asynccontextmanager
async def open_worker(
    settings: Settings, dsn: str, slot: int = 0, watches: Watches = NOBODY
) -> AsyncIterator[tuple[Worker, list[Beside]]]:
    """Open a worker, and what runs beside it: numbering, deliveries, upkeep, signs of life, yet to be begun.

    Args:
        settings: of the process.
        dsn: of the database.
        slot: which of the machine's workers it is, from 0: Chroma bears one process on a directory.
        watches: who watches it.
    """
    pool = await open_pool(dsn, _CONNECTIONS)
    try:
        ledger = LedgerRecords(pool, seller_rows(settings.sellers))
        kind = auditor_of(settings)
        gate = _gate(settings, pool) if kind == "llm" else None
        search = settings.home / (f"search-{slot}" if slot else "search")
        closed = PostgresPrecedents(pool, precedent_rows(settings.precedents))
        ports = Ports(ledger, PostgresImageStore(pool), closed, gate, search, watches.asking)
        async with open_office(settings, kind, ports=ports) as office, open_saver(dsn) as saver:
            desks = Desks(office, ledger, watches.stepping)
            limits = WorkerSettings(in_flight=settings.service.in_flight)
            worker = Worker(pool, saver, desks.full, desks.bare, limits, watches.passing, dsn)
            mapping = coop_mapping(settings)
            forms = {"coop": coop_form(pool, mapping, office.corpus)} if mapping else {}
            async with Deliverer(pool, forms, allow_private=settings.service.webhook_private) as sender:
                todo = tasks(pool, saver, office.corpus)
                duty = partial(be_on_duty, pool, slot, lambda: len(worker.running))
                yield worker, [partial(keep_numbering, pool), sender.run, partial(keep, pool, todo), duty]
    finally:
        with suppress(TimeoutError):
            await asyncio.wait_for(pool.close(), 5)


@dataclass
class Desks:
    """Lays out the desks of a worker's cases."""

    office: Office
    ledger: LedgerRecords
    watch: Watch[Step] = unwatched
    _knows_sellers: bool = False

    async def full(self, case: Case, journal: CaseJournal) -> Desk:
        """A desk with everything that is set up."""
        desk = await self.office.desk(case, journal, None)
        desk.watch = self.watch
        self._knows_sellers = self._knows_sellers or await self.ledger.any()
        if not self._knows_sellers:
            # "No record" may only be said where there are records.
            desk.tools = {name: tool for name, tool in desk.tools.items() if name != "seller_history"}
        return desk

    async def bare(self, case: Case, journal: CaseJournal) -> Desk:
        """A desk without tools and without anybody who judges."""
        desk = await replace(self.office, vision=False).desk(case, journal, None)
        desk.tools, desk.auditor = {}, NoAuditor()
        return desk


def without_folder(make: Callable[[Case, CaseJournal], Awaitable[Desk]]) -> MakeDesk:
    """A desk as a replay asks for it: a service's cases come from no folder."""

    async def lay(case: Case, journal: CaseJournal, _: Path | None) -> Desk:
        return await make(case, journal)

    return lay


def _gate(settings: Settings, pool: Pool) -> SharedGate:
    model = settings.model_settings()
    # A probe is lost later than its attempt ends, or two of them would be on their way.
    limits = (model.requests_per_minute, model.tokens_per_minute)
    return SharedGate(pool, model.base_url, *limits, probe_s=model.timeout_s + 30)


@dataclass(frozen=True)
class Place:
    """Where a worker works: which of the machine's it is, from 0, and the embedded database where it uses that."""

    slot: int = 0
    embedded: EmbeddedPostgres | None = None


async def run_worker(
    settings: Settings, dsn: str, stop: asyncio.Event, place: Place, watches: Watches = NOBODY
) -> None:
    """Work until told to stop, then finish what is in flight; an embedded database is kept running meanwhile."""
    async with open_worker(settings, dsn, place.slot, watches) as (worker, beside):
        kept = [place.embedded.keep_running] if place.embedded else []
        async with running([*beside, *kept]):
            gc.freeze()  # what is open now stays: the collector need not walk the corpus again and again
            log.info("working", extra={"slot": place.slot, "in_flight": settings.service.in_flight})
            await worker.work(stop)


@asynccontextmanager
async def running(beside: Sequence[Beside]) -> AsyncIterator[None]:
    """Run what runs beside a worker for the time of the block."""
    tasks = [asyncio.create_task(each()) for each in beside]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
