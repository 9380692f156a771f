"""The rulebook auditor: the embedded default. Signs, measures, facts and records; no network, no key, no guess.

It is a baseline and a screen for the model path. Where its signs say both things, or nothing in a language that it
does not speak, it says `unclear`: a person decides.
"""

from agents.auditor import Ballots, Dossier, Turn
from cases.decision import AuditorName
from cases.evidence import Evidence, Quote
from cases.finding import Ballot, Judge, Judgement
from cases.rule import Part
from policies.clause import Clause
from policies.settled import absence_refused, says_what, settle
from policies.signs import Hit
from policies.table import Table

_QUOTES = 2
_WIDTH = 60
"""Code points of a quote around a hit: enough to read it, too few to hide the rest of the text behind it."""


class RulebookAuditor:
    """Judges by the signs of the corpus. Deterministic: the same dossier gives the same judgements."""

    deterministic = True
    languages: tuple[str, ...] = ()

    @property
    def name(self) -> AuditorName:
        """Who judges, for the record."""
        return AuditorName(name="rulebook")

    async def investigate(self, dossier: Dossier, step: int) -> Turn:  # noqa: ARG002 - it needs one step only
        """Judge every asked part (all of every candidate where none is named)."""
        return Turn(judgements=judge_by_rulebook(dossier))

    async def judge(self, dossier: Dossier, ordinal: int) -> Ballots:  # noqa: ARG002 - blind judges would all agree
        """Cast the rulebook's ballot on the asked parts."""
        judge = Judge(prompt="rulebook", model="")
        judged = judge_by_rulebook(dossier)
        return Ballots(tuple(Ballot(judge=judge, round=dossier.round, judgement=j) for j in judged))

    async def judge_narrowly(self, dossier: Dossier, ordinal: int) -> Ballots:
        """As `judge`, on what the narrow dossier holds."""
        return await self.judge(dossier, ordinal)


def judge_by_rulebook(dossier: Dossier) -> tuple[Judgement, ...]:
    """Judge the dossier's parts by what code can see.

    Raises:
        ValueError: where the dossier has no table.
    """
    if dossier.table is None:
        msg = "the rulebook judges what lies on the table; the dossier has none"
        raise ValueError(msg)
    asked = set(dossier.asked)
    return tuple(
        judge_part(clause, part, dossier.table)
        for clause in dossier.clauses
        for name, part in clause.rule.judged.items()
        if not asked or (clause.id, name) in asked
    )


def judge_part(clause: Clause, part: Part, table: Table) -> Judgement:  # noqa: PLR0911 - one return a reading
    """Judge one part: by measure, fact or record where it has one, else by its signs."""
    settled = settle(clause, part, table)
    if settled is not None:
        return settled
    hits = table.of_part(clause.id, part.name)
    speaking = [h for h in hits if h.side == "for" and not h.negated]
    proving = [h for h in speaking if table.item(h.evidence_id).voucher in part.vouchers]
    opposing = [h for h in hits if (h.side == "against") != h.negated]
    opposing = [h for h in opposing if table.item(h.evidence_id).voucher != "reporter"]
    if _contradicted(proving, opposing):
        quotes = _quotes([proving[0], opposing[0]], table)
        return _judgement(clause, part, "unclear", "borderline", quotes, "Signs speak on both sides.")
    if proving and _only_described(clause, part, proving, table):
        why = "Only the description says so; what the item is called does not."
        return _judgement(clause, part, "unclear", "borderline", _quotes(proving, table), why)
    if proving and _pleaded(clause, part, proving, table):
        why = "Only the seller says so."
        return _judgement(clause, part, "unclear", "borderline", _quotes(proving, table), why)
    if proving:
        return _judgement(clause, part, "met", "shown", _quotes(proving, table), _why_shown(proving, table))
    if opposing and not _only_described(clause, part, opposing, table):
        return _judgement(clause, part, "not_met", "contrary", _quotes(opposing, table), _why_contrary(opposing, table))
    if speaking:
        why = "Only a voucher that cannot prove this speaks for it."
        return _judgement(clause, part, "unclear", "silent", _quotes(speaking, table), why)
    return _silence(clause, part, table)


def _contradicted(proving: list[Hit], opposing: list[Hit]) -> bool:
    """Tell whether title, text, image and attributes say both things; which of them is true, no sign can tell."""
    return bool(proving and opposing)


