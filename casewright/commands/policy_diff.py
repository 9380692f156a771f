"""`casewright policy diff`: what differs between two snapshots, and which golden cases change hands."""

import asyncio
import difflib
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import orjson

from agents.blocks import show
from casewright.evaluating import golden_folder
from casewright.rehearsal import Comes, open_rehearsal, try_golden
from casewright.settings import Settings, read_settings
from casewright.snapshots import Snapshot, open_snapshot
from casewright.trial_sheet import Hand, hand_change, short
from casewright.wiring import AuditorKind
from evaluation.golden_case import GoldenSet, read_golden
from policies.difference import Change, ClauseDifference, Difference, Shift, compare

_LISTED = 8
_LINE = 60
_KINDS = {"added": ("+", "green"), "removed": ("−", "red"), "changed": ("~", "yellow")}


@click.command()
@click.argument("old")
@click.argument("new", required=False)
@click.option("--auditor", type=click.Choice(["rulebook", "llm"]), default="rulebook", show_default=True)
@click.option(
    "--golden",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Audit your own golden cases in this folder, in place of those that ship.",
)
@click.option("--no-cases", is_flag=True, help="Compare the policies only: auditing takes about a minute.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def diff(
    old: str, new: str | None, auditor: AuditorKind, golden: Path | None, *, no_cases: bool, as_json: bool
) -> None:
    """Compare the policies in OLD with those in NEW: clauses, parts, signs, where each governs, and golden cases.

    OLD and NEW are folders of policies, or git revisions of the configured one; NEW is the configured one where it is
    not given. Every golden case of the `dev` half is audited under both, for a new sign can bring a clause up anywhere;
    that takes about a minute (with a model, what two such runs cost). Nothing is enforced.

    Exit status: 0, whatever differs; 1 where a golden case that was right under OLD is wrong under NEW.
    """
    settings = read_settings()
    with ExitStack() as stack:
        before = stack.enter_context(open_snapshot(old, settings.policies))
        after = stack.enter_context(open_snapshot(new or str(settings.policies), settings.policies))
        found = compare(before.corpus, after.corpus)
        hands: list[Hand] | None = None
        if not no_cases:
            asked = read_golden(golden or golden_folder("dev"))
            hands = _hands(settings, (before, after), auditor, asked) if found.counts else []
    if as_json:
        click.echo(orjson.dumps(_plain(found, hands), option=orjson.OPT_INDENT_2))
    else:
        _print(before, after, found)
        _print_hands(hands, auditor)
    sys.exit(1 if any(hand.lost for hand in hands or ()) else 0)


def _hands(settings: Settings, snapshots: Sequence[Snapshot], auditor: AuditorKind, asked: GoldenSet) -> list[Hand]:
    """Audit every golden case under both snapshots; return those that come out otherwise."""
    click.echo(f"Auditing {len(asked.cases)} golden cases under both (--no-cases leaves this out) …", err=True)
    was, now = (asyncio.run(_audited(settings, snapshot.folder, auditor, asked)) for snapshot in snapshots)
    hands = [Hand(row=row, before=was[row.id], after=now[row.id]) for row in asked]
    return [hand for hand in hands if hand.changed]


async def _audited(settings: Settings, folder: Path, auditor: AuditorKind, asked: GoldenSet) -> dict[str, Comes]:
    async with open_rehearsal(settings, folder, auditor) as office:
        return await try_golden(office, asked)


def _plain(found: Difference, hands: Sequence[Hand] | None) -> dict[str, Any]:
    """All of it as JSON; `cases` is null where none was audited."""
    return {**found.model_dump(mode="json"), "cases": None if hands is None else [hand.plain() for hand in hands]}


