"""A model that takes no calls: a pass breaks off, no person gets the case, and the next pays for nothing twice."""

import asyncio
from collections import Counter

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from agents.gate import ModelPaused
from cases.journal import CaseJournal, MemoryJournal
from graphs.passes import PLAIN, begin, go_on

BLADE, SHARP, ANTIQUE = "blades.spring|blade", "blades.spring|sharp", "blades.spring|antique"


class Pausing:
    """An auditor whose model takes no calls of the kinds in `paused`."""

    def __init__(self, auditor):
        self._auditor, self.paused = auditor, set()

    def __getattr__(self, name):
        return getattr(self._auditor, name)

    async def investigate(self, dossier, step):
        self._meet("investigate")
        return await self._auditor.investigate(dossier, step)

    async def judge(self, dossier, ordinal):
        self._meet("judge")
        return await self._auditor.judge(dossier, ordinal)

    def _meet(self, kind):
        if kind in self.paused:
            raise ModelPaused("m", "it was told so", 5)


@pytest.fixture
def office(make):
    says = {
        BLADE: make.met("listing.title|Switchblade"),
        SHARP: make.unclear(),
        ANTIQUE: make.not_met("listing.title|brand new"),
    }
    made = make.office(says, make.ScriptedTool("recalls", [make.fact("recalls", "recall.match: 0")]))
    made.auditor = Pausing(made.auditor)
    return made


async def desk_of(office, case, journal):
    return await office.desk(case, await CaseJournal.open(journal, case.id), None)


@pytest.mark.parametrize("paused", ["investigate", "judge"])
def test_a_case_that_met_a_pause_begins_again_and_pays_nothing_twice(make, office, paused):
    async def go():
        case, journal = make.case(), MemoryJournal()
        office.auditor.says[SHARP] = make.met("listing.title|sharp")
        office.auditor.paused = {paused}
        for _ in range(3):
            with pytest.raises(ModelPaused):
                await begin(case, await desk_of(office, case, journal))
        office.auditor.paused = set()
        passed = await begin(case, await desk_of(office, case, journal))
        assert passed.line["status"] == "decided"
        assert passed.line["decision"]["outcome"] == "violation"
        assert max(Counter(office.auditor.calls).values()) == 1
        assert [len(tool.calls) for tool in office.tools] == [1]

    asyncio.run(go())


def test_an_answer_that_met_a_pause_goes_on_from_where_the_case_was_kept(make, office):
    async def go():
        case, journal, kept = make.case(), MemoryJournal(), InMemorySaver(serde=PLAIN)
        passed = await begin(case, await desk_of(office, case, journal))
        await passed.keep(kept, "kept")
        answer = make.supplement("It cuts paper, and hands.")(passed.line).model_dump(mode="json")
        office.auditor.paused = {"judge"}
        for _ in range(2):
            with pytest.raises(ModelPaused):
                await go_on(kept, "kept", passed.interrupt_id, answer, await desk_of(office, case, journal))
        office.auditor.paused = set()
        later = await go_on(kept, "kept", passed.interrupt_id, answer, await desk_of(office, case, journal))
        assert later.line["escalation"]["number"] == 2
        assert "case-0001 2/judge/1" in office.auditor.calls
        assert max(Counter(office.auditor.calls).values()) == 1

    asyncio.run(go())
