"""`casewright explain`: one result, as a person reads it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import click

from casewright.page import html, markdown
from casewright.sheet import sheet_of
from casewright.terminal import print_sheet
from graphs.out_file import OutFile


@click.command()
@click.argument("results", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("case_id", required=False)
@click.option(
    "--as", "form", type=click.Choice(["terminal", "markdown", "html"]), default="terminal", show_default=True
)
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file instead.")
def command(results: Path, case_id: str | None, form: str, to: Path | None) -> None:
    """Render the result of CASE_ID in RESULTS (the file that `audit --out` wrote); all of them where none is named."""
    lines = [line for line in read_results(results) if case_id in {None, line["case_id"]}]
    if not lines:
        message = f"{results} has no result for {case_id}."
        raise click.ClickException(message)
    if form == "html" and len(lines) > 1:
        message = "An HTML page shows one case; name it."
        raise click.ClickException(message)
    with _writing(to) as out:
        if form == "terminal":
            from rich.console import Console  # noqa: PLC0415 - only this form needs it

            console = Console(file=out)
            for line in lines:
                print_sheet(sheet_of(line), console)
        else:
            render = html if form == "html" else markdown
            out.write("\n".join(render(sheet_of(line)) for line in lines))


def read_results(path: Path) -> list[dict[str, Any]]:
    """The line that counts of each case in a results file."""
    file = OutFile(path)
    try:
        return file.last()
    finally:
        file.close()


@contextmanager
def _writing(to: Path | None) -> Iterator[TextIO]:
    """Open the file; without one, standard output, which stays open."""
    if to is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    with to.open("w", encoding="utf-8") as file:
        yield file
