"""A worker that kills itself at boundaries: of nodes, or of the service. Nothing in the product knows of it.

Nodes are heard through LangChain's own callbacks, as a tracer would hear them; the database and the checkpoints through
doors that stand before the real ones.
"""

import asyncio
import os
import re
import signal
from collections import Counter
from collections.abc import Generator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.tracers.context import register_configure_hook
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from casewright.serving import open_worker, running
from casewright.settings import read_settings
from graphs.passes import PLAIN
from service.worker import Worker, WorkerSettings

RECORDING = "before an answer is recorded"
"""A call is paid, its answer not kept. Who stops here stops every case of the process: one writer records for all."""
_CALL = re.compile(r"^\d+/(investigate|judge|narrow)/")
_STATEMENTS = {
    "attempts = attempts + 1": "the claim",
    "SET status = 'decided'": "the decision is written",
    "SET status = 'waiting', attempts = 0, number = $3": "the case is handed over",
}
"""How the service's statements are told apart."""


class Doom:
    """Where the end comes. Each case stops at its boundary; once all have, the process kills itself (SIGKILL)."""

    def __init__(self, at: Mapping[str, str], seen: Path) -> None:
        """Take each case's boundary by name, and a file for the boundaries that any case reaches."""
        self._at = at
        self._seen = seen
        self._times: Counter[tuple[str, str]] = Counter()
        self._stopped: set[str] = set()

    async def reach(self, case_id: str, what: str) -> None:
        """Come to a boundary: the end, where it is the case's."""
        self._times[case_id, what] += 1
        times = self._times[case_id, what]
        name = f"{what} {times}" if times > 1 else what
        with self._seen.open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")
        if name != self._at.get(case_id):
            return
        self._stopped.add(case_id)
        if self._stopped == set(self._at):
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.Event().wait()


class Nodes(AsyncCallbackHandler):
    """Hears of every node before it begins and after it has ended."""

    run_inline = True

    def __init__(self, doom: Doom) -> None:
        """Tell the doom."""
        self._doom = doom
        self._running: dict[object, tuple[str, str]] = {}

    async def on_chain_start(self, *_: Any, **told: Any) -> None:  # noqa: ANN401 - as LangChain calls it
        """A node begins."""
        known = told.get("metadata") or {}
        node = known.get("langgraph_node")
        if node and told.get("name") == node:
            self._running[told["run_id"]] = (known["thread_id"], node)
            await self._doom.reach(known["thread_id"], f"before {node}")

    async def on_chain_end(self, *_: Any, **told: Any) -> None:  # noqa: ANN401 - as above
        """A node has ended."""
        await self._over(told["run_id"], "after")

    async def on_chain_error(self, *_: Any, **told: Any) -> None:  # noqa: ANN401 - as above
        """A node has paused: that is how LangGraph tells of an interrupt."""
        await self._over(told["run_id"], "at the pause in")

    async def _over(self, run_id: object, how: str) -> None:
        if found := self._running.pop(run_id, None):
            await self._doom.reach(found[0], f"{how} {found[1]}")


_nodes: ContextVar[Nodes | None] = ContextVar("nodes", default=None)
register_configure_hook(_nodes, inheritable=True)


def hear(doom: Doom) -> None:
    """Have a doom told of every node that this task, or one that it starts, comes to."""
    _nodes.set(Nodes(doom))


class Door:
    """A connection or pool, and what its statements mean."""

    def __init__(self, real: Any, doom: Doom) -> None:  # noqa: ANN401 - asyncpg's pool, or a connection of it
        """Stand before the real one."""
        self.real = real
        self._doom = doom

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the real one has
        """Everything else is the real one's."""
        return getattr(self.real, name)

    async def fetchrow(self, query: str, *values: object, **more: Any) -> Any:  # noqa: ANN401 - as asyncpg
        """Ask for a row."""
        return await self._asked(self.real.fetchrow, query, *values, **more)

    async def fetchval(self, query: str, *values: object, **more: Any) -> Any:  # noqa: ANN401 - as asyncpg
        """Ask for a value."""
        return await self._asked(self.real.fetchval, query, *values, **more)

    async def fetch(self, query: str, *values: Any, **more: Any) -> Any:  # noqa: ANN401 - as asyncpg
        """Ask for rows."""
        calls = []
        if "INSERT INTO journal" in query:
            calls = [case_id for case_id, slot in zip(values[0], values[2], strict=True) if _CALL.match(slot)]
        for case_id in calls:
            await self._doom.reach(case_id, RECORDING)
        return await self.real.fetch(query, *values, **more)

    async def _asked(self, ask: Any, query: str, *values: Any, **more: Any) -> Any:  # noqa: ANN401 - as asyncpg
        what = next((name for part, name in _STATEMENTS.items() if part in query), "")
        if what:
            await self._doom.reach(values[0], f"before {what}")
        came = await ask(query, *values, **more)
        if what:
            await self._doom.reach(values[0], f"after {what}")
        return came

    def acquire(self) -> "Acquired":
        """Take a connection out of the pool."""
        return Acquired(self.real.acquire(), self._doom)


class Acquired:
    """A connection that is being taken: awaited by the queue, entered by the service."""

    def __init__(self, real: Any, doom: Doom) -> None:  # noqa: ANN401 - asyncpg's own
        """Stand before asyncpg's."""
        self._real = real
        self._doom = doom

    def __await__(self) -> Generator[Any, None, Any]:
        """Give the real one, which goes back to the pool as such."""
        return self._real.__await__()  # type: ignore[no-any-return] # as above

    async def __aenter__(self) -> Door:
        """Give one whose statements are heard."""
        return Door(await self._real.__aenter__(), self._doom)

    async def __aexit__(self, *how: object) -> None:
        """Give it back."""
        await self._real.__aexit__(*how)


class KeptSaver(AsyncPostgresSaver):
    """The checkpoints' saver, heard when a paused run is kept."""

    doom: Doom

    async def aput(self, config: Any, *what: Any) -> Any:  # noqa: ANN401 - as LangGraph calls it
        """Keep a checkpoint."""
        case_id = config["configurable"]["thread_id"].partition("/")[0]
        await self.doom.reach(case_id, "before the pause is kept")
        kept = await super().aput(config, *what)
        await self.doom.reach(case_id, "amid keeping the pause")
        return kept

    async def aput_writes(self, config: Any, *what: Any) -> None:  # noqa: ANN401 - as above
        """Keep what is pending."""
        await super().aput_writes(config, *what)
        await self.doom.reach(config["configurable"]["thread_id"].partition("/")[0], "after the pause is kept")


def work(environment: dict[str, str], at: dict[str, str], seen: Path, heartbeat_s: float) -> None:
    """Work, in a process of its own, until SIGTERM or until every case named has come to its boundary."""
    os.environ.update(environment)
    settings = read_settings()
    asyncio.run(_work(settings, Doom(at, seen), heartbeat_s))


async def _work(settings: Any, doom: Doom, heartbeat_s: float) -> None:  # noqa: ANN401 - as read
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    hear(doom)
    async with open_worker(settings, settings.service.db) as (worker, beside):
        saver = KeptSaver(worker.saver.conn, serde=PLAIN)  # type: ignore[attr-defined] # it is LangGraph's own
        saver.doom = doom
        watched = Worker(
            Door(worker.pool, doom),  # type: ignore[arg-type] # it does as one
            saver,
            worker.desk,
            worker.bare_desk,
            WorkerSettings(in_flight=settings.service.in_flight, heartbeat_s=heartbeat_s, again_s=0.2),
        )
        async with running(beside):
            await watched.work(stop)
