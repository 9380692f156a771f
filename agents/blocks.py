"""How clauses and evidence are written for a model, and read back.

Each block stands between two lines that carry a tag; each line of somebody's text stands behind a margin. So no text
can begin a line of ours, whatever it holds, and it cannot guess the tag, which is derived from the text itself.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cases.evidence import Evidence, Flags, Voucher, digest, find_quote, one_line
from cases.finding import Key
from cases.rule import DEFAULT_PROOF, Measure, Part
from policies.clause import Clause

Kind = Literal["policy", "evidence"]
_MARGIN, _MARKED = "  | ", "! | "
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Letters and marks that show nothing, or vary how another shows: Unicode does not class them as format characters.
_ODD = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0d\uffa0\U000e0100-\U000e01ef]")
_NAMED = re.compile(r"‹U\+([0-9A-F]{4,6})(?: [^‹›]*)?›")
_OUR_SIGN = re.compile(r"‹(?=U\+)")
_FENCE = re.compile(r"^<<< (policy|evidence) ([0-9a-f]{8})$")


def show(line: str) -> str:
    """Write one line so that every character shows: those that do not are written by name, reversibly."""
    if line.isprintable() and not _ODD.search(line) and "‹" not in line:
        return line
    line = _OUR_SIGN.sub(_by_name("‹"), line)
    return "".join(_by_name(c) if _hides(c) else c for c in line)


def unshow(line: str) -> str:
    """Undo `show`."""
    return _NAMED.sub(lambda found: chr(min(int(found[1], 16), 0x10FFFF)), line) if "‹U+" in line else line


def as_stored(quote: str, text: str) -> str:
    """Bring a model's quote back to the stored wording where it copied our margins or names of characters.

    Returns:
        The wording that is found in `text`; else the quote as it came, for verification to judge.
    """
    if find_quote(text, quote):
        return quote
    bare = unshow("\n".join(re.sub(r"^\s*!?\s*\| ?", "", line) for line in quote.split("\n")))
    return bare if find_quote(text, bare) else quote


def evidence_block(items: Sequence[Evidence]) -> str:
    """Write evidence items: a line of ours with id, voucher and source, then the text behind the margin."""
    return "\n".join(_fenced("evidence", [e.text for e in items], (line for item in items for line in _item(item))))


def policy_block(clauses: Iterable[Clause], asked: Sequence[Key], day: str) -> str:
    """Write clauses: text, parts to judge and what may prove them, rulings of the policy team.

    Args:
        clauses: merged.
        asked: parts to list, by (clause id, part); empty lists all parts of all clauses.
        day: of the case, ISO; rulings that ended before it are left out.
    """
    shown = [clause for clause in clauses if not asked or any(clause.id == clause_id for clause_id, _ in asked)]
    lines = (line for clause in shown for line in _clause(clause, asked, day))
    return "\n".join(_fenced("policy", [clause.text for clause in shown], lines))


@dataclass(frozen=True)
class SeenPart:
    """A part as the policy block shows it.

    Attributes:
        vouchers: whose evidence may show it.
        record: kind of the platform record that alone can, or empty.
    """

    clause_id: str
    name: str
    role: Literal["element", "exemption"]
    vouchers: tuple[Voucher, ...]
    record: str = ""

    @property
    def key(self) -> Key:
        """Clause id and name."""
        return (self.clause_id, self.name)


@dataclass(frozen=True)
class SeenClause:
    """A clause as the policy block shows it, with the parts listed there."""

    id: str
    title: str
    effect: Literal["forbid", "permit"]
    text: str
    parts: tuple[SeenPart, ...]


def read_evidence(text: str) -> tuple[Evidence, ...]:
    """Read every evidence block in a message back into items (spans, and marks of single stretches, are not shown)."""
    items: list[Evidence] = []
    for _, lines in _blocks(text, "evidence"):
        for header, body in _entries(lines):
            if found := _ITEM.match(header):
                items.append(_evidence(found, body))
    return tuple(items)


def read_clauses(text: str) -> tuple[SeenClause, ...]:
    """Read every policy block in a message back into clauses."""
    clauses: list[SeenClause] = []
    for _, lines in _blocks(text, "policy"):
        for header, body in _entries(lines):
            if found := _CLAUSE.match(header):
                effect: Any = found["effect"]
                title = unshow(found["title"])
                clauses.append(SeenClause(found["id"], title, effect, _text(body), ()))
            elif (found := _PART.match(header)) and clauses:
                last = clauses[-1]
                part = _seen_part(last.id, found)
                clauses[-1] = SeenClause(last.id, last.title, last.effect, last.text, (*last.parts, part))
    return tuple(clauses)


def outside_blocks(text: str) -> str:
    """Return what stands outside every block: the lines that only we can have written."""
    kept: list[str] = []
    closing = ""
    for line in text.split("\n"):
        if closing:
            closing = "" if line == closing else closing
        elif found := _FENCE.match(line):
            closing = f">>> {found[1]} {found[2]}"
        else:
            kept.append(line)
    return "\n".join(kept)


_ITEM = re.compile(r"^(?P<id>\S+) \((?P<voucher>[a-z_]+)(?P<more>(?:; [^;()]+)*)\) (?P<source>.*)$")
_CLAUSE = re.compile(r"^(?P<id>\S+) \((?P<effect>forbid|permit); [^()]*\) (?P<title>.*)$")
_PART = re.compile(r"^- (?P<name>\S+) \((?P<role>element|exemption); (?P<more>proof: .*)\)$")


def _by_name(character: str) -> str:
    return f"‹U+{ord(character):04X} {unicodedata.name(character, 'CHARACTER')}›"


def _hides(character: str) -> bool:
    if character.isprintable():
        return bool(_ODD.match(character))
    return character != "\t" and unicodedata.category(character) in _HIDDEN


def _tag(texts: Sequence[str]) -> str:
    """Eight hexadecimal digits that depend on every text and occur in none."""
    whole = hashlib.sha256("\x00".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
    while any(whole[:8] in text for text in texts):
        whole = digest(whole)
    return whole[:8]


def _fenced(kind: Kind, texts: Sequence[str], lines: Iterable[str]) -> Iterator[str]:
    tag = _tag(texts)
    yield f"<<< {kind} {tag}"
    yield from lines
    yield f">>> {kind} {tag}"


def _item(item: Evidence) -> Iterator[str]:
    flags = item.flags
    notes: list[str] = [item.voucher]
    notes += [f"language {one_line(show(item.language))}"] if item.language else []
    notes += [f"confidence {item.confidence:.2f}"] if item.confidence is not None else []
    notes += ["truncated"] if flags.truncated else []
    notes += ["unavailable"] if flags.unavailable else []
    yield f"{item.id} ({'; '.join(notes)}) {show(one_line(item.source))}"
    start = 0
    for line in item.text.split("\n"):
        end = start + len(line)
        marked = any(first <= end and last > start for first, last in flags.instruction_like)
        yield (_MARKED if marked else _MARGIN) + show(line)
        start = end + 1


def _clause(clause: Clause, asked: Sequence[Key], day: str) -> Iterator[str]:
    lifts = f"; lifts {', '.join(clause.rule.over)}" if clause.rule.over else ""
    yield f"{clause.id} ({clause.effect}; {clause.type}; {clause.severity}{lifts}) {show(one_line(clause.title))}"
    yield from (_MARGIN + show(line) for line in clause.text.split("\n"))
    yield "parts to judge:"
    for part in clause.rule.parts:
        listed = [p for p in part.of or (part,) if not asked or (clause.id, p.name) in asked]
        if part.of and listed:
            yield f"group {part.name} is met when the weights of its met members reach {part.at_least}:"
        yield from (_part(p, part) for p in listed)
    for ruling in clause.guidance:
        if not ruling.until or ruling.until.isoformat() >= day:
            yield f"ruling of {show(one_line(ruling.by))} on {ruling.part}:"
            yield from (_MARGIN + show(line) for line in ruling.text.split("\n"))


def _part(part: Part, of: Part) -> str:
    notes = [of.role, f"proof: {_proof(part)}"]
    notes += [f"weight {part.weight}"] if part is not of else []
    notes += [f"code compares {_measure(part.measure)}"] if part.measure else []
    notes += [f"code compares {part.fact.name} {part.fact.op} {part.fact.value:g}"] if part.fact else []
    notes += ["appraisal"] if part.appraisal else []
    if part.if_absent != "not_met":
        nothing = "nothing on file" if part.record else "nothing said"
        notes.append(f"{nothing} means unclear" + (", ask for it" if part.if_absent == "request" else ""))
    return f"- {part.name} ({'; '.join(notes)})"


def _proof(part: Part) -> str:
    if part.record:
        value = f", value {show(one_line(part.record.value))}" if part.record.value else ""
        return f"platform record of kind {part.record.kind}{value}"
    return "any" if part.vouchers == DEFAULT_PROOF else ", ".join(part.vouchers)


def _measure(measure: Measure) -> str:
    sides = ("over", "at_least", "under", "at_most")
    side, bound = next((side, bound) for side in sides if (bound := getattr(measure, side)) is not None)
    side = side.replace("_", " ")
    by = f" a {measure.per}" if measure.per else ""
    return f"{measure.of} {side} {bound:g} {measure.unit}".rstrip() + by


def _blocks(text: str, kind: Kind) -> Iterator[tuple[str, list[str]]]:
    """Yield tag and lines of each block of a kind; one that is not closed is none."""
    lines = iter(text.split("\n"))
    for line in lines:
        found = _FENCE.match(line)
        if found is None:
            continue
        inside: list[str] = []
        for inner in lines:
            if inner == f">>> {found[1]} {found[2]}":
                break
            inside.append(inner)
        else:
            return
        if found[1] == kind:
            yield found[2], inside


def _entries(lines: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each line of ours with the lines behind the margin that follow it."""
    header, body = "", []
    for line in lines:
        if line.startswith((_MARGIN, _MARKED)):
            body.append(line)
        else:
            if header:
                yield header, body
            header, body = line, []
    if header:
        yield header, body


