"""What ran in a case: every recorded call in its order, with what it took; texts of evidence are not repeated."""

from datetime import datetime
from typing import Any, Literal

import orjson

from cases.problem import Record
from service.database import Pool

CallKind = Literal["model", "tool", "search", "note"]


class Call(Record):
    """One recorded call.

    Attributes:
        slot: its name in the journal: round, step and ordinal.
        round: in which it was made; 0 where the slot names none.
        at: when its answer was recorded; `after_s`: seconds after the one before in the same round.
        model: that was asked; `answered_by`: as the server says.
        items: of evidence that a tool brought, or clauses that the search ranked.
        unavailable: the tool has not answered.
        finish: why the model stopped; `attempts`: how often it was asked.
    """

    slot: str
    round: int
    step: str
    name: str
    kind: CallKind
    at: datetime
    after_s: float | None = None
    bytes: int
    model: str = ""
    answered_by: str = ""
    finish: str = ""
    attempts: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    cost: str = ""
    items: int = 0
    unavailable: bool = False


class Trace(Record):
    """What ran in a case.

    Attributes:
        pins: by round, what it was pinned to: policies, auditor, prompts, clock.
        faults: submissions of the investigator that were sent back once, by round.
    """

    calls: tuple[Call, ...]
    pins: dict[int, dict[str, Any]]
    faults: dict[int, int]


_CALLS = "SELECT slot, at, answer FROM journal WHERE case_id = $1 ORDER BY seq"


async def trace_of(pool: Pool, case_id: str) -> Trace:
    """Read a case's record back as a list of calls; empty where nothing is recorded (any more)."""
    calls: list[Call] = []
    pins: dict[int, dict[str, Any]] = {}
    last: dict[int, datetime] = {}
    for row in await pool.fetch(_CALLS, case_id):
        call = _call(row["slot"], row["at"], bytes(row["answer"]))
        before = last.get(call.round)
        calls.append(call.model_copy(update={"after_s": (call.at - before).total_seconds() if before else None}))
        last[call.round] = call.at
        if call.step == "pin":
            pins[call.round] = _pin(bytes(row["answer"]))
    asked = [call.round for call in calls if call.kind == "model" and call.step.startswith("investigate")]
    return Trace(
        calls=tuple(calls), pins=pins, faults={r: asked.count(r) - 1 for r in set(asked) if asked.count(r) > 1}
    )


def _call(slot: str, at: datetime, answer: bytes) -> Call:
    first, _, rest = slot.partition("/")
    numbered = first.isdigit()
    step, _, name = (rest if numbered else slot).partition("/")
    said = orjson.loads(answer)
    held: dict[str, Any] = {"slot": slot, "round": int(first) if numbered else 0, "step": step, "name": name}
    held |= {"at": at, "bytes": len(answer)}
    if isinstance(said, dict) and "usage" in said and "answered_by" in said:
        return Call(**held, kind="model", **_model(said))
    if isinstance(said, list) and step in {"gather", "tool", "use_tools"}:
        away = any(isinstance(item, dict) and item.get("unavailable") for item in said)
        return Call(**held, kind="tool", items=len(said), unavailable=away)
    if step == "retrieve":
        ranked = said[0] if isinstance(said, list) and said else []
        return Call(**held, kind="search", items=len(ranked))
    return Call(**held, kind="note")


def _model(said: dict[str, Any]) -> dict[str, Any]:
    usage = said.get("usage") or {}
    return {
        "model": said.get("model") or "",
        "answered_by": said.get("answered_by") or "",
        "finish": said.get("finish_reason") or "",
        "attempts": said.get("attempts") or 0,
        "tokens_in": usage.get("tokens_in", 0),
        "tokens_out": usage.get("tokens_out", 0),
        "tokens_cached": usage.get("tokens_cached", 0),
        "cost": str(usage.get("cost", "")),
    }


def _pin(answer: bytes) -> dict[str, Any]:
    """What a round was pinned to, without the case and the texts of the policies."""
    said = orjson.loads(answer)
    auditor = said.get("auditor") or {}
    return {
        "snapshot": said.get("snapshot", ""),
        "auditor": auditor.get("name", ""),
        "model": auditor.get("model", ""),
        "prompts": auditor.get("prompts", ""),
        "at": said.get("at", ""),
    }
