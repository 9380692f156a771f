"""One pass of a case through the graph: from its input, or on from where it paused. What lasts is kept by the caller.

A pass runs on checkpoints in memory. Only one that pauses for a person needs more, and its last checkpoint is then
carried to where it lasts; a pass that goes on works on a copy, so that a crash leaves what was kept as it was.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Command

from cases.case import Case
from cases.decision import Escalation
from cases.problem import CasewrightError
from graphs.audit import Audit, build
from graphs.desk import Desk
from graphs.state import AuditState

_STEPS = 100
"""Supersteps that no honest case needs; LangGraph's own limit is a hundred times that."""
PLAIN = JsonPlusSerializer(allowed_msgpack_modules=None)
"""Checkpoints hold plain JSON types only, and nothing else is ever loaded from them."""
Line = dict[str, Any]
"""One result as it is printed: case_id, status, decision or escalation, evidence, clauses."""
Saver = BaseCheckpointSaver[Any]


class NotPaused(CasewrightError):
    """case {case} is not paused where its answer would go on: nothing waits for {interrupt}"""

    code: ClassVar[str] = "not_paused"


@dataclass(frozen=True)
class Pass:
    """How a pass has ended.

    Attributes:
        line: the result.
        state: the graph's, plain.
        interrupt_id: LangGraph's name for the pause; empty where the case is decided.
        checkpoints: of this pass, in memory, under the case's id.
    """

    line: Line
    state: dict[str, Any]
    interrupt_id: str
    checkpoints: Saver

    @property
    def escalation(self) -> Escalation | None:
        """What a person is asked; None where the case is decided."""
        return Escalation.model_validate(self.state["escalation"]) if self.interrupt_id else None

    async def keep(self, saver: Saver, thread: str) -> None:
        """Carry the paused run to where it lasts, under a name."""
        await carry((self.checkpoints, self.state["case"]["id"]), (saver, thread))


async def begin(case: Case, desk: Desk) -> Pass:
    """Run a case from its input until it is decided or pauses; after a kill the journal keeps it from paying twice."""
    running = InMemorySaver(serde=PLAIN)
    return await _on(running, case.id, {"case": case.model_dump(mode="json")}, desk)


async def go_on(paused: Saver, thread: str, interrupt_id: str, answer: dict[str, Any], desk: Desk) -> Pass:
    """Go on with an answer from where a run has paused; what is kept there stays as it is.

    Raises:
        NotPaused: nothing waits there for this answer.
    """
    snapshot = await build(paused).aget_state(config_of(thread))
    if interrupt_id not in {interrupt.id for task in snapshot.tasks for interrupt in task.interrupts}:
        raise NotPaused(case=thread, interrupt=interrupt_id)
    case_id, running = str(snapshot.values["case"]["id"]), InMemorySaver(serde=PLAIN)
    await carry((paused, thread), (running, case_id))
    command: Command[Any] = Command(resume={interrupt_id: answer})
    return await _on(running, case_id, command, desk)


async def _on(running: Saver, case_id: str, given: Any, desk: Desk) -> Pass:  # noqa: ANN401 - input or Command
    state = await invoke(build(running), case_id, given, desk)
    interrupts = state.pop("__interrupt__", None) or []
    if interrupts:
        line = line_of(state, desk, status="escalated", escalation=state["escalation"])
        return Pass(line, state, interrupts[0].id, running)
    return Pass(line_of(state, desk, status="decided", decision=state["decision"]), state, "", running)


async def rebuilt(case: dict[str, Any], answers: list[dict[str, Any]], desk: Desk) -> Line:
    """Run a case again with the answers it was given; with a replaying journal, nothing is asked of the world."""
    passed = await _on(InMemorySaver(serde=PLAIN), case["id"], {"case": case}, desk)
    for answer in answers:
        passed = await go_on(passed.checkpoints, case["id"], passed.interrupt_id, answer, desk)
    return passed.line


async def invoke(graph: Audit, thread: str, given: Any, desk: Desk) -> dict[str, Any]:  # noqa: ANN401 - input or Command
    """Run the graph until it ends or pauses."""
    return dict(await graph.ainvoke(given, config_of(thread), context=desk, durability="exit"))


def config_of(thread: str) -> RunnableConfig:
    """LangGraph's address of a run."""
    return {"configurable": {"thread_id": thread}, "recursion_limit": _STEPS}


def line_of(state: dict[str, Any] | AuditState, desk: Desk, **outcome: Any) -> Line:  # noqa: ANN401 - JSON
    """The result line of a state; `past` names evidence that a later look has replaced, where there is any."""
    known = desk.corpus.clauses  # a clause may be gone since the case was handed over
    clauses = {clause_id: known[clause_id].text for clause_id in state.get("candidates", []) if clause_id in known}
    return {
        "case_id": state["case"]["id"],
        **outcome,
        "evidence": state.get("evidence", []),
        "clauses": clauses,
        **({"past": state["past"]} if state.get("past") else {}),
    }


async def carry(source: tuple[Saver, str], target: tuple[Saver, str]) -> None:
    """Copy the last checkpoint of a thread, with what is pending there, to another saver or thread."""
    held = await source[0].aget_tuple(config_of(source[1]))
    if held is None:
        return
    fresh: RunnableConfig = {"configurable": {"thread_id": target[1], "checkpoint_ns": ""}}
    stored = await target[0].aput(fresh, held.checkpoint, held.metadata, held.checkpoint["channel_versions"])
    by_task: dict[str, list[tuple[str, Any]]] = {}
    for task_id, channel, value in held.pending_writes or ():
        by_task.setdefault(task_id, []).append((channel, value))
    for task_id, writes in by_task.items():
        await target[0].aput_writes(stored, writes, task_id)
