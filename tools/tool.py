"""The Tool protocol, and running tools within their deadlines so that a failure is evidence, never a crash."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Protocol

from cases.case import Case
from cases.evidence import Draft, Evidence
from cases.problem import CasewrightError


@dataclass(frozen=True)
class Look:
    """What a tool may look at.

    Attributes:
        case: the case as it came in.
        day: its local day in its region.
        folder: folder of the case file, inside which image paths are resolved; none where there is none.
        evidence: what is on the table already.
    """

    case: Case
    day: date
    folder: Path | None = None
    evidence: tuple[Evidence, ...] = field(default=())


class Tool(Protocol):
    """Something that can be looked up. Read-only; takes ids and words, returns drafts of evidence.

    Attributes:
        name: as the model and the evidence's source name it.
        description: for the model, one or two sentences.
        parameters: JSON Schema of the arguments: flat, strict, every property required.
        standing: run on every case before judging; others wait until an auditor asks.
        reads_evidence: looks at what other standing tools have found, so it runs after them.
        deadline_s: seconds after which it counts as unavailable.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    standing: bool
    reads_evidence: bool
    deadline_s: float

    async def run(self, look: Look, arguments: Mapping[str, Any]) -> list[Draft]:
        """Look it up. "No record" is a fact to return; only what cannot be answered is raised."""
        ...


class ToolUnavailable(CasewrightError):
    """{tool} could not answer: {why}"""

    code: ClassVar[str] = "tool_unavailable"
    hint: ClassVar[str] = "the case goes on without it; parts that rest on it stay open"


class BadArguments(CasewrightError):
    """{tool} does not take these arguments: {why}"""

    code: ClassVar[str] = "bad_arguments"
    hint: ClassVar[str] = "see the tool's parameters"


async def run_tool(tool: Tool, look: Look, arguments: Mapping[str, Any]) -> list[Draft]:
    """Run one tool within its deadline; a failure becomes one draft that is flagged unavailable."""
    try:
        async with asyncio.timeout(tool.deadline_s):
            return await tool.run(look, arguments)
    except TimeoutError:
        return [unavailable(tool.name, f"no answer within {tool.deadline_s:g} s")]
    except BadArguments as error:
        # A slip of the asker is no failure of the tool: nothing becomes doubtful by it.
        return [Draft(source=f"tool:{tool.name}/not_run", voucher="tool", text=f"not_run: {error}")]
    except Exception as error:  # noqa: BLE001 - whatever an outside service does, the case goes on
        return [unavailable(tool.name, f"{type(error).__name__}: {error}"[:300])]


def unavailable(tool: str, why: str) -> Draft:
    """Evidence that a tool has not answered."""
    text = f"unavailable: {tool}\nreason: {why}"
    return Draft(source=f"tool:{tool}", voucher="tool", text=text, unavailable=True)


NO_ARGUMENTS: Mapping[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


async def off_loop(work: Callable[[], Any]) -> Any:  # noqa: ANN401 - as the work returns
    """Run heavy work in a thread, so that other cases go on."""
    return await asyncio.to_thread(work)
