"""`casewright replay`: results rebuilt from their journal, and compared with what was written then."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import click
import orjson

from cases.problem import CasewrightError
from casewright.commands.audit import audit_run, beside
from casewright.commands.explain import read_results
from casewright.serving import SERVICE_DEFAULTS, database_of, open_worker, without_folder
from casewright.settings import read_settings
from casewright.wiring import AuditorKind, open_office
from graphs.replay import differences
from service.replay import replay


@click.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--service", "of_service", is_flag=True, help="NAMES are cases of the service's database.")
@click.option(
    "--auditor", type=click.Choice(["rulebook", "llm"]), help="Who judged; the rulebook, or as the service's."
)
def command(names: tuple[str, ...], of_service: bool, auditor: AuditorKind | None) -> None:  # noqa: FBT001 - click's
    """Rebuild results without asking model or tools, and compare: those in the file NAMES, or of one CASE in it.

    With --service, NAMES are case ids, and the record is that of the service's database.

    Exit status: 0 where all are the same, else 1.
    """
    if of_service:
        differing = asyncio.run(_replay_stored(names, auditor))
        click.echo(f"{len(names) - differing} of {len(names)} rebuilt the same.", err=True)
        sys.exit(1 if differing else 0)
    results, case_id = _file(names)
    _replay_file(results, case_id, auditor or "rulebook")


def _file(names: tuple[str, ...]) -> tuple[Path, str | None]:
    results = Path(names[0])
    if len(names) > 2 or not results.is_file():  # noqa: PLR2004 - a file, and perhaps a case
        message = f"{names[0]} is no file of results." if not results.is_file() else "Name one case, or none."
        raise click.UsageError(message)
    return results, names[1] if len(names) > 1 else None


def _replay_file(results: Path, case_id: str | None, auditor: AuditorKind) -> None:
    lines = [
        line for line in read_results(results) if case_id in {None, line["case_id"]} and line["status"] != "invalid"
    ]
    if not lines:
        message = f"{results} has no result to replay" + (f" for {case_id}." if case_id else ".")
        raise click.ClickException(message)
    differing = asyncio.run(_replay(results, lines, auditor))
    click.echo(f"{len(lines) - differing} of {len(lines)} rebuilt the same.", err=True)
    sys.exit(1 if differing else 0)


async def _replay(results: Path, lines: list[dict[str, Any]], auditor: AuditorKind) -> int:
    differing = 0
    async with (
        open_office(read_settings(), auditor) as office,
        audit_run(office, beside(results), lambda _: None) as run,
    ):
        for line in lines:
            try:
                found = differences(line, await run.replay(line["case_id"]))
            except CasewrightError as error:
                found = [f"{error} ({error.hint})"]
            if found:
                differing += 1
                click.echo(f"{line['case_id']}: {'; '.join(found[:5])}")
    return differing


async def _replay_stored(case_ids: tuple[str, ...], auditor: AuditorKind | None) -> int:
    """Replay cases of the service; returns how many differ."""
    changes = {"CASEWRIGHT_AUDITOR": auditor} if auditor else {}
    settings = read_settings(changes=changes, defaults=SERVICE_DEFAULTS)
    dsn, _ = database_of(settings)
    differing = 0
    async with open_worker(settings, dsn) as (worker, _):
        desks = (without_folder(worker.desk), without_folder(worker.bare_desk))
        for case_id in case_ids:
            try:
                then, now = await replay(worker.pool, case_id, *desks)
                found = differences(then, orjson.loads(orjson.dumps(now)))
            except CasewrightError as error:
                found = [f"{error} ({error.hint})"]
            if found:
                differing += 1
                click.echo(f"{case_id}: {'; '.join(found[:5])}")
    return differing
