"""`casewright backup` and `casewright restore`: the embedded database into a file, and back."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from casewright.serving import database_of
from casewright.settings import read_settings
from service.backup import back_up
from service.backup import restore as fill
from service.embedded import EmbeddedPostgres

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", type=_FILE)
def command(file: Path) -> None:
    """Write the embedded database into FILE, as it is at this moment; the service may go on meanwhile.

    FILE holds every case, its record and the hashes of keys. A database that CASEWRIGHT_DB names is backed up with its
    own means.
    """
    with _embedded() as server:
        back_up(server, file)
    click.echo(f"Backed up to {file}, {file.stat().st_size:,} bytes.", err=True)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def restore(file: Path) -> None:
    """Fill the embedded database, which must be empty, from a backup in FILE, and bring it up to this version."""
    with _embedded() as server:
        for name in asyncio.run(fill(server, file)):
            click.echo(f"{name} applied.", err=True)
    click.echo(f"Restored from {file}.", err=True)


@contextmanager
def _embedded() -> Iterator[EmbeddedPostgres]:
    """The embedded server for the time of the block; one that ran before goes on running."""
    _, server = database_of(read_settings())
    if server is None:
        message = "CASEWRIGHT_DB names another database: use that server's own means (pg_dump, pg_restore)."
        raise click.UsageError(message)
    try:
        yield server
    finally:
        if server.started:
            server.stop()
