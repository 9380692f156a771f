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
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
from fleet import (
    PLAY,
    Interrupted,
    Workers,
    at_work,
    look,
    made_cases,
    outcome,
    scripted_model,
    send,
    table,
    until_over,
    verdict,
)

from service.embedded import EmbeddedPostgres


def main() -> None:
    """Run the drill that is asked for; exit 1 where a case was lost or doubled, or a worker died."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("drill", choices=DRILLS)
    parser.add_argument("--cases", type=int)
    parser.add_argument("--in-flight", type=int, default=300, help="a worker; there are two")
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--keep", action="store_true", help="keep the folder with the workers' logs")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cw-"))
    folder.chmod(0o755)  # as root, the database runs under an account of its own
    print(f"drill: {asked.drill}; folder: {folder}", flush=True)
    try:
        fine = asyncio.run(DRILLS[asked.drill](folder, asked))
    finally:
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if fine else 1)


async def database(folder: Path, asked: argparse.Namespace) -> bool:
    """Kill PostgreSQL three times under load."""
    server = EmbeddedPostgres.start(folder / "db")
    cases = made_cases(asked.cases or 1500)
    await send(server.dsn, cases)
    async with scripted_model(folder, PLAY, asked.latency) as port:
        workers = Workers(folder, server.dsn, f"http://127.0.0.1:{port}/v1", asked.in_flight)
        try:
            await workers.start()
            await workers.start()
            rows = [await one_kill(folder, server.dsn, asked.in_flight, down) for down in (0.0, 5.0, 20.0)]
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


DRILLS = {"database": database}

if __name__ == "__main__":
    main()
