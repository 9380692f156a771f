"""`casewright cases from-table`: rows of a table become cases, by a mapping that the user writes."""

import sys
from pathlib import Path
from typing import Any

import click
import orjson

from cases.case import read_case
from cases.problem import Invalid
from casewright.mapping import filled, read_mapping, rows_of


@click.group()
def command() -> None:
    """Bring cases in."""


@command.command("from-table")
@click.argument("table", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--mapping", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write cases here instead of standard output."
)
def from_table(table: Path, mapping: Path, out: Path | None) -> None:
    """Turn the rows of TABLE (CSV, or JSON Lines) into cases, as the mapping file says (docs/guides/from-a-table.md).

    A row that makes no valid case is named with its line, and the others go on. Exit status 1 where there was one.
    """
    shape = read_mapping(mapping)
    bad = 0
    with out.open("wb") if out else _Out() as file:
        for number, row in rows_of(table):
            made = filled(shape, row, mapping)  # a column that is not there is the mapping's fault, not a row's
            try:
                case = read_case(made)
            except Invalid as error:
                bad += 1
                for problem in error.problems:
                    click.echo(f"{table}:{number}: {problem}", err=True)
                continue
            file.write(orjson.dumps(case.model_dump(mode="json", exclude_unset=True)) + b"\n")
    sys.exit(1 if bad else 0)


class _Out:
    """Standard output as a context that stays open."""

    def __enter__(self) -> Any:  # noqa: ANN401 - a binary stream
        return sys.stdout.buffer

    def __exit__(self, *_: object) -> None:
        sys.stdout.buffer.flush()