def _pleaded(clause: Clause, part: Part, hits: list[Hit], table: Table) -> bool:
    """Tell whether the seller's own words are all that lifts a ban: whoever is accused says so, too."""
    lifting = clause.effect == "forbid" and part.role == "exemption" and clause.rule.grave
    return lifting and all(table.item(h.evidence_id).voucher == "seller" for h in hits)


def _only_described(clause: Clause, part: Part, hits: list[Hit], table: Table) -> bool:
    """Tell whether what an item is supposed to be stands in its description alone.

    Descriptions name other goods, uses and search phrases; title, category, attributes and images say what is sold.
    Clauses on what a listing says or does, and indicators, are met by a description.
    """
    about_items = clause.type.startswith(("prohibited.", "restricted.")) and part.role == "element"
    signs = clause.signs.get(part.name)
    if not about_items or "." in part.name or signs is None or signs.anywhere:
        return False
    return all(table.item(h.evidence_id).source == "listing.description" for h in hits)


def _silence(clause: Clause, part: Part, table: Table) -> Judgement:
    refused = absence_refused(clause, part, table)
    if not refused and not table.speaks(clause.id, part.name):
        refused = f"the rulebook has no signs for this part in {table.language or 'this language'}"
    if refused:
        return _judgement(clause, part, "unclear", "silent", (), f"Nothing settles it: {refused}.")
    title = says_what(table.evidence)
    why = "Nothing in the evidence speaks for it."
    return _judgement(clause, part, "not_met", "absent", (title,) if title else (), why)


def _judgement(clause: Clause, part: Part, verdict: str, basis: str, quotes: tuple[Quote, ...], why: str) -> Judgement:
    return Judgement.model_validate(
        {
            "clause_id": clause.id,
            "part": part.name,
            "verdict": verdict,
            "basis": basis,
            "quotes": quotes,
            "why": why,
        }
    )


def _why_shown(hits: list[Hit], table: Table) -> str:
    item = table.item(hits[0].evidence_id)
    return f"The {_place(item)} says «{item.text[hits[0].start : hits[0].end]}»."


def _why_contrary(hits: list[Hit], table: Table) -> str:
    item = table.item(hits[0].evidence_id)
    words = item.text[hits[0].start : hits[0].end]
    return f"The {_place(item)} {'denies' if hits[0].negated else 'says'} «{words}»."


def _place(item: Evidence) -> str:
    """How a person names a source: `listing.title` is the title, `image:1/ocr` the text in image 1."""
    kind, _, rest = item.source.partition(":" if ":" in item.source else ".")
    if kind == "image":
        return f"text in image {rest.split('/')[0]}"
    return {"listing": rest, "report": f"report {rest}", "text": f"text {rest}"}.get(kind, item.source)


def _quotes(hits: list[Hit], table: Table) -> tuple[Quote, ...]:
    """The passages around hits, a few; a hit that stands in a passage already quoted adds nothing."""
    quotes: list[Quote] = []
    seen: list[tuple[str, int, int]] = []
    for hit in hits:
        item = table.item(hit.evidence_id)
        if any(item.id == e and hit.start < end and start < hit.end for e, start, end in seen):
            continue
        text = passage(item.text, hit.start, hit.end)
        at = item.text.find(text, max(0, hit.start - _WIDTH))
        seen.append((item.id, at, at + len(text)))
        quotes.append(Quote(evidence_id=item.id, text=text))
    return tuple(quotes[:_QUOTES])


def passage(text: str, start: int, end: int) -> str:
    """The words around a stretch, on its line, as a quote that can be found again verbatim."""
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    room = max(0, _WIDTH - (end - start)) // 2
    first = _word_start(text, max(line_start, start - room), line_start, start)
    last = _word_end(text, min(line_end, end + room), line_end, end)
    return text[first:last].strip()


def _word_start(text: str, at: int, line_start: int, start: int) -> int:
    if at == line_start:
        return at
    space = text.find(" ", at, start)
    return space + 1 if space >= 0 else start


def _word_end(text: str, at: int, line_end: int, end: int) -> int:
    if at == line_end:
        return at
    space = text.rfind(" ", end, at)
    return space if space >= 0 else end
