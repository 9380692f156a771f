"""The LLM auditor over HTTP, against the scripted model."""

import asyncio
import logging
import re
import time
from collections import Counter

import orjson
import pytest

from agents.blocks import read_evidence
from agents.messages import read_dossier
from agents.model import ModelSettings
from cases.decision import Usage
from cases.journal import NotInJournal
from cases.problem import Problem


def answering(desk, **more):
    return {"do": "answer", "judgements": desk.ALL_MET, **more}


def user_text(request):
    content = next(m["content"] for m in request["messages"] if m["role"] == "user")
    return content if isinstance(content, str) else "\n".join(p.get("text", "") for p in content)


def verdicts(judgements):
    return {j.key: j.verdict for j in judgements}


def test_it_says_who_judges(desk):
    async def go():
        async with desk.asking(languages=("en", "th")) as (auditor, _):
            assert not auditor.deterministic
            assert auditor.languages == ("en", "th")
            assert auditor.name.model == "scripted"
            assert re.fullmatch(r"[0-9a-f]{12}", auditor.name.prompts)

    desk.run(go())


def test_findings_come_back_with_usage_and_cost(desk):
    async def go():
        async with desk.asking(answering(desk), script={"cached_share": 0.5}) as (auditor, server):
            turn = await auditor.investigate(desk.dossier(), 1)
            assert verdicts(turn.judgements)[desk.VAPES, "device"] == "met"
            assert len(turn.judgements) == 5
            assert (turn.failure, turn.model, turn.usage.model_calls) == ("", "scripted", 1)
            assert turn.usage.tokens_in > turn.usage.tokens_cached > 100
            in_, cached, out = turn.usage.tokens_in, turn.usage.tokens_cached, turn.usage.tokens_out
            micros = (in_ - cached) * 1.0 + cached * 0.1 + out * 4.0
            assert float(turn.usage.cost) == pytest.approx(micros / 1e6)
            (request,) = server.requests
            assert request["tool_choice"] == "required"
            assert [t["function"]["name"] for t in request["tools"]] == ["submit_findings"]
            assert "stream" not in request

    desk.run(go())


def test_tools_are_called_and_their_results_read(desk):
    look_up = {"name": "similar_listings", "arguments": {"words": "pod"}}
    call = {"do": "call_tool", "match": {"turn": 0}, "calls": [look_up]}

    async def go():
        async with desk.asking(call, answering(desk)) as (auditor, server):
            asked = desk.dossier(tools=(desk.LOOK_UP,))
            first = await auditor.investigate(asked, 1)
            assert [(c.name, c.arguments) for c in first.tool_calls] == [("similar_listings", {"words": "pod"})]
            assert first.judgements == ()
            found = desk.item(6, "tool:similar_listings/1", "listing: L-78")
            turns = tuple(orjson.loads(orjson.dumps(first.turns)))
            later = desk.dossier(evidence=(*desk.evidence(), found), tools=(desk.LOOK_UP,), turns=turns)
            second = await auditor.investigate(later, 2)
            assert len(second.judgements) == 5
            before, after = server.requests
            assert after["messages"][: len(before["messages"])] == before["messages"]
            assert [m["role"] for m in after["messages"]] == ["system", "user", "assistant", "tool"]
            assert after["messages"][3]["tool_call_id"] == after["messages"][2]["tool_calls"][0]["id"]
            assert "L-78" in after["messages"][3]["content"]
            assert before["tools"] == after["tools"]

    desk.run(go())


