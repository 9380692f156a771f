"""A clause's examples judged by the rulebook, here and now: its own sentences put to its own text."""

import asyncio
from collections.abc import Sequence
from datetime import date

from agents.rulebook import RulebookAuditor, judge_part
from cases.case import read_seller
from cases.cutting import cut_case
from cases.evidence import Draft, number
from cases.finding import Ballot, Finding, Judge, PartFinding, Verdicts, derive, settling_part
from evaluation.reading_examples import Reading, readings_of
from evaluation.standing import Example, examples_of
from graphs.language import language_of
from policies.clause import Clause
from policies.corpus import Corpus
from policies.table import Table, lay
from tools.listing_facts import ListingFacts
from tools.seller_history import SellerHistory, SellerRows
from tools.tool import Look, Tool, run_tool

KNOWN_SELLER = read_seller({"id": "example", "opened_at": "2020-01-01T00:00:00Z", "country": "SG"})
"""Who offers the examples: known to the platform for years, with no record that proves anything, and no strike."""
_JUDGE = Judge(prompt=RulebookAuditor().name.name, model="")


async def judge_examples(clause: Clause, corpus: Corpus, on: date) -> list[Example]:
    """Judge a clause's examples by the rulebook, with the permits that may lift it.

    Each is the title of a listing and nothing else, by a seller without records, in the clause's own markets. Whether
    a search would bring the clause up is not asked; the work is done in a thread.

    Args:
        clause: whose examples.
        corpus: that holds it.
        on: the day; of a clause that is not in force on it, its first or its last day counts.
    """
    readings = await asyncio.to_thread(readings_of, clause, corpus, on)
    measured = [await _measured(reading, corpus) for reading in readings]
    found = await asyncio.to_thread(_findings, clause, corpus, readings, measured)
    return examples_of(clause, readings, found)


async def _measured(reading: Reading, corpus: Corpus) -> list[Draft]:
    """What the standing tools say of a listing that has only a title."""
    tools: tuple[Tool, ...] = (ListingFacts(), SellerHistory(SellerRows([KNOWN_SELLER])))
    look = Look(reading.case, corpus.local_day(reading.case.opened_at, reading.case.region))
    return [draft for tool in tools for draft in await run_tool(tool, look, {})]


def _findings(
    clause: Clause, corpus: Corpus, readings: Sequence[Reading], measured: Sequence[list[Draft]]
) -> list[Finding]:
    return [_finding(clause, corpus, reading, drafts) for reading, drafts in zip(readings, measured, strict=True)]


def _finding(clause: Clause, corpus: Corpus, reading: Reading, drafts: Sequence[Draft]) -> Finding:
    case = reading.case
    day = corpus.local_day(case.opened_at, case.region)
    language = language_of(reading.text, corpus.languages(case.region))
    table = lay(corpus, case, number([*cut_case(case, day, language), *drafts], 1), language)
    parts = _judged(clause, table)
    permits = [c for c in corpus.in_force(case.region, day) if c.effect == "permit" and clause.id in c.rule.over]
    verdicts = {clause.id: _verdicts(parts)} | {permit.id: _verdicts(_judged(permit, table)) for permit in permits}
    derived = derive([clause.rule, *(permit.rule for permit in permits)], verdicts)
    settling = settling_part(clause.rule, verdicts[clause.id])
    return Finding(
        clause_id=clause.id,
        clause_sha256=clause.sha256,
        type=clause.type,
        parts=parts,
        status=derived.statuses[clause.id],
        settled_by=settling.name if settling else None,
        lifted_by=derived.lifted.get(clause.id),
    )


def _judged(clause: Clause, table: Table) -> tuple[PartFinding, ...]:
    judged = [judge_part(clause, part, table) for part in clause.rule.judged.values()]
    return tuple(
        PartFinding(
            part=j.part, verdict=j.verdict, basis=j.basis, ballots=(Ballot(judge=_JUDGE, round=1, judgement=j),)
        )
        for j in judged
    )


def _verdicts(parts: Sequence[PartFinding]) -> Verdicts:
    return {part.part: part.verdict for part in parts}
