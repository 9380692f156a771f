"""Whether evidence could show a part at all: its proof, its fact, its measure, the weights of its group."""

from collections.abc import Iterator

from cases.rule import Part
from policies.clause import Clause
from policies.corpus import pointer_of_part
from policies.lint.flaw import Flaw
from policies.lint.written import Written
from policies.units import is_unit
from policies.vocabularies import FactInfo

_NEVER_PROVES = {"reporter", "model"}
_LIMITS = {"truth": (0.0, 1.0), "0 to 1": (0.0, 1.0)}
"""What the facts of a unit can be; all others are 0 or more."""


def check_parts(clause: Clause, written: Written) -> Iterator[Flaw]:
    """Parts that nothing could show, or that would hold with nothing shown."""
    for part in clause.rule.parts:
        if part.of:
            yield from _group(clause, part, written)
    for name, part in clause.rule.judged.items():
        pointer = pointer_of_part(name, part)
        yield from _proof(clause, part, pointer, written)
        yield from _fact(clause, part, pointer, written)
        if part.measure and not is_unit(part.measure.unit):
            detail = f"{part.measure.unit!r} is no unit that is known: only numbers with these very letters count"
            hint = "write it as in mg/ml, %, cm, W"
            yield written.flaw("unknown_unit", clause, f"{pointer}/measure/unit", detail, hint)


def _group(clause: Clause, group: Part, written: Written) -> Iterator[Flaw]:
    needed = group.at_least or 0
    most = sum(max(0, member.weight) for member in group.of)
    least = sum(min(0, member.weight) for member in group.of)
    pointer = f"/{group.role}s/{group.name}/at_least"
    if most < needed:
        detail = f"its members weigh {most} together, and {needed} are needed: it is never met"
        yield written.flaw("no_possible_proof", clause, pointer, detail, "lower `at_least`, or raise a weight")
    if least >= needed:
        detail = f"it is met at {needed}, with nothing shown"
        yield written.flaw("always_met", clause, pointer, detail, "raise `at_least`")


def _proof(clause: Clause, part: Part, pointer: str, written: Written) -> Iterator[Flaw]:
    if part.proof is None:
        return
    at, named = f"{pointer}/proof", set(part.proof)
    if part.record or part.fact:
        kind = "record" if part.record else "fact"
        yield written.flaw("idle_proof", clause, at, f"the {kind} decides, whatever `proof` says", "take `proof` out")
    elif not named:
        hint = "name whose evidence can show it, or take `proof` out"
        yield written.flaw("idle_proof", clause, at, "an empty list names nobody, and counts as none given", hint)
    elif named <= _NEVER_PROVES:
        detail = "a report is a reason to look, and what a model sees one to ask; neither proves anything by itself"
        yield written.flaw("no_possible_proof", clause, at, detail, "name somebody who can show it")
    elif named <= {*_NEVER_PROVES, "tool"}:
        hint = "write a `fact` that a tool measures, or name somebody else beside it"
        yield written.flaw("no_possible_proof", clause, at, "tools speak by facts, and this part has none", hint)


def _fact(clause: Clause, part: Part, pointer: str, written: Written) -> Iterator[Flaw]:
    if not part.fact:
        return
    info, at = written.corpus.facts[part.fact.name], f"{pointer}/fact"
    if written.tools and info.tool not in written.tools:
        detail = f"{part.fact.name} is measured by {info.tool or 'no tool'}, which is not there"
        yield written.flaw("tool_absent", clause, at, detail, "name a tool that there is in facts.yaml")
    holding = {part.fact.holds(value) for value in _possible(info, part.fact.value)}
    if len(holding) == 1:
        always = "always" if holding == {True} else "never"
        detail = f"{part.fact.name} ({info.unit or 'a number'}) is {always} {part.fact.op} {part.fact.value:g}"
        yield written.flaw("fact_bound", clause, at, detail, "compare it with a value that it can have")
    elif _is_lower_bound(info) and not _bounded_below(part, info):
        detail = f"{part.fact.name} is a lower bound, and written only when above zero"
        yield written.flaw("fact_bound", clause, at, detail, "compare it with >= or >")


def _possible(info: FactInfo, bound: float) -> list[float]:
    """Values that a fact can have, enough of them to tell whether a comparison with `bound` is settled beforehand."""
    if info.unit == "truth":
        return [0.0, 1.0]
    least, most = _LIMITS.get(info.unit, (0.0, float("inf")))
    near = (least, bound / 2, bound, bound + 0.001, min(most, bound + 1))
    return [value for value in near if least <= value <= most]


def _is_lower_bound(info: FactInfo) -> bool:
    return bool((info.model_extra or {}).get("at_least"))


def _bounded_below(part: Part, info: FactInfo) -> bool:
    if part.fact is None or part.fact.op in {">", ">="}:
        return True
    return info.unit == "truth" and part.fact.holds(1) and not part.fact.holds(0)
