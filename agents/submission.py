"""What a model submits: one flat, strict schema, written by hand, and reading it into judgements.

The schema is fixed: ids are strings and nothing in it depends on the case, so that it stays in the provider's cache
and within its limits. It has no field for an outcome. What the reader does not understand it names, for one repair.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from agents.auditor import Dossier, Sighting, ToolCall
from agents.blocks import as_stored
from agents.messages import SUBMIT
from agents.model import AnswerUnusable
from cases.evidence import Quote
from cases.finding import Judgement, Key

_VERDICTS = ("met", "not_met", "unclear")
_BASES = ("shown", "contrary", "absent", "record", "measured", "silent", "borderline", "policy")
_NUMBER = re.compile(r"\d{1,6}")
_TEXT: Mapping[str, Any] = {"type": "string"}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


_QUOTES: Mapping[str, Any] = {
    "type": "array",
    "items": _object({"source": _TEXT, "text": _TEXT, "gloss": _TEXT}),
}
# A model writes the fields in this order: what it has read before what it makes of it.
_SIDES: Mapping[str, Any] = {"for": _QUOTES, "against": _QUOTES}
_NAMES: Mapping[str, Any] = {"clause_id": _TEXT, "part": _TEXT}
_JUDGEMENT: Mapping[str, Any] = {
    "quotes": _QUOTES,
    "why": _TEXT,
    "verdict": {"type": "string", "enum": list(_VERDICTS)},
    "basis": {"type": "string", "enum": list(_BASES)},
    "question": _TEXT,
    "would_settle": _TEXT,
}
_SIGHTINGS: Mapping[str, Any] = {"type": "array", "items": _object({"image": _TEXT, "box": _TEXT, "sees": _TEXT})}


def _tool(judgement: Mapping[str, Any]) -> dict[str, Any]:
    submission = {"judgements": {"type": "array", "items": _object(judgement)}, "sightings": _SIGHTINGS}
    return {
        "type": "function",
        "function": {
            "name": SUBMIT,
            "description": "Submit all findings, once. What is not used is an empty string or an empty list.",
            "strict": True,
            "parameters": _object(submission),
        },
    }


SUBMIT_FINDINGS = _tool({**_NAMES, **_JUDGEMENT})
"""The investigator's tool."""
SUBMIT_BALLOTS = _tool({**_NAMES, **_SIDES, **_JUDGEMENT})
"""The blind and narrow judges' tool: quotes for and against come before the verdict."""


