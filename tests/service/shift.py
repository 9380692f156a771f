"""Workers over a test's database, with scripted desks on the small corpus of the graphs' tests."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from pgqueuer.errors import RetryRequested

from agents.auditor import NoAuditor
from graphs.settings import AuditSettings
from policies.corpus import load_corpus
from service.answers import answer
from service.database import open_pool
from service.intake import submit
from service.reading import read
from service.savers import open_saver
from service.worker import Worker, WorkerSettings
from tests.graphs import doubles
from tests.graphs.conftest import case
from tests.graphs.corpus import write_corpus

BLADE, SHARP, ANTIQUE = "blades.spring|blade", "blades.spring|sharp", "blades.spring|antique"
GUILTY = {
    BLADE: doubles.met("listing.title|Switchblade"),
    SHARP: doubles.met("listing.title|sharp"),
    ANTIQUE: doubles.not_met("listing.title|brand new"),
}
"""Verdicts that decide a case: a violation, its listing removed."""
OPEN = {**GUILTY, SHARP: doubles.unclear()}
"""Verdicts that leave one question to a person."""


class Stumbling(doubles.ScriptedAuditor):
    """Raises what it is given, as often as there is something to raise; then says what it was told to say."""

    def __init__(self, says, *errors, **more):
        super().__init__(says, **more)
        self.errors = list(errors)

    async def investigate(self, dossier, step):
        if self.errors:
            raise self.errors.pop(0)
        return await super().investigate(dossier, step)


class Door:
    """A tool that tells when a run has come to it, and lets none pass before it is opened."""

    name, description, parameters = "door", "Finds nothing.", {"type": "object", "properties": {}}
    standing, reads_evidence, deadline_s = True, False, 60.0

    def __init__(self):
        self.reached, self.opened = asyncio.Event(), asyncio.Event()
        self.inside = self.most = 0

    async def run(self, look, arguments):  # noqa: ARG002 - as the port says
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.reached.set()
        await self.opened.wait()
        self.inside -= 1
        return []


@dataclass
class Shift:
    """What the workers of a test share."""

    pool: Any
    saver: Any
    corpus: Any
    offices: list = field(default_factory=list)

    def office(self, says=None, *tools, auditor=None, **settings):
        """A desk's makings; `settings` of the audit."""
        made = doubles.Office(
            self.corpus,
            auditor or doubles.ScriptedAuditor(says or GUILTY),
            tools,
            ("blades.spring",),
            AuditSettings(**{"automation": "provisional", **settings}),
        )
        self.offices.append(made)
        return made

    def worker(self, office=None, bare=None, **settings):
        """A worker over an office, or over the plain one; the bare desk has nobody who judges and no tools."""
        full = office or self.office()
        plain = bare or self.office(auditor=NoAuditor())
        return Worker(
            self.pool, self.saver, _desks(full), _desks(plain), WorkerSettings(**{"again_s": 1.0, **settings})
        )

    async def submit(self, *ids, **fields):
        """Submit cases about switchblades."""
        cases = [case(id=case_id, **fields) for case_id in ids]
        await submit(self.pool, cases)

    async def run(self, case_id, worker=None):
        """Run one case that was submitted, and say how it stands then."""
        await (worker or self.worker()).take(case_id)
        return await read(self.pool, case_id)

    async def escalated(self, *ids, says=None, **fields):
        """Submit cases and hand them to a person; their result lines."""
        await self.submit(*ids, **fields)
        worker = self.worker(self.office(says or OPEN))
        await asyncio.gather(*(worker.take(case_id) for case_id in ids))
        return [(await read(self.pool, case_id)).result for case_id in ids]

    async def answer(self, line, given, **how):
        """Answer an escalation as a person would; says what came of it."""
        return await answer(self.pool, line["case_id"], given(line), self.corpus, **how)

    async def events(self, case_id):
        """The types of a case's events, in order."""
        rows = await self.pool.fetch("SELECT type FROM events WHERE case_id = $1 ORDER BY seq", case_id)
        return [row["type"] for row in rows]

    async def row(self, case_id):
        """A case as it is stored."""
        return await self.pool.fetchrow("SELECT * FROM cases WHERE id = $1", case_id)

    async def question(self, case_id):
        """A case's last escalation."""
        row = await self.pool.fetchrow(
            "SELECT * FROM escalations WHERE case_id = $1 ORDER BY raised_at DESC LIMIT 1", case_id
        )
        return {"case_id": case_id, "escalation": orjson.loads(row["body"]), "row": row}

    async def jobs(self, case_id):
        """Jobs that wish a case to be run."""
        return await self.pool.fetchval("SELECT count(*) FROM pgqueuer WHERE payload = $1", case_id.encode())


def _desks(office):
    async def lay(case, journal):
        return await office.desk(case, journal, None)

    return lay


async def put_off_s(take):
    """For how long a run asks to be put off; None where it does not."""
    try:
        await take
    except RetryRequested as retry:
        return retry.delay.total_seconds()
    return None


@asynccontextmanager
async def open_shift(dsn, folder):
    """Open a shift on a database."""
    pool = await open_pool(dsn, 20)
    try:
        async with open_saver(dsn) as saver:
            yield Shift(pool, saver, load_corpus(write_corpus(folder)))
    finally:
        await pool.close()
