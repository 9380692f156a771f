"""A worker as `casewright worker` puts it together, in this process, judging by a scripted model."""

import asyncio
from contextlib import asynccontextmanager

from agents.players import rulebook
from agents.script import Reply, Script, ScriptedModel
from casewright.serving import SERVICE_DEFAULTS, open_worker, running
from casewright.settings import read_settings
from casewright.watching import NOBODY

KEY = "sk-SECRETKEY-4711-marker"


@asynccontextmanager
async def working(dsn, home, corpus, *replies, watches=NOBODY, **variables):
    """Work on what is in the queue for the time of the block; gives the worker, and the model's server.

    Where no reply matches, the model judges as the rulebook would.
    """
    last = Reply(do="play", player="truthful")
    script = Script(replies=(*(Reply.model_validate(reply) for reply in replies), last), api_key=KEY)
    async with ScriptedModel(script, {"truthful": rulebook(corpus)}) as server:
        environment = {
            "CASEWRIGHT_HOME": str(home),
            "CASEWRIGHT_DB": dsn,
            "CASEWRIGHT_MODEL": "scripted",
            "CASEWRIGHT_MODEL_URL": server.base_url,
            "CASEWRIGHT_MODEL_KEY": KEY,
            **variables,
        }
        settings = read_settings(environment, defaults=SERVICE_DEFAULTS)
        async with open_worker(settings, dsn, watches=watches) as (worker, beside):
            stop = asyncio.Event()
            async with running(beside):
                work = asyncio.create_task(worker.work(stop))
                try:
                    yield worker, server
                finally:
                    stop.set()
                    await work


async def settled(pool, *case_ids, status=("decided", "waiting"), seconds=60):
    """Wait until cases are over or wait for a person; gives their statuses."""
    async with asyncio.timeout(seconds):
        while True:
            rows = await pool.fetch("SELECT id, status FROM cases WHERE id = ANY($1)", list(case_ids))
            if len(rows) == len(case_ids) and all(row["status"] in status for row in rows):
                return {row["id"]: row["status"] for row in rows}
            await asyncio.sleep(0.05)
