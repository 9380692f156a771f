"""`casewright audit`: the main job, over files, in bounded concurrency, safe to interrupt and start again."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click
import orjson

from cases.journal import CaseJournal
from casewright.reading import Read, read_cases
from casewright.settings import read_settings
from casewright.wiring import AuditorKind, Office, open_office
from graphs.out_file import OutFile
from graphs.run import Line, Run, open_run

Emit = Callable[[Line], None]


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--sellers", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Seller records, one a line."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Append results here; run again to go on.")
@click.option("--auditor", type=click.Choice(["rulebook", "llm"]), default="rulebook", show_default=True)
@click.option("--concurrency", type=click.IntRange(1, 2000), default=16, show_default=True, help="Cases in flight.")
def command(
    files: Sequence[str], sellers: Path | None, out: Path | None, auditor: AuditorKind, concurrency: int
) -> None:
    """Audit cases in FILES: files, folders, or - for standard input (JSON or JSON Lines).

    Prints one JSON object a case, as they finish. With --out they are appended to that file instead, its journal
    lies beside it, and a second run with the same file goes on where the first one stopped. Nothing is enforced.

    Exit status: 0, or 1 where a case was invalid.
    """
    reads = list(read_cases(files))
    invalid = asyncio.run(audit_all(reads, sellers, out, auditor, concurrency))
    sys.exit(1 if invalid else 0)


async def audit_all(
    reads: list[Read], sellers: Path | None, out: Path | None, auditor: AuditorKind, concurrency: int
) -> int:
    """Audit what was read; return how many were invalid."""
    settings = read_settings()
    results = OutFile(out) if out else None
    emit: Emit = results.append if results else _print
    counts = {"decided": 0, "escalated": 0, "invalid": 0}

    def counted(line: Line) -> None:
        emit(line)
        counts[line["status"]] += 1
        _progress(counts, len(reads))

    async with open_office(settings, auditor, sellers) as office, audit_run(office, beside(out), counted) as run:
        for _ in await run.finish():
            pass  # what a crash had left between an answer and its result
        done = results.cases if results else frozenset()
        waiting = [read for read in reads if read.case_id not in done]
        limit = asyncio.Semaphore(concurrency)
        async with asyncio.TaskGroup() as group:
            for read in waiting:
                await limit.acquire()
                task = group.create_task(_one(run, read, counted))
                task.add_done_callback(lambda _: limit.release())
    if results:
        results.close()
    _summary(counts, len(reads) - len(waiting), out)
    return counts["invalid"]


def beside(out: Path | None) -> Path | None:
    """The SQLite file that keeps a run's journal, checkpoints and escalations: beside its results."""
    return out.with_name(out.name + ".run.db") if out else None


@asynccontextmanager
async def audit_run(office: Office, path: Path | None, emit: Emit) -> AsyncIterator[Run]:
    """Open a run at the office's desks."""

    async def desk(case: Any, journal: CaseJournal, folder: Path | None) -> Any:  # noqa: ANN401 - as MakeDesk says
        return await office.desk(case, journal, folder)

    async with open_run(desk, path, emit) as run:
        yield run


async def _one(run: Run, read: Read, emit: Emit) -> None:
    if read.case is None:
        problems = [problem.model_dump() for problem in read.problems]
        emit({"case_id": read.case_id, "status": "invalid", "error": {"where": read.where, "problems": problems}})
        return
    await run.audit(read.case, read.folder.resolve() if read.folder else None)


def _print(line: Line) -> None:
    sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
    sys.stdout.buffer.flush()


def _progress(counts: dict[str, int], whole: int) -> None:
    if sys.stderr.isatty():
        done = sum(counts.values())
        told = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
        click.echo(f"\r{done}/{whole} cases: {told}   ", err=True, nl=False)


def _summary(counts: dict[str, int], skipped: int, out: Path | None) -> None:
    if sys.stderr.isatty():
        click.echo(err=True)
    told = ", ".join(f"{n} {status}" for status, n in counts.items() if n) or "nothing new"
    before = f"; {skipped} had a result before" if skipped else ""
    click.echo(f"{told}{before}.", err=True)
    if out and counts["escalated"]:
        click.echo(f"Answer the open questions with: casewright review {out}", err=True)