def test_faults_of_verification_go_back_once(desk):
    async def go():
        async with desk.asking(answering(desk)) as (auditor, server):
            first = await auditor.investigate(desk.dossier(), 1)
            fault = Problem(code="not_verbatim", pointer="/judgements/0/quotes/0", detail="not there", hint="quote it")
            await auditor.investigate(desk.dossier(turns=first.turns, faults=(fault,)), 2)
            last = server.requests[-1]["messages"]
            assert [m["role"] for m in last] == ["system", "user", "assistant", "tool", "user"]
            assert "- /judgements/0/quotes/0: not_verbatim: not there (quote it)" in last[-1]["content"]

    desk.run(go())


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({"do": "nonsense"}, "malformed"),
        ({"do": "nonsense", "form": "prose"}, "malformed"),
        ({"do": "truncate"}, "truncated"),
        ({"do": "refuse"}, "refused"),
        ({"do": "refuse", "form": "filter"}, "refused"),
        ({"do": "empty"}, "empty"),
        ({"do": "error", "status": 400, "code": "content_filter", "text": "filtered"}, "refused"),
        ({"do": "call_tool", "calls": [{"name": "delete_listing"}]}, "malformed"),
    ],
)
def test_an_unusable_answer_is_mended_once_and_the_fault_is_named(desk, bad, named):
    async def go():
        async with desk.asking({**bad, "times": 1}, answering(desk)) as (auditor, server):
            ledger = desk.Ledger()
            turn = await auditor.investigate(desk.dossier(once=(await ledger.open()).once), 1)
            assert len(turn.judgements) == 5
            assert turn.usage.model_calls == 2
            assert await ledger.slots() == ["1/investigate/1", "1/investigate/1/repair"]
            first, second = server.requests
            assert second["messages"][: len(first["messages"])] == first["messages"]
            assert f"It is {named}:" in second["messages"][-1]["content"]
            assert [m["role"] for m in second["messages"][-2:]] == ["assistant", "user"]
            # What is kept of the turn goes on from the mended answer.
            again = await auditor.investigate(desk.dossier(turns=turn.turns, asked=desk.ASKED), 2)
            assert again.failure == ""
            assert server.requests[2]["messages"][: len(second["messages"])] == second["messages"]

    desk.run(go())


@pytest.mark.parametrize(
    ("bad", "failure"),
    [
        ({"do": "nonsense"}, "unverified"),
        ({"do": "truncate"}, "unverified"),
        ({"do": "refuse"}, "model_unavailable"),
        ({"do": "empty"}, "model_unavailable"),
    ],
)
def test_twice_unusable_goes_to_a_person_and_is_not_paid_again(desk, bad, failure):
    async def go():
        async with desk.asking(bad) as (auditor, server):
            ledger = desk.Ledger()
            for _ in range(2):
                turn = await auditor.investigate(desk.dossier(once=(await ledger.open()).once), 1)
                assert (turn.failure, turn.judgements, turn.turns) == (failure, (), ())
                assert turn.usage.model_calls == 2
                ballots = await auditor.judge(desk.dossier(once=(await ledger.open()).once, asked=desk.ASKED), 1)
                assert (ballots.failure, ballots.ballots) == (failure, ())
            assert server.stats["calls"] == 4

    desk.run(go())


def test_429_waits_as_long_as_the_server_says(desk):
    async def go():
        busy = {"do": "error", "status": 429, "retry_after": 0.4, "times": 1}
        async with desk.asking(busy, answering(desk)) as (auditor, server):
            began = time.monotonic()
            turn = await auditor.investigate(desk.dossier(), 1)
            assert turn.failure == ""
            assert time.monotonic() - began >= 0.4
            assert server.stats["calls"] == 2
            assert turn.usage.model_calls == 1

    desk.run(go())


def test_a_pause_longer_than_the_budget_is_not_waited_for(desk):
    async def go():
        async with desk.asking({"do": "error", "status": 429, "retry_after": 3600}) as (auditor, server):
            began = time.monotonic()
            turn = await auditor.investigate(desk.dossier(), 1)
            assert turn.failure == "model_unavailable"
            assert time.monotonic() - began < 2
            assert server.stats["calls"] == 1

    desk.run(go())


def test_500s_lead_to_the_fallback_model(desk):
    async def go():
        down = {"do": "error", "status": 503, "match": {"model": "scripted"}}
        async with desk.asking(down, answering(desk), fallback_model="spare", attempts=3) as (auditor, server):
            ledger = desk.Ledger()
            ballots = await auditor.judge(desk.dossier(once=(await ledger.open()).once, asked=desk.ASKED), 1)
            assert {b.judge.model for b in ballots.ballots} == {"spare"}
            assert Counter(r["model"] for r in server.requests) == {"scripted": 3, "spare": 1}
            await auditor.judge(desk.dossier(once=(await ledger.open()).once, asked=desk.ASKED), 1)
            assert len(server.requests) == 4

    desk.run(go())


