"""The scripted model: what the script says it does, and what its players say."""

import asyncio
import json

import aiohttp
import openai
import orjson
import pytest
import yaml

from agents.messages import Prompts, opening, read_dossier, write_out
from agents.players import Given, Noisy, Obeying, Oracle, Truth, findings, rulebook
from agents.script import Script, ScriptedModel, players_of, serve
from agents.submission import Submission, read_answer
from cases.evidence import find_quote
from cases.problem import Invalid
from policies.clause import Signs
from policies.corpus import Corpus


def seen(desk, task="judge", ordinal=1, **changes):
    dossier = desk.dossier(**changes)
    entries = [opening(dossier, task, ordinal, dossier.evidence, ())]
    return read_dossier(write_out(entries, dossier, Prompts.read()))


def truth(desk, **clauses):
    return Oracle(Truth.model_validate({"cases": {"case-0001": clauses or {desk.VAPES: {"device": "met"}}}}))


def submitted(desk, shown, given, **changes):
    arguments = orjson.dumps(findings(shown, given)).decode()
    call = {"id": "c", "name": "submit_findings", "arguments": arguments}
    answer = {"content": "", "refusal": "", "finish_reason": "tool_calls", "tool_calls": [call]}
    found = read_answer(answer, desk.dossier(**changes))
    assert isinstance(found, Submission)
    return found


def always(verdict):
    return lambda shown: {key: Given(verdict=verdict) for key in shown.asked}


def test_what_players_submit_can_be_verified(desk):
    device = {"verdict": "met", "quotes": [{"source": "listing.description", "text": "Pod compatible."}]}
    oracle = truth(desk, **{desk.VAPES: {"device": device, "offered": "met", "cessation-medicine": "not_met"}})
    shown = seen(desk, "investigate", 0)
    found = submitted(desk, shown, oracle(shown))
    texts = {e.id: e for e in desk.evidence()}
    by_part = {j.part: j for j in found.judgements}
    for judgement in found.judgements:
        assert judgement.quotes
        assert all(find_quote(texts[q.evidence_id].text, q.text) for q in judgement.quotes)
    assert [(q.evidence_id, q.text) for q in by_part["device"].quotes] == [("E2", "Pod compatible.")]
    assert texts[by_part["offered"].quotes[0].evidence_id].voucher == "seller"
    assert by_part["cessation-medicine"].basis == "record"
    assert by_part["cessation-medicine"].quotes[0].evidence_id == "E4"
    assert (by_part["signs.wording"].verdict, by_part["signs.wording"].basis) == ("not_met", "absent")


def test_an_oracle_knows_what_it_does_not_know(desk):
    shown = seen(desk)
    assert {g.verdict for g in Oracle(Truth(cases={}))(shown).values()} == {"unclear"}
    settled = truth(desk, **{desk.VAPES: {"device": "not_met"}})
    assert set(settled(seen(desk, "investigate", 0))) == {
        (desk.VAPES, "device"),
        (desk.VAPES, "cessation-medicine"),
        (desk.REPLICAS, "signs.wording"),
        (desk.REPLICAS, "signs.price"),
    }
    assert settled(seen(desk, asked=desk.ASKED))[desk.VAPES, "offered"].verdict == "unclear"


def test_what_nobody_in_sight_may_prove_is_not_claimed(desk):
    reports = desk.evidence()[4:]
    shown = seen(desk, evidence=reports, asked=desk.ASKED)
    found = submitted(desk, shown, always("met")(shown), evidence=reports)
    assert [(j.verdict, j.basis) for j in found.judgements] == [("unclear", "silent")] * 2


def test_after_faults_an_oracle_argues_with_what_is_there(desk):
    shown = seen(desk)
    assert findings(shown, always("not_met")(shown))["judgements"][0]["basis"] == "absent"
    shown = type(shown)(**{**vars(shown), "faulted": True})
    assert findings(shown, always("not_met")(shown))["judgements"][0]["basis"] == "contrary"


