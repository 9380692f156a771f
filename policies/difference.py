"""What differs between two snapshots: clauses, their parts and signs, the tables, and which clause governs where."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal

from cases.problem import Record
from cases.rule import Part
from policies.clause import AttributeTest, Clause, Signs
from policies.corpus import Corpus

_TABLES = ("types", "actions", "regions", "groups", "facts", "phrases")
_APART = {"id", "rule", "signs", "text", "sha256", "file", "line"}
"""Fields of a clause that are compared as its parts and its signs, or that only follow from others."""
_ORDER = "parts"
_SCOPE = ("regions", "except", "in force", "extends")
_Values = dict[str, str | tuple[str, ...]]


class Change(Record):
    """One thing about a clause that differs.

    Attributes:
        what: in words: `severity`, `part device`, `text of device`, `signs of device, for, en`.
        before, after: a single value; none where there was, or is, none.
        removed, added: of a list.
    """

    what: str
    before: str | None = None
    after: str | None = None
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


class ClauseDifference(Record):
    """One clause that came, went or changed.

    Attributes:
        changes: what differs; of one that extends another, without what changed there alike.
        inherits: the clause that it extends, where changes of that one are left out here.
    """

    id: str
    title: str
    kind: Literal["added", "removed", "changed"]
    changes: tuple[Change, ...] = ()
    inherits: str = ""


class TableDifference(Record):
    """Entries of one of the corpus's tables that came, went or changed."""

    table: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


class Shift(Record):
    """Markets in which other clauses govern over some days.

    Attributes:
        from_, to: the days, `to` excluded; none means for ever.
        lost, gained: ids of clauses that no longer govern there, and that now do.
    """

    regions: tuple[str, ...]
    from_: date
    to: date | None
    lost: tuple[str, ...]
    gained: tuple[str, ...]


class Difference(Record):
    """What differs between two snapshots, each named by its hash."""

    before: str
    after: str
    clauses: tuple[ClauseDifference, ...] = ()
    tables: tuple[TableDifference, ...] = ()
    governs: tuple[Shift, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether anything differs that an auditor, a seller or a reviewer would notice."""
        return bool(self.clauses or self.tables)


def compare(before: Corpus, after: Corpus) -> Difference:
    """Compare two snapshots, clause by clause as merged with what each extends, and table by table."""
    clauses = tuple(_clauses(before, after))
    tables = tuple(_tables(before, after))
    return Difference(
        before=before.snapshot,
        after=after.snapshot,
        clauses=clauses,
        tables=tables,
        governs=tuple(_shifts(before, after, clauses, tables)),
    )


def clause_changes(before: Clause, after: Clause) -> tuple[Change, ...]:
    """Tell what differs between two versions of a clause, in the order in which a clause is written."""
    old, new = values_of(before), values_of(after)
    apart = _parts(before).keys() ^ _parts(after).keys()
    whole = {f" of {part}" for part in apart}
    names = [name for name in dict.fromkeys([*new, *old]) if not _of_any(name, whole)]
    moved = [_went(part) for name, part in _parts(before).items() if name in apart]
    moved += [_came(part) for name, part in _parts(after).items() if name in apart]
    return (*moved, *(change for name in names if (change := _change(name, old.get(name), new.get(name)))))


def _came(part: Part) -> Change:
    return Change(what=f"{part.role} {part.name}", after=part.text)


def _went(part: Part) -> Change:
    return Change(what=f"{part.role} {part.name}", before=part.text)


def _parts(clause: Clause) -> dict[str, Part]:
    """Every part by name, groups as well as their members."""
    return {part.name: part for whole in clause.rule.parts for part in (whole, *whole.of)}


def _of_any(name: str, endings: set[str]) -> bool:
    """Tell whether a value belongs to a part that came or went whole: its one line says enough."""
    return any(name.endswith(ending) or f"{ending}, " in name for ending in endings)


def _change(what: str, old: str | tuple[str, ...] | None, new: str | tuple[str, ...] | None) -> Change | None:
    if old == new or (what == _ORDER and set(old or ()) != set(new or ())):
        return None
    if isinstance(old, str) or isinstance(new, str):
        return Change(what=what, before=_joined(old), after=_joined(new))
    was, now = old or (), new or ()
    removed, added = (tuple(dict.fromkeys(v for v in a if v not in b)) for a, b in ((was, now), (now, was)))
    if removed or added:
        return Change(what=what, removed=removed, added=added)
    return Change(what=f"order of {what}", before=_joined(was), after=_joined(now))


def _joined(value: str | tuple[str, ...] | None) -> str | None:
    return ", ".join(value) if isinstance(value, tuple) else value


def values_of(clause: Clause) -> _Values:
    """Everything that a clause says, by what it is called; lists as tuples of what people read."""
    plain = clause.model_dump(mode="json", exclude=_APART, exclude_none=True)
    front, prose = {k: v for k, v in plain.items() if k not in {"prose", "examples"}}, plain["prose"]
    parts = _parts(clause)
    values: _Values = {**_flat(front), "over": clause.rule.over, _ORDER: tuple(parts)}
    for part in parts.values():
        values |= _part(part)
    for name in clause.rule.judged:
        values |= _signs(name, clause.signs[name]) if name in clause.signs else {}
    values |= {f"{side} examples": tuple(texts) for side, texts in plain["examples"].items()}
    return {**values, "prose": prose}


def _flat(plain: Mapping[str, Any], above: str = "") -> _Values:
    """Nested values by their path, in words; a list of records as a tuple of their lines."""
    values: _Values = {}
    for key, value in plain.items():
        name = f"{above} {key}".strip().replace("_", " ")
        if isinstance(value, dict):
            values |= _flat(value, name)
        elif isinstance(value, list):
            values[name] = tuple(_line(item) for item in value)
        else:
            values[name] = _said(value)
    return values


def _line(item: object) -> str:
    """A record of a list on one line: `strikes 0, action remove_listing`."""
    if not isinstance(item, dict):
        return str(item)
    told = {key.replace("_", " "): value for key, value in item.items()}
    return ", ".join(f"{key} {_said(value)}" for key, value in told.items() if _said(value) not in {"", "no"})


def _said(value: object) -> str:
    """A value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(_line, value)) if isinstance(value, list) else "" if value is None else _line(value)


