"""The wiring of one case's state machine; it reads like the desk's own procedure."""

from collections.abc import Awaitable, Callable
from copy import copy
from functools import cache
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from graphs.answering import await_review, take_up
from graphs.concluding import assess, conclude
from graphs.desk import Desk, Step
from graphs.nodes import challenge, check, gather, investigate, prepare, retrieve, use_tools
from graphs.state import AuditState, merged

Audit = CompiledStateGraph[AuditState, Desk, AuditState, AuditState]
_Graph = StateGraph[AuditState, Desk, AuditState, AuditState]
_Node = Callable[[AuditState, Runtime[Desk]], Awaitable[AuditState]]


def build(saver: BaseCheckpointSaver[Any] | None = None) -> Audit:
    """The audit, compiled; a saver is needed where runs pause for a person."""
    audit = copy(_compiled())
    audit.checkpointer = saver
    return audit


@cache
def _compiled() -> Audit:
    """Compiled once: it takes milliseconds, and cases differ in nothing but their saver."""
    return _wired().compile(name="audit")


def _wired() -> _Graph:
    graph = StateGraph(AuditState, context_schema=Desk)
    graph.add_edge(START, "prepare")
    _line(graph, "prepare", prepare)
    graph.add_edge("prepare", "gather")
    _line(graph, "gather", gather)
    graph.add_edge("gather", "retrieve")
    _line(graph, "retrieve", retrieve)
    graph.add_edge("retrieve", "investigate")
    _fork(graph, "investigate", investigate, after_investigate, ("use_tools", "verify"))
    _line(graph, "use_tools", use_tools)
    graph.add_edge("use_tools", "investigate")
    _fork(graph, "verify", check, after_verify, ("investigate", "challenge"))
    _fork(graph, "challenge", challenge, after_challenge, ("challenge", "investigate", "assess"))
    _fork(graph, "assess", assess, after_assess, ("await_review", "conclude"))
    graph.add_node("await_review", await_review)
    graph.add_edge("await_review", "take_up")
    _fork(graph, "take_up", take_up, after_take_up, ("assess", "gather", "await_review"))
    _line(graph, "conclude", conclude)
    graph.add_edge("conclude", END)
    return graph


def _line(graph: _Graph, name: str, node: _Node) -> None:
    """Add a node from which one way leads."""

    async def step(state: AuditState, runtime: Runtime[Desk]) -> AuditState:
        with runtime.context.watch(Step("node", name)):
            return await node(state, runtime)

    graph.add_node(name, step)


def _fork(graph: _Graph, name: str, node: _Node, after: Callable[[AuditState], str], ends: tuple[str, ...]) -> None:
    """Add a node from which several ways lead. It names its way itself: a conditional edge costs a third of a step."""

    async def step(state: AuditState, runtime: Runtime[Desk]) -> Command[str]:
        with runtime.context.watch(Step("node", name)):
            changed = await node(state, runtime)
        return Command(update=changed, goto=after(merged(state, **changed)))

    graph.add_node(name, step, destinations=ends)


def after_investigate(state: AuditState) -> str:
    """Where investigate leads: to the tools it asked for, else to verification."""
    return "use_tools" if state["asked_tools"] else "verify"


def after_verify(state: AuditState) -> str:
    """Faults go back once; then the parts that matter are challenged."""
    return "investigate" if state["faults"] else "challenge"


def after_challenge(state: AuditState) -> str:
    """Where challenge has said."""
    return state["onward"]


def after_assess(state: AuditState) -> str:
    """A decision is concluded; an escalation waits."""
    return "conclude" if state["decision"] else "await_review"


def after_take_up(state: AuditState) -> str:
    """A review is assessed, a request waits with the seller, all else starts a new round."""
    return state["onward"]


def draw() -> str:
    """The graph as Mermaid text, drawn from the code."""
    return build().get_graph().draw_mermaid(with_styles=False)


def studio() -> Audit:
    """The graph as LangGraph Studio opens it (`langgraph.json`); the server brings its own saver."""
    return build()
