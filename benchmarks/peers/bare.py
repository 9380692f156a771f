"""The bare arm: the same model calls in a plain loop over `AsyncOpenAI`. It checks, keeps and survives nothing."""

import argparse
import asyncio
from pathlib import Path
from typing import Any

import openai
import orjson
from peers.lap import lap, tell
from peers.record import Conversation, Recorded, read_record


async def talk(client: openai.AsyncOpenAI, case: Recorded, conversation: Conversation) -> None:
    """Hold one conversation: ask, read the call's arguments, append what came, until nothing more is to be said."""
    messages: list[Any] = case.opening(conversation)
    tools: Any = conversation.tools
    for appended in (*conversation.said, None):
        completion = await client.chat.completions.create(
            model="scripted",
            messages=messages,
            tools=tools,
            tool_choice="required",
        )
        message = completion.choices[0].message
        for call in message.tool_calls or ():
            orjson.loads(call.function.arguments)  # type: ignore[union-attr] # only functions are offered
        if appended is not None:
            messages += [message.model_dump(exclude_none=True), *appended]


async def run(given: argparse.Namespace) -> None:
    """Measure the arm."""
    cases = read_record(given.record, given.cases + given.in_flight)
    http = openai.DefaultAioHttpClient() if given.aiohttp else None
    async with openai.AsyncOpenAI(base_url=given.url, api_key="none", max_retries=0, http_client=http) as client:

        async def one(case: Recorded) -> None:
            for conversation in case.conversations:
                await talk(client, case, conversation)

        tell(await lap(cases, one, given.in_flight, given.latency))


def arguments(description: str | None) -> argparse.ArgumentParser:
    """What every arm is told."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("record", type=Path)
    parser.add_argument("url")
    parser.add_argument("--cases", type=int, required=True)
    parser.add_argument("--in-flight", type=int, required=True)
    parser.add_argument("--latency", type=float, required=True)
    return parser


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--aiohttp", action="store_true", help="the SDK's other transport")
    asyncio.run(run(parser.parse_args()))
