"""Running cases: killed and run again, replayed from the journal, many at once; exactly one result each."""

import asyncio
import json
import signal
import sqlite3
from collections import Counter

import pytest

from cases.journal import NotInJournal
from graphs.replay import MadeOtherwise

BLADE, SHARP, ANTIQUE = "blades.spring|blade", "blades.spring|sharp", "blades.spring|antique"
DEVICE, MEDICINE = "vapes.liquid|device", "vapes.liquid|medicine"
SAYS = {
    BLADE: ["met", "shown", ["listing.title|Switchblade"]],
    SHARP: ["met", "shown", ["listing.title|sharp"]],
    ANTIQUE: ["not_met", "contrary", ["listing.title|brand new"]],
}
OPEN = {**SAYS, SHARP: ["unclear", "silent", []]}


@pytest.fixture
def knife(make):
    return {key: make.Says(verdict, basis, tuple(quotes)) for key, (verdict, basis, quotes) in SAYS.items()}


def run(office, path, do, emit=None):
    async def go():
        async with office.open(path, emit) as opened:
            return await do(opened)

    return asyncio.run(go())


# Killed


@pytest.fixture
def killed(elsewhere, tmp_path):
    """Do steps in a process that is killed in the middle of a call, and do them again: all calls, all lines."""
    log, out = tmp_path / "calls.log", tmp_path / "out.jsonl"

    def go(after, *steps, again=None, **spec):
        given = {"log": log, "out": out, **spec}
        process = elsewhere.start(*steps, kill_after=after, **given)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        assert len(log.read_text("utf-8").splitlines()) == after
        elsewhere(*(again or steps), **given)
        return log.read_text("utf-8").splitlines(), [json.loads(line) for line in out.read_bytes().splitlines()]

    return go


def repeated(calls):
    return {call: n for call, n in Counter(calls).items() if n > 1}


@pytest.mark.parametrize("after", [1, 5, 9])
def test_a_killed_run_is_run_again_and_every_case_has_one_result(make, killed, after):
    cases = [["audit", make.case(id=f"case-{i}").model_dump(mode="json")] for i in range(3)]
    calls, lines = killed(after, *cases, says=SAYS, tools={"recalls": ["recall.match: 0"]})
    assert sorted(line["case_id"] for line in lines) == ["case-0", "case-1", "case-2"]
    assert {line["status"] for line in lines} == {"decided"}
    # A tool, the investigator and one judge a case; nothing twice but the call in flight.
    assert len(set(calls)) == 9
    assert repeated(calls) == {calls[after - 1]: 2}


def test_a_run_killed_between_a_pause_and_its_answer_goes_on(make, killed, elsewhere):
    case = make.case().model_dump(mode="json")
    tools = {"recalls": ["recall.match: 0"]}
    first = elsewhere(["audit", case], says=OPEN, tools=tools)["said"][0]["lines"][0]
    text = {"source": "message", "by": "seller", "text": "Hello, any news?"}
    answer = {**make.bound(first), "by": "seller", "texts": [text]}
    # Killed in the new round: the answer is stored, its calls in part recorded.
    calls, lines = killed(2, ["answer", "case-0001", answer], again=[["finish"], ["finish"]], says=OPEN, tools=tools)
    assert [line["escalation"]["number"] for line in lines] == [2]
    assert sorted(set(calls)) == ["case-0001 2/investigate/1", "case-0001 2/judge/1", "case-0001 tool/recalls"]
    assert repeated(calls) == {calls[1]: 2}


def test_a_case_that_waits_is_not_audited_again(make, knife, elsewhere):
    office = make.office({**knife, SHARP: make.unclear()})
    (first,) = make.journey(office, make.case(), path=elsewhere.db)
    calls = list(office.auditor.calls)
    (again,) = make.journey(office, make.case(), path=elsewhere.db)
    assert again == first
    assert office.auditor.calls == calls


def test_a_case_that_an_answer_has_concluded_is_given_again_where_its_line_is_lost(make, knife, elsewhere):
    office = make.office({**knife, SHARP: make.unclear()})
    *_, line = make.journey(office, make.case(), make.review(f"{SHARP} met"), path=elsewhere.db)
    calls = list(office.auditor.calls)
    assert run(office, elsewhere.db, lambda opened: opened.audit(make.case())) == line
    assert office.auditor.calls == calls


