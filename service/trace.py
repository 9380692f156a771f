"""What ran in a case: every recorded call in its order, with what it took; texts of evidence are not repeated."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import orjson

from agents.messages import SUBMIT
from cases.problem import Record
from service.database import Pool

CallKind = Literal["model", "tool", "search", "note"]


class Call(Record):
    """One recorded call.

    Attributes:
        slot: its name in the journal: round, step and ordinal.
        name: what the step is about: the tool, where one can be told, or the ordinal.
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
        sent_back: by round, submissions of the investigator that came back to it because verification had found faults.
        mended: by round, answers of a model that could not be read, and were asked for once more.
        held: by round, reason codes that kept its outcome from taking effect without a person.
        late: by round, what was left out because the round's time was over.
        took_s: by round, seconds from its first record to its last.
    """

    calls: tuple[Call, ...]
    pins: dict[int, dict[str, Any]]
    sent_back: dict[int, int]
    mended: dict[int, int]
    held: dict[int, list[str]]
    late: dict[int, list[str]]
    took_s: dict[int, float]

    @property
    def models(self) -> tuple[Call, ...]:
        """The calls of models."""
        return tuple(call for call in self.calls if call.kind == "model")

    @property
    def cost(self) -> Decimal:
        """Of all calls of models, in the price table's currency; 0 where no price is known."""
        return sum((Decimal(call.cost or 0) for call in self.models), Decimal(0))


_CALLS = "SELECT slot, at, answer FROM journal WHERE case_id = $1 ORDER BY seq"


async def trace_of(pool: Pool, case_id: str) -> Trace:
    """Read a case's record back as a list of calls; empty where nothing is recorded (any more)."""
    rows = [(row["slot"], row["at"], orjson.loads(row["answer"])) for row in await pool.fetch(_CALLS, case_id)]
    begun: dict[int, datetime] = {}
    last: dict[int, datetime] = {}
    asked = _asked_tools(rows)
    calls: list[Call] = []
    for slot, at, said in rows:
        call = _call(slot, at, said, asked)
        before = last.get(call.round)
        calls.append(call.model_copy(update={"after_s": (at - before).total_seconds() if before else None}))
        begun.setdefault(call.round, at)
        last[call.round] = at
    of_step = [(call, said) for call, (_, _, said) in zip(calls, rows, strict=True)]
    return Trace(
        calls=tuple(calls),
        pins={call.round: _pin(said) for call, said in of_step if call.step == "pin"},
        sent_back=_sent_back(of_step),
        mended=dict(Counter(call.round for call in calls if call.kind == "model" and call.name.endswith("/repair"))),
        held={call.round: said for call, said in of_step if call.step == "held" and said},
        late=_late(calls),
        took_s={number: (last[number] - at).total_seconds() for number, at in begun.items()},
    )


def _parted(slot: str) -> tuple[int, str, str]:
    """A slot's round, step and the rest; round 0 where it names none."""
    first, _, rest = slot.partition("/")
    numbered = first.isdigit()
    step, _, name = (rest if numbered else slot).partition("/")
    return (int(first) if numbered else 0), step, name


def _asks(said: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Names of what a model's answer calls."""
    called = said.get("tool_calls") if isinstance(said, dict) else None
    return [str(call.get("name", "")) for call in called or ()]


def _asked_tools(rows: Sequence[tuple[str, datetime, Any]]) -> dict[int, list[str]]:
    """By round, the tools that the investigator asked for, in order: their own slots say the ordinal only."""
    found: dict[int, list[str]] = {}
    for slot, _, said in rows:
        number, step, _ = _parted(slot)
        if step == "investigate":
            found.setdefault(number, []).extend(name for name in _asks(said) if name != SUBMIT)
    return found


def _sent_back(calls: Sequence[tuple[Call, Any]]) -> dict[int, int]:
    """A submission came back where the investigator was called next: not for an unreadable answer, nor after ballots.

    After ballots it is called for parts that nobody has judged yet.
    """
    found: Counter[int] = Counter()
    handed_in: set[int] = set()
    for call, said in calls:
        if call.kind == "model" and call.step in {"judge", "narrow"}:
            handed_in.discard(call.round)
        if call.kind != "model" or call.step != "investigate":
            continue
        if call.round in handed_in and not call.name.endswith("/repair"):
            found[call.round] += 1
        handed_in.discard(call.round)
        if SUBMIT in _asks(said):
            handed_in.add(call.round)
    return dict(found)


def _late(calls: Sequence[Call]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for call in calls:
        if call.step == "late":
            found.setdefault(call.round, []).append(call.name)
    return found


def _call(slot: str, at: datetime, said: Any, asked: dict[int, list[str]]) -> Call:  # noqa: ANN401 - JSON
    number, step, name = _parted(slot)
    held: dict[str, Any] = {"slot": slot, "round": number, "step": step, "name": name, "at": at}
    if isinstance(said, dict) and "usage" in said and "answered_by" in said:
        return Call(**held, kind="model", **_model(said))
    if isinstance(said, list) and step in {"gather", "tool"}:
        away = any(isinstance(item, dict) and item.get("unavailable") for item in said)
        tools = asked.get(number, [])
        if step == "tool" and name.isdigit() and 0 < int(name) <= len(tools):
            held["name"] = tools[int(name) - 1]
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


def _pin(said: dict[str, Any]) -> dict[str, Any]:
    """What a round was pinned to, without the case and the texts of the policies."""
    auditor = said.get("auditor") or {}
    return {
        "snapshot": said.get("snapshot", ""),
        "auditor": auditor.get("name", ""),
        "model": auditor.get("model", ""),
        "prompts": auditor.get("prompts", ""),
        "at": said.get("at", ""),
    }
