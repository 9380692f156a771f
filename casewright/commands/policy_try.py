"""`casewright policy try`: how a clause judges its own examples and the golden cases that name it, before and after."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click

from cases.problem import Invalid
from casewright.evaluating import golden_folder
from casewright.rehearsal import open_rehearsal, touching, try_golden, try_readings
from casewright.settings import Settings, read_settings
from casewright.snapshots import Snapshot, is_committed, open_snapshot
from casewright.trial_sheet import Tried, print_changes, print_examples, print_golden, print_sum
from casewright.wiring import AuditorKind
from evaluation.golden_case import GoldenSet, read_golden
from evaluation.reading_examples import Reading, readings_of
from evaluation.standing import examples_of
from policies.corpus import Corpus, named_clauses


@click.command("try")
@click.argument("clause_id", metavar="CLAUSE")
@click.option("--auditor", type=click.Choice(["rulebook", "llm"]), default="rulebook", show_default=True)
@click.option(
    "--golden",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with your own golden cases, tried beside those that ship.",
)
@click.option(
    "--before",
    metavar="FOLDER|REVISION",
    help="Compare with a copy of the policies, or a git revision of them; the last commit where none is given.",
)
def try_clause(clause_id: str, auditor: AuditorKind, golden: Path | None, before: str | None) -> None:
    """Try CLAUSE on its own examples and on the golden cases that name it, and say what a change has changed.

    Each example becomes the title of a listing by a seller of whom the platform has no record, in the markets of the
    clause; those that read it alike are one. Golden cases are those of the `dev` half whose right answer names the
    clause, or one that extends it. Nothing is enforced.

    Exit status: 0; 1 where an example comes out on the wrong side, or a golden case that was right before is wrong.
    """
    settings = read_settings()
    _check_known(clause_id, settings.policies)
    sets = [read_golden(folder) for folder in (golden_folder("dev"), golden) if folder]
    with ExitStack() as stack:
        earlier, note = _earlier(before, settings.policies, stack)
        now = asyncio.run(_tried(settings, settings.policies, auditor, clause_id, sets))
        same = bool(earlier and earlier.corpus.snapshot == now.corpus.snapshot)
        was = None
        if earlier and not same:
            was = asyncio.run(_tried(settings, earlier.folder, auditor, clause_id, now.sets, now.readings))
    print_examples(now, auditor)
    print_golden(now)
    if earlier:
        note = f"Since {earlier.name} nothing has changed in any clause." if same else ""
    wrong = print_changes(was, now, earlier.name) if was and earlier else 0
    print_sum(now, wrong, note)
    failed = wrong or any(example.deciding.place == "wrong" for example in now.examples)
    sys.exit(1 if failed else 0)


def _check_known(clause_id: str, folder: Path) -> None:
    known = named_clauses(folder)
    if clause_id not in known:
        near = [other for other in known if clause_id.rsplit(".", maxsplit=1)[-1] in other]
        hint = f" Near: {', '.join(near)}." if near else ""
        message = f"There is no clause {clause_id}.{hint}"
        raise click.ClickException(message)


def _earlier(before: str | None, folder: Path, stack: ExitStack) -> tuple[Snapshot | None, str]:
    """What to compare with; where nobody has said, the last commit, or a note on why it cannot be."""
    if before:
        return stack.enter_context(open_snapshot(before, folder)), ""
    if not is_committed(folder):
        return None, f"Nothing to compare with: {folder} is in no commit; --before FOLDER names a copy."
    try:
        return stack.enter_context(open_snapshot("HEAD", folder)), ""
    except Invalid as error:
        return None, f"Nothing to compare with: the last commit does not load ({error.problems[0]})."


async def _tried(
    settings: Settings,
    folder: Path,
    auditor: AuditorKind,
    clause_id: str,
    sets: Sequence[GoldenSet],
    readings: Sequence[Reading] | None = None,
) -> Tried:
    """Try a clause under one snapshot; what was read of its examples under another is tried as it was read there."""
    async with open_rehearsal(settings, folder, auditor) as office:
        corpus = office.corpus
        clause = corpus.clauses.get(clause_id)
        if readings is None:
            readings = readings_of(clause, corpus, datetime.now(UTC).date()) if clause else []
            sets = [touching(golden, _family(clause_id, corpus)) for golden in sets]
        came = await try_readings(office, readings)
        golden = [await try_golden(office, asked) for asked in sets]
        findings = [comes.findings.get(clause_id) for comes in came]
        examples = examples_of(clause, readings, findings) if clause else []
    return Tried(corpus, clause, examples, tuple(readings), tuple(sets), tuple(golden))


def _family(clause_id: str, corpus: Corpus) -> list[str]:
    """A clause and all that extends it: what is written in it holds in them."""
    family = [clause_id]
    for one in family:
        family += [clause.id for clause in corpus.clauses.values() if clause.extends == one]
    return family