def _part(part: Part) -> _Values:
    plain = part.model_dump(mode="json", exclude={"name", "role", "of", "text"}, exclude_none=True)
    values: _Values = {f"role of {part.name}": part.role, f"text of {part.name}": part.text}
    for key, value in plain.items():
        name = f"{key.replace('_', ' ')} of {part.name}"
        if isinstance(value, dict):
            values[name] = " ".join(str(v) for v in value.values() if v is not None) if key == "fact" else _line(value)
        elif isinstance(value, list):
            values[name] = tuple(map(str, value))
        else:
            values[name] = _said(value)
    return values


def _signs(part: str, signs: Signs) -> _Values:
    name = f"signs of {part}"
    values: _Values = {}
    for side, said in (("for", signs.for_), ("against", signs.against)):
        values |= {f"{name}, {side}, {language}": words for language, words in said.words.items()}
        values[f"{name}, {side}, attributes"] = tuple(_test(test) for test in said.attributes)
    rest = signs.model_dump(mode="json", exclude={"for_", "against"})
    for side in ("for", "against"):
        extra = getattr(signs, f"{side}_" if side == "for" else side).model_dump(mode="json")
        rest |= {f"{side}, {key}": value for key, value in extra.items() if key not in {"words", "attributes"}}
    return values | {f"{name}, {key}": value for key, value in _flat(rest).items()}


def _test(test: AttributeTest) -> str:
    return _line(test.model_dump(mode="json", exclude_defaults=True))


def _clauses(before: Corpus, after: Corpus) -> Iterator[ClauseDifference]:
    for clause_id in sorted({*before.clauses, *after.clauses}):
        old, new = before.clauses.get(clause_id), after.clauses.get(clause_id)
        if old is None or new is None:
            there = old or new
            title = there.title if there else ""
            yield ClauseDifference(id=clause_id, title=title, kind="removed" if old else "added")
            continue
        changes = clause_changes(old, new)
        if changes:
            inherited = _inherited(new, before, after)
            own = tuple(change for change in changes if change not in inherited)
            parent = (new.extends or "") if len(own) < len(changes) else ""
            yield ClauseDifference(id=clause_id, title=new.title, kind="changed", changes=own, inherits=parent)


