"""The conversation with a model: append-only, with a prefix that stays the same; and reading it back.

A conversation is kept as *entries*: chat messages in which evidence, clauses and images stand as ids, so that a record
of it is small. They are written out when they are sent; equal entries on the same case give equal messages, which is
what a provider's cache and a replay need.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import orjson

from agents.auditor import Dossier
from agents.blocks import (
    SeenClause,
    SeenPart,
    evidence_block,
    outside_blocks,
    policy_block,
    read_clauses,
    read_evidence,
    show,
    unshow,
)
from cases.evidence import Evidence
from cases.finding import Key

PROMPTS = Path(__file__).parent / "prompts"
Task = Literal["investigate", "judge", "narrow"]
Entry = dict[str, Any]
"""A chat message; `evidence`, `clauses`, `images` in it name what is written out behind its `content`."""
SUBMIT = "submit_findings"
"""The tool through which findings come."""
VARIANTS = 3
"""Prompts that blind judges take turns through."""


@dataclass(frozen=True)
class Prompts:
    """All that a model is told, as Markdown files say it.

    Attributes:
        turns: what is said in the course of a case, by name.
        digest: of all files, so that a decision names the prompts it was made with.
    """

    files: Mapping[str, str]
    turns: Mapping[str, str]
    digest: str

    @classmethod
    def read(cls, folder: Path = PROMPTS) -> "Prompts":
        """Read the folder's Markdown files."""
        files = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}
        whole = hashlib.sha256("\x00".join(f"{name}\x00{text}" for name, text in files.items()).encode())
        sections = re.split(r"^## (\S+)\n", files["turns"], flags=re.MULTILINE)[1:]
        turns = {name: text.strip() for name, text in zip(sections[::2], sections[1::2], strict=True)}
        return cls(files, turns, whole.hexdigest()[:12])

    def system(self, task: Task, ordinal: int = 0) -> str:
        """Return the system prompt of a task; it holds nothing of any case."""
        names = {"investigate": ("rules", "investigator"), "narrow": ("rules", "narrow")}
        return "\n".join(self.files[name] for name in names.get(task, ("rules", "judge", f"judge-{variant(ordinal)}")))

    def say(self, turn: str, **words: object) -> str:
        """Return what is said in a turn."""
        return self.turns[turn].format(**words)


def variant(ordinal: int) -> int:
    """Number of the prompt that the blind judge with this ordinal works by."""
    return (ordinal - 1) % VARIANTS + 1


def opening(dossier: Dossier, task: Task, ordinal: int, order: Iterable[Evidence], images: Iterable[int]) -> Entry:
    """Begin a conversation: what lies on the table, and what is asked."""
    return {
        "role": "user",
        "task": [task, ordinal],
        "clauses": [clause.id for clause in dossier.clauses],
        "evidence": [item.id for item in order],
        "images": list(images),
        "asked": [list(key) for key in dossier.asked],
    }


def going_on(dossier: Dossier, prompts: Prompts) -> list[Entry]:
    """Continue a conversation: answers to the calls that have none yet, then faults, or what is newly to be judged.

    Who runs the tools may answer their calls itself, by entries {role: tool, tool_call_id, name, evidence: [ids]}.
    """
    shown = {item_id for entry in dossier.turns for item_id in entry.get("evidence", ())}
    fresh = [item for item in dossier.evidence if item.id not in shown]
    entries: list[Entry] = []
    for call in _unanswered(dossier.turns):
        found = [item for item in fresh if _is_from(item, call["name"])]
        fresh = [item for item in fresh if item not in found]
        entries.append({"role": "tool", **call, "evidence": [item.id for item in found]})
    known = {clause_id for entry in dossier.turns for clause_id in entry.get("clauses", ())}
    clauses = [clause.id for clause in dossier.clauses if clause.id not in known]
    asked = [list(key) for key in dossier.asked]
    before = next(entry["asked"] for entry in reversed(dossier.turns) if "asked" in entry)
    more = {"clauses": clauses, "evidence": [item.id for item in fresh], "asked": asked}
    if dossier.faults:
        said = "\n".join(f"- {show(' '.join(str(fault).split()))}" for fault in dossier.faults)
        entries.append({"role": "user", "content": prompts.say("faults", faults=said), "faulted": True, **more})
    elif fresh or clauses or asked != before:
        entries.append({"role": "user", "content": prompts.say("more"), **more})
    return entries


