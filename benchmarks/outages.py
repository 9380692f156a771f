"""Break what the service stands on while it works, and see that it goes on with nothing lost and nothing done twice.

    python benchmarks/outages.py database [--cases 1500] [--in-flight 300]
    python benchmarks/outages.py model [--cases 600]
    python benchmarks/outages.py disk [--cases 400]

`database`: PostgreSQL is killed with all its children, and started again after 0, 5 and 20 seconds.
`model`: the endpoint is down for a minute, then answers 429 for 20 seconds, then nonsense for 20 seconds.
`disk`: the database's disk is full for 20 seconds (Linux, root: it lies on a small file system of its own).
"""

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from drills.cases import made_cases, send
from drills.front import Front
from drills.interrupted import Interrupted
from drills.lasting import Lasting
from drills.looking import at_work, look, until_over
from drills.model import PLAY, scripted_model
from drills.outcomes import outcome, table, verdict

from cases.case import Case
from service.database import AWAY
from service.embedded import EmbeddedPostgres


def main() -> None:
    """Run the drill that is asked for; exit 1 where a case was lost or doubled, or a worker died."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("drills", nargs="*", metavar="DRILL", help=f"of {', '.join(DRILLS)}; none: all")
    parser.add_argument("--cases", type=int)
    parser.add_argument("--in-flight", type=int, default=300, help="a worker; there are two")
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--keep", action="store_true", help="keep the folder with the workers' logs")
    asked = parser.parse_args()
    if unknown := set(asked.drills) - set(DRILLS):
        parser.error(f"there is no drill {', '.join(sorted(unknown))}")
    fine = [one_drill(name, asked) for name in asked.drills or DRILLS]
    sys.exit(0 if all(fine) else 1)


def one_drill(name: str, asked: argparse.Namespace) -> bool:
    """Run a drill in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="cw-"))
    folder.chmod(0o755)  # as root, the database runs under an account of its own
    print(f"drill: {name}; folder: {folder}", flush=True)
    try:
        return asyncio.run(DRILLS[name](folder, asked))
    finally:
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)


async def database(folder: Path, asked: argparse.Namespace) -> bool:
    """Kill PostgreSQL three times under load."""
    server = EmbeddedPostgres.start(folder / "db")
    cases = made_cases(asked.cases or 1800)
    downs = (0.0, 5.0, 20.0)
    with scripted_model(folder, [PLAY], asked.latency) as model:
        workers = Lasting(folder, server.dsn, model.url, asked.in_flight)
        try:
            workers.start()
            workers.start()
            rows = []
            for number, down in enumerate(downs):
                await send(server.dsn, cases[number :: len(downs)])
                rows.append(await one_kill(folder, server.dsn, asked.in_flight, down))
            left = await until_over(server.dsn)
            came = await outcome(server.dsn, cases)
            fine = verdict(came, workers)
        finally:
            await workers.stop()
            EmbeddedPostgres.start(folder / "db").stop()
    table(["down, s", "back after, s", "interrupted", "first goes on, s", "all go on, s"], rows)
    print(f"the rest took {left:.0f} s more")
    return fine and all(row[-1] < float("inf") for row in rows)


async def one_kill(folder: Path, dsn: str, in_flight: int, down_s: float) -> list[float]:
    """Kill the server under full load, leave it down, start it again, and wait until what was broken off goes on."""
    await at_work(dsn, int(in_flight * 2 * 0.9))
    kill_postgres(EmbeddedPostgres.start(folder / "db").pid)
    killed = time.monotonic()
    await asyncio.sleep(down_s)
    await asyncio.to_thread(EmbeddedPostgres.start, folder / "db")
    await look(dsn, "SELECT 1")
    back = time.monotonic()
    interrupted = await Interrupted.at(dsn)
    first, last = await interrupted.go_on(dsn, back)
    row = [down_s, back - killed, interrupted.count, first, last]
    print("  killed:", row, flush=True)
    return row


def kill_postgres(pid: int) -> None:
    """Kill a server's main process and all its children at once, as a power cut does."""
    main = psutil.Process(pid)
    family = [main, *main.children(recursive=True)]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=10)


_ASKS_FOR_TIME = {"do": "error", "status": 429, "retry_after": 2, "text": "slow down"}
_NONSENSE = {"do": "nonsense", "form": "arguments"}
_SINCE = "SELECT unnest(reasons) AS reason, count(*) FROM escalations WHERE raised_at > $1 GROUP BY 1 ORDER BY 2 DESC"