@dataclass(frozen=True)
class Submission:
    """What a model has submitted.

    Attributes:
        sides: by part, the best quotes for and against it (judges only).
    """

    judgements: tuple[Judgement, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    sides: Mapping[Key, tuple[tuple[Quote, ...], tuple[Quote, ...]]] = field(default_factory=dict)


def read_answer(answer: Mapping[str, Any], dossier: Dossier) -> Submission | tuple[ToolCall, ...]:
    """Read a model's answer: a submission, or the tools that it asks for.

    Args:
        answer: as `Endpoint.complete` gives it.
        dossier: what the model was shown; its tools are those that may be asked for.

    Raises:
        AnswerUnusable: truncated, refused, empty, or malformed; says what is wrong.
    """
    calls, finish = answer["tool_calls"], answer["finish_reason"]
    if finish == "length":
        raise AnswerUnusable("truncated", "it ended before it was complete")
    if finish == "content_filter" or (answer["refusal"] and not calls):
        raise AnswerUnusable("refused", answer["refusal"] or "the provider's filter cut it off")
    submitted = [call["arguments"] for call in calls if call["name"] == SUBMIT]
    if calls and not submitted:
        return tuple(_tool_call(call, dossier) for call in calls)
    # Small local models answer in words where a call was asked for; the same object is as good there.
    texts = submitted or [_bare_json(answer["content"])]
    if not any(text.strip() for text in texts):
        raise AnswerUnusable("empty", "it holds no findings")
    return _merged([_submission(_parsed(text), dossier) for text in texts])


def _bare_json(text: str) -> str:
    first, last = text.find("{"), text.rfind("}")
    return text[first : last + 1] if 0 <= first < last else text


def _parsed(text: str) -> dict[str, Any]:
    try:
        parsed = orjson.loads(text.encode("utf-8", "replace"))
    except orjson.JSONDecodeError as error:
        raise AnswerUnusable("malformed", f"it is not the JSON of {SUBMIT} ({error})") from error
    if not isinstance(parsed, dict):
        raise AnswerUnusable("malformed", f"{SUBMIT} takes one JSON object")
    return parsed


def _tool_call(call: Mapping[str, Any], dossier: Dossier) -> ToolCall:
    known = [form.name for form in dossier.tools]
    if call["name"] not in known:
        offered = ", ".join([*known, SUBMIT])
        raise AnswerUnusable("malformed", f"there is no tool {call['name']!r}; there are: {offered}")
    return ToolCall(id=call["id"], name=call["name"], arguments=_parsed(call["arguments"] or "{}"))


def _merged(parts: Sequence[Submission]) -> Submission:
    judgements: dict[Key, Judgement] = {}
    for judgement in (j for part in parts for j in part.judgements):
        earlier = judgements.setdefault(judgement.key, judgement)
        if earlier.verdict != judgement.verdict:
            clause_id, name = judgement.key
            raise AnswerUnusable("malformed", f"{clause_id} / {name} is judged twice, with different verdicts")
    if not judgements:
        raise AnswerUnusable("empty", "it holds no judgement")
    return Submission(
        judgements=tuple(judgements.values()),
        sightings=tuple(s for part in parts for s in part.sightings),
        sides={key: sides for part in parts for key, sides in part.sides.items()},
    )


def _submission(data: Mapping[str, Any], dossier: Dossier) -> Submission:
    places = _Places(dossier)
    judgements: list[Judgement] = []
    sides: dict[Key, tuple[tuple[Quote, ...], tuple[Quote, ...]]] = {}
    for i, item in enumerate(_objects(data.get("judgements"), "judgements")):
        at = f"judgements[{i}]"
        judgement = Judgement(
            clause_id=_string(item, "clause_id", at).strip(),
            part=_string(item, "part", at).strip(),
            verdict=_one_of(item, "verdict", _VERDICTS, at),
            basis=_one_of(item, "basis", _BASES, at),
            quotes=places.quotes(item.get("quotes"), f"{at}.quotes"),
            why=_string(item, "why", at),
            question=_string(item, "question", at),
            would_settle=_string(item, "would_settle", at),
        )
        judgements.append(judgement)
        sides[judgement.key] = (
            places.quotes(item.get("for"), f"{at}.for"),
            places.quotes(item.get("against"), f"{at}.against"),
        )
    seen = [_sighting(s, f"sightings[{i}]") for i, s in enumerate(_objects(data.get("sightings"), "sightings"))]
    sightings = tuple(s for s in seen if s.image in dossier.images and s.sees.strip())
    return Submission(tuple(judgements), sightings, sides)


class _Places:
    """Where a quote may come from: evidence by id or by a source that names one item, and clauses by id."""

    def __init__(self, dossier: Dossier) -> None:
        self._texts = {item.id: item.text for item in dossier.evidence}
        sources = [item.source for item in dossier.evidence]
        self._ids = {item.source: item.id for item in dossier.evidence if sources.count(item.source) == 1}
        self._clauses = {clause.id: clause.text for clause in dossier.clauses}

    def quotes(self, value: object, at: str) -> tuple[Quote, ...]:
        found = (self._quote(item, f"{at}[{i}]") for i, item in enumerate(_objects(value, at)))
        return tuple(quote for quote in found if quote.text.strip())

    def _quote(self, item: Mapping[str, Any], at: str) -> Quote:
        text, gloss = _string(item, "text", at), _string(item, "gloss", at)
        source = _string(item, "source", at).strip(" []")
        if source in self._clauses:
            return Quote(clause_id=source, text=as_stored(text, self._clauses[source]), gloss=gloss)
        source = self._ids.get(source, source)
        return Quote(evidence_id=source, text=as_stored(text, self._texts.get(source, "")), gloss=gloss)


def _sighting(item: Mapping[str, Any], at: str) -> Sighting:
    number = _string(item, "image", at).removeprefix("image:").strip()
    if not _NUMBER.fullmatch(number):
        raise AnswerUnusable("malformed", f"{at}.image is {number!r}, and should be an image's number")
    box = _string(item, "box", at)
    sides = [side.strip() for side in box.split(",")] if box.strip() else []
    if sides and (len(sides) != 4 or not all(_NUMBER.fullmatch(side) for side in sides)):  # noqa: PLR2004 - x, y, w, h
        raise AnswerUnusable("malformed", f"{at}.box is {box!r}, and should be `x,y,w,h` in pixels, or empty")
    x, y, width, height = (int(side) for side in sides or ["0"] * 4)
    return Sighting(image=int(number), box=(x, y, width, height) if sides else None, sees=_string(item, "sees", at))


def _objects(value: object, at: str) -> Iterable[Mapping[str, Any]]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise AnswerUnusable("malformed", f"{at} is no list of objects")
    return value


def _string(item: Mapping[str, Any], name: str, at: str) -> str:
    """Text of a field; a number is as good as its text, and a missing field is an unused one."""
    value = item.get(name)
    if isinstance(value, dict | list | bool):
        raise AnswerUnusable("malformed", f"{at}.{name} is no text")
    return "" if value is None else str(value)


def _one_of(item: Mapping[str, Any], name: str, allowed: Sequence[str], at: str) -> Any:  # noqa: ANN401 - a Literal
    value = _string(item, name, at).strip()
    if value not in allowed:
        raise AnswerUnusable("malformed", f"{at}.{name} is {value[:40]!r}: use one of {', '.join(allowed)}")
    return value
