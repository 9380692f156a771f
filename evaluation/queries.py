"""The retrieval set: what sellers write, and the clause that governs it. Read, checked and scored."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import orjson
from pydantic import Field, StringConstraints, ValidationError

from cases.case import Id, Language, Region
from cases.problem import Invalid, Problem, Record, problems_of
from policies.corpus import Corpus

SHIPPED = Path(__file__).parent / "retrieval"
"""Our own sets: `dev.jsonl` and `test.jsonl`."""


class Query(Record):
    """One listing in a seller's words.

    Attributes:
        clauses: those that govern it in its region on its day; any of them found is found.
        traits: how it is written (`slang`, `leet`, `spaced`, ...).
    """

    id: Id
    query: Annotated[str, StringConstraints(min_length=3)]
    language: Language
    region: Region
    day: date
    clauses: tuple[str, ...] = Field(min_length=1)
    traits: tuple[str, ...] = ()
    why: str = ""


def read_queries(path: Path, corpus: Corpus) -> tuple[Query, ...]:
    """Read queries, one a line.

    Raises:
        Invalid: with every problem: what is no query, and clauses that are unknown or not in force there.
    """
    queries, problems = [], []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        at = f"{path.name}:{number}"
        try:
            query = Query.model_validate(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            problems.append(Problem(code="not_json", pointer=at, detail=str(error)))
            continue
        except ValidationError as error:
            problems += [p.model_copy(update={"pointer": at + p.pointer}) for p in problems_of(error)]
            continue
        held = {clause.id for clause in corpus.in_force(query.region, query.day)}
        for clause_id in query.clauses:
            if clause_id not in held:
                detail = f"{clause_id} is not in force in {query.region} on {query.day}"
                problems.append(Problem(code="not_in_force", pointer=at, detail=detail))
        queries.append(query)
    if problems:
        raise Invalid(str(path), tuple(problems))
    return tuple(queries)


def rank_of(query: Query, found: Sequence[str]) -> int:
    """Rank of the best governing clause, from 1; 0 where none was found."""
    ranks = [number for number, clause_id in enumerate(found, 1) if clause_id in query.clauses]
    return min(ranks, default=0)