def test_noise_errs_as_often_as_asked_repeatably_and_together_as_asked(desk):
    error, shared, cases = 0.2, 0.5, 700
    noisy = Noisy(always("met"), error, shared, seed=3)
    first, second = seen(desk, ordinal=1), seen(desk, ordinal=2)
    one, both, total = 0, 0, 0
    for n in range(cases):
        wrong = []
        for shown in (first, second):
            head = type(shown.head)(**{**vars(shown.head), "case_id": f"case-{n}"})
            said = noisy(type(shown)(**{**vars(shown), "head": head}))
            assert said == noisy(type(shown)(**{**vars(shown), "head": head}))
            wrong.append([given.verdict != "met" for given in said.values()])
        one += sum(wrong[0])
        both += sum(a and b for a, b in zip(*wrong, strict=True))
        total += len(wrong[0])
    # 3,500 judgements: four standard errors of 0.2 are 0.027; both err together with 0.1 + 0.9 x (0.1/0.9)^2 = 0.111.
    assert one / total == pytest.approx(error, abs=0.027)
    assert both / total == pytest.approx(0.111, abs=0.022)


def test_another_seed_errs_elsewhere(desk):
    shown = seen(desk)
    said = {tuple(g.verdict for g in Noisy(always("met"), 0.5, seed=n)(shown).values()) for n in range(20)}
    assert len(said) > 3


@pytest.mark.parametrize(("then", "device", "medicine"), [("clear", "not_met", "met"), ("convict", "met", "not_met")])
def test_an_obeying_judge_lies_only_where_it_sees_the_planted_text(desk, then, device, medicine):
    obeying = Obeying(always("unclear"), ("Ignore  all rules",), then)
    said = obeying(seen(desk))
    assert (said[desk.VAPES, "device"].verdict, said[desk.VAPES, "cessation-medicine"].verdict) == (device, medicine)
    narrow = obeying(seen(desk, "narrow", evidence=desk.evidence()[2:4]))
    assert {given.verdict for given in narrow.values()} == {"unclear"}


def test_the_rulebook_plays_by_what_the_model_sees(desk):
    vapes = desk.vapes()
    signs = {"device": Signs.model_validate({"for": {"words": {"en": ("pod kit",)}}})}
    corpus = Corpus(
        snapshot="small",
        clauses={vapes.id: vapes.model_copy(update={"signs": signs})},
        types={},
        actions={},
        regions={},
        groups={},
        facts={},
        phrases={},
    )
    said = rulebook(corpus)(seen(desk, asked=desk.ASKED))
    device = said[desk.VAPES, "device"]
    assert (device.verdict, device.basis) == ("met", "shown")
    assert [(q.source, q.text) for q in device.quotes] == [("E1", "Mini pod kit")]
    assert said[desk.VAPES, "offered"].verdict == "unclear"


def test_a_script_is_read_with_its_players(desk, tmp_path):
    (tmp_path / "truth.json").write_text(json.dumps({"case-0001": {desk.VAPES: {"device": "met"}}}), encoding="utf-8")
    script = {
        "players": {
            "right": {"kind": "oracle", "truth": "truth.json"},
            "wrong": {"kind": "noisy", "base": "right", "error": 1.0},
            "weak": {"kind": "obeying", "base": "wrong", "planted": ["nowhere"], "then": "clear"},
        },
        "replies": [{"do": "play", "player": "weak"}],
    }
    path = tmp_path / "script.yaml"
    path.write_text(yaml.safe_dump(script), encoding="utf-8")
    said = players_of(Script.read(path), tmp_path)["weak"](seen(desk))
    assert said[desk.VAPES, "device"].verdict != "met"


@pytest.mark.parametrize(
    "script",
    [
        {"replies": [{"do": "play", "player": "nobody"}]},
        {"players": {"a": {"kind": "noisy", "base": "a"}}},
        {"players": {"a": {"kind": "oracle", "truth": "nowhere.json"}}},
    ],
)
def test_a_player_that_is_not_there_is_named(tmp_path, script):
    with pytest.raises(Invalid, match=r"unknown_player|nowhere"):
        players_of(Script.model_validate(script), tmp_path)


@pytest.mark.parametrize("text", ["replies: 3", "replies: [{do: dance}]", "[", "reply: []"])
def test_a_script_that_is_none_says_where(tmp_path, text):
    path = tmp_path / "script.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Invalid, match=r"script\.yaml"):
        Script.read(path)


