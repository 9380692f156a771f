"""What the service stands on breaks, and comes back: nothing is lost, and nobody need do anything."""

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import asyncpg
import psutil
import pytest
from pgqueuer.errors import RetryRequested

from agents.script import Script, ScriptedModel, players_of
from cases.case import Case
from casewright.serving import Desks
from casewright.settings import read_settings
from casewright.wiring import Ports, open_office, seller_rows
from service.database import AWAY, open_pool
from service.embedded import EmbeddedPostgres, place_of
from service.intake import submit
from service.ledger import LedgerRecords
from service.limiter import SharedGate
from service.migrate import migrate
from service.runs import Superseded, claim
from service.savers import open_saver
from service.worker import Worker, WorkerSettings

COUNTS = """
SELECT count(*) AS cases, count(*) FILTER (WHERE status = 'decided') AS decided,
    count(*) FILTER (WHERE status = 'waiting') AS waiting,
    (SELECT count(*) FROM events WHERE type IN ('case.decided', 'case.escalated')) AS told, max(attempts) AS attempts
FROM cases
"""


def case_of(n):
    subject = {"kind": "listing", "id": f"L-{n}", "title": "Cotton summer dress"}
    case = {"id": f"c-{n:03}", "opened_at": "2026-03-14T09:30:00Z", "region": "SG", "language": "en"}
    return Case.model_validate({**case, "seller_id": "S-1", "subject": subject})


@pytest.fixture
def home():
    folder = Path(tempfile.mkdtemp(prefix="cw-"))
    folder.chmod(0o755)
    yield folder
    with suppress(Exception):
        EmbeddedPostgres.start(folder).stop()
    shutil.rmtree(folder, ignore_errors=True)


