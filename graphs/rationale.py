"""Findings as sentences that a person reads, and the notice to the seller. Every claim stands beside its quote."""

from collections.abc import Mapping
from datetime import date

from cases.evidence import Evidence, Quote
from cases.finding import Derived, Finding, PartFinding
from policies.clause import Clause
from policies.corpus import Corpus

_SAID = {"met": "met", "not_met": "not met", "unclear": "unclear"}
_NOTICE_QUOTES = 2


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


def notice(  # noqa: PLR0913 - what a template can name
    clause: Clause,
    finding: Finding,
    *,
    corpus: Corpus,
    title: str,
    listing_id: str,
    region: str,
    day: date,
    language: str,
    evidence: tuple[Evidence, ...],
) -> str:
    """Fill the clause's notice in the case's language, else English; empty where the clause has none."""
    spoken = language.split("-", maxsplit=1)[0]
    chosen = spoken if spoken in clause.notice else "en"
    template = clause.notice.get(chosen, "")
    phrases = corpus.phrases.get(chosen) or corpus.phrases.get("en") or {}
    items = {item.id: item for item in evidence}
    # Only what the seller can see of the own listing is told; reports stay confidential.
    told = [
        q.text
        for part in finding.parts
        if part.verdict == "met" and part.speaking
        for q in part.speaking.quotes
        if q.evidence_id in items and items[q.evidence_id].voucher in {"seller", "platform", "tool"}
    ][:_NOTICE_QUOTES]
    words = ", ".join(f"“{text}”" for text in dict.fromkeys(told))
    values = {
        "title": title,
        "listing_id": listing_id,
        "scope": region,
        "date": day.isoformat(),
        "findings": phrases.get("findings", "").replace("{quotes}", words) if words else "",
        "next_steps": phrases.get("next_steps", ""),
    }
    filled = template
    for name in values:
        # Values come last and are not read again: a title that spells "{findings}" stays as it is.
        filled = filled.replace("{" + name + "}", f"\x00{name}\x00")
    for name, value in values.items():
        filled = filled.replace(f"\x00{name}\x00", value)
    return " ".join(filled.split())