async def _post(server, **body):
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{server.base_url}/chat/completions", json=body) as response,
    ):
        return response.status, await response.json()


def test_replies_are_taken_in_order_by_what_matches():
    script = Script.model_validate(
        {
            "replies": [
                {"do": "nonsense", "form": "prose", "text": "once", "times": 1},
                {"do": "nonsense", "form": "prose", "text": "pods", "match": {"text": "pod", "kind": None}},
                {"do": "nonsense", "form": "prose", "text": "big", "match": {"model": "big", "turn": 1}},
            ]
        }
    )

    async def go():
        async with ScriptedModel(script) as server:
            asked = [
                {"messages": [{"role": "user", "content": "x"}]},
                {"messages": [{"role": "user", "content": "a pod"}]},
                {"model": "big", "messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]},
            ]
            said = [(await _post(server, **body))[1]["choices"][0]["message"]["content"] for body in asked]
            assert said == ["once", "pods", "big"]
            assert (await _post(server, **asked[0]))[0] == 400
            assert (await _post(server, messages=3))[0] == 400

    asyncio.run(go())


def test_calls_are_counted_by_request_and_logged_as_they_come(tmp_path):
    log = tmp_path / "calls.jsonl"
    hang = {"do": "hang", "seconds": 0.2, "match": {"model": "slow"}}
    script = Script.model_validate({"replies": [hang, {"do": "empty"}]})

    async def go():
        async with ScriptedModel(script, log=log) as server:
            once, other = [{"role": "user", "content": "x"}], [{"role": "user", "content": "y"}]
            for messages in (once, other, once):
                await _post(server, messages=messages)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(_post(server, model="slow", messages=once), 0.05)
            assert server.stats["in_flight"] == 1
            events = [json.loads(line)["event"] for line in log.read_text(encoding="utf-8").splitlines()]
            assert events == ["asked", "answered"] * 3 + ["asked"]
            await asyncio.sleep(0.3)
            # An answer that nobody waited for was not paid twice when it is asked again.
            await _post(server, model="slow", messages=once)
            async with (
                aiohttp.ClientSession() as session,
                session.get(server.base_url.removesuffix("/v1") + "/stats") as got,
            ):
                return await got.json()

    stats = asyncio.run(go())
    assert stats == {"calls": 5, "answered": 4, "repeated": 1, "lost": 1, "in_flight": 0, "by_kind": {"other": 5}}


def test_it_streams_to_the_vendors_own_client(desk):
    async def go():
        async with desk.asking({"do": "answer", "judgements": desk.ALL_MET}) as (_, server):
            dossier = desk.dossier()
            entries = [opening(dossier, "investigate", 0, dossier.evidence, ())]
            messages = write_out(entries, dossier, Prompts.read())
            async with openai.AsyncOpenAI(api_key="x", base_url=server.base_url, max_retries=0) as client:
                whole = await client.chat.completions.create(model="m", messages=messages)
                stream = await client.chat.completions.create(model="m", messages=messages, stream=True)
                pieces, usage, finish = [], None, None
                async for chunk in stream:
                    usage = chunk.usage or usage
                    for choice in chunk.choices:
                        finish = choice.finish_reason or finish
                        pieces += [c.function.arguments for c in choice.delta.tool_calls or ()]
            assert len(pieces) > 3
            assert "".join(pieces) == whole.choices[0].message.tool_calls[0].function.arguments
            assert finish == whole.choices[0].finish_reason == "tool_calls"
            assert usage.completion_tokens == whole.usage.completion_tokens

    asyncio.run(go())


def test_a_script_file_is_served_until_it_is_stopped(tmp_path):
    path = tmp_path / "script.yaml"
    path.write_text("replies: [{do: empty}]", encoding="utf-8")

    async def go():
        told = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(serve(path, 0, None, told.set_result))
        url = await told
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{url}/chat/completions", json={"messages": []}) as response:
                assert response.status == 200
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.post(f"{url}/chat/completions", json={"messages": []})

    asyncio.run(go())