def _unanswered(turns: Sequence[Entry]) -> list[dict[str, str]]:
    """Calls of the last thing that the model said which no entry answers."""
    last = max(i for i, entry in enumerate(turns) if entry["role"] != "tool")
    answered = {entry["tool_call_id"] for entry in turns[last + 1 :]}
    calls = turns[last].get("tool_calls", ())
    return [{"tool_call_id": c["id"], "name": c["function"]["name"]} for c in calls if c["id"] not in answered]


def mending(answer: Mapping[str, Any], fault: str, why: str, prompts: Prompts) -> list[Entry]:
    """Ask for an answer once more. What was said stands as plain text: broken calls break some servers' templates."""
    said = "\n".join([answer["content"] or answer["refusal"], *(call["arguments"] for call in answer["tool_calls"])])
    shown = show(" ".join(said.split()))[:2000] or "(nothing)"
    repair = prompts.say("repair", fault=fault, why=show(" ".join(why.split())))
    return [{"role": "assistant", "content": shown}, {"role": "user", "content": repair}]


def write_out(entries: Sequence[Entry], dossier: Dossier, prompts: Prompts) -> list[dict[str, Any]]:
    """Write entries out as the messages that are sent, after the system prompt of their task."""
    task, ordinal = entries[0]["task"]
    evidence = {item.id: item for item in dossier.evidence}
    messages: list[dict[str, Any]] = [{"role": "system", "content": prompts.system(task, ordinal)}]
    submitted = False
    for entry in entries:
        if entry["role"] == "assistant":
            messages.append(entry)
            submitted = any(call["function"]["name"] == SUBMIT for call in entry.get("tool_calls", ()))
        elif entry["role"] == "tool":
            said = _tool_says(entry, evidence, prompts, submitted=submitted)
            messages.append({"role": "tool", "tool_call_id": entry["tool_call_id"], "content": said})
        else:
            messages.append({"role": "user", "content": _user_says(entry, evidence, dossier, prompts)})
        for item_id in entry.get("evidence", ()):
            evidence.pop(item_id, None)
    return messages


@dataclass(frozen=True)
class Head:
    """The line of ours that a conversation begins with.

    Attributes:
        ordinal: of the blind or narrow judge; 0 for the investigator.
        opened_at: RFC 3339.
    """

    task: Task
    ordinal: int
    case_id: str
    region: str
    opened_at: str
    language: str
    round: int


@dataclass(frozen=True)
class Seen:
    """A case as a model sees it.

    Attributes:
        asked: the parts to judge now: those named, else all.
        faulted: whether faults of an earlier submission are to be mended.
    """

    head: Head
    clauses: tuple[SeenClause, ...]
    evidence: tuple[Evidence, ...]
    asked: tuple[Key, ...]
    faulted: bool

    def part(self, key: Key) -> SeenPart | None:
        """Return a part of a clause that is shown."""
        return next((part for clause in self.clauses for part in clause.parts if part.key == key), None)


def read_head(messages: Sequence[Mapping[str, Any]]) -> Head | None:
    """Read the first line of a conversation of ours; none where it is no conversation about a case."""
    first = next((_text(message.get("content")) for message in messages if message.get("role") == "user"), "")
    found = _HEAD.match(first)
    if found is None:
        return None
    return Head(
        task=cast("Task", found["task"]),
        ordinal=int(found["ordinal"] or 0),
        case_id=unshow(orjson.loads(found["case"])),
        region=found["region"],
        opened_at=found["opened"],
        language=found["language"],
        round=int(found["round"]),
    )


def read_dossier(messages: Sequence[Mapping[str, Any]]) -> Seen | None:
    """Read a conversation of ours back: the mirror of `opening`, `going_on` and `write_out`.

    Returns:
        None where the messages are no conversation about a case.
    """
    head = read_head(messages)
    if head is None:
        return None
    texts = [_text(message.get("content")) for message in messages if message.get("role") in {"user", "tool"}]
    said = "\n".join(texts)
    plain = [outside_blocks(text) for text in texts]
    clauses, evidence = read_clauses(said), read_evidence(said)
    named: list[Key] = []
    for text in plain:
        named = [(found[1], found[2]) for found in _ASKED.finditer(text)] or named
    listed = {part.key: None for clause in clauses for part in clause.parts}
    return Seen(
        head=head,
        clauses=clauses,
        evidence=evidence,
        asked=tuple(key for key in named if key in listed) or tuple(listed),
        faulted=any(_FAULTED.search(text) for text in plain[1:]),
    )


