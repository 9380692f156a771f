"""What a trial of a clause comes to, as a policy writer reads it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from agents.blocks import show
from cases.finding import PartFinding
from casewright.rehearsal import Comes
from evaluation.golden_case import GoldenCase, GoldenSet, lint_golden
from evaluation.reading_examples import Reading
from evaluation.standing import Example, Standing
from policies.clause import Clause
from policies.corpus import Corpus
from policies.difference import Change, clause_changes

_MARKS = {"right": ("✓", "green"), "open": ("?", "yellow"), "wrong": ("✗", "red")}
_LISTED = 4
_WIDTH = 60


@dataclass(frozen=True)
class Tried:
    """A clause, tried under one snapshot.

    Attributes:
        clause: none where that snapshot has no such clause.
        sets: the golden cases that name it.
        golden: what came of them, by set and id.
    """

    corpus: Corpus
    clause: Clause | None
    examples: list[Example]
    readings: tuple[Reading, ...]
    sets: tuple[GoldenSet, ...]
    golden: tuple[dict[str, Comes], ...]

    @property
    def rows(self) -> Iterator[tuple[int, GoldenCase]]:
        """Every golden case with the number of its set."""
        return ((i, row) for i, asked in enumerate(self.sets) for row in asked)

    def right(self, number: int, row: GoldenCase) -> bool:
        """Whether a golden case comes out as argued."""
        return self.golden[number][row.id].outcome == row.expected.outcome


@dataclass(frozen=True)
class Hand:
    """A golden case under two snapshots."""

    row: GoldenCase
    before: Comes
    after: Comes

    @property
    def changed(self) -> bool:
        """Whether somebody would notice."""
        return self.before.hand != self.after.hand

    @property
    def lost(self) -> bool:
        """Whether it was right, and is wrong."""
        return self.before.outcome == self.row.expected.outcome != self.after.outcome

    @property
    def won(self) -> bool:
        """Whether it was wrong, and is right."""
        return self.before.outcome != self.row.expected.outcome == self.after.outcome

    @property
    def verdict(self) -> str:
        """What the change is worth, in words; empty where it is worth the same."""
        return "was right, is wrong" if self.lost else "was wrong, is right" if self.won else ""

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        sides = {"before": self.before.plain(), "after": self.after.plain()}
        return {"id": self.row.id, "argued": self.row.expected.outcome, **sides, "lost": self.lost, "won": self.won}


def print_examples(tried: Tried, auditor: str) -> None:
    """Print how each example came out, part by part."""
    clause = tried.clause
    if clause is None:
        return
    regions = ", ".join(clause.regions) + (f" except {', '.join(clause.except_)}" if clause.except_ else "")
    click.secho(f"{clause.id}  {clause.title}", bold=True)
    day = f", on {tried.readings[0].case.opened_at:%Y-%m-%d}" if tried.readings else ""
    click.echo(f"{clause.effect}, {clause.severity}; {regions}; judged by {auditor}{day}")
    if not tried.readings:
        click.echo("\nNo example is tried: the clause has none, or it governs no market.")
    for side in ("violating", "allowed"):
        examples = [example for example in tried.examples if example.side == side]
        if examples:
            click.echo(f"\n{side.capitalize()} examples")
        for example in examples:
            _print_example(example)


def _print_example(example: Example) -> None:
    """The reading that decides part by part; a line for every other way in which markets find it."""
    alike: dict[str, list[Standing]] = {}
    for standing in example.standings:
        alike.setdefault(standing.told, []).append(standing)
    (first, *_), *others = alike.values()
    where = f"  (in {_markets(alike[first.told])})" if others else ""
    click.echo(f"  {_mark(first.place)} {show(example.text)}")
    click.echo(f"      {first.told}{where}")
    for line in _part_lines(first.parts):
        click.echo(f"        {line}")
    for standings in others:
        click.echo(click.style(f"      {_markets(standings)}: {_brief(standings[0])}", dim=True))


def _mark(place: str) -> str:
    mark, colour = _MARKS[place]
    return click.style(mark, fg=colour, bold=True)


def _markets(standings: Sequence[Standing]) -> str:
    markets = [market for standing in standings for market in standing.reading.markets]
    more = len(markets) - _LISTED
    return ", ".join(markets[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _part_lines(parts: Sequence[PartFinding]) -> Iterator[str]:
    """A line a part; members of a group for which nothing speaks are one line together."""
    silent = [part.part for part in parts if "." in part.part and part.basis == "absent"]
    for part in parts:
        if part.part not in silent:
            yield _part_line(part)
    if silent:
        yield f"nothing speaks for {', '.join(silent)}"


def _part_line(part: PartFinding) -> str:
    said = part.speaking
    why = f" — {show(said.why)}" if said and said.why else ""
    return f"{part.part}: {part.verdict.replace('_', ' ')}{why}"


def _brief(standing: Standing) -> str:
    telling = [_part_line(part) for part in standing.parts if part.part in standing.telling and part.basis != "record"]
    return f"{standing.told} ({telling[0]})" if telling else standing.told


def print_golden(tried: Tried) -> None:
    """Print what came of each golden case; of one that came out otherwise than argued, where the judging parts."""
    rows = list(tried.rows)
    if not rows:
        click.echo("\nNo golden case names it.")
        return
    click.echo("\nGolden cases that name it")
    for number, row in rows:
        comes = tried.golden[number][row.id]
        right = tried.right(number, row)
        got = "" if right else f", got {_spoken(comes.outcome)}{_detail(comes)}"
        head = f"{row.id}  {row.case.region}  argued: {_spoken(row.expected.outcome)}{got}"
        click.echo(f"  {_mark('right' if right else 'wrong')} {head}")
        click.echo(click.style(f"      {short(row.case.subject.title)}", dim=True))
        for line in () if right else _otherwise(row, comes):
            click.echo(f"        {line}")
        for problem in lint_golden(GoldenSet(tried.sets[number].folder, (_alone(row),)), tried.corpus):
            click.echo(f"        ! its argument no longer fits the policies: {problem}")


def _alone(row: GoldenCase) -> GoldenCase:
    """The case without its pair, whose other half may name other clauses."""
    return row.model_copy(update={"pair": ""})


def _otherwise(row: GoldenCase, comes: Comes) -> Iterator[str]:
    """Parts that were judged otherwise than argued, with why."""
    for clause_id, argued in row.expected.parts.items():
        finding = comes.findings.get(clause_id)
        if finding is None:
            yield f"{clause_id}: not looked at"
            continue
        for part in finding.parts:
            if part.part in argued and part.verdict != argued[part.part]:
                yield f"argued {argued[part.part].replace('_', ' ')}; {_part_line(part)}"


def _spoken(outcome: str) -> str:
    return {"person": "a person", "no_violation": "no violation"}.get(outcome, outcome)


def short(text: str) -> str:
    """A title as far as it is needed to recognise it."""
    shown = show(text)
    return shown if len(shown) <= _WIDTH else f"{shown[: _WIDTH - 1]}…"


def print_changes(was: Tried, now: Tried, since: str) -> int:
    """Print what the change has changed; return how many golden cases were right before, and are wrong now."""
    click.secho(f"\nWhat changed since {since}", bold=True)
    if was.clause is None:
        click.echo("  the clause is new")
    elif now.clause:
        changes = clause_changes(was.clause, now.clause)
        click.echo(f"  in the clause: {'; '.join(map(brief, changes)) or 'nothing'}")
    hands = [Hand(row, was.golden[number][row.id], now.golden[number][row.id]) for number, row in now.rows]
    hands = [hand for hand in hands if hand.changed]
    moved = _moved_examples(was, now)
    for hand in hands:
        head = f"{hand.row.id}  {short(hand.row.case.subject.title)}"
        moved.append((head, hand_change(hand.before, hand.after), hand.verdict))
    for head, change, verdict in moved:
        click.echo(f"  {head}")
        told = click.style(verdict, fg="red" if verdict.endswith(("wrong", "wrong side")) else "green", bold=True)
        click.echo(f"      {change}{'; ' if verdict else ''}{told}")
    if not moved:
        click.echo("  no example and no golden case comes out otherwise")
    return sum(hand.lost for hand in hands)


def _moved_examples(was: Tried, now: Tried) -> list[tuple[str, str, str]]:
    before = {(example.side, example.text): example.deciding for example in was.examples}
    moved = []
    for example in now.examples:
        old, new = before.get((example.side, example.text)), example.deciding
        if old is None:
            continue
        parts = _part_changes(old, new)
        if old.told != new.told or parts:
            told = f"{old.told} → {new.told}" if old.told != new.told else new.told
            verdict = ""
            if old.place != new.place:
                verdict = {"right": "on its side", "open": "open", "wrong": "on the wrong side"}[new.place]
            moved.append((short(example.text), f"{told}{parts}", f"now {verdict}" if verdict else ""))
    return moved


def _part_changes(old: Standing, new: Standing) -> str:
    was = {part.part: part.verdict for part in old.parts}
    told = [
        f"{part.part} {was[part.part]} → {part.verdict}".replace("_", " ")
        for part in new.parts
        if part.part in was and was[part.part] != part.verdict
    ]
    return f" ({'; '.join(told)})" if told else ""


def brief(change: Change) -> str:
    """A change of a clause in a few words: what, and how much of it."""
    if change.added or change.removed:
        counts = [f"+{len(change.added)}"] if change.added else []
        counts += [f"−{len(change.removed)}"] if change.removed else []
        return f"{change.what} {' '.join(counts)}"
    if change.before is None:
        return f"{change.what} added"
    return f"{change.what} removed" if change.after is None else change.what


def hand_change(before: Comes, after: Comes) -> str:
    """What has become of a case: the outcome, or what else differs where that is the same."""
    if before.outcome != after.outcome:
        return f"{_spoken(before.outcome)} → {_spoken(after.outcome)}{_detail(after)}"
    pairs = (
        ("clauses", ", ".join(before.clauses), ", ".join(after.clauses)),
        ("action", before.action, after.action),
        ("asks", ", ".join(before.asked), ", ".join(after.asked)),
    )
    told = [f"{name} {old or 'none'} → {new or 'none'}" for name, old, new in pairs if old != new]
    return f"{_spoken(after.outcome)}; {'; '.join(told)}"


def _detail(comes: Comes) -> str:
    """Of a violation the clauses; of a case that is handed on what is asked, and why."""
    named = comes.asked or comes.clauses
    why = f"; {', '.join(comes.reasons)}" if comes.reasons else ""
    return f" ({', '.join(named)}{why})" if named else ""


def print_sum(tried: Tried, lost: int, note: str) -> None:
    """Print the one line that says whether all is well."""
    places = [example.deciding.place for example in tried.examples]
    told = [f"{places.count('right')} of {len(places)} examples on their side"]
    told += [f"{places.count('open')} open"] if "open" in places else []
    told += [f"{places.count('wrong')} on the wrong side"] if "wrong" in places else []
    rows = [tried.right(number, row) for number, row in tried.rows]
    sums = ", ".join(told)
    if rows:
        sums += f"; {sum(rows)} of {len(rows)} golden cases as argued"
    sums += f"; {lost} golden case{'s' if lost != 1 else ''} lost" if lost else ""
    click.secho(f"\n{sums}.", bold=True)
    if note:
        click.echo(note)
