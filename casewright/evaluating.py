"""Running an auditor over a golden set: every case audited as `audit` would, and scored beside its right answer."""

import asyncio
import hashlib
import re
import time
from functools import partial

from cases.case import Case
from cases.finding import Finding
from cases.problem import Invalid
from casewright.commands.audit import audit_run
from casewright.settings import Settings
from casewright.wiring import AuditorKind, Office, open_office
from evaluation.golden_case import GoldenSet, lint_golden
from evaluation.scoring import Report, Scored, figures, score
from graphs.run import Line
from policies.corpus import Corpus, load_corpus

_AT_ONCE = 8


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
    none = dict.fromkeys(("sellers", "listings", "recalls", "precedents", "image_bank"))
    office_settings = settings.model_copy(update={**none, **asked.records})
    lines: dict[str, tuple[Line, float]] = {}
    async with open_office(office_settings, kind) as office:
        async with audit_run(office, None, lambda _: None) as run:
            limit = asyncio.Semaphore(_AT_ONCE)

            async def one(case: Case) -> None:
                async with limit:
                    begun = time.perf_counter()
                    lines[case.id] = (await run.audit(case, asked.folder), time.perf_counter() - begun)

            async with asyncio.TaskGroup() as group:
                for row in asked:
                    group.create_task(one(row.case))
        scored = tuple(_scored(asked, office, lines))
        name = office.auditor.name
    return Report(
        split=split,
        auditor=name.name,
        model=name.model,
        snapshot=corpus.snapshot,
        cases_sha256=hashlib.sha256((asked.folder / "cases.jsonl").read_bytes()).hexdigest(),
        figures=figures(scored),
        by_kind={
            kind: figures([s for s in scored if kind in s.kinds])
            for kind in sorted({k for s in scored for k in s.kinds})
        },
        cases=scored,
    )


def _scored(asked: GoldenSet, office: Office, lines: dict[str, tuple[Line, float]]) -> list[Scored]:
    found = []
    for row in asked:
        line, seconds = lines[row.case.id]
        texts = {item["id"]: item["text"] for item in line["evidence"]}
        named = row.expected.clauses[:1]
        type_ = office.corpus.clauses[named[0]].type if named else ""
        one = score(row, line, partial(_verified, texts=texts, corpus=office.corpus), type_)
        found.append(one.model_copy(update={"seconds": seconds}))
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