def test_what_never_answers_is_given_up_and_tried_anew_on_re_entry(desk):
    async def go():
        async with desk.asking({"do": "hang", "times": 2}, answering(desk), timeout_s=0.2, attempts=2) as (
            auditor,
            server,
        ):
            ledger = desk.Ledger()
            began = time.monotonic()
            turn = await auditor.investigate(desk.dossier(once=(await ledger.open()).once), 1)
            assert (turn.failure, turn.usage) == ("model_unavailable", Usage())
            assert time.monotonic() - began < 2
            assert await ledger.slots() == []
            again = await auditor.investigate(desk.dossier(once=(await ledger.open()).once), 1)
            assert again.failure == ""
            assert server.stats["calls"] == 3

    desk.run(go())


def test_seconds_bound_all_attempts_together(desk):
    async def go():
        async with desk.asking({"do": "hang"}, timeout_s=0.6, seconds=0.8, attempts=10) as (auditor, server):
            began = time.monotonic()
            assert (await auditor.investigate(desk.dossier(), 1)).failure == "model_unavailable"
            assert 0.8 <= time.monotonic() - began < 1.15
            assert server.stats["calls"] == 2

    desk.run(go())


@pytest.mark.parametrize(("status", "code"), [(400, None), (404, "model_not_found"), (429, "insufficient_quota")])
def test_what_no_pause_mends_is_not_tried_again(desk, caplog, status, code):
    async def go():
        bad = {"do": "error", "status": status, "code": code, "text": "there is no such thing"}
        async with desk.asking(bad) as (auditor, server):
            assert (await auditor.investigate(desk.dossier(), 1)).failure == "model_unavailable"
            assert server.stats["calls"] == 1

    with caplog.at_level(logging.WARNING):
        desk.run(go())
    assert f"status {status}: there is no such thing" in caplog.text
    assert "check base_url" in caplog.text


def test_a_wrong_key_is_said_without_saying_the_key_and_asks_no_other_model(desk, caplog):
    async def go():
        ledger = desk.Ledger()
        other = {"api_key": "another"}
        async with desk.asking(answering(desk), script=other, fallback_model="spare") as (auditor, server):
            turn = await auditor.investigate(desk.dossier(once=(await ledger.open()).once), 1)
            assert turn.failure == "model_unavailable"
            assert server.stats["calls"] == 0
        async with desk.asking(answering(desk), script={"api_key": desk.KEY}) as (auditor, _):
            turn = await auditor.investigate(desk.dossier(once=(await ledger.open()).once), 1)
            assert turn.failure == ""
            assert desk.KEY not in repr(turn) + repr(vars(auditor))
        assert desk.KEY.encode() not in await ledger.whole()

    with caplog.at_level(logging.DEBUG):
        desk.run(go())
    assert "Incorrect API key provided: ***" in caplog.text
    assert desk.KEY not in caplog.text


def test_a_server_that_is_no_model_is_named(desk, caplog):
    async def go():
        async with desk.asking({"do": "nonsense", "form": "body"}, attempts=2) as (auditor, server):
            assert (await auditor.investigate(desk.dossier(), 1)).failure == "model_unavailable"
            assert server.stats["calls"] == 2

    desk.run(go())
    assert "no chat completion: <html>" in caplog.text


def test_nobody_listening_is_a_fault_like_others(desk):
    async def go():
        async with desk.asking(attempts=2) as (auditor, server):
            await server.stop()
            assert (await auditor.investigate(desk.dossier(), 1)).failure == "model_unavailable"

    desk.run(go())