def kill(pid):
    """As a power cut does: all at once."""
    main = psutil.Process(pid)
    family = [main, *main.children(recursive=True)]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=10)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A data folder whose clause index is made once."""
    return tmp_path_factory.mktemp("index")


@asynccontextmanager
async def worker_on(dsn, index, gate=None, **environment):
    """A worker of parts as they are, at work; gives its pool."""
    written = {"CASEWRIGHT_HOME": str(index), "CASEWRIGHT_AUTOMATION": "provisional", **environment}
    settings = read_settings(written)
    pool = await open_pool(dsn)
    ledger = LedgerRecords(pool, seller_rows(None))
    ports = Ports(sellers=ledger, gate=gate and gate(pool), search=index / "search")
    async with open_office(settings, "llm" if gate else "rulebook", ports=ports) as office, open_saver(dsn) as saver:
        desks = Desks(office, ledger)
        worker = Worker(pool, saver, desks.full, desks.bare, WorkerSettings(in_flight=20, heartbeat_s=2))
        stop = asyncio.Event()
        working = asyncio.create_task(worker.work(stop))
        try:
            yield pool
            assert not working.done()
        finally:
            stop.set()
            await working
    pool.terminate()


async def until(pool, query, seconds=60.0, *, value=True):
    """Ask until the answer is this; gives the seconds that it took."""
    began = time.monotonic()
    while True:
        found = None
        with suppress(*AWAY):
            found = await pool.fetchval(query, timeout=5)
        if found == value:
            return time.monotonic() - began
        assert time.monotonic() - began < seconds, query
        await asyncio.sleep(0.05)


def test_a_worker_lives_through_a_database_that_is_killed_and_loses_and_doubles_nothing(home, index):
    async def body():
        server = EmbeddedPostgres.start(home)
        await migrate(server.dsn)
        async with worker_on(server.dsn, index) as pool:
            await submit(pool, [case_of(n) for n in range(60)])
            await until(pool, "SELECT count(*) > 5 FROM cases WHERE status = 'decided'")
            kill(server.pid)
            await asyncio.sleep(1)
            await asyncio.to_thread(EmbeddedPostgres.start, home)
            await until(pool, "SELECT count(*) = 60 FROM cases WHERE status IN ('decided', 'waiting')")
            return await pool.fetchrow(COUNTS)

    counts = asyncio.run(body())
    assert counts["decided"] + counts["waiting"] == counts["told"] == counts["cases"] == 60


def test_a_worker_that_is_to_stop_does_not_wait_for_a_database_that_is_away(home, index):
    async def body():
        server = EmbeddedPostgres.start(home)
        await migrate(server.dsn)
        async with worker_on(server.dsn, index) as pool:
            await submit(pool, [case_of(n) for n in range(40)])
            await until(pool, "SELECT count(*) > 0 FROM cases WHERE status = 'running'")
            kill(server.pid)
            await asyncio.sleep(1)
            began = time.monotonic()
        return time.monotonic() - began

    assert asyncio.run(body()) < 15


def test_a_queue_whose_listening_connection_is_lost_listens_again(dsn, index):
    listening = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"

    async def body():
        async with worker_on(dsn, index) as pool:
            await until(pool, f"SELECT EXISTS ({listening})")
            lost = await pool.fetchval(listening)
            await pool.execute("SELECT pg_terminate_backend($1)", lost)
            await until(pool, f"SELECT EXISTS ({listening} AND pid <> {lost})")
            await submit(pool, [case_of(1)])
            await until(pool, "SELECT status = 'decided' FROM cases")
            return await pool.fetchval("SELECT begun_at - received_at FROM cases")

    assert asyncio.run(body()) < timedelta(seconds=4)  # announced; by itself the queue looks every five seconds


def broken_worker(pool, error, outages):
    async def desk(_case, _journal):
        raise error

    settings = WorkerSettings(outages=outages)
    return Worker(pool, None, desk, desk, settings)


def test_an_absence_of_the_database_does_not_count_against_a_case_until_there_are_too_many(with_pool):
    async def body(pool):
        await submit(pool, [case_of(1)])
        worker = broken_worker(pool, ConnectionResetError(), outages=2)
        attempts = []
        for _ in range(4):
            with pytest.raises(RetryRequested):
                await worker.take("c-001")
            attempts.append(await pool.fetchval("SELECT attempts FROM cases"))
        return attempts

    assert with_pool(body) == [0, 0, 1, 2]


def test_a_case_that_fails_by_itself_is_counted_at_once(with_pool):
    async def body(pool):
        await submit(pool, [case_of(1)])
        with pytest.raises(RetryRequested):
            await broken_worker(pool, ValueError(), outages=2).take("c-001")
        return await pool.fetchval("SELECT attempts FROM cases")

    assert with_pool(body) == 1


def test_a_case_that_was_taken_from_a_worker_that_lives_is_not_counted_twice(with_pool):
    async def body(pool):
        await submit(pool, [case_of(1)])
        other = []

        async def desk(case, _journal):
            other.append(await claim(pool, case.id))
            raise Superseded(case=case.id)

        await Worker(pool, None, desk, desk).take("c-001")
        return other[0].attempts, await pool.fetchval("SELECT attempts FROM cases")

    assert with_pool(body) == (2, 1)


def test_a_client_that_hangs_in_a_transaction_loses_it(with_pool):
    """Else what it has locked would be locked for as long as it hangs."""

    async def body(pool):
        return await pool.fetchval("SELECT current_setting('idle_in_transaction_session_timeout')")

    assert with_pool(body) == "1min"


def test_an_embedded_database_that_is_killed_is_started_again_once_however_many_look_after_it(home):
    async def body():
        server = EmbeddedPostgres.start(home)
        before = server.pid
        keepers = [asyncio.create_task(server.keep_running(0.1)) for _ in range(3)]
        kill(before)
        pool = await asyncpg.create_pool(server.dsn, min_size=0)
        await until(pool, "SELECT true")
        await asyncio.sleep(0.5)
        assert not any(keeper.done() for keeper in keepers)
        for keeper in keepers:
            keeper.cancel()
        pool.terminate()
        after = int((place_of(home) / "postmaster.pid").read_text().split()[0])
        assert after != before
        starts = (place_of(home) / "log").read_text().count("database system is ready to accept connections")
        return starts, server.is_running

    assert asyncio.run(body()) == (2, True)


def test_a_server_that_has_ended_unasked_for_by_its_parent_is_none(home):
    """In a container without an init, what is killed stays in the table of processes, under its number and name."""
    server = EmbeddedPostgres.start(home)
    server.stop()
    program = home / "postgres-that-ends"
    shutil.copy("/bin/true", program)
    ended = subprocess.Popen([program])
    while psutil.Process(ended.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    note = place_of(home) / "postmaster.pid"
    note.write_text(f"{ended.pid}\n{place_of(home)}\n0\n5432\n{place_of(home)}\n\n0 0\nready\n")
    again = EmbeddedPostgres.start(home)
    assert again.is_running
    assert again.pid != ended.pid
    ended.wait()


SMALL = "200m"


@pytest.fixture
def small_disk(home):
    """A data folder with little room."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL},mode=0755", "tmpfs", str(home)]
    if sys.platform != "linux" or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    yield home
    with suppress(Exception):
        EmbeddedPostgres.start(home).stop()
    subprocess.run(["umount", "--lazy", str(home)], check=True)