# Many at once


def test_cases_at_once_keep_apart(make, knife, elsewhere):
    office = make.office(knife, make.ScriptedTool("recalls", [make.fact("recalls", "recall.match: 0")], delay=0.01))
    cases = [make.case(id=f"case-{i}", subject={"id": f"L-{i}"}) for i in range(12)]
    lines = run(office, elsewhere.db, lambda opened: asyncio.gather(*(opened.audit(case) for case in cases)))
    assert [line["case_id"] for line in lines] == [case.id for case in cases]
    assert sorted(line["case_id"] for line in office.lines) == sorted(case.id for case in cases)
    assert not repeated(office.auditor.calls)
    for line, case in zip(lines, cases, strict=True):
        assert f"({case.subject.id})" in line["decision"]["notice"]


def test_runs_that_end_leave_no_checkpoint_and_runs_that_pause_one(make, knife, elsewhere):
    def checkpoints():
        with sqlite3.connect(elsewhere.db) as connection:
            found = connection.execute("SELECT thread_id, count(*) FROM checkpoints GROUP BY thread_id").fetchall()
        connection.close()
        return dict(found)

    office = make.office(knife)
    make.journey(office, make.case(id="ended"), path=elsewhere.db)
    office.auditor.says = {**knife, SHARP: make.unclear()}
    (line,) = make.journey(office, make.case(id="paused"), path=elsewhere.db)
    assert checkpoints() == {"paused": 1}
    answer = make.review(f"{SHARP} met")(line)
    run(office, elsewhere.db, lambda opened: opened.answer("paused", answer))
    assert checkpoints() == {}


# The sink


class Unheard(Exception):
    """The sink did not answer."""


class Sink:
    def __init__(self, *, failing=False):
        self.taken, self.failing = [], failing

    async def conclude(self, decision, evidence):
        self.taken.append((decision, evidence))
        if self.failing:
            raise Unheard


def test_the_decision_goes_to_the_sink_with_its_evidence(make, knife):
    sink = Sink()
    (line,) = make.journey(make.office(knife, sink=sink), make.case())
    ((decision, evidence),) = sink.taken
    assert decision.model_dump(mode="json") == line["decision"]
    assert [item.model_dump(mode="json") for item in evidence] == line["evidence"]


def test_a_sink_that_fails_is_handed_the_same_decision_again(make, knife, elsewhere):
    sink = Sink(failing=True)
    office = make.office(knife, sink=sink)
    for _ in range(2):
        with pytest.raises(Unheard):
            make.journey(office, make.case(), path=elsewhere.db)
    sink.failing = False
    make.journey(office, make.case(), path=elsewhere.db)
    first, second, third = (decision for decision, _ in sink.taken)
    assert first == second == third
    assert office.auditor.calls == ["case-0001 1/investigate/1", "case-0001 1/judge/1"]


# Replay


def deaf(make, office, **settings):
    """The same office, in which whoever is called fails."""

    tools = [make.ScriptedTool(t.name, standing=t.standing, reads_evidence=t.reads_evidence) for t in office.tools]
    for tool in tools:
        tool.run = None
    return make.office({}, *tools, candidates=(), auditor=make.ScriptedAuditor({}, deaf=True), **settings)


def lookup(make):
    return make.ScriptedTool(
        "similar_listings", [make.fact("similar_listings", "listing.duplicates: 4")], standing=False
    )


def asks(*names):
    return {"tools": [{"id": f"c{i}", "name": name, "arguments": {"n": i}} for i, name in enumerate(names)]}


