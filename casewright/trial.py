"""Trying a clause on its own examples with the rulebook: what the clause lets pass must not come out fulfilled."""

from collections.abc import Iterator

from agents.rulebook import judge_part
from cases.cutting import cut_case
from cases.evidence import number
from cases.finding import Judgement, Verdict, part_verdict
from evaluation.reading_examples import case_of_title
from policies.clause import Clause
from policies.lint.examples import meant
from policies.lint.flaw import Flaw
from policies.lint.written import Written
from policies.signs import SignIndex
from policies.table import Table


def check_trial(clause: Clause, written: Written) -> Iterator[Flaw]:
    """Examples that lie on the other side of the line and would be found on this one, in any market of the clause.

    An example becomes the title of a listing by a seller without records, of whom nobody knows more. Silence of an
    exemption counts as its absence: what is allowed only by a record is no example for a title.
    """
    side = "allowed" if meant(clause) == "violating" else "violating"
    signs = SignIndex([clause])
    for i, text in enumerate(getattr(clause.examples, side)):
        for table in _tables(text, clause, signs, written):
            shown = _fulfilled(clause, table)
            if shown:
                where = f"in {table.case.region}, read as {table.language}"
                detail = f"«{text}» is {side}, and the rulebook finds the clause fulfilled ({where}): {' '.join(shown)}"
                hint = "add the words that tell it apart to the signs against, or make the signs for it narrower"
                yield written.flaw("wrongly_fulfilled", clause, f"/examples/{side}/{i}", detail, hint)
                break


def _tables(text: str, clause: Clause, signs: SignIndex, written: Written) -> Iterator[Table]:
    """Lay the example on the table once for each set of languages that a market speaks, and each way to read it.

    English is a way to read it everywhere; it decides how numbers are read.
    """
    day = written.day_of(clause)
    for region, languages in written.spoken(clause):
        case = case_of_title("example", text, day, region)
        for language in dict.fromkeys((*languages[:1], "en")):
            evidence = number(cut_case(case, day, language), 1)
            yield Table(
                case=case,
                evidence=evidence,
                hits=signs.fire(evidence, {"en", *languages}),
                language=language,
                day=day,
                covers=written.corpus.covers,
                speaks=lambda clause_id, part, spoken=language: signs.speaks(clause_id, part, spoken),  # type: ignore[misc] # mypy cannot infer a lambda with a default
            )


def _fulfilled(clause: Clause, table: Table) -> list[str]:
    """Why each element is met, where all are and no exemption speaks against it; else nothing."""
    judged: dict[str, Judgement] = {}
    for part in clause.rule.parts:
        for member in part.of or (part,):
            judged[member.name] = judge_part(clause, member, table)
        verdicts: dict[str, Verdict] = {name: judgement.verdict for name, judgement in judged.items()}
        if part.role == "exemption":
            verdicts |= {name: "not_met" for name, judgement in judged.items() if judgement.basis == "silent"}
        if part_verdict(part, verdicts) != ("met" if part.role == "element" else "not_met"):
            return []
    return [f"{name}: {judgement.why}" for name, judgement in judged.items() if judgement.verdict == "met"]
