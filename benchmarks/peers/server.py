"""The scripted model of every arm: an OpenAI-compatible server that answers from a record, in a process of its own.

It finds the answer by the line that each conversation begins with and by how often it has spoken, so that it costs
next to nothing and is never what is measured. It counts bytes: a token is four of them.
"""

import argparse
import asyncio
import re
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from peers.react import reacting
from peers.record import read_record

_HEAD = re.compile(r'Case "([^"~]+)[^"]*" .* Task: (\w+)(?: (\d+))?\.')
_BYTES_A_TOKEN = 4


class Answers:
    """Answers by case, task, ordinal of the judge, and turn.

    Attributes:
        counts: calls; tokens in, tokens of them that the conversation's last request held already, tokens out.
    """

    def __init__(self, record: Path, latency_s: float) -> None:
        """Read the record."""
        self._answers: dict[tuple[str, str, int, int], dict[str, Any]] = {}
        self._latency_s = latency_s
        self.counts: Counter[str] = Counter()
        for case in read_record(record, len(orjson.loads(record.read_bytes()))):
            for talk in (*case.conversations, reacting(case)):
                for turn, answer in enumerate(talk.answers):
                    self._answers[case.base, talk.task, talk.ordinal, turn] = _message(answer)

    async def complete(self, request: web.Request) -> web.Response:
        """Answer one request."""
        body = await request.read()
        asked = orjson.loads(body)
        messages = asked["messages"]
        spoken = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
        head = _HEAD.match(_text(next(m for m in messages if m["role"] == "user")))
        message = self._answers.get((head[1], head[2], int(head[3] or 0), len(spoken))) if head else None
        if message is None:
            return web.json_response({"error": {"message": "this was not recorded"}}, status=400)
        fresh = len(orjson.dumps(messages[spoken[-1] :])) if spoken else len(body)
        read, written = len(body) // _BYTES_A_TOKEN, len(orjson.dumps(message)) // _BYTES_A_TOKEN
        self.counts.update(
            calls=1, tokens_in=read, tokens_repeated=(len(body) - fresh) // _BYTES_A_TOKEN, tokens_out=written
        )
        if self._latency_s:
            await asyncio.sleep(self._latency_s)
        completion = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": asked["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
            "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
        }
        return web.Response(body=orjson.dumps(completion), content_type="application/json")

    async def take_counts(self, _: web.Request) -> web.Response:
        """Hand over the counts and begin anew; the latency of what follows may be set."""
        counts, self.counts = dict(self.counts), Counter()
        self._latency_s = float(_.query.get("latency", self._latency_s))
        return web.json_response(counts)


def _message(answer: dict[str, Any]) -> dict[str, Any]:
    calls = [
        {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
        for call in answer["tool_calls"]
    ]
    return {"role": "assistant", "content": answer["content"] or None, "tool_calls": calls}


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else str(content[0].get("text", ""))


async def serve(record: Path, latency_s: float) -> None:
    """Serve until ended; the first line printed is the base URL."""
    answers = Answers(record, latency_s)
    app = web.Application(client_max_size=100_000_000)
    app.router.add_post("/v1/chat/completions", answers.complete)
    app.router.add_get("/counts", answers.take_counts)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("record", type=Path)
    parser.add_argument("--latency", type=float, default=0.0)
    given = parser.parse_args()
    asyncio.run(serve(given.record, given.latency))
