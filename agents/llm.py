"""The LLM auditor: an investigator, blind judges and a narrow judge over one OpenAI-compatible endpoint.

One call is one entry of the journal, recorded before its answer is used; what the model says is data until code has
read it. It never states an outcome: its only way out is `submit_findings`.
"""

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson

from agents.auditor import Ballots, Dossier, ToolForm, Turn
from agents.endpoint import Endpoint
from agents.gate import Gate
from agents.messages import SUBMIT, Entry, Prompts, going_on, mending, opening, variant, write_out
from agents.model import (
    EXAMPLE_PRICES,
    AnswerUnusable,
    Asking,
    ModelFault,
    ModelSettings,
    Prices,
    check_budget,
    total,
)
from agents.submission import SUBMIT_BALLOTS, SUBMIT_FINDINGS, Submission, read_answer
from cases.decision import AuditorName, Usage
from cases.finding import Ballot, Judge
from cases.watch import Watch, unwatched

log = logging.getLogger(__name__)
_T = TypeVar("_T")
_Answer = dict[str, Any]


class Incomplete(AnswerUnusable):
    """the answer leaves out {why}"""

    def __init__(self, partial: Submission, missing: Sequence[str]) -> None:
        """Keep what there is: if it is not mended, it counts."""
        super().__init__("incomplete", f"there is no judgement of {', '.join(missing)}")
        self.partial = partial


@dataclass(frozen=True)
class _Heard(Generic[_T]):
    """What came of one call and, where it had to be mended, a second."""

    value: _T | None
    model: str = ""
    entries: tuple[Entry, ...] = ()
    usage: Usage = Usage()
    failure: str = ""