def test_a_spent_budget_makes_no_call(desk):
    async def go():
        async with desk.asking(answering(desk)) as (auditor, server):
            for spent in (Usage(model_calls=8), Usage(tokens_in=400_000), Usage(cost="2")):
                assert (await auditor.investigate(desk.dossier(spent=spent), 9)).failure == "budget_exhausted"
                judged = await auditor.judge(desk.dossier(spent=spent, asked=desk.ASKED), 1)
                assert judged.failure == "budget_exhausted"
            assert server.stats["calls"] == 0
            assert (await auditor.investigate(desk.dossier(spent=Usage(model_calls=8), tier="strong"), 9)).failure == ""

    desk.run(go())


def test_the_repair_is_inside_the_budget(desk):
    async def go():
        async with desk.asking({"do": "nonsense"}, max_calls=1) as (auditor, server):
            assert (await auditor.investigate(desk.dossier(), 1)).failure == "budget_exhausted"
            assert server.stats["calls"] == 1

    desk.run(go())


def test_a_journaled_run_calls_nobody_and_says_the_same(desk):
    async def go():
        async with desk.asking(answering(desk)) as (auditor, server):
            ledger = desk.Ledger()

            async def everything(*, replaying):
                once = (await ledger.open(replaying=replaying)).once
                return (
                    await auditor.investigate(desk.dossier(once=once), 1),
                    await asyncio.gather(
                        *(auditor.judge(desk.dossier(once=once, asked=desk.ASKED), n) for n in (1, 2)),
                        auditor.judge_narrowly(desk.dossier(once=once, asked=desk.ASKED), 1),
                    ),
                )

            first = await everything(replaying=False)
            assert await ledger.slots() == ["1/investigate/1", "1/judge/1", "1/judge/2", "1/narrow/1"]
            await server.stop()
            assert await everything(replaying=True) == first
            once = (await ledger.open(replaying=True)).once
            with pytest.raises(NotInJournal):
                await auditor.investigate(desk.dossier(once=once, round=2), 1)

    desk.run(go())


def test_blind_judges_differ_in_prompt_order_and_model_and_see_no_verdict(desk):
    async def go():
        async with desk.asking(answering(desk), judge_models=("scripted", "other")) as (auditor, server):
            turn = await auditor.investigate(desk.dossier(), 1)
            fault = Problem(code="x", pointer="", detail="y")
            blind = desk.dossier(asked=desk.ASKED, turns=turn.turns, faults=(fault,))
            ballots = [await auditor.judge(blind, n) for n in (1, 2, 3)]
            assert [b.ballots[0].judge.prompt for b in ballots] == ["judge-1", "judge-2", "judge-3"]
            assert [b.ballots[0].judge.model for b in ballots] == ["scripted", "other", "scripted"]
            sent = server.requests[1:]
            assert len({r["messages"][0]["content"] for r in sent}) == 3
            orders = [tuple(e.id for e in read_evidence(user_text(r))) for r in sent]
            assert len(set(orders)) == 3
            assert all(sorted(order) == ["E1", "E2", "E3", "E4", "E5"] for order in orders)
            for request in sent:
                assert [m["role"] for m in request["messages"]] == ["system", "user"]
                assert read_dossier(request["messages"]).asked == desk.ASKED
                assert desk.REPLICAS not in user_text(request)

    desk.run(go())


def test_a_ballot_has_both_sides_and_is_of_an_asked_part(desk):
    async def go():
        async with desk.asking(answering(desk)) as (auditor, server):
            found = await auditor.judge(desk.dossier(asked=desk.ASKED), 1)
            assert [b.judgement.key for b in found.ballots] == list(desk.ASKED)
            assert all(b.for_ and b.against and b.round == 1 for b in found.ballots)
            assert server.stats == {
                "calls": 1, "answered": 1, "repeated": 0, "lost": 0, "in_flight": 0, "by_kind": {"judge": 1}
            }  # fmt: skip

    desk.run(go())


def test_a_judge_that_leaves_a_part_out_is_asked_again_and_what_it_said_counts(desk):
    async def go():
        partly = {"do": "answer", "judgements": {desk.VAPES: {"device": "met"}}}
        async with desk.asking(partly) as (auditor, server):
            found = await auditor.judge(desk.dossier(asked=desk.ASKED), 1)
            assert [b.judgement.part for b in found.ballots] == ["device"]
            assert found.failure == ""
            assert f"no judgement of {desk.VAPES} / offered" in server.requests[1]["messages"][-1]["content"]

    desk.run(go())