def _print(before: Snapshot, after: Snapshot, found: Difference) -> None:
    for name, snapshot in (("OLD", before), ("NEW", after)):
        held = snapshot.corpus
        click.echo(f"{name}  {snapshot.name}: {len(held.clauses)} clauses, snapshot {held.snapshot[:12]}")
    if not found.counts:
        written = "" if found.before == found.after else "; only how it is written differs"
        click.echo(f"\nBoth say the same{written}.")
        return
    click.echo()
    for clause in found.clauses:
        _print_clause(clause, found)
    for table in found.tables:
        told = [f"{word} {', '.join(getattr(table, word))}" for word in ("added", "removed", "changed")]
        named = [words for words in told if not words.endswith(" ")]
        click.echo(f"{click.style('~', fg='yellow', bold=True)} table of {table.table}: {'; '.join(named)}")
    if found.governs:
        click.secho("\nWhere other clauses govern", bold=True)
    for shift in found.governs:
        click.echo(f"  {_shift(shift)}")


def _print_clause(clause: ClauseDifference, found: Difference) -> None:
    if clause.kind == "changed" and not clause.changes:
        return  # told at the clause that it extends
    mark, colour = _KINDS[clause.kind]
    click.echo(f"{click.style(mark, fg=colour, bold=True)} {click.style(clause.id, bold=True)}  {show(clause.title)}")
    for change in clause.changes:
        for line in _change_lines(change):
            click.echo(f"    {line}")
    heirs = [one.id for one in found.clauses if one.inherits == clause.id]
    if heirs:
        click.echo(click.style(f"    and with it, for they extend it: {', '.join(heirs)}", dim=True))


def _change_lines(change: Change) -> Iterator[str]:
    """A change on one line where it is short; else what went and what came on lines of their own."""
    if change.added or change.removed:
        sides = (("−", "red", change.removed), ("+", "green", change.added))
        told = [click.style(f"{sign} {_listed(words)}", fg=colour) for sign, colour, words in sides if words]
        yield f"{change.what}: {'  '.join(told)}"
        return
    before, after = change.before or "", change.after or ""
    if len(before) + len(after) <= _LINE and "\n" not in before + after:
        yield f"{change.what}: {show(before) or 'none'} → {show(after) or 'none'}"
        return
    yield f"{change.what}:"
    for sign, sentence in _sentences(before, after):
        yield click.style(f"  {sign} {show(sentence)}", fg="red" if sign == "−" else "green")


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - _LISTED} more" if len(words) > _LISTED else ""
    return " · ".join(map(show, words[:_LISTED])) + more


def _sentences(before: str, after: str) -> Iterator[tuple[str, str]]:
    """The sentences that went and came."""
    old, new = (re.split(r"(?<=[.;!?。])\s+|\n+", text) if text else [] for text in (before, after))
    for kind, i, j, k, m in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield from (("−", sentence) for sentence in old[i:j])
            yield from (("+", sentence) for sentence in new[k:m])


def _shift(shift: Shift) -> str:
    span = f"from {shift.from_}" + (f" until {shift.to} (exclusive)" if shift.to else "")
    lost, gained = ", ".join(shift.lost), ", ".join(shift.gained)
    told = f"{lost} → {gained}" if lost and gained else f"+ {gained}" if gained else f"− {lost}"
    return f"{', '.join(shift.regions)} {span}: {told}"


def _print_hands(hands: Sequence[Hand] | None, auditor: str) -> None:
    if hands is None:
        return
    click.secho(f"\nGolden cases that change hands, judged by {auditor}: {len(hands) or 'none'}", bold=True)
    for hand in hands:
        colour = "red" if hand.lost else "green"
        told = f"; {click.style(hand.verdict, fg=colour, bold=True)}" if hand.verdict else ""
        click.echo(f"  {hand.row.id}  {hand.row.case.region}  {short(hand.row.case.subject.title)}")
        click.echo(f"      {hand_change(hand.before, hand.after)}{told}")
    if hands:
        lost, won = sum(hand.lost for hand in hands), sum(hand.won for hand in hands)
        click.echo(f"  {won} now right, {lost} no longer")
