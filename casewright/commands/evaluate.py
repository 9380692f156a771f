"""`casewright eval`: how well an auditor decides on argued cases, and how well the search finds the clause."""

import asyncio
import hashlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from cases.evidence import Evidence
from casewright.evaluating import evaluate
from casewright.settings import Settings, read_settings
from casewright.wiring import AuditorKind, open_search
from evaluation.golden_case import read_golden
from evaluation.intervals import mcnemar, rate
from evaluation.queries import Query, rank_of, read_queries
from evaluation.scoring import Figures, Report, changed
from policies.corpus import Corpus, load_corpus

_TOP = 8


@click.group()
def command() -> None:
    """Measure an auditor on argued cases, or the clause search on sellers' words."""


@command.command("golden")
@click.option("--split", default="dev", show_default=True, help="`dev`, `test`, or a folder with cases.jsonl.")
@click.option("--auditor", type=click.Choice(["rulebook", "llm"]), default="rulebook", show_default=True)
@click.option("--json", "as_json", type=click.Path(path_type=Path, dir_okay=False), help="Write the report here.")
@click.option(
    "--against", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="An earlier report: what changed?"
)
def golden(split: str, auditor: AuditorKind, as_json: Path | None, against: Path | None) -> None:
    """Audit argued cases and score the results.

    `dev` is there to build against; run `test` only to report, and never tune on what it says. Nothing is enforced.

    Exit status: 0; 1 where a quote does not stand where it is said to stand.
    """
    settings = read_settings()
    asked = read_golden(_folder("golden", split))
    report = asyncio.run(evaluate(asked, split, settings, auditor))
    _print(report)
    if against:
        _print_changes(Report.model_validate_json(against.read_bytes()), report)
    if as_json:
        as_json.write_text(report.model_dump_json(indent=1), encoding="utf-8")
    sys.exit(0 if report.figures.quotes.hits == report.figures.quotes.n else 1)


@command.command("retrieval")
@click.option("--split", default="dev", show_default=True, help="`dev`, `test`, or a file of queries.")
@click.option("--missed", is_flag=True, help="List the queries whose clause is not among the first eight.")
def retrieval(split: str, *, missed: bool) -> None:
    """Search for every query of the retrieval set and print recall@8 and MRR by language."""
    settings = read_settings()
    corpus = load_corpus(settings.policies)
    path = _folder("retrieval", split)
    queries = read_queries(path if path.is_file() else path.with_suffix(".jsonl"), corpus)
    ranked, seconds = asyncio.run(_search(settings, corpus, queries))
    ranks = np.array([rank_of(query, found) for query, found in zip(queries, ranked, strict=True)])
    fired = np.array([_fires(corpus, query) for query in queries])
    languages = np.array([query.language for query in queries])
    click.echo(f"{split}: {len(queries)} queries over {len({c for q in queries for c in q.clauses})} clauses")
    click.echo(f"{'':10} recall@{_TOP} by search{'':25} MRR    candidates (search, or a sign fires)")
    for name in ("all", *sorted(set(languages))):
        chosen = np.ones_like(ranks, bool) if name == "all" else languages == name
        here = ranks[chosen]
        found = (here > 0) & (here <= _TOP)
        mrr = float(np.mean([1 / rank if rank else 0 for rank in here]))
        either = found | fired[chosen]
        recall, candidates = rate(int(found.sum()), len(here)), rate(int(either.sum()), len(here))
        click.echo(f"{name:10} {recall!s:42} {mrr:.3f}  {candidates}")
    p50, p99 = np.quantile(seconds, [0.5, 0.99]) * 1000
    click.echo(f"a search takes {p50:.1f} ms (p50), {p99:.1f} ms (p99)")
    if missed:
        for query, rank, fires in zip(queries, ranks, fired, strict=True):
            if not 0 < rank <= _TOP:
                shown = " (a sign fires)" if fires else ""
                click.echo(f"{query.id} {query.language} rank {rank} {', '.join(query.clauses)}{shown}: {query.query}")


def _folder(kind: str, split: str) -> Path:
    """A split that is shipped, or the user's own path."""
    import evaluation  # noqa: PLC0415 - only its place is wanted

    return Path(evaluation.__file__ or "").parent / kind / split if split in {"dev", "test"} else Path(split)


def _print(report: Report) -> None:
    f: Figures = report.figures
    judged_by = report.auditor + (f" ({report.model})" if report.model else "")
    click.echo(f"{report.split}: {f.cases} argued cases, judged by {judged_by}; 95 % intervals (Wilson)")
    rows: Sequence[tuple[str, Any]] = (
        ("outcome as argued (a person where one is due)", f.outcome),
        ("decided alone", f.alone),
        ("… of these right", f.alone_right),
        ("… of these cleared unsafely", f.unsafe),
        ("… of these convicted wrongly", f.wrongly_convicted),
        ("a person where one was due", f.asked_when_due),
        ("… with the right question", f.right_question),
        ("a person was due where one was asked", f.due_when_asked),
        ("parts judged as argued", f.parts),
        ("violated clauses: precision", f.clause_precision),
        ("violated clauses: recall", f.clause_recall),
        ("violated clauses: F1", f"{f.clause_f1:.3f}"),
        ("quotes found word for word", f.quotes),
    )
    for name, value in rows:
        click.echo(f"  {name:46} {value}")
    click.echo(
        f"  a case: {f.model_calls:.1f} model calls, {f.tool_calls:.1f} tool calls, {f.tokens:.0f} tokens,"
        f" cost {f.cost:.4f}, {f.seconds:.2f} s"
    )
    baseline = rate(sum(one.expected == "person" for one in report.cases), f.cases)
    click.echo(f"  beside it: an auditor that always asks is right in {baseline}, decides nothing, clears nothing")
    for title, chosen in (
        ("cleared unsafely", [s for s in report.cases if s.unsafe]),
        ("convicted wrongly", [s for s in report.cases if s.got == "violation" and not s.right]),
    ):
        for one in chosen:
            click.echo(f"  {title}: {one.case_id} ({one.region}, expected {one.expected}): {one.title}")


def _print_changes(before: Report, after: Report) -> None:
    pairs = changed(before, after)
    won = sum(new.right and not old.right for old, new in pairs)
    lost = sum(old.right and not new.right for old, new in pairs)
    told = f"{len(pairs)} outcomes changed: {won} for the better, {lost} for the worse"
    click.echo(f"{told} (McNemar's exact test: p = {mcnemar(won, lost):.3f})")
    for old, new in pairs:
        click.echo(f"  {new.case_id}: {old.got} → {new.got} (argued: {new.expected})")


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
