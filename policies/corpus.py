"""Files to a snapshot: every clause merged with what it extends, with stable ids and hashes; and what is in force."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cases.evidence import digest, normal
from cases.problem import Invalid, Problem, pointer_of
from cases.rule import Part, Rule
from policies.clause import Clause, Signs
from policies.clause_file import ClauseFile, Source, aliases_of, clause_file, read_clause, read_yaml, signs_of
from policies.signs import SignIndex
from policies.vocabularies import (
    ActionInfo,
    FactInfo,
    Kinds,
    RegionInfo,
    ViolationTypeInfo,
    read_kinds,
    read_vocabularies,
)

_DAYS_KEPT = 2_000
"""Days of regions for which the clauses in force are kept at hand."""


class Corpus:
    """A policy snapshot: immutable once loaded.

    Attributes:
        snapshot: SHA-256 over all its files.
        clauses: by id, merged, including those not in force.
        types, actions, regions, groups, facts: the corpus's vocabularies.
        phrases: sentences that notices share, by language.
    """

    def __init__(  # noqa: PLR0913 - the vocabularies of a corpus, by name
        self,
        *,
        snapshot: str,
        clauses: Mapping[str, Clause],
        types: Mapping[str, ViolationTypeInfo],
        actions: Mapping[str, ActionInfo],
        regions: Mapping[str, RegionInfo],
        groups: Mapping[str, tuple[str, ...]],
        facts: Mapping[str, FactInfo],
        phrases: Mapping[str, Mapping[str, str]],
    ) -> None:
        """Take what `load_corpus` has read and checked."""
        self.snapshot = snapshot
        self.clauses = dict(clauses)
        self.types = dict(types)
        self.actions = dict(actions)
        self.regions = dict(regions)
        self.groups = dict(groups)
        self.facts = dict(facts)
        self.phrases = {language: dict(said) for language, said in phrases.items()}
        self._in_force: dict[tuple[str, date], tuple[Clause, ...]] = {}

    @cached_property
    def signs(self) -> SignIndex:
        """All signs of all clauses, indexed; built on first use."""
        return SignIndex(self.clauses.values())

    def covers(self, named: Iterable[str], region: str) -> bool:
        """Tell whether region names (ISO codes, groups, `*`) cover `region` (a subdivision: or its country)."""
        country = region[:2]
        return any(
            name in {"*", region, country}
            or country in self.groups.get(name, ())
            or region in self.groups.get(name, ())
            for name in named
        )

    def local_day(self, moment: datetime, region: str) -> date:
        """The calendar day of `moment` in the region (UTC where the corpus does not know the region)."""
        info = self.regions.get(region) or self.regions.get(region[:2])
        return moment.astimezone(ZoneInfo(info.time_zone if info else "UTC")).date()

    def languages(self, region: str) -> tuple[str, ...]:
        """Languages that sellers of the region write in; empty where the corpus does not know the region."""
        info = self.regions.get(region) or self.regions.get(region[:2])
        return info.languages if info else ()

    def region_name(self, region: str) -> str:
        """What people call a region; its code where the corpus gives no name."""
        info = self.regions.get(region)
        return (info.name if info else "") or region

    def in_force(self, region: str, day: date) -> tuple[Clause, ...]:
        """Clauses in force, by id; where one that extends another is in force, the parent is left out."""
        key = (region, day)
        if key not in self._in_force:
            if len(self._in_force) >= _DAYS_KEPT:  # appeals ask for old days, and a service lives for months
                self._in_force.clear()
            holding = [
                clause
                for clause in self.clauses.values()
                if clause.in_force.holds(day)
                and self.covers(clause.regions, region)
                and not self.covers(clause.except_, region)
            ]
            replaced = {ancestor for clause in holding for ancestor in self._ancestors(clause)}
            self._in_force[key] = tuple(sorted((c for c in holding if c.id not in replaced), key=lambda c: c.id))
        return self._in_force[key]

    def _ancestors(self, clause: Clause) -> list[str]:
        found: list[str] = []
        while clause.extends:
            found.append(clause.extends)
            clause = self.clauses[clause.extends]
        return found


class Survey(NamedTuple):
    """What could be read of a corpus, and all that is wrong with the rest.

    Attributes:
        corpus: the clauses that load, merged; one that extends a faulty clause is left out with it.
        problems: each with file and line.
        sources: front matter as written, by clause id, of every file that can be read.
        signs: signs files as written, by clause id.
    """

    corpus: Corpus
    problems: tuple[Problem, ...]
    sources: Mapping[str, Source]
    signs: Mapping[str, Source]


def load_corpus(folder: Path) -> Corpus:
    """Load and check a corpus.

    Args:
        folder: holds `clauses/**/*.md`, `taxonomy.yaml`, `actions.yaml`, `regions.yaml`, `facts.yaml`, `phrases.yaml`
            and, where signs name kinds of goods, `kinds.yaml`.

    Raises:
        Invalid: with every problem found, each with file and line.
    """
    surveyed = survey_corpus(folder)
    if surveyed.problems:
        raise Invalid("the policy corpus", surveyed.problems)
    return surveyed.corpus


def survey_corpus(folder: Path) -> Survey:
    """Load what can be loaded of a corpus, and name every problem of the rest: for those who mend it."""
    problems: list[Problem] = []
    named = named_clauses(folder)
    sources = _read_all(folder, problems)
    vocabularies, faulty = read_vocabularies(folder, problems)
    kinds = read_kinds(folder, problems)
    clauses: dict[str, Clause] = {}
    for clause_id in sorted(sources):
        if not _rests_on_unread(clause_id, sources, named):
            try:
                clauses[clause_id] = _clause(clause_id, sources, kinds)
            except Invalid as error:
                problems += error.problems
    for clause in clauses.values():
        problems += _unknown_names(clause, sources[clause.id].clause, named, vocabularies, faulty)
    broken = {problem.pointer.rpartition(":")[0] for problem in problems}
    corpus = Corpus(
        snapshot=_snapshot(folder),
        clauses=_sound(clauses, {c for c in sources if broken & {sources[c].clause.file, sources[c].signs_file.file}}),
        **vocabularies,
    )
    return Survey(
        corpus,
        tuple(problems),
        {clause_id: read.clause for clause_id, read in sources.items()},
        {clause_id: read.signs_file for clause_id, read in sources.items()},
    )


class _Read(NamedTuple):
    """A clause file as it was read, and its signs with their file."""

    clause: Source
    signs: dict[str, Signs]
    aliases: dict[str, tuple[str, ...]]
    signs_file: Source


_Sources = dict[str, _Read]


def _sound(clauses: Mapping[str, Clause], broken: set[str]) -> dict[str, Clause]:
    """Leave out faulty clauses, and those that extend one."""
    sound = {clause_id: clause for clause_id, clause in clauses.items() if clause_id not in broken}
    while lost := [c for c, clause in sound.items() if clause.extends and clause.extends not in sound]:
        sound = {clause_id: clause for clause_id, clause in sound.items() if clause_id not in lost}
    return sound


def _rests_on_unread(clause_id: str, sources: _Sources, named: Mapping[str, Path]) -> bool:
    """Tell whether a clause extends one whose file is there and cannot be read: that file has its own problem."""
    seen: set[object] = set()
    above: object = clause_id
    while isinstance(above, str) and above in sources and above not in seen:
        seen.add(above)
        above = sources[above].clause.data.get("extends")
    return isinstance(above, str) and above in named and above not in sources


def named_clauses(folder: Path) -> dict[str, Path]:
    """Clause files by the id that their place gives them."""
    clauses = folder / "clauses"
    return {
        path.relative_to(clauses).with_suffix("").as_posix().replace("/", "."): path
        for path in sorted(clauses.rglob("*.md"))
    }


def _read_all(folder: Path, problems: list[Problem]) -> _Sources:
    sources: _Sources = {}
    clauses = folder / "clauses"
    for expected, path in named_clauses(folder).items():
        signs_path = path.with_suffix(".signs.yaml")
        written = Source(file=signs_path.relative_to(folder).as_posix(), data={}, lines={})
        signs: dict[str, Signs] = {}
        aliases: dict[str, tuple[str, ...]] = {}
        try:
            written = read_yaml(signs_path, written.file) if signs_path.exists() else written
            signs, aliases = signs_of(written), aliases_of(written)
        except Invalid as error:
            problems += error.problems
        try:
            source = read_clause(path, path.relative_to(folder).as_posix())
        except Invalid as error:
            problems += error.problems
            continue
        if source.data.get("id") != expected:
            hint = f"write `id: {expected}`, or move the file"
            problems.append(source.problem("id_is_not_path", "/id", "the id does not match the file's place", hint))
            continue
        sources[expected] = _Read(source, signs, aliases, written)
    for path in sorted(clauses.rglob("*.signs.yaml")):
        if not path.with_name(path.name.removesuffix(".signs.yaml") + ".md").exists():
            file = path.relative_to(folder).as_posix()
            hint = "name it like its clause, or remove it"
            detail = "there is no clause beside these signs"
            problems.append(Problem(code="no_clause", pointer=f"{file}:1", detail=detail, hint=hint))
    if not sources and not problems:
        problems.append(Problem(code="no_clauses", pointer=str(clauses), detail="no clause files here"))
    return sources


def _clause(clause_id: str, sources: _Sources, kinds: Kinds) -> Clause:
    read = sources[clause_id]
    source = read.clause
    merged, merged_signs, aliases, prose = _merged(clause_id, sources, ())
    written = clause_file(source, merged)
    rule = _rule(written)
    faults = _faults_of_signs(read, rule, kinds)
    if faults:
        raise Invalid(read.signs_file.file, tuple(faults))
    # A variant may take parts of its parent away; their signs go with them.
    signs = {part: found for part, found in merged_signs.items() if part in rule.judged}
    text = clause_text(written, rule, prose)
    fields = written.model_dump(exclude={"elements", "exemptions", "over"}, by_alias=True)
    return Clause.model_validate(
        {
            **fields,
            "rule": rule,
            "signs": signs,
            "kind_words": {part: _kind_words(found, kinds) for part, found in signs.items() if found.against.kinds},
            "aliases": aliases,
            "prose": prose,
            "text": text,
            "sha256": digest(text),
            "file": source.file,
        }
    )


def _faults_of_signs(read: _Read, rule: Rule, kinds: Kinds) -> list[Problem]:
    """Parts and kinds that signs name and that are not there."""
    file, hint = read.signs_file, f"the judged parts are: {', '.join(rule.judged)}"
    faults = [
        file.problem("unknown_part", pointer_of((part,)), "there is no such part", hint)
        for part in read.signs
        if part not in rule.judged
    ]
    for part, signs in read.signs.items():
        if signs.for_.kinds:
            told = "kinds speak against a part only: what is called one of them is another thing"
            faults.append(file.problem("invalid_value", pointer_of((part, "for", "kinds")), told))
        faults += [
            file.problem("unknown_kind", pointer_of((part, "against", "kinds", i)), f"{kind!r} is not known")
            for i, kind in enumerate(signs.against.kinds)
            if kind not in kinds
        ]
    return faults


def _kind_words(signs: Signs, kinds: Kinds) -> dict[str, tuple[str, ...]]:
    """What the kinds that speak against a part are called, by language."""
    words: dict[str, tuple[str, ...]] = {}
    for name in signs.against.kinds:
        for language, called in kinds.get(name, {}).items():
            words[language] = (*words.get(language, ()), *called)
    return words


_Merged = tuple[dict[str, Any], dict[str, Signs], dict[str, tuple[str, ...]], str]


def _merged(clause_id: str, sources: _Sources, below: tuple[str, ...]) -> _Merged:
    """Front matter, signs, aliases and prose of a clause with those of what it extends."""
    source, signs, aliases, _ = sources[clause_id]
    parent = source.data.get("extends")
    if not parent:
        return source.data, signs, aliases, source.prose
    if parent in (clause_id, *below):
        raise Invalid(source.file, (source.problem("circular_extends", "/extends", f"{parent} extends itself"),))
    if not isinstance(parent, str) or parent not in sources:
        raise Invalid(source.file, (source.problem("unknown_clause", "/extends", f"there is no clause {parent}"),))
    above, above_signs, above_aliases, prose = _merged(parent, sources, (clause_id, *below))
    return (
        _merge(above, source.data),
        {**above_signs, **signs},
        {**above_aliases, **aliases},
        f"{prose}\n\n{source.prose}",
    )


def _merge(above: Mapping[str, Any], below: Mapping[str, Any]) -> dict[str, Any]:
    """Merge a variant into its parent: mappings key by key, all else replaced, null takes a part away."""
    merged = dict(above)
    for key, value in below.items():
        if value is None:
            merged.pop(key, None)
        elif (
            isinstance(value, dict)
            and isinstance(merged.get(key), dict)
            and key not in {"in_force", "enforcement", "measure"}
        ):
            merged[key] = _merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def _rule(written: ClauseFile) -> Rule:
    parts: list[Part] = [part.part(name, "element") for name, part in written.elements.items()]
    parts += [part.part(name, "exemption") for name, part in written.exemptions.items()]
    return Rule(
        id=written.id,
        type=written.type,
        effect=written.effect,
        over=written.over,
        severity=written.severity,
        parts=tuple(parts),
    )


def clause_text(written: ClauseFile, rule: Rule, prose: str) -> str:
    """The clause as it is read, quoted and hashed: title, what must hold, what lifts it, prose."""
    lines = [written.title, "", "It applies where all of these hold:"]
    lines += [line for part in rule.elements for line in _part_lines(part)]
    if rule.exemptions:
        lines += ["", "It does not apply where any of these holds:"]
        lines += [line for part in rule.exemptions for line in _part_lines(part)]
    return normal("\n".join([*lines, "", prose]))


def _part_lines(part: Part) -> list[str]:
    lines = [f"- {part.name}: {part.text}"]
    lines += [f"  - {member.name} (weight {member.weight}): {member.text}" for member in part.of]
    return lines


def _unknown_names(
    clause: Clause,
    source: Source,
    clauses: Collection[str],
    vocabularies: Mapping[str, Any],
    faulty: set[str],
) -> list[Problem]:
    actions, types, facts = (vocabularies[key] for key in ("actions", "types", "facts"))
    regions = {"*", *vocabularies["regions"], *vocabularies["groups"]}
    named: list[tuple[str, str, str, Collection[str]]] = []
    if "types" not in faulty:
        named.append(("type", "/type", clause.type, types))
    named += [("clause", f"/over/{i}", other, clauses) for i, other in enumerate(clause.rule.over)]
    named += [("clause", f"/see_also/{i}", other, clauses) for i, other in enumerate(clause.see_also)]
    if "actions" not in faulty:
        steps = clause.enforcement.ladder if clause.enforcement else ()
        named += [("action", f"/enforcement/ladder/{i}/action", step.action, actions) for i, step in enumerate(steps)]
    if "regions" not in faulty:
        for field, names in (("regions", clause.regions), ("except", clause.except_)):
            named += [("region", f"/{field}/{i}", name, regions) for i, name in enumerate(names)]
    if "facts" not in faulty:
        named += [
            ("fact", f"{pointer_of_part(name, part)}/fact", part.fact.name, facts)
            for name, part in clause.rule.judged.items()
            if part.fact
        ]
    named += [("part", f"/guidance/{i}/part", item.part, clause.rule.judged) for i, item in enumerate(clause.guidance)]
    if clause.effect == "forbid" and not clause.enforcement:
        named.append(("ladder", "/enforcement", "a forbid clause has an enforcement ladder", ()))
    return [
        source.problem(f"unknown_{kind}", pointer, f"{name!r} is not known" if kind != "ladder" else name)
        for kind, pointer, name, known in named
        if name not in known
    ]


def pointer_of_part(name: str, part: Part) -> str:
    """Where a part stands in its clause's front matter; a member stands in its group."""
    return f"/{part.role}s/{name.replace('.', '/of/')}"


def _snapshot(folder: Path) -> str:
    """Hash of every file that makes the corpus, by name and content."""
    files = [*(folder / "clauses").rglob("*.md"), *(folder / "clauses").rglob("*.signs.yaml"), *folder.glob("*.yaml")]
    whole = hashlib.sha256()
    for path in sorted(files, key=lambda p: p.relative_to(folder).as_posix()):
        whole.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()