class LlmAuditor:
    """Judges by a language model. Stateless between calls but for its connections, so one serves every case."""

    deterministic = False

    def __init__(self, settings: ModelSettings, endpoint: Endpoint, prompts: Prompts) -> None:
        """Take what `open` has read; no connection is made before the first call."""
        self._settings = settings
        self._endpoint = endpoint
        self._prompts = prompts
        self.languages: tuple[str, ...] = settings.languages

    @classmethod
    def open(cls, settings: ModelSettings, gate: Gate | None = None, watch: Watch[Asking] = unwatched) -> "LlmAuditor":
        """Read prompts and price table, and make an auditor.

        Args:
            settings: which models judge.
            gate: that every call passes; none lets all through. What it raises (`ModelPaused`) comes out of every
                call of the auditor, for then the case is to be put off, not handed to a person.
            watch: stands around each question to a model.

        Raises:
            Invalid: where the price table cannot be read.
        """
        prices = Prices.read(settings.prices or EXAMPLE_PRICES)
        return cls(settings, Endpoint(settings, prices, gate, watch), Prompts.read())

    async def aclose(self) -> None:
        """Close the connections."""
        await self._endpoint.aclose()

    @property
    def name(self) -> AuditorName:
        """Who judges, for the record."""
        return AuditorName(name="llm", model=self._settings.model, prompts=self._prompts.digest)

    async def investigate(self, dossier: Dossier, step: int) -> Turn:
        """Judge the candidates, or ask for tools.

        Args:
            dossier: with the record of the round's conversation in `turns`; what is new in it (evidence, clauses,
                faults, asked parts) is appended, never written into what was said before.
            step: number of this call in the round, from 1.
        """
        if dossier.turns:
            said = going_on(dossier, self._prompts)
        else:
            said = [opening(dossier, "investigate", 0, dossier.evidence, self._images(dossier))]
        model = self._settings.named(dossier.tier)
        tools = [SUBMIT_FINDINGS, *map(_tool, dossier.tools)]
        ask = _Ask(dossier, model, f"{dossier.round}/investigate/{step}", tools, (*dossier.turns, *said))
        heard = await self._hear(ask, lambda answer: read_answer(answer, dossier))
        if heard.value is None:
            return Turn(usage=heard.usage, failure=heard.failure)
        turns = (*said, *heard.entries)
        if not isinstance(heard.value, Submission):
            return Turn(tool_calls=heard.value, turns=turns, usage=heard.usage, model=heard.model)
        found = heard.value
        sightings = found.sightings if self._settings.vision else ()
        return Turn(judgements=found.judgements, sightings=sightings, turns=turns, usage=heard.usage, model=heard.model)

    async def judge(self, dossier: Dossier, ordinal: int) -> Ballots:
        """Cast one blind ballot on each asked part; prompt, order of evidence and model go by the ordinal, from 1."""
        order = list(dossier.evidence)
        random.Random(f"{dossier.case.id}/{dossier.round}/{ordinal}").shuffle(order)  # noqa: S311 - to be repeatable
        begun = opening(dossier, "judge", ordinal, order, self._images(dossier))
        model = self._settings.judging(dossier.tier, ordinal)
        return await self._ballots(dossier, begun, model, f"judge-{variant(ordinal)}")

    async def judge_narrowly(self, dossier: Dossier, ordinal: int) -> Ballots:
        """Cast one ballot on each asked part; the dossier holds nothing but structured evidence and extracts."""
        begun = opening(dossier, "narrow", ordinal, dossier.evidence, self._images(dossier))
        return await self._ballots(dossier, begun, self._settings.judging(dossier.tier, ordinal), "narrow")

    async def _ballots(self, dossier: Dossier, begun: Entry, model: str, prompt: str) -> Ballots:
        task, ordinal = begun["task"]
        ask = _Ask(dossier, model, f"{dossier.round}/{task}/{ordinal}", [SUBMIT_BALLOTS], (begun,))
        heard = await self._hear(ask, lambda answer: _complete(answer, dossier))
        if heard.value is None:
            return Ballots(usage=heard.usage, failure=heard.failure)
        judge = Judge(prompt=prompt, model=heard.model)
        asked = set(_asked(dossier))
        ballots = []
        for judgement in heard.value.judgements:
            if judgement.key in asked:
                for_, against = heard.value.sides[judgement.key]
                ballots.append(
                    Ballot(judge=judge, round=dossier.round, judgement=judgement, for_=for_, against=against)
                )
        return Ballots(tuple(ballots), heard.usage)

    async def _hear(self, ask: "_Ask", read: Callable[[_Answer], _T]) -> _Heard[_T]:
        """Call, and call once more where the answer cannot be used."""
        usage, model, failure = Usage(), ask.model, ""
        heard: list[Entry] = []
        partial: _T | None = None
        for slot in (ask.slot, f"{ask.slot}/repair"):
            try:
                check_budget(self._settings, ask.dossier.tier, total(ask.dossier.spent, usage))
                answer = await self._call(ask, slot, heard)
                model, usage = answer["model"], total(usage, Usage(**answer["usage"]))
                value = read(answer)
            except AnswerUnusable as fault:
                failure, partial = fault.reason, getattr(fault, "partial", partial)
                log.warning("case %s, %s: %s", ask.dossier.case.id, slot, fault)
                heard += mending(answer, fault.fault, fault.why, self._prompts)
            except ModelFault as fault:
                log.warning("case %s, %s: %s (%s)", ask.dossier.case.id, slot, fault, fault.hint)
                failure = fault.code
                break
            else:
                return _Heard(value, model, (*heard, _said(answer)), usage)
        return _Heard(partial, model, tuple(heard), usage, "" if partial else failure)

    async def _call(self, ask: "_Ask", slot: str, heard: Sequence[Entry]) -> _Answer:
        request = {
            "model": ask.model,
            "messages": write_out([*ask.entries, *heard], ask.dossier, self._prompts),
            "tools": ask.tools,
            "tool_choice": "required",
            **self._settings.options,
        }
        body = orjson.dumps(request)
        answer: _Answer = await ask.dossier.once(slot, body, lambda: self._endpoint.complete(request, body))
        return answer

    def _images(self, dossier: Dossier) -> list[int]:
        return sorted(dossier.images) if self._settings.vision else []


@dataclass(frozen=True)
class _Ask:
    """One question to a model, and where its answer is recorded."""

    dossier: Dossier
    model: str
    slot: str
    tools: list[dict[str, Any]]
    entries: tuple[Entry, ...]


def _asked(dossier: Dossier) -> tuple[tuple[str, str], ...]:
    return dossier.asked or tuple((clause.id, part) for clause in dossier.clauses for part in clause.rule.judged)


def _complete(answer: _Answer, dossier: Dossier) -> Submission:
    """Read a judge's answer; it must judge every part that it was asked for."""
    found = read_answer(answer, dossier)
    if not isinstance(found, Submission):
        raise AnswerUnusable("malformed", f"judges look nothing up; call {SUBMIT}")
    judged = {judgement.key for judgement in found.judgements}
    missing = [f"{clause_id} / {part}" for clause_id, part in _asked(dossier) if (clause_id, part) not in judged]
    if missing:
        raise Incomplete(found, missing)
    return found


def _said(answer: _Answer) -> Entry:
    """Keep what the model said, as it is sent again."""
    calls = [
        {"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": c["arguments"]}}
        for c in answer["tool_calls"]
    ]
    return {"role": "assistant", "content": answer["content"] or None, **({"tool_calls": calls} if calls else {})}


def _tool(form: ToolForm) -> dict[str, Any]:
    function = {"name": form.name, "description": form.description, "strict": True, "parameters": form.parameters}
    return {"type": "function", "function": function}
