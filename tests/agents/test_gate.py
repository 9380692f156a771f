"""What stands before a model: the endpoint asks it before every attempt, and tells it what came of it."""

import asyncio

import orjson
import pytest

from agents.endpoint import Endpoint, estimate
from agents.gate import ModelPaused, Ticket
from agents.llm import LlmAuditor
from agents.messages import Prompts
from agents.model import EXAMPLE_PRICES, ModelFault, ModelSettings, ModelUnavailable, Prices, RequestRejected
from agents.script import Script, ScriptedModel


class ScriptedGate:
    """Lets through what it was not told to pause, and keeps what it hears.

    Args:
        paused: seconds to ask again, by model.
        failures: in a row after which every model counts as paused.
    """

    def __init__(self, paused=(), failures=99):
        self.paused, self.failures, self.heard = dict(paused), failures, []

    async def admit(self, model, tokens):
        failed = sum(word == "failed" for word, *_ in self.heard)
        if model in self.paused or failed >= self.failures:
            raise ModelPaused(model, "it was told so", self.paused.get(model, 15))
        self.heard.append(("admitted", model, tokens))
        return Ticket(model, tokens)

    async def answered(self, ticket, tokens_used):
        self.heard.append(("answered", ticket.model, tokens_used))

    async def failed(self, ticket, why):
        self.heard.append(("failed", ticket.model, why))


def told(gate):
    return [" ".join(heard[:2]) for heard in gate.heard]


def complete(gate, *replies, **settings):
    """Ask the first model once; gives what came, an answer or a fault, and the calls that were sent."""

    async def go():
        async with ScriptedModel(Script.model_validate({"replies": replies}), keep=True) as server:
            given = {"model": "first", "backoff_s": 0.01, "timeout_s": 0.5, **settings}
            endpoint = Endpoint(ModelSettings(base_url=server.base_url, **given), Prices.read(EXAMPLE_PRICES), gate)
            request = {"model": "first", "messages": [{"role": "user", "content": "Judge this."}]}
            try:
                return await endpoint.complete(request, orjson.dumps(request)), server.stats["calls"]
            except (ModelFault, ModelPaused) as fault:
                return fault, server.stats["calls"]
            finally:
                await endpoint.aclose()

    return asyncio.run(go())


def test_every_attempt_is_admitted_and_its_end_told():
    gate = ScriptedGate()
    answer, calls = complete(gate, {"do": "error", "status": 503, "times": 2}, {"do": "refuse"})
    assert calls == 3
    assert told(gate) == ["admitted first", "failed first"] * 2 + ["admitted first", "answered first"]
    used = answer["usage"]["tokens_in"] + answer["usage"]["tokens_out"]
    assert gate.heard[-1][2] == used > gate.heard[0][2] > 10


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ({"do": "error", "status": 429}, "status 429"),
        ({"do": "error", "status": 500}, "status 500"),
        ({"do": "hang"}, "no answer within"),
        ({"do": "nonsense", "form": "body"}, "no chat completion"),
    ],
)
def test_what_may_pass_is_a_failure(reply, why):
    gate = ScriptedGate()
    fault, _ = complete(gate, reply, attempts=1)
    assert isinstance(fault, ModelUnavailable)
    assert told(gate) == ["admitted first", "failed first"]
    assert why in gate.heard[-1][2]


@pytest.mark.parametrize("reply", [{"do": "error", "status": 503}, {"do": "nonsense", "form": "body"}])
def test_the_gate_hears_our_words_and_not_the_servers(reply):
    gate = ScriptedGate()
    fault, _ = complete(gate, {**reply, "text": "You sent me: Marzipan"}, attempts=1)
    assert "Marzipan" not in gate.heard[-1][2]
    assert "Marzipan" in str(fault)


@pytest.mark.parametrize(
    ("status", "code", "used"),
    [(400, None, 0), (401, None, 0), (404, "model_not_found", 0), (400, "content_filter", None)],
)
def test_a_model_that_rejects_a_request_is_there(status, code, used):
    gate = ScriptedGate()
    complete(gate, {"do": "error", "status": status, "code": code})
    assert told(gate) == ["admitted first", "answered first"]
    assert gate.heard[-1][2] == used


