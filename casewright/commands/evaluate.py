"""`casewright eval`: how well an auditor decides on argued cases, and how well the search finds the clause."""

import asyncio
import sys
from pathlib import Path

import click

from casewright.commands import evaluate_compare, evaluate_import, evaluate_retrieval
from casewright.evaluating import evaluate, golden_folder
from casewright.settings import read_settings
from casewright.wiring import AuditorKind
from evaluation.comparison import paired
from evaluation.floors import Floors, broken, floors_beside, shipped_floors
from evaluation.golden_case import read_golden
from evaluation.page import render
from evaluation.printed import change_lines, report_lines
from evaluation.scoring import read_report


@click.group()
def command() -> None:
    """Measure an auditor on argued cases or on yours, or the clause search on sellers' words."""


command.add_command(evaluate_compare.command)
command.add_command(evaluate_import.command)
command.add_command(evaluate_retrieval.command)


@command.command("golden")
@click.option("--split", default="dev", show_default=True, help="`dev`, `test`, or a folder with cases.jsonl.")
@click.option("--auditor", type=click.Choice(["rulebook", "llm"]), default="rulebook", show_default=True)
@click.option("--json", "as_json", type=click.Path(path_type=Path, dir_okay=False), help="Write the report here.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write one self-contained page here.")
@click.option(
    "--against", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="An earlier report: what changed?"
)
def golden(split: str, auditor: AuditorKind, as_json: Path | None, html: Path | None, against: Path | None) -> None:
    """Audit argued or labelled cases and score the results.

    `dev` is there to build against; run `test` only to report, and never tune on what it says. Nothing is enforced.

    Exit status: 0; 1 where a floor is broken: ours for the rulebook on our sets, those of floors.toml in your folder,
    and always that every quote stands where it is said to stand.
    """
    settings = read_settings()
    folder = golden_folder(split)
    floors = _floors(split, folder, auditor)
    report = asyncio.run(evaluate(read_golden(folder), split, settings, auditor))
    for line in report_lines(report):
        click.echo(line)
    if against:
        for line in change_lines(paired(read_report(against), report)):
            click.echo(line)
    if as_json:
        as_json.write_text(report.model_dump_json(indent=1), encoding="utf-8")
    if html:
        command = f"casewright eval golden --split {split} --auditor {auditor}"
        html.write_text(render(report, command), encoding="utf-8")
    if folder == Path(split):
        click.echo("These are your cases. Ours, argued from the example policies: casewright eval golden --split dev")
    fallen = broken(floors, report.figures)
    for told in fallen:
        click.echo(f"floor broken: {told}", err=True)
    sys.exit(1 if fallen else 0)


def _floors(split: str, folder: Path, auditor: AuditorKind) -> Floors:
    """Ours are the rulebook's; what a model must reach on our cases is for its owner to say, on a set of their own."""
    if folder == Path(split):
        return floors_beside(folder)
    return shipped_floors(split) if auditor == "rulebook" else Floors()
