"""Examples that the rulebook judges alone come out as `casewright policy try` has them, which audits them."""

import asyncio
from datetime import date

import pytest

from casewright.rehearsal import open_rehearsal, try_readings
from casewright.settings import read_settings
from evaluation.example_trial import judge_examples
from evaluation.reading_examples import readings_of
from evaluation.standing import examples_of

DAY = date(2026, 3, 1)
CLAUSES = ("tobacco.e-cigarettes", "tobacco.nicotine-strength", "alcohol.beverages", "alcohol.licensed-sellers")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Examples by clause: as the rulebook alone judges them, and as an audit with everything else does."""

    async def body():
        settings = read_settings({"CASEWRIGHT_HOME": str(tmp_path_factory.mktemp("home"))})
        found = {}
        async with open_rehearsal(settings, settings.policies, "rulebook") as office:
            for name in CLAUSES:
                clause = office.corpus.clauses[name]
                readings = readings_of(clause, office.corpus, DAY)
                came = [comes.findings.get(name) for comes in await try_readings(office, readings)]
                found[name] = await judge_examples(clause, office.corpus, DAY), examples_of(clause, readings, came)
        return found

    return asyncio.run(body())


@pytest.mark.parametrize("name", CLAUSES)
def test_examples_come_out_as_an_audit_has_them(both, name):
    alone, audited = (standings(examples) for examples in both[name])
    looked_at = {key for key, standing in audited.items() if standing.came != "unseen"}  # only a search passes one over
    assert alone.keys() == audited.keys()
    assert len(looked_at) > len(audited) / 2
    assert {key: told(alone[key]) for key in looked_at} == {key: told(audited[key]) for key in looked_at}


def standings(examples):
    """How each reading of each example came out."""
    return {(e.text, one.reading.markets): one for e in examples for one in e.standings}


def told(standing):
    """What a reader is told of it."""
    return standing.place, standing.came, standing.named, [(part.part, part.verdict) for part in standing.parts]