def test_a_paused_model_is_not_called_and_the_fallback_is_at_once():
    gate = ScriptedGate({"first": 15})
    answer, calls = complete(gate, {"do": "refuse"}, fallback_model="second")
    assert (answer["model"], calls) == ("second", 1)
    assert told(gate) == ["admitted second", "answered second"]


def test_without_a_fallback_the_pause_comes_out():
    fault, calls = complete(ScriptedGate({"first": 7}), {"do": "refuse"})
    assert (type(fault), fault.after_s, calls) == (ModelPaused, 7, 0)
    assert not isinstance(fault, ModelFault)
    assert fault.problem.code == "model_paused"


def test_of_two_pauses_the_shorter_comes_out():
    for paused in ({"first": 7, "second": 20}, {"first": 20, "second": 7}):
        fault, _ = complete(ScriptedGate(paused), {"do": "refuse"}, fallback_model="second")
        assert fault.after_s == 7


@pytest.mark.parametrize("paused", ["first", "second"])
@pytest.mark.parametrize("status", [404, 503])
def test_a_pause_comes_out_where_the_other_model_fails(paused, status):
    bad = {"do": "error", "status": status}
    fault, _ = complete(ScriptedGate({paused: 7}), bad, fallback_model="second", attempts=2)
    assert (type(fault), fault.after_s) == (ModelPaused, 7)


def test_a_wrong_key_is_told_and_no_pause():
    gate = ScriptedGate({"second": 7})
    fault, _ = complete(gate, {"do": "error", "status": 401}, fallback_model="second")
    assert isinstance(fault, RequestRejected)


def test_a_pause_that_comes_between_two_attempts_ends_them():
    gate = ScriptedGate(failures=2)
    fault, calls = complete(gate, {"do": "error", "status": 503}, attempts=4)
    assert (type(fault), calls) == (ModelPaused, 2)


def test_waiting_for_a_turn_spends_none_of_the_seconds():
    class Slow(ScriptedGate):
        async def admit(self, model, tokens):
            await asyncio.sleep(0.4)
            return await super().admit(model, tokens)

    answer, _ = complete(Slow(), {"do": "error", "status": 503, "times": 2}, {"do": "refuse"}, seconds=0.4)
    assert answer["attempts"] == 3


def test_pictures_are_estimated_by_the_piece():
    def of(url):
        parts = [{"type": "text", "text": "x" * 4000}, {"type": "image_url", "image_url": {"url": url}}]
        request = {"model": "m", "messages": [{"role": "system", "content": "y"}, {"role": "user", "content": parts}]}
        return estimate(request, orjson.dumps(request))

    small, large = of("data:image/png;base64,AAAA"), of("data:image/png;base64," + "A" * 1_000_000)
    assert small == large
    assert 2000 < small < 2200


def test_no_call_of_the_auditor_swallows_a_pause(desk):
    async def go():
        gate = ScriptedGate()
        async with ScriptedModel(Script.model_validate({"replies": [{"do": "nonsense"}]})) as server:
            settings = ModelSettings(base_url=server.base_url, model="m")
            auditor = LlmAuditor(settings, Endpoint(settings, Prices.read(EXAMPLE_PRICES), gate), Prompts.read())
            judged = desk.dossier(asked=desk.ASKED)
            calls = (
                lambda: auditor.investigate(desk.dossier(), 1),
                lambda: auditor.judge(judged, 1),
                lambda: auditor.judge_narrowly(judged, 1),
            )
            gate.paused = {"m": 5}
            for call in calls:
                with pytest.raises(ModelPaused):
                    await call()
            # Nor where it comes only when an answer is to be mended.
            gate.paused = {}
            gate.answered = _then_pause(gate)
            for call in calls:
                gate.paused = {}
                with pytest.raises(ModelPaused):
                    await call()
            assert server.stats["calls"] == 3
            await auditor.aclose()

    desk.run(go())


def _then_pause(gate):
    async def answered(ticket, _):
        gate.paused = {ticket.model: 5}

    return answered


def test_the_auditor_takes_its_gate_through(desk):
    async def go():
        gate = ScriptedGate({"m": 5})
        auditor = LlmAuditor.open(ModelSettings(model="m"), gate)
        with pytest.raises(ModelPaused):
            await auditor.investigate(desk.dossier(), 1)
        await auditor.aclose()

    desk.run(go())
