"""A case to vary, a look at it, and evidence read back as the rest of the house reads it."""

import asyncio
from datetime import date

import pytest

from cases.case import read_case
from cases.evidence import facts_of, number
from tools.tool import Look, run_tool

CASE = {
    "id": "case-1",
    "opened_at": "2026-03-14T09:30:00Z",
    "region": "SG",
    "language": "en",
    "seller_id": "S-9",
    "subject": {"kind": "listing", "id": "L-77", "title": "Steel water bottle 500 ml with lid and strap"},
}


@pytest.fixture
def look():
    """Make a look at a case: `look(subject={...}, **fields of the case)`, with `folder` and `evidence` besides."""

    def make(*, subject=None, folder=None, evidence=(), **fields):
        case = read_case({**CASE, **fields, "subject": {**CASE["subject"], **(subject or {})}})
        return Look(case=case, day=date(2026, 3, 14), folder=folder, evidence=tuple(evidence))

    return make


@pytest.fixture
def ask():
    """Run a tool as the graph does; gives its evidence by source."""

    def run(tool, look, **arguments):
        drafts = asyncio.run(run_tool(tool, look, arguments))
        evidence = {item.source: item for item in number(drafts, 1)}
        assert len(evidence) == len([draft for draft in drafts if draft.text.strip()]), "a source was used twice"
        return evidence

    return run


@pytest.fixture
def facts():
    """All facts of the evidence of a run, as numbers where they are."""

    def read(evidence):
        found = {}
        for item in evidence.values():
            for name, value in facts_of(item).items():
                first = value.split(" ", 1)[0]
                found[name] = float(first) if first.replace(".", "", 1).lstrip("-").isdigit() else value
        return found

    return read
