"""Cut one of two workers off from the database, without a word on the wire, and heal it again.

    python benchmarks/partition.py [--cases 800] [--in-flight 100] [--cuts 12 40]

Linux, root. The database and the workers each have a network namespace; a fourth is the wire between them. A cut takes
a worker's end off the wire: its packets go nowhere, and nobody tells it or the server. The model stays in reach of
both. A cut shorter than the silence after which connections count as dead (15 s) has writes arrive late; after a
longer one there is nobody left to make them.
"""

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
from drills.cases import made_cases, send
from drills.databases import ACCOUNT
from drills.interrupted import Interrupted
from drills.lasting import Lasting
from drills.looking import at_work, look, until_over
from drills.model import PLAY, scripted_model
from drills.outcomes import outcome, table, verdict

from service.database import open_pool
from service.embedded import EmbeddedPostgres, place_of

_WIRE, _DATABASE, _FIRST, _SECOND = "cw-wire", "cw-db", "cw-one", "cw-two"
_PLACES = {_DATABASE: "10.77.0.1", _FIRST: "10.77.0.2", _SECOND: "10.77.0.3"}
_MODEL_PORT = 18080
_OUR_LOCK, _PLAIN_LOCK = 4242, 4243


def main() -> None:
    """Run the drill; exit 1 where a case was lost or doubled, or a worker died or did not come back."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=800)
    parser.add_argument("--in-flight", type=int, default=100, help="a worker")
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--cuts", type=float, nargs="+", default=[12.0, 40.0], help="seconds")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the workers' logs")
    parser.add_argument("--hold", nargs=2, metavar=("DSN", "LOCK"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.hold:
        asyncio.run(hold(asked.hold[0], int(asked.hold[1])))
    if sys.platform != "linux" or not shutil.which("ip") or not may_part():
        print("skipped: this needs Linux, root, and iproute2")
        return
    folder = Path(tempfile.mkdtemp(prefix="cw-"))
    folder.chmod(0o755)  # the database runs under an account of its own
    print(f"folder: {folder}", flush=True)
    try:
        with wire():
            fine = asyncio.run(drill(folder, asked))
    finally:
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if fine else 1)


def run(*command: str, check: bool = True) -> str:
    """Run one of the system's own commands; gives what it says."""
    return subprocess.run(command, check=check, capture_output=True, text=True).stdout.strip()  # noqa: S603 - of this file


def may_part() -> bool:
    """Whether network namespaces may be made here."""
    try:
        run("ip", "netns", "add", "cw-try")
    except subprocess.CalledProcessError:
        return False
    run("ip", "netns", "del", "cw-try")
    return True


@contextmanager
def wire() -> Iterator[None]:
    """Lay the wire: a bridge with three ends, whose addresses everybody knows by heart, so that nobody need ask."""
    try:
        for name in (_WIRE, *_PLACES):
            run("ip", "netns", "del", name, check=False)  # of a drill that was killed
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", _WIRE, "link", "add", "bridge", "type", "bridge")
        run("ip", "-n", _WIRE, "link", "set", "bridge", "up")
        for name, address in _PLACES.items():
            run("ip", "-n", _WIRE, "link", "add", name, "type", "veth", "peer", "name", "end", "netns", name)
            run("ip", "-n", _WIRE, "link", "set", name, "master", "bridge", "up")
            run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "end")
            run("ip", "-n", name, "link", "set", "end", "up")
        cards = {name: run("ip", "netns", "exec", name, "cat", "/sys/class/net/end/address") for name in _PLACES}
        for name in _PLACES:
            for other in set(_PLACES) - {name}:
                known = (_PLACES[other], "lladdr", cards[other], "nud", "permanent", "dev", "end")
                run("ip", "-n", name, "neighbour", "replace", *known)
        yield
    finally:
        for name in (_WIRE, *_PLACES):
            run("ip", "netns", "del", name, check=False)


def cut(name: str) -> None:
    """Take an end off the wire."""
    run("ip", "-n", _WIRE, "link", "set", name, "nomaster")


def heal(name: str) -> None:
    """Put it back."""
    run("ip", "-n", _WIRE, "link", "set", name, "master", "bridge")


def within(name: str) -> list[str]:
    """Begin a command that runs in a namespace."""
    return ["ip", "netns", "exec", name]


@asynccontextmanager
async def database(folder: Path) -> AsyncIterator[tuple[str, str]]:
    """Run PostgreSQL at its end of the wire; gives how to reach it over the wire, and from here."""
    made = EmbeddedPostgres.start(folder / "db")
    local, programs = made.dsn, made.programs
    made.stop()
    data = place_of(folder / "db")
    with (data / "pg_hba.conf").open("a", encoding="utf-8") as file:
        file.write("host all all 10.77.0.0/24 trust\n")
    begin = [*within(_DATABASE), "runuser", "-u", ACCOUNT, "--"]
    options = ["-D", str(data), "-k", str(data), "-h", _PLACES[_DATABASE]]
    with (folder / "postgres.log").open("wb") as log:
        server = await asyncio.create_subprocess_exec(*begin, str(programs / "postgres"), *options, stderr=log)
    try:
        await look(local, "SELECT 1")
        yield f"postgresql://postgres@{_PLACES[_DATABASE]}:5432/postgres", local
    finally:
        server.terminate()
        await server.wait()


