"""`casewright eval retrieval`: how well the clause search finds the governing clause in sellers' own words."""

import asyncio
import hashlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from cases.evidence import Evidence
from casewright.settings import Settings, read_settings
from casewright.wiring import open_search
from evaluation.floors import broken, floors_beside, shipped_floors
from evaluation.intervals import rate
from evaluation.queries import SHIPPED, Query, rank_of, read_queries
from policies.corpus import Corpus, load_corpus

_TOP = 8
Ranks = NDArray[np.int64]
Flags = NDArray[np.bool_]


@click.command("retrieval")
@click.option("--split", default="dev", show_default=True, help="`dev`, `test`, or a file of queries.")
@click.option("--missed", is_flag=True, help="List the queries whose clause is not among the first eight.")
def command(split: str, *, missed: bool) -> None:
    """Search for every query of the retrieval set and print recall@8 and MRR by language.

    Exit status: 0; 1 where the recall is below its floor: ours, or that of floors.toml beside your own queries.
    """
    settings = read_settings()
    corpus = load_corpus(settings.policies)
    ours = split in {"dev", "test"}
    path = SHIPPED / f"{split}.jsonl" if ours else Path(split)
    queries = read_queries(path, corpus)
    floors = shipped_floors(split) if ours else floors_beside(path.parent)
    ranked, seconds = asyncio.run(_search(settings, corpus, queries))
    ranks = np.array([rank_of(query, found) for query, found in zip(queries, ranked, strict=True)])
    fired = np.array([_fires(corpus, query) for query in queries])
    click.echo(f"{split}: {len(queries)} queries over {len({c for q in queries for c in q.clauses})} clauses")
    _print_languages(ranks, fired, np.array([query.language for query in queries]))
    p50, p99 = np.quantile(seconds, [0.5, 0.99]) * 1000
    click.echo(f"a search takes {p50:.1f} ms (p50), {p99:.1f} ms (p99)")
    if missed:
        for query, rank, fires in zip(queries, ranks, fired, strict=True):
            if not 0 < rank <= _TOP:
                shown = " (a sign fires)" if fires else ""
                click.echo(f"{query.id} {query.language} rank {rank} {', '.join(query.clauses)}{shown}: {query.query}")
    fallen = broken(floors, rate(int(_first(ranks).sum()), len(ranks)))
    for told in fallen:
        click.echo(f"floor broken: {told}", err=True)
    sys.exit(1 if fallen else 0)


def _first(ranks: Ranks) -> Flags:
    return (ranks > 0) & (ranks <= _TOP)


def _print_languages(ranks: Ranks, fired: Flags, languages: NDArray[np.str_]) -> None:
    click.echo(f"{'':10} recall@{_TOP} by search{'':25} MRR    candidates (search, or a sign fires)")
    for name in ("all", *sorted(set(languages))):
        chosen = np.ones_like(ranks, bool) if name == "all" else languages == name
        here = ranks[chosen]
        found = _first(here)
        mrr = float(np.mean([1 / rank if rank else 0 for rank in here]))
        either = found | fired[chosen]
        recall, candidates = rate(int(found.sum()), len(here)), rate(int(either.sum()), len(here))
        click.echo(f"{name:10} {recall!s:42} {mrr:.3f}  {candidates}")


async def _search(settings: Settings, corpus: Corpus, queries: Sequence[Query]) -> tuple[list[list[str]], list[float]]:
    ranked, seconds = [], []
    async with open_search(settings, corpus) as search:
        for query in queries:
            held = tuple(clause.id for clause in corpus.in_force(query.region, query.day))
            begun = time.perf_counter()
            hits = await search.search(query.query, held, 50, query.language)
            seconds.append(time.perf_counter() - begun)
            ranked.append([hit.id for hit in hits])
    return ranked, seconds


def _fires(corpus: Corpus, query: Query) -> bool:
    """Whether a sign of a governing clause's element fires in the query, as it would in a title."""
    sha256 = hashlib.sha256(query.query.encode()).hexdigest()
    title = Evidence(id="E1", source="listing.title", voucher="seller", text=query.query, sha256=sha256)
    heard = {query.language, "en", *corpus.languages(query.region)}
    return any(
        hit.side == "for"
        and not hit.negated
        and hit.clause_id in query.clauses
        and corpus.clauses[hit.clause_id].rule.judged[hit.part].role == "element"
        for hit in corpus.signs.fire((title,), heard)
    )