def test_a_judge_looks_nothing_up(desk):
    async def go():
        call = {"do": "call_tool", "times": 1, "calls": [{"name": "similar_listings", "arguments": {"words": "pod"}}]}
        async with desk.asking(call, answering(desk)) as (auditor, server):
            found = await auditor.judge(desk.dossier(asked=desk.ASKED, tools=(desk.LOOK_UP,)), 1)
            assert len(found.ballots) == 2
            assert [t["function"]["name"] for t in server.requests[0]["tools"]] == ["submit_findings"]
            assert "look nothing up" in server.requests[1]["messages"][-1]["content"]

    desk.run(go())


def test_the_narrow_judge_has_its_own_prompt(desk):
    async def go():
        async with desk.asking(answering(desk)) as (auditor, server):
            found = await auditor.judge_narrowly(desk.dossier(asked=desk.ASKED, evidence=desk.evidence()[2:4]), 1)
            assert {b.judge.prompt for b in found.ballots} == {"narrow"}
            assert "judge narrowly" in server.requests[0]["messages"][0]["content"]
            assert server.stats["by_kind"] == {"narrow": 1}

    desk.run(go())


def test_images_are_shown_to_models_that_see_and_only_these(desk):
    sighting = {"image": "1", "box": "1,2,3,4", "sees": "a pod"}

    async def go():
        for vision in (True, False):
            async with desk.asking(answering(desk, sightings=[sighting]), vision=vision) as (auditor, server):
                turn = await auditor.investigate(desk.dossier(images={1: ("image/png", b"pixels")}), 1)
                assert [(s.image, s.box) for s in turn.sightings] == ([(1, (1, 2, 3, 4))] if vision else [])
                assert ("data:image/png;base64," in orjson.dumps(server.requests[0]).decode()) is vision

    desk.run(go())


def test_the_strong_model_judges_where_the_stake_is_high(desk):
    async def go():
        async with desk.asking(answering(desk), strong_model="big", options={"temperature": 0}) as (auditor, server):
            for tier in ("standard", "strong"):
                await auditor.investigate(desk.dossier(tier=tier), 1)
            assert [r["model"] for r in server.requests] == ["scripted", "big"]
            assert [r["temperature"] for r in server.requests] == [0, 0]

    desk.run(go())


def test_no_more_calls_are_in_flight_than_allowed(desk):
    async def go():
        async with desk.asking(answering(desk), script={"latency_s": 0.05}, concurrency=2) as (auditor, server):
            asking = [asyncio.create_task(auditor.judge(desk.dossier(asked=desk.ASKED), n)) for n in range(1, 7)]
            most = 0
            while not all(task.done() for task in asking):
                most = max(most, server.stats["in_flight"])
                await asyncio.sleep(0.005)
            assert most == 2
            assert all(task.result().failure == "" for task in asking)

    desk.run(go())


def test_a_closed_auditor_opens_again_in_another_loop(desk):
    async def go(auditor, base):
        turn = await auditor.investigate(base, 1)
        await auditor.aclose()
        return turn.failure

    async def whole():
        async with desk.asking(answering(desk)) as (auditor, _):
            first = await go(auditor, desk.dossier())
            second = await asyncio.to_thread(lambda: asyncio.run(go(auditor, desk.dossier())))
            assert (first, second) == ("", "")

    desk.run(whole())


def test_settings_are_all_it_takes(desk):
    from agents.llm import LlmAuditor  # noqa: PLC0415 - the one door that the other tests do not use

    async def go():
        async with desk.asking(answering(desk)) as (_, server):
            auditor = LlmAuditor.open(ModelSettings(base_url=server.base_url, model="scripted"))
            assert (await auditor.investigate(desk.dossier(), 1)).failure == ""
            await auditor.aclose()

    desk.run(go())
