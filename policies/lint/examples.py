"""Whether a clause's examples and signs work: both sides are there, it is found by its own, it speaks its markets."""

from collections.abc import Iterator

from cases.evidence import Draft, number
from policies.clause import Clause
from policies.corpus import pointer_of_part
from policies.lint.flaw import Flaw
from policies.lint.written import Written, flaw_in
from policies.signs import SignIndex

LANGUAGES = ("en", "id", "ms", "th", "vi", "pt", "es", "de", "zh", "ja")
"""Languages in which signs are asked for, where a market of the clause speaks them."""
CANDIDATES = 8
"""Rank down to which a clause is found by search."""


def check_examples(clause: Clause, written: Written) -> Iterator[Flaw]:
    """Sides without an example, parts without signs in a language, examples that do not find their clause."""
    for side, texts in (("violating", clause.examples.violating), ("allowed", clause.examples.allowed)):
        if not texts:
            detail = f"there is no example of what is {side}"
            hint = "write one as a seller would"
            yield written.flaw("no_example", clause, f"/examples/{side}", detail, hint)
    yield from _missing_signs(clause, written)
    yield from _not_retrieved(clause, written)


def meant(clause: Clause) -> str:
    """The side of the examples that the clause describes: what a clause forbids, or what a permit allows."""
    return "violating" if clause.effect == "forbid" else "allowed"


def _missing_signs(clause: Clause, written: Written) -> Iterator[Flaw]:
    """Languages without signs for a part that words show; what an ancestor lacks in its own markets is told there."""
    spoken = _languages(clause, written)
    for name, part in clause.rule.judged.items():
        if part.fact or part.record or part.appraisal:
            continue  # settled by a tool, by the platform's records, by a person
        owner = written.signs_owner(clause, name)
        told = () if owner == clause.id else _languages(written.corpus.clauses[owner], written)
        have = clause.signs[name].for_.words if name in clause.signs else {}
        missing = [language for language in spoken if language not in have and language not in told]
        if not missing:
            continue
        detail = f"no signs for it in {', '.join(missing)}: there its silence means nothing, and a person is asked"
        hint = "write what sellers of these languages write"
        signs = written.survey.signs[owner]
        if name in signs.data:
            yield flaw_in(signs, "missing_signs", owner, f"/{name}/for", detail, hint)
        else:
            yield written.flaw("missing_signs", clause, pointer_of_part(name, part), detail, hint)


def _languages(clause: Clause, written: Written) -> tuple[str, ...]:
    heard = {language for _, languages in written.spoken(clause) for language in languages}
    return tuple(language for language in LANGUAGES if language in heard)


def _not_retrieved(clause: Clause, written: Written) -> Iterator[Flaw]:
    side = meant(clause)
    own = SignIndex([clause])
    for i, text in enumerate(getattr(clause.examples, side)):
        if not written.markets(clause) or _heard(text, clause, own, written):
            continue
        ranks = [written.rank(text, clause, region) for region, _ in written.spoken(clause)]
        best = min((rank for rank in ranks if rank), default=None)
        if best is None or best > CANDIDATES:
            place = f"on place {best}" if best else "nowhere"
            detail = f"«{text}» does not find the clause: no sign of an element fires, and search has it {place}"
            hint = "add its words to the signs, or to the prose"
            yield written.flaw("not_retrieved", clause, f"/examples/{side}/{i}", detail, hint)


def _heard(text: str, clause: Clause, own: SignIndex, written: Written) -> bool:
    """Tell whether a sign for an element fires in a title, in a market of the clause, and is not denied there."""
    title = number([Draft(source="listing.title", voucher="seller", text=text)], 1)
    judged = clause.rule.judged
    return any(
        hit.side == "for" and not hit.negated and judged[hit.part].role == "element"
        for _, languages in written.spoken(clause)
        for hit in own.fire(title, {"en", *languages})
    )
