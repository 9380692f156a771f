"""`casewright audit`: the main job, over files, in bounded concurrency, safe to interrupt and start again."""

import asyncio
import gc
import logging
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson

from cases.journal import CaseJournal
from casewright.reading import Read, read_cases
from casewright.settings import read_settings
from casewright.wiring import AuditorKind, Office, open_office
from graphs.out_file import OutFile
from graphs.passes import Line
from graphs.run import Run, open_run

log = logging.getLogger(__name__)
Emit = Callable[[Line], None]
_T = TypeVar("_T")


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

    Exit status: 0; 1 where a case was invalid; 3 where one failed for another reason (run again to try it again).
    """
    reads = list(read_cases(files))
    counts = run_quickly(audit_all(reads, sellers, out, auditor, concurrency))
    sys.exit(3 if counts["failed"] else 1 if counts["invalid"] else 0)


def run_quickly(work: Coroutine[Any, Any, _T]) -> _T:
    """Run on uvloop where there is one: it takes some per cent less CPU (benchmarks/README.md)."""
    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop  # noqa: PLC0415 - there is none on Windows

    return uvloop.run(work)


async def audit_all(
    reads: list[Read], sellers: Path | None, out: Path | None, auditor: AuditorKind, concurrency: int
) -> Counter[str]:
    """Audit what was read; return how many came to each status (`failed` ones leave no result)."""
    results = OutFile(out) if out else None
    emit: Emit = results.append if results else _print
    counts: Counter[str] = Counter()

    def counted(line: Line) -> None:
        emit(line)
        counts[line["status"]] += 1
        _progress(counts, len(reads))

    async with open_office(read_settings(), auditor, sellers) as office, audit_run(office, beside(out), counted) as run:
        # What is open now stays until the end: the collector need not walk the corpus again and again.
        gc.freeze()
        await run.finish()  # what a crash had left between an answer and its result
        waiting = [read for read in reads if not (results and results.concluded(read.case_id))]
        limit = asyncio.Semaphore(concurrency)
        async with asyncio.TaskGroup() as group:
            for read in waiting:
                await limit.acquire()
                task = group.create_task(_one(run, read, counted, counts))
                task.add_done_callback(lambda _: limit.release())
    if results:
        results.close()
    _summary(counts, len(reads) - len(waiting), out)
    return counts


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


async def _one(run: Run, read: Read, emit: Emit, counts: Counter[str]) -> None:
    if read.case is None:
        problems = [problem.model_dump() for problem in read.problems]
        emit({"case_id": read.case_id, "status": "invalid", "error": {"where": read.where, "problems": problems}})
        return
    try:
        await run.audit(read.case, read.folder.resolve() if read.folder else None)
    except Exception as error:
        counts["failed"] += 1
        log.debug("case %s failed", read.case_id, exc_info=error)
        click.echo(f"{read.case_id}: {type(error).__name__}: {error}", err=True)


def _print(line: Line) -> None:
    sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
    sys.stdout.buffer.flush()


def _progress(counts: Counter[str], whole: int) -> None:
    if sys.stderr.isatty():
        done = sum(counts.values())
        told = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
        click.echo(f"\r{done}/{whole} cases: {told}   ", err=True, nl=False)


def _summary(counts: Counter[str], skipped: int, out: Path | None) -> None:
    if sys.stderr.isatty():
        click.echo(err=True)
    told = ", ".join(f"{n} {status}" for status, n in counts.items() if n) or "nothing new"
    before = f"; {skipped} had a result before" if skipped else ""
    click.echo(f"{told}{before}.", err=True)
    if out and counts["escalated"]:
        click.echo(f"Answer the open questions with: casewright review {out}", err=True)
