"""`casewright migrate`: brings the service's database up to this version; `serve` and `worker` do the same at start."""

import asyncio
import sys

import click

from casewright.serving import SERVICE_DEFAULTS, database_of
from casewright.settings import read_settings
from service.migrate import migrate, pending


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit status 1 where something is missing.")
def command(check: bool) -> None:  # noqa: FBT001 - click's
    """Apply the migrations that the database has not had, each in a transaction.

    The database is that of CASEWRIGHT_DB, else the embedded one of CASEWRIGHT_HOME. `serve` and `worker` do this when
    they start; here it is a step of its own.
    """
    dsn, embedded = database_of(read_settings(defaults=SERVICE_DEFAULTS))
    try:
        names = asyncio.run(pending(dsn) if check else migrate(dsn))
    finally:
        if embedded and embedded.started:
            embedded.stop()
    for name in names:
        click.echo(f"{name} {'is missing' if check else 'applied'}.")
    if not names:
        click.echo("The database is up to date.")
    sys.exit(1 if check and names else 0)
