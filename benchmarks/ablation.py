"""Which ability of the rulebook carries how many argued cases: it judges without one of them at a time.

    python benchmarks/ablation.py [--split dev|test]

An ability is taken away by replacing the function that has it; the product has no switch for any of them. What it
prints of `test` was not looked at before an ability was written.
"""

import argparse
import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import agents.rulebook
import graphs.assess
import graphs.candidates
import policies.corpus
import policies.settled
import policies.signs
import policies.tongue
from cases.evidence import Evidence
from casewright.evaluating import evaluate, golden_folder
from casewright.settings import read_settings
from evaluation.ablation import ablate, table
from evaluation.golden_case import read_golden
from evaluation.printed import report_lines
from evaluation.scoring import Report
from policies.signs import SignIndex
from policies.table import Table
from policies.tongue import Tongue


def says(answer: object) -> Callable[..., Any]:
    """Give a function that always says the same."""
    return lambda *_, **__: answer


def without_source(named: str) -> Callable[..., Any]:
    """Give a search for signs that leaves out the texts of one kind of source."""
    whole = SignIndex._hits  # noqa: SLF001 - it is taken apart here on purpose

    def hits(index: SignIndex, item: Evidence, *heard: Any) -> Iterator[Any]:  # noqa: ANN401 - handed on as it comes
        return iter(()) if named in item.source else whole(index, item, *heard)

    return hits


def only_english() -> Callable[..., Any]:
    """Give a hearing that knows English and what counts in any language."""
    whole = SignIndex._tongue  # noqa: SLF001 - as above
    return lambda index, language: whole(index, language) if language in {"en", "*"} else Tongue(())


def one_sided() -> Callable[..., Any]:
    """Give a taking in of signs that leaves out those against."""
    whole = SignIndex._take  # noqa: SLF001 - as above
    return lambda index, *named: None if named[2] == "against" else whole(index, *named)


ABILITIES: dict[str, list[tuple[object, str, Callable[[], Any]]]] = {
    "signs against": [(SignIndex, "_take", one_sided)],
    "languages other than English": [(SignIndex, "_tongue", only_english)],
    "patterns": [(Tongue, "_regexes", lambda: says(()))],
    "tests of attributes": [(SignIndex, "_attributes", lambda: says(()))],
    "text in images": [(SignIndex, "_hits", lambda: without_source("/ocr"))],
    "negation": [(policies.signs, "negated", lambda: says(answer=False))],
    "for, fits, compatible with": [(policies.signs, "compatible", lambda: says(answer=False))],
    "kinds of other goods": [(policies.corpus, "_kind_words", lambda: says({}))],
    "words in disguise": [(policies.tongue, "disguised", lambda: says(()))],
    "title over description": [(agents.rulebook, "_only_described", lambda: says(answer=False))],
    "contradictions": [(agents.rulebook, "_contradicted", lambda: says(answer=False))],
    "measures and units": [(policies.settled, "_amounts", lambda: says(([], False)))],
    "doses by the day": [(policies.settled, "states_a_day", lambda: says(answer=True))],
    "amounts stated of several portions": [(policies.settled, "portions_held", lambda: says(1))],
    "facts of tools (prices, duplicates, history)": [(policies.settled, "_leading", lambda: says(None))],
    "records against claims": [(policies.settled, "_named", lambda: says(answer=False))],
    "no seller's word where the stake is high": [(agents.rulebook, "_pleaded", lambda: says(answer=False))],
    "a suspicion wants more than silence": [(graphs.assess, "_suspected", lambda: says(frozenset()))],
    "what stands out is suspected": [(graphs.candidates, "standing_out", lambda: says(()))],
    "what a title names is suspected": [(Table, "named", lambda: property(says(frozenset())))],
}


@contextmanager
def without(ability: str) -> Iterator[None]:
    """Take an ability away for a while."""
    with ExitStack() as stack:
        for owner, name, stand_in in ABILITIES[ability]:
            stack.enter_context(patch.object(owner, name, stand_in()))
        yield


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", default="dev", choices=["dev", "test"])
    split = parser.parse_args().split
    asked = read_golden(golden_folder(split))

    def run() -> Report:
        return asyncio.run(evaluate(asked, split, read_settings(), "rulebook"))

    whole = run()
    reports = {}
    for ability in ABILITIES:
        with without(ability):
            reports[ability] = run()
    print("\n".join(list(report_lines(whole))[:8]))
    print("\n".join(table(ablate(whole, reports))))


if __name__ == "__main__":
    main()
