"""Which clauses are judged on a case: found by the search, raised, signed for, or added by a person."""

from collections.abc import Iterable, Sequence

from cases.problem import Record
from graphs.view import View
from policies.clause import Clause
from policies.search import Hit as Near
from policies.settled import settle
from policies.signs import Hit

_AHEAD, _FAR_AHEAD = 1.2, 1.4
"""How much nearer than the next one a clause must be to stand out: by the title, or by all that the listing says.
Chosen on `dev`: of 87 listings that violate something 65 have such a clause, and of 540 ordinary ones a third."""


class Found(Record):
    """What the search says of a case.

    Attributes:
        best: the best clauses, best first.
        of_types: the best clause that forbids something, of every raised type.
        standing_out: a clause that is much nearer than every other one, or none.
    """

    best: tuple[str, ...]
    of_types: tuple[str, ...]
    standing_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, recorded: object) -> "Found":
        """Read what was recorded; earlier releases recorded a list of the first two."""
        if isinstance(recorded, list):
            recorded = {"best": recorded[0], "of_types": recorded[1]}
        return cls.model_validate(recorded)


async def look_up(view: View) -> Found:
    """Search among the clauses in force: by all that is said of the listing, by raised type, and by the title alone."""
    in_force = view.desk.corpus.in_force(view.case.region, view.table.day)
    forbids = tuple(clause.id for clause in in_force if clause.effect == "forbid")
    query, title = _query(view), view.case.subject.title
    language, search, limit = view.state["language"], view.desk.search, view.desk.settings.candidates
    best = await search.search(query, tuple(clause.id for clause in in_force), limit, language)
    of_types = []
    for raised in view.case.raised_types:
        # A permit alone says nothing: what it lifts has to be judged.
        of_type = tuple(clause.id for clause in in_force if clause.type == raised and clause.effect == "forbid")
        found = await search.search(query, of_type, 1, language) if of_type else []
        of_types += [hit.id for hit in found] or list(of_type[:1])
    whole = [hit for hit in best if hit.id in forbids]
    titled = await search.search(title, forbids, 2, language)
    ranked = tuple(hit.id for hit in best)
    return Found(best=ranked, of_types=tuple(of_types), standing_out=standing_out(titled, whole))


def standing_out(titled: Sequence[Near], whole: Sequence[Near]) -> tuple[str, ...]:
    """The clause that a listing is clearly nearest to, or none.

    Args:
        titled: what the title is near to, best first.
        whole: what all that is said is near to, best first.
    """
    if _ahead(whole) >= _FAR_AHEAD or (_ahead(titled) >= _AHEAD and whole and titled[0].id == whole[0].id):
        return (whole[0].id,)
    return ()


def _ahead(hits: Sequence[Near]) -> float:
    """How much nearer the first is than the second; without a second there is nothing to compare."""
    return hits[0].score / hits[1].score if len(hits) > 1 else 0.0


def candidates(view: View, found: Found) -> list[str]:
    """The clauses to be judged, in order, with the permits over them.

    Found, of a raised type, standing out, signed for, added by a person, or judged in an earlier round.
    """
    in_force = {c.id: c for c in view.desk.corpus.in_force(view.case.region, view.table.day)}
    state = view.state
    signed = sorted({*_signed_for(view), *(clause.id for clause in in_force.values() if _fact_holds(clause, view))})
    nearest = [*found.best, *found.of_types, *found.standing_out]
    chosen = [*nearest, *signed, *state.get("added", []), *state.get("candidates", [])]
    permits = [c.id for c in in_force.values() if c.effect == "permit" and set(c.rule.over) & set(chosen)]
    return [cid for cid in dict.fromkeys([*chosen, *permits]) if cid in in_force]


def _signed_for(view: View) -> Iterable[str]:
    """Clauses for an element of which a sign fires."""
    clauses = view.desk.corpus.clauses

    def is_element(hit: Hit) -> bool:
        return hit.side == "for" and clauses[hit.clause_id].rule.judged[hit.part].role == "element"

    return (hit.clause_id for hit in view.table.hits if not hit.negated and is_element(hit))


def _fact_holds(clause: Clause, view: View) -> bool:
    """A measured fact is a sign like any other: a clause whose element it meets is to be judged."""
    facts = [part for part in clause.rule.elements if part.fact]  # one of a group's many indicators says too little
    return any(j.verdict == "met" for part in facts if (j := settle(clause, part, view.table)))


def _query(view: View) -> str:
    """What the search is asked: what the listing says of itself, what its images read, what reports say."""
    spoken = ("listing.title", "listing.description", "listing.attributes", "report:", "image:", "listing.brand")
    texts = [item.text for item in view.current if item.source.startswith(spoken) and item.voucher != "tool"]
    return "\n".join(texts)[:8000]