async def model(folder: Path, asked: argparse.Namespace) -> bool:
    """Take the model away, have it ask for time, and have it talk nonsense, each until all is well again."""
    server = EmbeddedPostgres.start(folder / "db")
    cases = made_cases(asked.cases or 600)
    front = Front()
    workers = Lasting(folder, server.dsn, f"http://127.0.0.1:{front.port}/v1", min(asked.in_flight, len(cases) // 9))
    try:
        with (
            scripted_model(folder, [PLAY], asked.latency) as well,
            scripted_model(folder, [_ASKS_FOR_TIME], 0.0) as busy,
            scripted_model(folder, [_NONSENSE], asked.latency) as mad,
        ):
            await front.turn_to(well.port)
            workers.start()
            workers.start()
            troubles: list[tuple[str, int | None, float]] = [
                ("down", None, 60),
                ("429", busy.port, 20),
                ("nonsense", mad.port, 20),
            ]
            rows = []
            for number, trouble in enumerate(troubles):
                await send(server.dsn, cases[number :: len(troubles)])
                rows.append(await one_trouble(front, workers, well.port, *trouble))
            left = await until_over(server.dsn)
            came = await outcome(server.dsn, cases)
            fine = verdict(came, workers)
            await front.turn_to(None)
    finally:
        await workers.stop()
        server.stop()
    head = [
        "trouble",
        "s",
        "cases begun",
        "first goes on, s",
        "all go on, s",
        "handed over for want of a model",
        "all handed",
    ]
    table(head, rows)
    print(f"the rest took {left:.0f} s more")
    return fine and all(row[4] < float("inf") for row in rows)


async def one_trouble(
    front: Front, workers: Lasting, well: int, name: str, port: int | None, lasts_s: float
) -> list[Any]:
    """Turn to what troubles for a while, then back, and wait until what had begun goes on."""
    dsn = workers.dsn
    await at_work(dsn, int(workers.in_flight * 1.8))
    began = (await look(dsn, "SELECT now()"))[0][0]
    await front.turn_to(port)
    await asyncio.sleep(lasts_s)
    interrupted = await Interrupted.at(dsn)
    reasons = {row["reason"]: row["count"] for row in await look(dsn, _SINCE, began)}
    await front.turn_to(well)
    back = time.monotonic()
    first, last = await interrupted.go_on(dsn, back, begun_counts=False)
    row = [name, lasts_s, interrupted.count, first, last, reasons.get("model_unavailable", 0), reasons]
    print("  ", row, flush=True)
    return row


_DISK = "600m"
_FULL_S = 20.0


async def disk(folder: Path, asked: argparse.Namespace) -> bool:
    """Fill the disk of the embedded database, which the workers look after themselves."""
    home = folder / "home"
    home.mkdir()
    if not mounted(home):
        print("skipped: this needs Linux and the right to mount a file system")
        return True
    try:
        return await on_small_disk(folder, home, asked)
    finally:
        await asyncio.to_thread(unmount, home)


def unmount(home: Path) -> None:
    """Stop the server of a data folder, and take its file system away."""
    EmbeddedPostgres.start(home).stop()
    subprocess.run(["umount", "--lazy", str(home)], check=True)  # noqa: S603, S607 - the system's own, of a folder of ours


def mounted(place: Path) -> bool:
    """Put a small file system at a place, if that is allowed."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=0755", "tmpfs", str(place)]
    if not shutil.which("mount"):
        return False
    return subprocess.run(command, check=False, capture_output=True).returncode == 0  # noqa: S603 - the system's own


async def on_small_disk(folder: Path, home: Path, asked: argparse.Namespace) -> bool:
    """Have workers work, fill their disk, see what everybody meets, and make room again."""
    server = EmbeddedPostgres.start(home)
    cases = made_cases(asked.cases or 400)
    late = made_cases(20, first=len(cases))
    await send(server.dsn, cases)
    in_flight = min(asked.in_flight, len(cases) // 4)
    with scripted_model(folder, [PLAY], asked.latency) as model:
        workers = Lasting(folder, server.dsn, model.url, in_flight, home)
        try:
            workers.start()
            workers.start()
            await at_work(server.dsn, int(in_flight * 1.8))
            interrupted = await Interrupted.at(server.dsn)
            ballast = home / "ballast"
            fill(ballast)
            met = await while_full(server, late)
            stopped = not server.is_running
            ballast.unlink()
            freed = time.monotonic()
            await look(server.dsn, "SELECT 1")
            back = time.monotonic() - freed
            first, last = await interrupted.go_on(server.dsn, freed)
            await send(server.dsn, late)
            left = await until_over(server.dsn)
            came = await outcome(server.dsn, [*cases, *late])
            fine = verdict(came, workers)
        finally:
            await workers.stop()
    print("what submitting met, and how often:", dict(met), "; the server stopped by itself:", stopped)
    head = ["full, s", "server back after room, s", "interrupted", "first goes on, s", "all go on, s"]
    table(head, [[_FULL_S, back, interrupted.count, first, last]])
    print(f"the rest took {left:.0f} s more")
    strange = set(met) - {"taken"} - {kind.__name__ for kind in away_kinds()}
    return fine and not strange and last < float("inf")


def away_kinds() -> set[type]:
    """Every class that counts as the database being away: what the API answers with 503."""
    kinds = list(AWAY)
    for kind in kinds:
        kinds += kind.__subclasses__()
    return set(kinds)


def fill(ballast: Path) -> None:
    """Write until there is no room."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 20))
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))


async def while_full(server: EmbeddedPostgres, late: list[Case]) -> Counter[str]:
    """Try to submit all the time; halfway use up the log's last room, which stops the server."""
    met: Counter[str] = Counter()
    until = time.monotonic() + _FULL_S
    while time.monotonic() < until:
        try:
            if time.monotonic() > until - _FULL_S / 2:
                connection = await asyncpg.connect(server.dsn, timeout=5)
                await connection.execute("SELECT pg_switch_wal()")
                await connection.close()
            await send(server.dsn, late)
            met["taken"] += 1
        except Exception as error:  # noqa: BLE001 - what it is, is the question
            met[type(error).__name__] += 1
        await asyncio.sleep(0.5)
    return met


DRILLS = {"database": database, "model": model, "disk": disk}

if __name__ == "__main__":
    main()