def test_a_full_disk_counts_as_a_database_that_is_away_and_its_end_is_the_end_of_it(small_disk):
    async def body():
        server = EmbeddedPostgres.start(small_disk)
        await migrate(server.dsn)
        pool = await open_pool(server.dsn, 2)
        keeper = asyncio.create_task(server.keep_running(0.2))
        ballast = small_disk / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        met = await stopped_by_its_log(server, pool)
        ballast.unlink()
        await until(pool, "SELECT true")
        taken = await submit(pool, [case_of(2)])
        keeper.cancel()
        pool.terminate()
        return met, taken[0].taken

    met, taken = asyncio.run(body())
    assert met
    assert all(issubclass(kind, AWAY) for kind in met)
    assert taken == "taken"


async def stopped_by_its_log(server, pool):
    """Use the log's last room up, submitting all the while; gives what was raised until the server had stopped."""
    met = set()
    for n in range(100, 200):
        try:
            await pool.execute("SELECT pg_switch_wal()")
            await submit(pool, [case_of(n)])
        except Exception as error:  # noqa: BLE001 - what it is, is the question
            met.add(type(error))
        if not server.is_running:
            break
    assert not server.is_running
    return met


PLAYING = {"players": {"truthful": {"kind": "rulebook"}}, "replies": [{"do": "play", "player": "truthful"}]}


def test_a_model_that_is_away_puts_cases_off_and_hands_none_to_a_person(dsn, index):
    script = Script.model_validate(PLAYING)

    def quick(pool):
        return SharedGate(pool, "http://m", None, None, breaker_pause_s=0.5)

    async def body():
        away = ScriptedModel(script, players_of(script, index))
        url = await away.start()
        await away.stop()
        named = {"CASEWRIGHT_MODEL_URL": url, "CASEWRIGHT_MODEL": "m"}
        async with worker_on(dsn, index, quick, **named) as pool:
            await submit(pool, [case_of(n) for n in range(12)])
            await until(pool, "SELECT failures > 5 FROM model_limits")
            meanwhile = await pool.fetchrow(COUNTS)
            back = ScriptedModel(script, players_of(script, index))
            await back.start(int(url.rpartition(":")[2].partition("/")[0]))
            await until(pool, "SELECT count(*) = 12 FROM cases WHERE status = 'decided'")
            after = await pool.fetchrow(COUNTS)
            await back.stop()
            return meanwhile, after

    meanwhile, after = asyncio.run(body())
    assert meanwhile["told"] == 0
    assert (after["decided"], after["told"]) == (12, 12)