async def drill(folder: Path, asked: argparse.Namespace) -> bool:
    """Cut the first worker off, for each of the times asked."""
    cases = made_cases(asked.cases)
    async with AsyncExitStack() as stack:
        dsn, local = await stack.enter_async_context(database(folder))
        await send(local, cases[:10])
        for name in (_FIRST, _SECOND):
            model = scripted_model(folder, [PLAY], asked.latency, within(name), _MODEL_PORT)
            stack.enter_context(model)
        workers = Lasting(folder, dsn, f"http://127.0.0.1:{_MODEL_PORT}/v1", asked.in_flight)
        stack.push_async_callback(workers.stop)
        workers.start(within(_FIRST))
        first = await only_manager(local)
        workers.start(within(_SECOND))
        while workers.said('"working"') < len(workers.started):  # noqa: ASYNC110 - no event crosses processes
            await asyncio.sleep(0.2)
        rows = []
        for number, seconds in enumerate(asked.cuts):
            await send(local, cases[10 + number :: len(asked.cuts)])
            rows.append(await one_cut(local, dsn, workers, first, seconds))
        left = await until_over(local)
        fine = verdict(await outcome(local, cases), workers)
    head = ["cut, s", "its cases", "first taken over, s", "all, s", "back at work, s", "late writes refused"]
    table([*head, "our lock free, s", "plain lock free, s"], rows)
    print(f"the rest took {left:.0f} s more; late writes refused in all: {workers.said('superseded')}")
    return fine and all(row[4] < float("inf") for row in rows)


_MANAGERS = "SELECT DISTINCT queue_manager_id AS id FROM pgqueuer WHERE queue_manager_id IS NOT NULL"
_ITS = """
SELECT c.id, c.epoch, c.status, (SELECT count(*) FROM journal j WHERE j.case_id = c.id) AS recorded
FROM pgqueuer q JOIN cases c ON c.id = convert_from(q.payload, 'UTF8')
WHERE q.queue_manager_id = $1 AND q.status = 'picked' AND c.status = 'running'
"""
_BACK = "SELECT count(*) FROM pgqueuer WHERE queue_manager_id = $1 AND heartbeat > $2"


async def only_manager(local: str) -> str:
    """How the queue calls the one worker that there is yet."""
    while not (found := await look(local, _MANAGERS)):  # noqa: ASYNC110 - no event crosses processes
        await asyncio.sleep(0.2)
    return str(found[0]["id"])


async def one_cut(local: str, dsn: str, workers: Lasting, first: str, seconds: float) -> list[float]:
    """Cut, watch who takes over what and when locks are free, heal, and wait until the worker is back at work."""
    await at_work(local, int(workers.in_flight * 1.8))
    holders = await asyncio.gather(*(holding(dsn, lock) for lock in (_OUR_LOCK, _PLAIN_LOCK)))
    refused = workers.said("superseded")
    its = Interrupted(await look(local, _ITS, first))
    cut(_FIRST)
    began = time.monotonic()
    watched = asyncio.gather(
        its.go_on(local, began), free_after(local, _OUR_LOCK, seconds), free_after(local, _PLAIN_LOCK, seconds)
    )
    await asyncio.sleep(seconds)
    heal(_FIRST)
    back = await at_work_again(local, first)
    (one, every), ours, plain = await watched
    for holder in holders:
        holder.kill()
        await holder.wait()
    row = [seconds, its.count, one, every, back, workers.said("superseded") - refused, ours, plain]
    print("  cut:", row, flush=True)
    return row


async def at_work_again(local: str, manager: str, seconds: float = 120.0) -> float:
    """Seconds until a worker gives a sign of life for a job; infinite where it never does."""
    healed, began = (await look(local, "SELECT now()"))[0][0], time.monotonic()
    while not (await look(local, _BACK, manager, healed))[0][0]:
        if time.monotonic() - began > seconds:
            return float("inf")
        await asyncio.sleep(0.1)
    return time.monotonic() - began


async def holding(dsn: str, lock: int) -> asyncio.subprocess.Process:
    """Have a process at the first worker's end hold a lock in an open transaction, as numbering and caps do."""
    command = [*within(_FIRST), sys.executable, __file__, "--hold", dsn, str(lock)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    if process.stdout:
        await process.stdout.readline()
    return process


async def hold(dsn: str, lock: int) -> None:
    """Take a lock and keep it: over a connection as the service opens them, or a plain one."""
    pool = await open_pool(dsn, 1) if lock == _OUR_LOCK else await asyncpg.create_pool(dsn, min_size=1, max_size=1)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", lock)
        print("held", flush=True)
        await asyncio.sleep(3600)


async def free_after(local: str, lock: int, seconds: float) -> float:
    """Seconds until a lock is free; infinite where it is not within the cut."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if (await look(local, "SELECT pg_try_advisory_lock($1)", lock))[0][0]:  # freed again with its connection
            return time.monotonic() - began
        await asyncio.sleep(0.5)
    return float("inf")


if __name__ == "__main__":
    main()