_HEAD = re.compile(
    r'^Case (?P<case>"(?:[^"\\]|\\.)*") in (?P<region>\S+), opened (?P<opened>\S+), language (?P<language>\S+)\.'
    r" Round (?P<round>\d+)\. Task: (?P<task>investigate|judge|narrow)(?: (?P<ordinal>\d+))?\.$",
    re.MULTILINE,
)
_ASKED = re.compile(r"^- (\S+) / (\S+)$", re.MULTILINE)
_FAULTED = re.compile(r"^Code has checked your findings and found these faults:$", re.MULTILINE)


def _is_from(item: Evidence, tool: str) -> bool:
    return item.source == f"tool:{tool}" or item.source.startswith(f"tool:{tool}/")


def _tool_says(entry: Entry, unshown: Mapping[str, Evidence], prompts: Prompts, *, submitted: bool) -> str:
    """Write the answer to a call; what was shown before is named, not shown again."""
    name, ids = entry["name"], list(entry.get("evidence", ()))
    if submitted:
        return prompts.say("received" if name == SUBMIT else "not_run")
    items = [unshown[item_id] for item_id in ids if item_id in unshown]
    if items:
        return f"{prompts.say('results', tool=name)}\n\n{evidence_block(items)}"
    return prompts.say("results_above", tool=name, ids=", ".join(ids)) if ids else prompts.say("no_results", tool=name)


def _user_says(
    entry: Entry, unshown: Mapping[str, Evidence], dossier: Dossier, prompts: Prompts
) -> str | list[dict[str, Any]]:
    items = [unshown[item_id] for item_id in entry.get("evidence", ()) if item_id in unshown]
    by_id = {clause.id: clause for clause in dossier.clauses}
    clauses = [by_id[clause_id] for clause_id in entry.get("clauses", ()) if clause_id in by_id]
    asked = [(str(clause_id), str(part)) for clause_id, part in entry.get("asked", ())]
    day = dossier.case.opened_at.date().isoformat()
    first = "task" in entry
    before = [_head(entry, dossier, prompts) if first else entry["content"]]
    before += [policy_block(clauses, asked if first else (), day)] if clauses else []
    before += [evidence_block(items)] if items else []
    asks = [_ask(asked, prompts, again=entry.get("faulted", False))] if "asked" in entry else []
    pictures = [n for n in entry.get("images", ()) if n in dossier.images]
    if not pictures:
        return "\n\n".join([*before, *asks])
    parts = [{"type": "text", "text": "\n\n".join(before)}]
    parts += [part for n in pictures for part in _picture(n, dossier, prompts)]
    return [*parts, *({"type": "text", "text": ask} for ask in asks)]


def _head(entry: Entry, dossier: Dossier, prompts: Prompts) -> str:
    task, ordinal = entry["task"]
    return prompts.say(
        "opening",
        case=orjson.dumps(show(dossier.case.id)).decode(),
        region=dossier.case.region,
        opened=dossier.case.opened_at.isoformat(),
        language=dossier.language or "und",
        round=dossier.round,
        task=f"{task} {ordinal}" if ordinal else task,
    )


def _ask(asked: Sequence[Key], prompts: Prompts, *, again: bool) -> str:
    turn = "again" if again else "ask"
    if not asked:
        return prompts.say(f"{turn}_all")
    return prompts.say(f"{turn}_parts", parts="\n".join(f"- {clause_id} / {part}" for clause_id, part in asked))


def _picture(number: int, dossier: Dossier, prompts: Prompts) -> list[dict[str, Any]]:
    media_type, data = dossier.images[number]
    url = f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
    label = {"type": "text", "text": prompts.say("image", number=number)}
    return [label, {"type": "image_url", "image_url": {"url": url}}]


def _text(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""
