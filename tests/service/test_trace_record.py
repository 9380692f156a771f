"""What is read out of a record: tools by name, submissions that came back, answers asked for again, what was held."""

import orjson

from service.trace import trace_of


def said(*calls, **usage):
    """A model's answer as the journal keeps it."""
    return {
        "model": "model-a",
        "answered_by": "model-a-2026",
        "finish_reason": "tool_calls",
        "attempts": 1,
        "usage": {"tokens_in": 1000, "tokens_out": 50, "tokens_cached": 400, "cost": "0.0025", **usage},
        "tool_calls": [{"id": "c", "name": name, "arguments": "{}"} for name in calls],
    }


SUBMITTED = "submit_findings"
PIN = {
    "auditor": {"name": "llm", "model": "model-a", "prompts": "abc"},
    "snapshot": "def",
    "at": "2026-03-14T10:00:00Z",
}
INVESTIGATED = [
    ("1/pin", PIN),
    ("1/investigate/1", said("seller_history")),
    ("1/tool/1", [{"source": "tool:seller_history/account", "text": "x"}, {"unavailable": True}]),
    ("1/investigate/2", said()),
    ("1/investigate/2/repair", said(SUBMITTED)),
    ("1/investigate/3", said(SUBMITTED)),
]
"""It asks for a tool; its next answer cannot be read; its submission comes back once."""


async def record(pool, case_id, entries):
    rows = [(case_id, slot, str(i), orjson.dumps(answer)) for i, (slot, answer) in enumerate(entries)]
    await pool.executemany("INSERT INTO journal (case_id, slot, request, answer) VALUES ($1, $2, $3, $4)", rows)


def traced(with_pool, *entries):
    async def body(pool):
        await record(pool, "one", entries)
        return await trace_of(pool, "one")

    return with_pool(body)


def test_a_tool_that_was_asked_for_has_its_name_from_who_asked(with_pool):
    trace = traced(with_pool, *INVESTIGATED)
    (tool,) = [call for call in trace.calls if call.kind == "tool"]
    assert (tool.step, tool.name, tool.items, tool.unavailable) == ("tool", "seller_history", 2, True)


def test_a_submission_that_came_back_is_told_from_tools_and_from_what_could_not_be_read(with_pool):
    trace = traced(with_pool, *INVESTIGATED)
    assert (trace.sent_back, trace.mended) == ({1: 1}, {1: 1})


def test_a_submission_that_stood_did_not_come_back(with_pool):
    asked = ("1/investigate/1", said("recalls"))
    trace = traced(with_pool, asked, ("1/tool/1", []), ("1/investigate/2", said(SUBMITTED)))
    assert (trace.sent_back, trace.mended) == ({}, {})


def test_looking_again_after_ballots_is_no_submission_that_came_back(with_pool):
    judged = ("1/judge/1", said(SUBMITTED))
    trace = traced(with_pool, ("1/investigate/1", said(SUBMITTED)), judged, ("1/investigate/2", said(SUBMITTED)))
    assert trace.sent_back == {}


def test_costs_and_times_are_summed_and_rounds_kept_apart(with_pool):
    trace = traced(with_pool, *INVESTIGATED, ("2/pin", PIN), ("2/judge/1", said(SUBMITTED, cost="0.5")))
    assert str(trace.cost) == "0.5100"
    assert set(trace.took_s) == set(trace.pins) == {1, 2}
    assert trace.calls[0].after_s is None
    assert next(call for call in trace.calls if call.slot == "2/pin").after_s is None
    assert trace.pins[1]["prompts"] == "abc"


def test_what_kept_an_outcome_from_taking_effect_alone_is_told(with_pool):
    trace = traced(
        with_pool, ("1/held", ["cap_reached"]), ("2/held", []), ("1/late/judge/2", {"seconds": 900.0}), ("odd", 1)
    )
    assert trace.held == {1: ["cap_reached"]}
    assert trace.late == {1: ["judge/2"]}
    assert trace.calls[-1].round == 0
