"""`casewright demo`: the example cases, audited on this machine with no key and no server, and shown."""

import asyncio
import tempfile
import time
from pathlib import Path

import click
from rich.console import Console

from casewright.commands.audit import audit_run, beside
from casewright.demonstration import example_folder, example_records
from casewright.reading import read_cases
from casewright.settings import Settings, read_settings
from casewright.sheet import sheet_of
from casewright.terminal import print_sheet
from casewright.wiring import open_office
from graphs.out_file import OutFile
from graphs.passes import Line


@click.command()
@click.option("--full", is_flag=True, help="Show notices, and every clause that was considered.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Keep the run, to review it afterwards.")
def command(*, full: bool, out: Path | None) -> None:
    """Audit the example cases and show what comes out; nothing leaves this machine, and nothing is enforced."""
    console = Console(width=None if Console().is_terminal else 110)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        lines = asyncio.run(_audit(out or Path(folder) / "demo.jsonl"))
    for line in lines:
        print_sheet(sheet_of(line), console, brief=not full)
    counts = {status: sum(line["status"] == status for line in lines) for status in ("decided", "escalated", "invalid")}
    told = f"{len(lines)} cases in {time.monotonic() - begun:.1f} s: {counts['decided']} decided alone"
    told += f", {counts['escalated']} to a person"
    console.print(
        told + (f", {counts['invalid']} invalid." if counts["invalid"] else "."), style="bold", highlight=False
    )
    console.print("Judged by the rulebook auditor (signs and records, no model). Nothing was enforced.", style="dim")
    console.print("Decide them in the console: casewright serve --demo", style="dim", highlight=False)
    if out:
        console.print(f"Answer a question: casewright review {out}", style="dim", highlight=False)


async def _audit(out: Path) -> list[Line]:
    examples = example_folder()
    results = OutFile(out)
    async with (
        open_office(_settings()) as office,
        audit_run(office, beside(out), results.append) as run,
    ):
        reads = list(read_cases([str(examples / "cases.jsonl")]))
        for read in reads:
            if read.case and not results.concluded(read.case.id):
                await run.audit(read.case, read.folder)
    results.close()
    by_id = {line["case_id"]: line for line in results.last()}
    return [by_id[read.case.id] for read in reads if read.case and read.case.id in by_id]


def _settings() -> Settings:
    """The user's settings, but for the records, which are the example's own."""
    return read_settings().model_copy(update=example_records())
