"""The langchain arm: `create_agent` with its SQLite saver, as its documentation shows it, on the same conversations.

The investigator looks up the same thing and hands its findings in as structured output; each judge is an agent with
nothing to look up. A conversation is a thread of the saver. Runs with `.venv/peers` on the path.
"""

import argparse
import asyncio
from pathlib import Path
from typing import Any

import orjson
from langchain.agents import create_agent
from langchain.agents.structured_output import ToolStrategy
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from peers.bare import arguments
from peers.lap import lap, tell
from peers.record import Conversation, Recorded, read_record

from agents.messages import SUBMIT


class Agents:
    """One agent for each system prompt and set of tools, made when first needed."""

    def __init__(self, url: str, saver: AsyncSqliteSaver) -> None:
        """Take where the model is, and where threads are kept."""
        self._model = ChatOpenAI(model="scripted", base_url=url, api_key="none", max_retries=0)
        self._saver = saver
        self._made: dict[tuple[str, bytes], Any] = {}
        self._found: dict[str, str] = {}

    async def talk(self, case: Recorded, conversation: Conversation, durability: str) -> None:
        """Hold one conversation."""
        system, first = case.opening(conversation)
        thread = f"{case.id}/{conversation.task}/{conversation.ordinal}"
        self._found[thread] = conversation.said[0][0]["content"] if conversation.said else ""
        agent = self._agent(system["content"], conversation.tools)
        config = {"configurable": {"thread_id": thread}}
        state = await agent.ainvoke({"messages": [first]}, config, durability=durability)
        del self._found[thread]
        if "judgements" not in state["structured_response"]:
            message = f"{thread} ended without findings"
            raise ValueError(message)

    def _agent(self, system: str, tools: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - a graph
        key = (system, orjson.dumps(tools))
        if key not in self._made:
            forms = {tool["function"]["name"]: tool["function"] for tool in tools}
            submit = forms.pop(SUBMIT)
            schema = {**submit["parameters"], "title": SUBMIT, "description": submit["description"]}
            self._made[key] = create_agent(
                self._model,
                [self._tool(form) for form in forms.values()],
                system_prompt=system,
                response_format=ToolStrategy(schema),
                checkpointer=self._saver,
            )
        return self._made[key]

    def _tool(self, form: dict[str, Any]) -> BaseTool:
        async def look_up(config: RunnableConfig, **_: Any) -> str:  # noqa: ANN401 - whatever the schema says
            return self._found[config["configurable"]["thread_id"]]

        return StructuredTool.from_function(
            coroutine=look_up, name=form["name"], description=form["description"], args_schema=form["parameters"]
        )


async def run(given: argparse.Namespace) -> None:
    """Measure the arm."""
    cases = read_record(given.record, given.cases + given.in_flight)
    async with AsyncSqliteSaver.from_conn_string(str(given.scratch / "agent.db")) as saver:
        agents = Agents(given.url, saver)

        async def one(case: Recorded) -> None:
            for conversation in case.conversations:
                await agents.talk(case, conversation, given.durability)

        tell(await lap(cases, one, given.in_flight, given.latency))


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--durability", choices=("async", "exit", "sync"), default="async", help="async is its default")
    parser.add_argument("--scratch", type=Path, required=True, help="a folder for the saver's file")
    asyncio.run(run(parser.parse_args()))