JOURNEYS = {
    "decided": lambda make, knife: (make.office(knife), []),
    "standing tools": lambda make, knife: (
        make.office(
            knife,
            make.ScriptedTool("recalls", [make.fact("recalls", "recall.match: 0")]),
            make.ScriptedTool("late", [make.fact("late", "a.b: 1")], reads_evidence=True),
            make.ScriptedTool("down", OSError("down")),
        ),
        [],
    ),
    "tools asked for": lambda make, knife: (
        make.office(knife, lookup(make), first=(asks("similar_listings", "no_such_tool"),)),
        [],
    ),
    "tools beyond the budget": lambda make, knife: (
        make.office(knife, lookup(make), first=(asks("similar_listings", "similar_listings"),), tool_calls=1),
        [],
    ),
    "faults": lambda make, knife: (make.office(knife, first=({"says": {BLADE: make.met("listing.title|no")}},)), []),
    "contested": lambda make, knife: (
        make.office(knife, judges=({SHARP: make.unclear()}, {SHARP: make.unclear()}, {})),
        [],
    ),
    "narrow": lambda make, knife: (
        make.office(
            {**knife, BLADE: make.not_met("listing.title|brand new")},
            narrow=({BLADE: make.not_met("listing.title|brand new")},),
        ),
        [],
    ),
    "no time left": lambda make, knife: (make.office(knife, seconds=10, slow_s=11), []),
    "review": lambda make, knife: (make.office({**knife, SHARP: make.unclear()}), [make.review(f"{SHARP} met")]),
    "the whole way": lambda make, knife: (
        make.office({**knife, SHARP: make.unclear()}, make.ScriptedTool("recalls", [])),
        [make.request(), make.supplement("It is a letter opener."), make.expiry(), make.review(f"{SHARP} not_met")],
    ),
    "still open": lambda make, knife: (make.office({**knife, SHARP: make.unclear()}), [make.supplement("Hello?")]),
    "clauses added": lambda make, knife: (
        make.office({**knife, "danger.explosive|explosive": make.unclear()}, automation="off"),
        [make.review(add_clauses=["danger.explosive"])],
    ),
}


@pytest.mark.parametrize("name", JOURNEYS)
def test_a_replay_rebuilds_the_same_result_and_calls_nobody(make, knife, elsewhere, name):
    office, answers = JOURNEYS[name](make, knife)
    *_, line = make.journey(office, make.case(), *answers, path=elsewhere.db)
    other = deaf(make, office, automation="off", sampled=1.0, slow_s=9999)  # settings and time are what they were
    before = _held(elsewhere.db)
    again = run(other, elsewhere.db, lambda opened: opened.replay("case-0001"))
    assert again == line
    assert other.auditor.calls == []
    assert other.lines == []
    assert _held(elsewhere.db) == before


def test_a_replay_takes_each_rounds_settings_from_that_round(make, knife, elsewhere):
    office = make.office(knife, automation="off")

    def allowed(line):
        office.settings = office.settings.model_copy(update={"automation": "provisional"})
        return make.expiry()(line)

    *_, line = make.journey(office, make.case(), allowed, path=elsewhere.db)
    assert line["status"] == "decided"
    other = deaf(make, office, automation="off")
    assert run(other, elsewhere.db, lambda opened: opened.replay("case-0001")) == line


def _held(path):
    """What a run's file holds: nothing of it may change by a replay."""
    with sqlite3.connect(path) as connection:
        held = sorted(connection.iterdump())
    connection.close()
    return held


def test_a_replay_needs_the_policies_and_the_auditor_that_the_case_was_made_with(make, knife, elsewhere, tmp_path):
    make.journey(make.office(knife), make.case(), path=elsewhere.db)
    text = make.CLAUSES["blades.spring"].replace("springs out of its", "jumps out of its")
    for other, what in (
        (make.office(knife, of=make.write(tmp_path / "other", blades__spring=text)), "snapshot"),
        (make.office(knife, auditor=renamed(make)), "auditor"),
    ):
        with pytest.raises(MadeOtherwise, match=what) as raised:
            run(other, elsewhere.db, lambda opened: opened.replay("case-0001"))
        assert raised.value.hint


def renamed(make):
    class Other(make.ScriptedAuditor):
        @property
        def name(self):
            return super().name.model_copy(update={"model": "script-2"})

    return Other({})


def test_what_was_never_run_cannot_be_replayed(make, knife, elsewhere):
    with pytest.raises(NotInJournal, match="case-0007"):
        run(make.office(knife), elsewhere.db, lambda opened: opened.replay("case-0007"))
