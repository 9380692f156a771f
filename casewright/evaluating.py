"""Running an auditor over a golden set: every case audited as `audit` would, and scored beside its right answer."""

import asyncio
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cases.case import Case
from cases.decision import Usage
from cases.evidence import Evidence
from cases.finding import Finding
from cases.problem import Invalid
from casewright.commands.audit import audit_run
from casewright.settings import Settings
from casewright.wiring import AuditorKind, Office, open_office
from evaluation.baselines import Baseline, LexicalOnly, baseline, unverified
from evaluation.golden_case import SHIPPED, Expectable, GoldenSet, lint_golden, read_golden
from evaluation.scoring import Report, Scored, figures, score
from graphs.language import language_of
from graphs.passes import Line
from policies.corpus import Corpus, load_corpus

NO_RECORDS = dict.fromkeys(("sellers", "listings", "recalls", "precedents", "image_bank"))
"""Settings without the user's files of records."""
_AT_ONCE = 8


def golden_folder(split: str) -> Path:
    """Where a split's cases lie: ours, by its name, or the user's own folder."""
    return SHIPPED / split if split in {"dev", "test"} else Path(split)


async def evaluate(asked: GoldenSet, split: str, settings: Settings, kind: AuditorKind) -> Report:
    """Audit every case of a golden set, without effects, and score the results.

    Args:
        asked: the cases, with the folder of their records and images.
        split: what the report calls the set.
        settings: the user's; their files of records give way to the set's own.
        kind: which auditor judges.

    Raises:
        Invalid: where the set cannot be right, or a file of records is not valid.
        BadSetting: where a setting of the model is missing or wrong.
    """
    corpus = load_corpus(settings.policies)
    problems = lint_golden(asked, corpus)
    if problems:
        raise Invalid("the golden set", tuple(problems))
    # Records are the set's own; the user's would answer for other sellers.
    office_settings = settings.model_copy(update={**NO_RECORDS, **asked.records})
    async with open_office(office_settings, kind) as office:
        results = await audited(office, (row.case for row in asked), asked.folder)
        scored = tuple(_scored(asked, office, results))
        name = office.auditor.name
    return Report(
        split=split,
        auditor=name.name,
        model=name.model,
        snapshot=corpus.snapshot,
        labelled=asked.labelled,
        cases_sha256=asked.cases_sha256,
        evidence_sha256=asked.evidence_sha256,
        figures=figures(scored),
        baselines=_baselines(asked, corpus, results),
        by_kind={
            kind: figures([s for s in scored if kind in s.kinds])
            for kind in sorted({k for s in scored for k in s.kinds})
        },
        cases=scored,
    )


@dataclass(frozen=True)
class Audited:
    """One case's result, what it has cost, and how long it took."""

    line: Line
    usage: Usage
    seconds: float


async def audited(office: Office, cases: Iterable[Case], folder: Path | None) -> dict[str, Audited]:
    """Audit cases, some at a time and without effects.

    Args:
        office: what serves them.
        cases: their ids are unique.
        folder: of their images; none where they have none.

    Returns:
        By the case's id.
    """
    done: dict[str, Audited] = {}
    limit = asyncio.Semaphore(_AT_ONCE)
    async with audit_run(office, None, lambda _: None) as run:

        async def one(case: Case) -> None:
            async with limit:
                begun = time.perf_counter()
                line = await run.audit(case, folder)
                seconds = time.perf_counter() - begun
            decided = line["status"] == "decided"
            usage = Usage.model_validate(line["decision"]["usage"]) if decided else await run.spent(case.id)
            done[case.id] = Audited(line, usage, seconds)

        async with asyncio.TaskGroup() as group:
            for case in cases:
                group.create_task(one(case))
    return done


def _baselines(asked: GoldenSet, corpus: Corpus, results: Mapping[str, Audited]) -> tuple[Baseline, ...]:
    """Simpler deciders: one who always asks, the word search, the rulebook with nobody to check it."""
    lexical, tuned_on = LexicalOnly.of(corpus), read_golden(SHIPPED / "dev")
    return (
        baseline("always asks", [(row.expected.outcome, "person") for row in asked]),
        baseline("word search alone", lexical.answers(asked, lexical.least(tuned_on)), tuned_on="dev"),
        baseline(
            "rulebook without verification",
            [(row.expected.outcome, _unverified(row.case, results[row.case.id].line, corpus)) for row in asked],
        ),
    )


def _unverified(case: Case, line: Line, corpus: Corpus) -> Expectable:
    prose = f"{case.subject.title}\n{case.subject.description}"
    language = case.language or language_of(prose, corpus.languages(case.region))
    evidence = tuple(Evidence.model_validate(item) for item in line["evidence"])
    return unverified(case, evidence, line["clauses"], language, corpus)


def _scored(asked: GoldenSet, office: Office, results: Mapping[str, Audited]) -> list[Scored]:
    found = []
    for row in asked:
        done = results[row.case.id]
        texts = {item["id"]: item["text"] for item in done.line["evidence"]}
        named = row.expected.clauses[:1]
        type_ = office.corpus.clauses[named[0]].type if named else row.expected.type
        one = score(row, done.line, partial(_verified, texts=texts, corpus=office.corpus), type_, done.usage)
        found.append(one.model_copy(update={"seconds": done.seconds}))
    return found


def _verified(finding: Finding, texts: dict[str, str], corpus: Corpus) -> tuple[int, int]:
    """Quotes of a finding that stand where they say, white space folded, and how many there are.

    It looks for itself: what verified the quotes in the audit would only confirm itself.
    """
    every = good = 0
    for part in finding.parts:
        for ballot in part.ballots:
            for quote in (*ballot.judgement.quotes, *ballot.for_, *ballot.against):
                clause = corpus.clauses.get(quote.clause_id or finding.clause_id)
                source = texts.get(quote.evidence_id, "") if quote.evidence_id else clause.text if clause else ""
                every += 1
                good += _folded(quote.text) in _folded(source)
    return good, every


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
