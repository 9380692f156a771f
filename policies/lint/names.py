"""What a clause says of others, and what YAML takes otherwise than it looks: circles, idle names, nulls, anchors."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from cases.problem import pointer_of
from policies.clause import Clause
from policies.clause_file import Source
from policies.lint.flaw import Flaw
from policies.lint.periods import meet
from policies.lint.written import Written, flaw_in


def check_names(clause: Clause, written: Written) -> Iterator[Flaw]:
    """See-also and over that lead nowhere, nulls that take nothing away, values that are shared by an anchor."""
    yield from _see_also(clause, written)
    yield from _over(clause, written)
    yield from _nulls(clause, written)
    yield from _anchors(clause, written)


def _see_also(clause: Clause, written: Written) -> Iterator[Flaw]:
    """A variant inherits what its parent points to, itself perhaps: only what its own file says counts."""
    for i, other in enumerate(written.source(clause.id).data.get("see_also") or ()):
        if other == clause.id:
            hint = "name a clause near it, or leave it out"
            yield written.flaw("circular_see_also", clause, f"/see_also/{i}", "the clause points to itself", hint)


def _over(clause: Clause, written: Written) -> Iterator[Flaw]:
    for i, other_id in enumerate(clause.rule.over):
        pointer, other = f"/over/{i}", written.corpus.clauses.get(other_id)
        if clause.effect == "forbid":
            hint = "`effect: permit`, or no `over`"
            yield written.flaw("idle_over", clause, pointer, "a clause that forbids lifts nothing", hint)
        elif other is None:
            continue
        elif other_id == clause.id or clause.id in other.rule.over:
            hint = "a permit lifts clauses that forbid"
            yield written.flaw("circular_over", clause, pointer, f"{clause.id} would lift itself", hint)
        elif other.effect == "permit":
            hint = "name the clause that forbids"
            yield written.flaw("idle_over", clause, pointer, f"{other_id} is a permit: there is nothing to lift", hint)
        elif not meet(clause, other, written):
            hint = "check regions and dates of both"
            yield written.flaw("idle_over", clause, pointer, f"it and {other_id} never hold in one market", hint)


def _nulls(clause: Clause, written: Written) -> Iterator[Flaw]:
    if clause.extends:
        above = [written.source(c) for c in written.lineage(clause.id)[1:]]
        for pointer in _null_pointers(written.source(clause.id).data, ()):
            giver = next((source for source in above if pointer in source.lines), None)
            if giver is None or _value(giver.data, pointer) is None:
                detail = "null takes away what is inherited, and nothing of this name is"
                hint = f"check its spelling against {clause.extends}"
                yield written.flaw("null_takes_nothing", clause, pointer, detail, hint)
    for pointer in _null_pointers(written.survey.signs[clause.id].data, ()):
        hint = "write the phrases as a list, or take the name out"
        signs = written.survey.signs[clause.id]
        yield flaw_in(signs, "null_takes_nothing", clause.id, pointer, "nothing is given here", hint)


def _null_pointers(value: object, at: tuple[str | int, ...]) -> Iterator[str]:
    if value is None:
        yield pointer_of(at)
    steps: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in steps:
        yield from _null_pointers(item, (*at, step))


def _value(data: object, pointer: str) -> object:
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        data = data.get(name) if isinstance(data, dict) else None
    return data


_ALIAS = re.compile(r"(?m)(?:^|[\s,\[{:-])\*[A-Za-z0-9_]")


def _anchors(clause: Clause, written: Written) -> Iterator[Flaw]:
    """An alias repeats a value from elsewhere in the file: who changes it there changes it here unseen."""
    for source in (written.source(clause.id), written.survey.signs[clause.id]):
        for line in _aliases(source, written):
            pointer = max((p for p, n in source.lines.items() if n == line), key=len, default="")
            told = "the value is that of an anchor elsewhere in the file"
            yield flaw_in(source, "shared_anchor", clause.id, pointer, told, "write it out")


def _aliases(source: Source, written: Written) -> list[int]:
    path = written.folder / source.file
    text = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    head, first = text, 0
    if path.suffix == ".md":
        head, first = text.replace("\r\n", "\n").removeprefix("---\n").partition("\n---\n")[0], 1
    if not _ALIAS.search(head):
        return []
    events = yaml.parse(head, Loader=yaml.SafeLoader)
    marks = [event.start_mark for event in events if isinstance(event, yaml.AliasEvent)]
    return [mark.line + 1 + first for mark in marks if mark is not None]