def _text(body: Iterable[str]) -> str:
    return "\n".join(unshow(line[len(_MARGIN) :]) for line in body)


def _evidence(found: re.Match[str], body: list[str]) -> Evidence:
    notes = [note for note in found["more"].split("; ") if note]
    text = _text(body)
    said = dict(note.split(" ", 1) for note in notes if " " in note)
    return Evidence.model_validate(
        {
            "id": found["id"],
            "source": unshow(found["source"]),
            "voucher": found["voucher"],
            "text": text,
            "sha256": digest(text),
            "language": said.get("language", ""),
            "confidence": float(said["confidence"]) if "confidence" in said else None,
            "flags": Flags(truncated="truncated" in notes, unavailable="unavailable" in notes),
        }
    )


def _seen_part(clause_id: str, found: re.Match[str]) -> SeenPart:
    role: Any = found["role"]
    proof = found["more"].split("; ")[0].removeprefix("proof: ")
    if proof.startswith("platform record"):
        kind = proof.removeprefix("platform record of kind ").split(",")[0]
        return SeenPart(clause_id, found["name"], role, ("platform",), kind)
    vouchers: Any = DEFAULT_PROOF if proof == "any" else tuple(proof.split(", "))
    return SeenPart(clause_id, found["name"], role, vouchers)
