"""`casewright dsa`: what the EU's Digital Services Act wants to be told of decisions."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from casewright.commands.explain import read_results
from casewright.settings import read_settings
from policies.corpus import Corpus, load_corpus
from service.batch_folder import BatchFolder, check_folder
from service.statements import LeftOut, statement_of


@click.group()
def command() -> None:
    """Make statements of reasons for the DSA Transparency Database."""


@command.command()
@click.argument("results", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="A folder of batches.")
@click.option("--validate", "check", is_flag=True, help="Check every batch in the folder, without the database.")
def export(results: Path, out: Path, *, check: bool) -> None:
    """Write the statements of reasons for RESULTS (the file that `audit --out` wrote) as batches for the API.

    A statement is made of each decision that restricts something in the European Economic Area. It holds no personal
    data. What is in the folder already is not written again (docs/guides/dsa.md). Nothing is sent.

    Exit status: 0; 1 where a statement that is due could not be made, or --validate found a problem.
    """
    corpus = load_corpus(read_settings().policies)
    left_out = write_statements(read_results(results), corpus, out)
    problems = check_folder(out) if check else ()
    for problem in problems:
        click.echo(str(problem), err=True)
    if check and not problems:
        click.echo(f"Every statement in {out} is one that the database takes.", err=True)
    sys.exit(1 if problems or any(case.due for case in left_out) else 0)


def write_statements(lines: Iterable[Mapping[str, Any]], corpus: Corpus, out: Path) -> list[LeftOut]:
    """Write what is new of some results into a folder of batches, and say what came of them; return what did not."""
    left_out: list[LeftOut] = []
    known = 0
    with BatchFolder(out) as folder:
        for line in lines:
            made = statement_of(line, corpus)
            if isinstance(made, LeftOut):
                left_out.append(made)
            elif not folder.add(str(line["case_id"]), made):
                known += 1
    for case in (case for case in left_out if case.due):
        told = ": ".join(filter(None, (case.why, case.detail)))
        click.echo(f"{case.case_id}: {told} ({case.hint})", err=True)
    _tell(folder, known, Counter(case.why for case in left_out), out)
    return left_out


def _tell(folder: BatchFolder, known: int, reasons: Counter[str], out: Path) -> None:
    files = f" in {folder.files} file{'' if folder.files == 1 else 's'}" if folder.files else ""
    told = f"{folder.written} statement{'' if folder.written == 1 else 's'} written to {out}{files}"
    before = f"; {known} there before" if known else ""
    without = ", ".join(f"{count} {why}" for why, count in sorted(reasons.items()))
    click.echo(f"{told}{before}{f'; left out: {without}' if without else ''}.", err=True)
