"""Findings as sentences that a person reads, and the notice to the seller. Every claim stands beside its quote."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from cases.evidence import Evidence, Quote
from cases.finding import Derived, Finding, PartFinding
from policies.clause import Clause
from policies.corpus import Corpus

_SAID = {"met": "met", "not_met": "not met", "unclear": "unclear"}
_NOTICE_QUOTES = 3


def quoted(quote: Quote, evidence: Mapping[str, Evidence]) -> str:
    """A quote with its source and voucher beside it."""
    gloss = f" [{quote.gloss}]" if quote.gloss else ""
    if quote.clause_id:
        return f"«{quote.text}»{gloss} (clause {quote.clause_id})"
    item = evidence.get(quote.evidence_id)
    where = f"{quote.evidence_id} {item.source}, {item.voucher}" if item else quote.evidence_id
    return f"«{quote.text}»{gloss} ({where})"


def rationale(
    findings: tuple[Finding, ...], derived: Derived, clauses: Mapping[str, Clause], items: tuple[Evidence, ...]
) -> str:
    """Render the findings: what carries the outcome first, then what is open, then what was cleared and by what."""
    evidence = {item.id: item for item in items}
    carried = [f for f in findings if f.clause_id in derived.violated]
    still = [f for f in findings if f.clause_id in derived.open]
    rest = [f for f in findings if f not in carried and f not in still]
    paragraphs = [_headline(derived, clauses)]
    paragraphs += [_whole(finding, clauses[finding.clause_id], evidence) for finding in (*carried, *still)]
    cleared = [_cleared(finding, clauses[finding.clause_id], evidence) for finding in rest]
    return "\n".join([*paragraphs, *(line for line in cleared if line)])


def _headline(derived: Derived, clauses: Mapping[str, Clause]) -> str:
    if derived.outcome == "violation":
        return f"Violation: {', '.join(clauses[c].title for c in derived.violated)}."
    if derived.outcome == "no_violation":
        return "No violation: no candidate clause is fulfilled."
    count = len(derived.open) or len(derived.conflicts)
    return f"Open: {count} clause{'s' if count != 1 else ''} cannot be derived yet."


def _whole(finding: Finding, clause: Clause, evidence: Mapping[str, Evidence]) -> str:
    lines = [f"{clause.title} ({clause.id}) is {finding.status.replace('_', ' ')}:"]
    lines += [f"  {part_line(part, evidence)}" for part in finding.parts]
    return "\n".join(lines)


def part_line(part: PartFinding, evidence: Mapping[str, Evidence]) -> str:
    """One part on one line: name, verdict, quotes, and why where there is no quote that says it."""
    said = part.speaking
    quotes = "; ".join(quoted(q, evidence) for q in said.quotes) if said else ""
    why = said.why if said else ""
    tail = " — ".join(filter(None, (quotes, why)))
    return f"{part.part}: {_SAID[part.verdict]} ({part.basis})" + (f": {tail}" if tail else "")


def _cleared(finding: Finding, clause: Clause, evidence: Mapping[str, Evidence]) -> str:
    if finding.lifted_by:
        return f"{clause.title} ({clause.id}): lifted by {finding.lifted_by}."
    if finding.status == "fulfilled":
        return f"{clause.title} ({clause.id}): holds ({clause.effect})."
    settling = next((p for p in finding.parts if names_part(finding.settled_by, p.part)), None)
    told = part_line(settling, evidence) if settling else "no part settles it"
    return f"{clause.title} ({clause.id}): does not apply. {told}"


def names_part(name: str | None, part: str) -> bool:
    """Tell whether a name means a judged part: the part itself, or the group that it is a member of."""
    return name is not None and name in {part, part.split(".", maxsplit=1)[0]}


@dataclass(frozen=True)
class Occasion:
    """What a notice is about, beside the finding: the listing, where, when, and in which language."""

    title: str
    listing_id: str
    region: str
    day: date
    language: str


def notice(clause: Clause, finding: Finding, occasion: Occasion, corpus: Corpus, evidence: tuple[Evidence, ...]) -> str:
    """Fill the clause's notice in the case's language, else English; empty where the clause has none."""
    spoken = occasion.language.split("-", maxsplit=1)[0]
    chosen = spoken if spoken in clause.notice else "en"
    phrases = corpus.phrases.get(chosen) or corpus.phrases.get("en") or {}
    words = ", ".join(f"“{text}”" for text in _told(finding, evidence))
    values = {
        "title": occasion.title,
        "listing_id": occasion.listing_id,
        "scope": corpus.region_name(occasion.region),
        "date": occasion.day.isoformat(),
        "findings": phrases.get("findings", "").replace("{quotes}", words) if words else "",
        "next_steps": phrases.get("next_steps", ""),
    }
    # One pass: a title that spells "{findings}" stays as it is.
    filled = re.sub(r"\{(\w+)\}", lambda m: values.get(m[1], m[0]), clause.notice.get(chosen, ""))
    return " ".join(filled.split())


def _told(finding: Finding, evidence: tuple[Evidence, ...]) -> list[str]:
    """The seller's own words that the finding rests on, one quote a part; what others say stays confidential."""
    own = {item.id for item in evidence if item.voucher == "seller"}
    first = [
        next((q.text for q in part.speaking.quotes if q.evidence_id in own), "")
        for part in finding.parts
        if part.verdict == "met" and part.speaking
    ]
    return [text for text in dict.fromkeys(first) if text][:_NOTICE_QUOTES]
