"""What a run carries: plain, small, versioned; and a pause of an earlier version that resumes."""

import asyncio
import json

import pytest

from graphs.state import VERSION, AuditState, fresh_round, key_of, merged, split_key, upgraded

BLADE, SHARP, ANTIQUE = "blades.spring|blade", "blades.spring|sharp", "blades.spring|antique"
SAYS = {
    BLADE: ["met", "shown", ["listing.title|Switchblade"]],
    SHARP: ["unclear", "silent", []],
    ANTIQUE: ["not_met", "contrary", ["listing.title|brand new"]],
}
ADDED = ("governs", "requested", "added", "waiting_until", "overrides", "senior", "judged_blind")
"""What version 1 did not know."""
LATER = ("confirmed", "looked", "past")
"""What came since; keys are only ever added."""


def test_names_of_verdicts_are_taken_apart_again():
    for key in (("blades.spring", "blade"), ("replicas.signs", "signs.wording")):
        assert split_key(key_of(*key)) == key


def test_a_round_begins_with_nothing_of_the_last():
    begun = fresh_round(3)
    assert begun["round"] == 3
    spent = AuditState(turns=[{}], steps=4, failures=["unverified"], repaired=True, reopened=True, judged_blind=5)
    after = merged(spent, **begun)
    assert (after["turns"], after["steps"], after["failures"]) == ([], 0, [])
    assert not after["repaired"]
    assert not after["reopened"]
    assert after["judged_blind"] == 0
    assert fresh_round(1)["turns"] is not fresh_round(1)["turns"]


def test_an_older_state_gets_what_it_lacks_and_keeps_what_it_has():
    old = AuditState(version=1, round=2, verdicts={"a|b": {}}, number=1)
    new = upgraded(old)
    assert new["version"] == VERSION
    assert all(name in new for name in (*ADDED, *LATER))
    assert (new["round"], new["verdicts"], new["number"]) == (2, {"a|b": {}}, 1)
    newer = merged(new, governs="swords.sport", requested=True, judged_blind=3, past=["E3"])
    assert upgraded(newer) == newer
    assert "governs" not in old


@pytest.fixture
def paused(make, elsewhere):
    """Cases that wait in the run's file, as version 1 would have written them."""
    says = {key: make.Says(verdict, basis, tuple(quotes)) for key, (verdict, basis, quotes) in SAYS.items()}
    names = ("review", "supplement", "request", "expiry")

    async def go():
        async with make.office(says).open(elsewhere.db) as run:
            lines = [await run.audit(make.case(id=name)) for name in names]
            for name in names:
                await older(run.paused, name)
            return dict(zip(names, lines, strict=True))

    return asyncio.run(go())


async def older(saver, case_id):
    """Take from a checkpoint what version 1 did not have."""
    config = {"configurable": {"thread_id": case_id, "checkpoint_ns": ""}}
    held = await saver.aget_tuple(config)
    values = held.checkpoint["channel_values"]
    assert values["version"] == VERSION
    kept = {name: value for name, value in values.items() if name not in {*ADDED, *LATER}}
    assert len(values) - len(kept) >= 3
    versions = {name: v for name, v in held.checkpoint["channel_versions"].items() if name in kept}
    old = {**held.checkpoint, "channel_values": {**kept, "version": 1}, "channel_versions": versions}
    await saver.aput(config, old, held.metadata, versions)
    again = await saver.aget_tuple(config)
    assert again.checkpoint["id"] == held.checkpoint["id"]
    assert "judged_blind" not in again.checkpoint["channel_values"]


def test_a_run_that_paused_under_the_version_before_takes_every_answer(make, paused, elsewhere):
    judged = {"clause_id": "blades.spring", "part": "sharp", "verdict": "met", "basis": "person"}
    text = {"source": "message", "by": "seller", "text": "Hello, any news?"}
    given = {
        "review": {"reviewer": "R. Viewer", "judgements": [judged]},
        "supplement": {"by": "seller", "texts": [text]},
        "request": {"question": "Is it sharp?", "until": "2026-03-20"},
        "expiry": {"expired": True},
    }
    steps = [["answer", name, {**make.bound(paused[name]), **answer}] for name, answer in given.items()]
    came = elsewhere(*steps, says=SAYS)
    after = {name: step["lines"][0] for name, step in zip(given, came["said"], strict=True)}
    assert after["review"]["decision"]["outcome"] == "violation"
    assert after["request"]["escalation"]["waiting_for"] == "seller"
    for name in ("supplement", "expiry"):
        assert (after[name]["escalation"]["round"], after[name]["escalation"]["number"]) == (2, 2)


def test_what_is_checkpointed_is_plain_and_small(make, paused, elsewhere):
    async def held():
        async with make.office().open(elsewhere.db) as run:
            return await run.paused.aget_tuple({"configurable": {"thread_id": "review", "checkpoint_ns": ""}})

    values = asyncio.run(held()).checkpoint["channel_values"]
    written = json.dumps(values)  # raises where something is not plain
    assert len(written) < 20_000
    assert paused["review"]["case_id"] == "review"
