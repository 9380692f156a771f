"""The same agent as a plain ReAct loop (Yao et al. 2023, arXiv:2210.03629): one conversation, one action a call.

It is given what Casewright's investigator is given, evidence and clauses included, and looks up the same thing; then
it judges clause by clause, each in the light of all before, and says the outcome itself. Nobody judges again.
"""

import argparse
import asyncio
from typing import Any

import openai
import orjson
from peers.bare import arguments, talk
from peers.record import Conversation, Recorded, read_record

from agents.messages import SUBMIT

_FINISH = "finish"
_OUTCOME = {"type": "object", "properties": {"outcome": {"type": "string"}, "why": {"type": "string"}}}
_FINISH_TOOL = {"type": "function", "function": {"name": _FINISH, "description": "Decide.", "parameters": _OUTCOME}}


def reacting(case: Recorded) -> Conversation:
    """The case's conversation, had it been led this way: same opening, same judgements, one clause a call."""
    led = case.conversations[0]
    system, first = led.opening
    opening = [system, {**first, "content": first["content"].replace("Task: investigate.", "Task: react.", 1)}]
    submitted = orjson.loads(led.answers[-1]["tool_calls"][0]["arguments"])["judgements"]
    answers, said = led.answers[:-1], list(led.said)
    for clause in dict.fromkeys(judgement["clause_id"] for judgement in submitted):
        judged = [judgement for judgement in submitted if judgement["clause_id"] == clause]
        answers = [*answers, _answer(f"call_{clause}", SUBMIT, {"judgements": judged, "sightings": []})]
        said.append([{"role": "tool", "tool_call_id": f"call_{clause}", "content": "Noted. Judge the next clause."}])
    decided = {"outcome": "violation", "why": "The elements of a clause are met, and nothing exempts the item."}
    return Conversation(
        "react", 0, opening, [*led.tools, _FINISH_TOOL], [*answers, _answer("end", _FINISH, decided)], said
    )


def _answer(call_id: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"content": "", "tool_calls": [{"id": call_id, "name": name, "arguments": orjson.dumps(arguments).decode()}]}


async def run(given: argparse.Namespace) -> None:
    """Run the loop once over each case; the server counts."""
    async with openai.AsyncOpenAI(base_url=given.url, api_key="none", max_retries=0) as client:
        for case in read_record(given.record, given.cases + given.in_flight):
            await talk(client, case, reacting(case))


if __name__ == "__main__":
    asyncio.run(run(arguments(__doc__).parse_args()))