def _inherited(clause: Clause, before: Corpus, after: Corpus) -> tuple[Change, ...]:
    """What changed alike in the clause that one extends. Its prose stands above the variant's, so it counts as well."""
    above = clause.extends or ""
    if above not in before.clauses or above not in after.clauses:
        return ()
    changes = clause_changes(before.clauses[above], after.clauses[above])
    mine, was = clause, before.clauses[clause.id]
    return tuple(
        Change(what="prose", before=was.prose, after=mine.prose)
        if change.what == "prose" and _below(was, before) == _below(mine, after)
        else change
        for change in changes
    )


def _below(clause: Clause, corpus: Corpus) -> str:
    """A variant's own prose, without its parent's."""
    return clause.prose.removeprefix(corpus.clauses[clause.extends or ""].prose) if clause.extends else clause.prose


def _tables(before: Corpus, after: Corpus) -> Iterator[TableDifference]:
    for table in _TABLES:
        old: Mapping[str, object] = getattr(before, table)
        new: Mapping[str, object] = getattr(after, table)
        added, removed = tuple(n for n in new if n not in old), tuple(n for n in old if n not in new)
        changed = tuple(name for name in new if name in old and new[name] != old[name])
        if added or removed or changed:
            yield TableDifference(table=table, added=added, removed=removed, changed=changed)


def _shifts(
    before: Corpus, after: Corpus, clauses: Sequence[ClauseDifference], tables: Sequence[TableDifference]
) -> Iterator[Shift]:
    """Where other clauses govern: the days between two dates of the clauses concerned are looked at as one."""
    if any(table.table == "groups" or (table.table == "regions" and table.added + table.removed) for table in tables):
        concerned = {*before.clauses, *after.clauses}
    else:
        concerned = _kin({d.id for d in clauses if d.kind != "changed" or _moves(d)}, before, after)
    days = sorted(
        {
            day
            for corpus in (before, after)
            for clause_id in concerned & {*corpus.clauses}
            for day in (corpus.clauses[clause_id].in_force.from_, corpus.clauses[clause_id].in_force.to)
            if day
        }
    )
    found: dict[tuple[date, date | None, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for region in dict.fromkeys([*after.regions, *before.regions]):
        for shift in _in_region(region, days, before, after):
            found.setdefault(shift, []).append(region)
    for (from_, to, lost, gained), regions in sorted(found.items(), key=lambda item: (item[0][0], item[0][2:])):
        yield Shift(regions=tuple(regions), from_=from_, to=to, lost=lost, gained=gained)


def _moves(difference: ClauseDifference) -> bool:
    """Whether a change, be it inherited, can make a clause govern elsewhere or on other days."""
    return bool(difference.inherits) or any(change.what.startswith(_SCOPE) for change in difference.changes)


def _kin(ids: set[str], before: Corpus, after: Corpus) -> set[str]:
    """Clauses with all that they extend and all that extends them: where a variant governs, its parent does not."""
    kin, grown = set(ids), True
    while grown:
        pairs = [(c.id, c.extends) for corpus in (before, after) for c in corpus.clauses.values() if c.extends]
        more = {one for pair in pairs if kin & set(pair) for one in pair if one}
        grown, kin = not more <= kin, kin | more
    return kin


def _in_region(
    region: str, days: Sequence[date], before: Corpus, after: Corpus
) -> Iterator[tuple[date, date | None, tuple[str, ...], tuple[str, ...]]]:
    """Spans of days with the clauses that a region loses and gains in them; neighbours that lose the same are one."""
    held: tuple[date, tuple[str, ...], tuple[str, ...]] | None = None
    for day in days:
        old, new = ({clause.id for clause in corpus.in_force(region, day)} for corpus in (before, after))
        lost, gained = tuple(sorted(old - new)), tuple(sorted(new - old))
        if held and held[1:] != (lost, gained):
            if held[1] or held[2]:
                yield (held[0], day, held[1], held[2])
            held = None
        held = held or (day, lost, gained)
    if held and (held[1] or held[2]):
        yield (held[0], None, held[1], held[2])
