"""Backup and restore of the embedded database, by PostgreSQL's own pg_dump and pg_restore."""

import os
import subprocess
from pathlib import Path
from typing import ClassVar

import asyncpg

from cases.problem import CasewrightError
from service.embedded import EmbeddedPostgres
from service.migrate import migrate


class BackupFailed(CasewrightError):
    """{tool} failed: {why}"""

    code: ClassVar[str] = "backup_failed"


class NotEmpty(CasewrightError):
    """there is a database with {cases} cases here already"""

    code: ClassVar[str] = "not_empty"
    hint: ClassVar[str] = "restore into a data folder of its own (CASEWRIGHT_HOME), or move the old one away first"


def back_up(server: EmbeddedPostgres, file: Path) -> None:
    """Write the whole database as it is at this moment, while it is worked on; only this account may read the file.

    Args:
        server: that holds it.
        file: in pg_dump's own form; one that is there is replaced once the new one is whole.

    Raises:
        BackupFailed: pg_dump did.
        OSError: the file cannot be written.
    """
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as written:
            _run([server.programs / "pg_dump", "--format=custom", server.dsn], stdout=written.fileno())
            os.fsync(written.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


async def restore(server: EmbeddedPostgres, file: Path) -> list[str]:
    """Fill an empty database from a backup: all of it, or nothing.

    Args:
        server: that holds the database.
        file: that `back_up` wrote, by this version or an earlier one.

    Returns:
        Names of the migrations that were applied to it.

    Raises:
        NotEmpty: there is something in it.
        BackupFailed: pg_restore did; nothing has changed.
        NewerDatabase: the backup is a later version's.
    """
    connection = await asyncpg.connect(server.dsn)
    try:
        if await connection.fetchval("SELECT to_regclass('cases') IS NOT NULL"):
            raise NotEmpty(cases=await connection.fetchval("SELECT count(*) FROM cases"))
    finally:
        await connection.close()
    options = ["--single-transaction", "--exit-on-error", "--no-owner", f"--dbname={server.dsn}"]
    _run([server.programs / "pg_restore", *options, file])
    return await migrate(server.dsn)


def _run(command: list[Path | str], stdout: int | None = None) -> None:
    ran = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, encoding="utf-8", check=False)  # noqa: S603 - PostgreSQL's own tools
    if ran.returncode:
        why = ran.stderr.strip().splitlines() or [f"status {ran.returncode}"]
        raise BackupFailed(tool=Path(command[0]).name, why=why[0])
