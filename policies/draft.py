"""A rule in a handbook's words as the file of a clause: its id, its parts, its front matter; nothing is made up."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import yaml

from cases.evidence import normal, one_line
from cases.problem import Record

_LONGEST_NAME, _LONGEST_PART = 60, 40


class HandbookRule(Record):
    """What a handbook says of one rule, in our vocabulary.

    Attributes:
        areas: the headings above it, outermost first; at least one.
        name: what its id ends with; the title where there is none.
        text: the rule as people read it.
        conditions: what it is about; without any, its text is its one condition.
        any_of: one of the conditions is enough.
        exceptions: what lifts it, each alone.
        action, window_days: of a rule that forbids, the first step of its ladder.
    """

    title: str
    areas: tuple[str, ...]
    name: str = ""
    text: str
    type: str
    effect: str
    regions: tuple[str, ...]
    from_: date
    to: date | None = None
    severity: str
    meanwhile: str = ""
    conditions: tuple[str, ...] = ()
    any_of: bool = False
    exceptions: tuple[str, ...] = ()
    action: str = ""
    window_days: int = 0
    violating: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


class Draft(NamedTuple):
    """A clause that is not yet a file: its id, its place in a corpus, and what the file holds."""

    id: str
    place: PurePosixPath
    text: str


def draft_clause(rule: HandbookRule) -> Draft:
    """Write the clause of a rule. Equal rules give equal drafts; the id follows from headings and title alone."""
    *areas, name = [*map(_slug, rule.areas), _slug(rule.name or rule.title)]
    front = yaml.dump(
        _front_matter(rule, ".".join([*areas, name])),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=float("inf"),
    )
    place = PurePosixPath("clauses", *areas, f"{name}.md")
    return Draft(".".join([*areas, name]), place, f"---\n{front}---\n{normal(rule.text).strip()}\n")


def _front_matter(rule: HandbookRule, clause_id: str) -> dict[str, Any]:
    period: dict[str, Any] = {"from": rule.from_, **({"to": rule.to} if rule.to else {})}
    front: dict[str, Any] = {
        "id": clause_id,
        "title": one_line(rule.title),
        "type": rule.type,
        "effect": rule.effect,
        "regions": _Inline(rule.regions),
        "in_force": _InlineMap(period),
        "severity": rule.severity,
    }
    front |= {"meanwhile": rule.meanwhile} if rule.meanwhile else {}
    front |= _parts(rule)
    if rule.action:
        step = _InlineMap(strikes=0, action=rule.action)
        front["enforcement"] = {"window_days": rule.window_days, "ladder": [step]}
    sides = {"violating": list(rule.violating), "allowed": list(rule.allowed)}
    front |= {"examples": {side: told for side, told in sides.items() if told}} if any(sides.values()) else {}
    return front


def _parts(rule: HandbookRule) -> dict[str, Any]:
    """Elements and exemptions in the rule's own words; what a group says is only how they go together."""
    taken: set[str] = set()
    if not rule.conditions:
        taken.add(name := _part_name(_unnumbered(rule.title), "condition"))
        elements: dict[str, Any] = {name: {"text": one_line(rule.text)}}
    elif rule.any_of and len(rule.conditions) > 1:
        taken.add("any-of")
        members = _named(rule.conditions, "condition", set())
        elements = {"any-of": {"text": "Any one of these holds.", "at_least": 1, "of": members}}
    else:
        elements = _named(rule.conditions, "condition", taken)
    exemptions = _named(rule.exceptions, "exception", taken)
    return {"elements": elements, **({"exemptions": exemptions} if exemptions else {})}


def _named(texts: Iterable[str], otherwise: str, taken: set[str]) -> dict[str, Any]:
    """Parts by a name made of their first words; what has no Latin letters is numbered."""
    parts: dict[str, Any] = {}
    for text in texts:
        stem = _part_name(text, otherwise)
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name)
        parts[name] = {"text": one_line(text)}
    return parts


def _part_name(text: str, otherwise: str) -> str:
    stem = _shortened(_latin(text), _LONGEST_PART) or otherwise
    return stem if stem[0].isalpha() else f"{otherwise}-{stem}"


_NUMBERING = re.compile(r"^\W*(?:(?:[A-Z]\.)?(?:\d+\.)*\d+[.)]?|[A-Z][.)])\s+(?=\S)")


def _slug(title: str) -> str:
    """A heading as a part of an id, by its hash where it has no Latin letters."""
    slug = _shortened(_latin(_unnumbered(title)), _LONGEST_NAME)
    if not slug:
        return f"rule-{hashlib.sha256(one_line(title).encode()).hexdigest()[:8]}"
    return slug if slug[0].isalpha() else f"rule-{slug}"


def _unnumbered(title: str) -> str:
    """A heading without the number before it ("2.1 Knives"): numbers change when a rule is put in between."""
    return _NUMBERING.sub("", one_line(title))


def _latin(text: str) -> str:
    """Latin letters without their accents, and digits, joined by hyphens. Nothing else: no dot, no slash, no path."""
    bare = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"['’]", "", bare)).strip("-")


def _shortened(slug: str, longest: int) -> str:
    if len(slug) <= longest:
        return slug
    return (slug[: longest + 1].rpartition("-")[0] or slug[:longest]).strip("-")


class _Inline(tuple[str, ...]):
    """A list that is written on one line."""

    __slots__ = ()


class _InlineMap(dict[str, Any]):
    """A mapping that is written on one line."""


class _Dumper(yaml.SafeDumper):
    """Writes short lists and mappings on one line, as people write them."""


_Dumper.add_representer(
    _Inline, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)
)
_Dumper.add_representer(
    _InlineMap, lambda dumper, data: dumper.represent_mapping("tag:yaml.org,2002:map", data, flow_style=True)
)
