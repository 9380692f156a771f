"""`casewright replay`: results rebuilt from their journal, and compared with what was written then."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from cases.problem import CasewrightError
from casewright.commands.audit import audit_run, beside
from casewright.commands.explain import read_results
from casewright.settings import read_settings
from casewright.wiring import AuditorKind, open_office


@click.command()
@click.argument("results", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("case_id", required=False)
@click.option("--auditor", type=click.Choice(["rulebook", "llm"]), default="rulebook", show_default=True)
def command(results: Path, case_id: str | None, auditor: AuditorKind) -> None:
    """Rebuild the results in RESULTS (or that of CASE_ID) without asking model or tools, and compare.

    Exit status: 0 where all are the same, else 1.
    """
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


def differences(then: Any, now: Any, at: str = "") -> list[str]:  # noqa: ANN401 - JSON
    """JSON pointers at which two results differ."""
    if isinstance(then, dict) and isinstance(now, dict):
        keys = sorted({*then, *now})
        return [found for key in keys for found in differences(then.get(key), now.get(key), f"{at}/{key}")]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        return [f for i, (a, b) in enumerate(zip(then, now, strict=True)) for f in differences(a, b, f"{at}/{i}")]
    return [] if then == now else [at or "/"]
