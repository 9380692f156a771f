"""A worker that kills itself at a boundary: a node's, or one of the service's. Nothing in the product knows of it.

Nodes are heard through LangChain's own callbacks, as a tracer would hear them; the database and the checkpoints through
doors that stand before the real ones.
"""

import asyncio
import os
import re
import signal
from collections import Counter
from collections.abc import Generator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.tracers.context import register_configure_hook
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from casewright.serving import open_worker
from casewright.settings import read_settings
from graphs.passes import PLAIN
from service.worker import Worker, WorkerSettings

_IN_A_CALL_S = 0.1
"""After the node has begun: the model, which takes longer, is being asked."""
_ASKING = {"investigate", "challenge"}
_CALL = re.compile(r"^\d+/(investigate|judge|narrow)/")
_STATEMENTS = {
    "attempts = attempts + 1": "claim",
    "SET status = 'decided'": "conclude",
    "SET status = 'waiting', attempts = 0, number = $3": "hand over",
}
"""How the service's statements are told apart."""


class Doom:
    """Where the end comes; or, where none is set, the list of boundaries that were reached."""

    def __init__(self, at: str, seen: Path) -> None:
        """Take a boundary's name, and a file for those that are reached."""
        self._at = at
        self._seen = seen
        self._times: Counter[str] = Counter()

    def reach(self, what: str, after_s: float = 0.0) -> None:
        """Come to a boundary: the end, where it is the one."""
        self._times[what] += 1
        name = f"{what} {self._times[what]}" if self._times[what] > 1 else what
        with self._seen.open("a", encoding="utf-8") as file:
            file.write(name + "\n")
        if name == self._at:
            asyncio.get_running_loop().call_later(after_s, _die) if after_s else _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Nodes(AsyncCallbackHandler):
    """Hears of every node before it begins and after it has ended."""

    run_inline = True

    def __init__(self, doom: Doom) -> None:
        """Tell the doom."""
        self._doom = doom
        self._running: dict[object, str] = {}

    async def on_chain_start(self, *_: Any, **told: Any) -> None:  # noqa: ANN401 - as LangChain calls it
        """A node begins."""
        node = (told.get("metadata") or {}).get("langgraph_node")
        if node and told.get("name") == node:
            self._running[told["run_id"]] = node
            self._doom.reach(f"before {node}")
            if node in _ASKING:
                self._doom.reach(f"while {node} asks", _IN_A_CALL_S)

    async def on_chain_end(self, *_: Any, **told: Any) -> None:  # noqa: ANN401 - as above
        """A node has ended."""
        if node := self._running.pop(told["run_id"], None):
            self._doom.reach(f"after {node}")

    async def on_chain_error(self, *_: Any, **told: Any) -> None:  # noqa: ANN401 - as above
        """A node has paused: that is how LangGraph tells of an interrupt."""
        if node := self._running.pop(told["run_id"], None):
            self._doom.reach(f"after the pause in {node}")


_nodes: ContextVar[Nodes | None] = ContextVar("nodes", default=None)
register_configure_hook(_nodes, inheritable=True)


class Door:
    """A connection or pool, and what its statements mean."""

    def __init__(self, real: Any, doom: Doom) -> None:  # noqa: ANN401 - asyncpg's pool, or a connection of it
        """Stand before the real one."""
        self._real = real
        self._doom = doom

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the real one has
        """Everything else is the real one's."""
        return getattr(self._real, name)

    async def fetchrow(self, query: str, *values: object, **more: Any) -> Any:  # noqa: ANN401 - as asyncpg
        """Ask for a row."""
        return await self._asked(self._real.fetchrow, query, *values, **more)

    async def fetchval(self, query: str, *values: object, **more: Any) -> Any:  # noqa: ANN401 - as asyncpg
        """Ask for a value."""
        return await self._asked(self._real.fetchval, query, *values, **more)

    async def fetch(self, query: str, *values: Any, **more: Any) -> Any:  # noqa: ANN401 - as asyncpg
        """Ask for rows."""
        calls = [slot for slot in values[2] if _CALL.match(slot)] if "INSERT INTO journal" in query else []
        for _ in calls:
            self._doom.reach("before recording an answer")
        rows = await self._real.fetch(query, *values, **more)
        for _ in calls:
            self._doom.reach("after recording an answer")
        return rows

    async def _asked(self, ask: Any, query: str, *values: object, **more: Any) -> Any:  # noqa: ANN401 - as asyncpg
        what = next((name for part, name in _STATEMENTS.items() if part in query), "")
        if what:
            self._doom.reach(f"before {what}")
        came = await ask(query, *values, **more)
        if what:
            self._doom.reach(f"after {what}")
        return came

    def acquire(self) -> "Acquired":
        """Take a connection out of the pool."""
        return Acquired(self._real.acquire(), self._doom)


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

    async def aput(self, *what: Any) -> Any:  # noqa: ANN401 - as LangGraph calls it
        """Keep a checkpoint."""
        self.doom.reach("before keep")
        kept = await super().aput(*what)
        self.doom.reach("amid keep")
        return kept

    async def aput_writes(self, *what: Any) -> None:  # noqa: ANN401 - as above
        """Keep what is pending."""
        await super().aput_writes(*what)
        self.doom.reach("after keep")


def work(environment: dict[str, str], at: str, seen: Path, heartbeat_s: float) -> None:
    """Work, in a process of its own, until SIGTERM or the boundary named."""
    os.environ.update(environment)
    settings = read_settings()
    asyncio.run(_work(settings, Doom(at, seen), heartbeat_s))


async def _work(settings: Any, doom: Doom, heartbeat_s: float) -> None:  # noqa: ANN401 - as read
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    _nodes.set(Nodes(doom))
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
        running = [asyncio.create_task(task()) for task in beside]
        await watched.work(stop)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
