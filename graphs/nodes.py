"""One function a node, from the case to settled verdicts. Each reads the state and returns the keys it changes.

Nodes take facts only from state and journal, so that a killed run re-enters and a finished one can be replayed.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import orjson
from langgraph.runtime import Runtime

from agents.auditor import Ballots, Sighting, ToolCall
from agents.model import total
from cases.case import Case
from cases.cutting import cut_case
from cases.decision import Usage
from cases.evidence import Draft, one_line
from cases.finding import Ballot, Judge, Judgement, Key, clause_status, open_parts
from cases.journal import NotInJournal
from graphs.assess import matters
from graphs.candidates import Found, candidates, look_up
from graphs.desk import Desk, Step
from graphs.guard import wants_narrow_word
from graphs.language import language_of
from graphs.settings import AuditSettings
from graphs.settle import contenders, narrow_agrees, narrow_heard, tally
from graphs.state import VERSION, AuditState, Plain, fresh_round, key_of, merged, split_key
from graphs.verify import sound_ballot, unjudged, verify
from graphs.view import View, appended, entry, ids_of
from policies.settled import settle
from tools.tool import Look, Tool, run_tool

_STOPPED = {"challenge_missing", "budget_exhausted", "model_unavailable"}
"""Failures after which no more ballots are asked for in the round."""
_NAME = 80
"""Code points of a tool's name that an asker made up."""
_STANDING = {"lead", "contested", "person"}
"""Verdicts that no later submission of the investigator replaces."""


async def prepare(state: AuditState, runtime: Runtime[Desk]) -> AuditState:
    """Cut the case into evidence, find its language, fix the policy snapshot."""
    desk = runtime.context
    case = Case.model_validate(state["case"])
    prose = f"{case.subject.title}\n{case.subject.description}"
    language = case.language or language_of(prose, desk.corpus.languages(case.region))
    day = desk.corpus.local_day(case.opened_at, case.region)
    evidence = appended(AuditState(), cut_case(case, day, language), marking=desk.settings.marking)
    begun = {"version": VERSION, "language": language, "evidence": evidence, "verdicts": {}, "usage": {}, "number": 0}
    return merged(fresh_round(1), **begun)


async def gather(state: AuditState, runtime: Runtime[Desk]) -> AuditState:
    """Pin the round, and run the standing tools in parallel; what they find becomes evidence, in order of name.

    It takes the place of what they found in the round before; verdicts that rest on that, or that the new evidence
    names, do not carry over.
    """
    desk = runtime.context
    pin = await _pin(state, desk)
    if desk.journal.replaying:
        desk.settings = AuditSettings.model_validate(pin["settings"])
    looked: list[str] = []
    gathered = merged(state, past=[*state.get("past", []), *state.get("looked", [])])
    for wave in pin["tools"]:
        look = _look(View(gathered, desk))
        found = await asyncio.gather(*(_run(desk, f"{state['round']}/gather/{name}", name, look, {}) for name in wave))
        drafts = [draft for result in found for draft in result]
        evidence = appended(gathered, drafts, marking=desk.settings.marking)
        looked += ids_of(evidence, drafts)
        gathered = merged(gathered, evidence=evidence, past=[i for i in gathered["past"] if i not in looked])
    verdicts = _holding(View(gathered, desk), known=len(state["evidence"]))
    return AuditState(pin=pin, evidence=gathered["evidence"], looked=looked, past=gathered["past"], verdicts=verdicts)


def _holding(view: View, known: int) -> dict[str, Plain]:
    """Verdicts that carry over into a round whose looking has given what comes after the first `known` items."""
    if not view.state["verdicts"]:
        return {}
    named, past = view.named_since(known), set(view.state["past"])

    def holds(name: str, held: Plain) -> bool:
        quoted = {quote["evidence_id"] for ballot in held["ballots"] for quote in ballot["judgement"]["quotes"]}
        return split_key(name) not in named and not quoted & past

    return {name: held for name, held in view.state["verdicts"].items() if holds(name, held)}


async def _pin(state: AuditState, desk: Desk) -> Plain:
    """A round's first entry: case, snapshot, settings, auditor and clock; a replay begins from it."""
    fixed = {
        "case": state["case"],
        "snapshot": desk.corpus.snapshot,
        "settings": desk.settings.model_dump(mode="json"),
        "auditor": desk.auditor.name.model_dump(mode="json"),
        "tools": [_standing(desk, after=False), _standing(desk, after=True)],
    }
    slot = f"{state['round']}/pin"

    async def now() -> Plain:
        return {**fixed, "round": state["round"], "at": desk.clock.now().isoformat(), "folder": str(desk.folder or "")}

    replaying = desk.journal.replaying
    pinned: Plain = (
        desk.journal.recorded(slot) if replaying else await desk.journal.once(slot, orjson.dumps(fixed), now)
    )
    return {key: value for key, value in pinned.items() if key != "case"}


def _standing(desk: Desk, *, after: bool) -> list[str]:
    """Names of the standing tools, those that read what others have found apart."""
    return [name for name, tool in sorted(desk.tools.items()) if tool.standing and tool.reads_evidence is after]


def _look(view: View) -> Look:
    day = view.desk.corpus.local_day(view.case.opened_at, view.case.region)
    return Look(case=view.case, day=day, folder=view.desk.folder, evidence=view.current)


async def _run(desk: Desk, slot: str, name: str, look: Look, arguments: dict[str, Any]) -> list[Draft]:
    async def call() -> list[Plain]:
        tool = desk.tools.get(name)
        drafts = await _watched(desk, tool, look, arguments) if tool else [_not_run(name, "there is no such tool")]
        return [draft.model_dump(mode="json") for draft in drafts]

    request = orjson.dumps([name, arguments])
    return [Draft.model_validate(draft) for draft in await desk.journal.once(slot, request, call)]


async def _watched(desk: Desk, tool: Tool, look: Look, arguments: dict[str, Any]) -> list[Draft]:
    step = Step("tool", tool.name)
    with desk.watch(step):
        drafts = await run_tool(tool, look, arguments)
        step.failed = any(draft.unavailable for draft in drafts)
    return drafts


def _not_run(name: str, why: str) -> Draft:
    """Evidence of an asker's slip: no failure of a tool, so nothing becomes doubtful by it."""
    named = one_line(name)[:_NAME]
    return Draft(source=f"tool:not_run/{named}", voucher="tool", text=f"not_run: {named}: {why}")


async def retrieve(state: AuditState, runtime: Runtime[Desk]) -> AuditState:
    """Choose the candidates (see `candidates`); raised types of which nothing is forbidden here are `missing`."""
    view = View(state, runtime.context)

    async def search() -> Plain:
        return (await look_up(view)).model_dump(mode="json")

    found = Found.of(await view.desk.journal.once(f"{state['round']}/retrieve", b"", search))
    in_force = view.desk.corpus.in_force(view.case.region, view.table.day)
    types = {clause.type for clause in in_force if clause.effect == "forbid"}
    missing = [raised for raised in view.case.raised_types if raised not in types]
    return AuditState(candidates=candidates(view, found), standing_out=list(found.standing_out), missing=missing)


async def investigate(state: AuditState, runtime: Runtime[Desk]) -> AuditState:
    """Have the auditor judge the candidates part by part, or ask for tools."""
    view = View(state, runtime.context)
    auditor = view.desk.auditor
    step = state["steps"] + 1
    if not await _in_time(view, f"investigate/{step}"):
        return AuditState(submitted=[], asked_tools=[], failures=_with(state, "budget_exhausted"))
    turn = await auditor.investigate(view.dossier(_asked(view)), step)
    changed = merged(
        _paid(state, turn.usage),
        steps=step,
        model=turn.model,
        turns=[*state["turns"], *turn.turns],
        asked_tools=[call.model_dump(mode="json") for call in turn.tool_calls],
        submitted=[judgement.model_dump(mode="json") for judgement in turn.judgements],
    )
    if turn.failure:
        changed["failures"] = _with(state, turn.failure)
    if turn.sightings:
        drafts = [_sighted(sighting) for sighting in turn.sightings]
        changed["evidence"] = appended(state, drafts, marking=view.desk.settings.marking)
    return changed


async def _in_time(view: View, what: str) -> bool:
    """Whether the round may go on working; where it may not, that is recorded, for a replay has a clock of its own."""
    journal, slot = view.desk.journal, f"{view.state['round']}/late/{what}"
    with suppress(NotInJournal):
        journal.recorded(slot)
        return False
    if journal.replaying or view.time_left:
        return True

    async def late() -> Plain:
        return {"seconds": view.desk.elapsed()}

    await journal.once(slot, b"", late)
    return False


def _asked(view: View) -> tuple[Key, ...]:
    """All parts at first; later what is still to be judged or was at fault."""
    verdicts = view.docket.verdicts
    if not view.state.get("verdicts") or view.desk.auditor.deterministic:
        return ()
    asked: dict[Key, None] = {}
    for clause in view.clauses:
        judged = verdicts.get(clause.id, {})
        if clause_status(clause.rule, judged) == "open":
            asked.update(dict.fromkeys((clause.id, part) for part in open_parts(clause.rule, judged)))
    return tuple(asked)


def _sighted(sighting: Sighting) -> Draft:
    box = f" at {', '.join(str(n) for n in sighting.box)}" if sighting.box else ""
    return Draft(source=f"image:{sighting.image}/sighting", voucher="model", text=f"{sighting.sees}{box}")


def _with(state: AuditState, *codes: str) -> list[str]:
    return list(dict.fromkeys([*state.get("failures", []), *codes]))


def _paid(state: AuditState, usage: Usage) -> AuditState:
    """The usage of the case and of its round, with one more."""
    before = [Usage.model_validate(state.get("usage", {})), Usage.model_validate(state.get("spent", {}))]
    whole, spent = (total(was, usage).model_dump(mode="json") for was in before)
    return AuditState(usage=whole, spent=spent)


async def use_tools(state: AuditState, runtime: Runtime[Desk]) -> AuditState:
    """Run what the auditor asked for, within the budget; results become evidence."""
    view = View(state, runtime.context)
    calls = [ToolCall.model_validate(call) for call in state["asked_tools"]]
    left = view.desk.settings.tool_calls - state["tools_used"]
    look = _look(view)

    async def one(i: int, call: ToolCall) -> list[Draft]:
        if i >= left:
            return [_not_run(call.name, "the round's tool calls are spent")]
        slot = f"{state['round']}/tool/{state['tools_used'] + i + 1}"
        return await _run(view.desk, slot, call.name, look, call.arguments)

    found = await asyncio.gather(*(one(i, call) for i, call in enumerate(calls)))
    evidence, turns = list(state["evidence"]), list(state["turns"])
    for call, drafts in zip(calls, found, strict=True):
        evidence = appended(AuditState(evidence=evidence), drafts, marking=view.desk.settings.marking)
        ids = ids_of(evidence, drafts)
        turns.append({"role": "tool", "tool_call_id": call.id, "name": call.name, "evidence": ids})
    used = Usage(tool_calls=min(len(calls), max(left, 0)))
    return merged(
        _paid(state, used),
        evidence=evidence,
        turns=turns,
        asked_tools=[],
        tools_used=state["tools_used"] + len(calls),
    )


async def check(state: AuditState, runtime: Runtime[Desk]) -> AuditState:
    """Verify the submission; what code settles is settled; faults go back once, then their parts are `unclear`."""
    view = View(state, runtime.context)
    submitted = [Judgement.model_validate(judgement) for judgement in state["submitted"]]
    checked = verify(submitted, view.clauses, view.table)
    verdicts = dict(state["verdicts"])
    # What a person has said or blind judges have voted on is not the investigator's any more, asked or not.
    standing = {
        split_key(n) for n, held in verdicts.items() if held["settled"] in _STANDING or len(held["ballots"]) > 1
    }
    for key, judgement in checked.sound.items():
        if key not in standing:
            verdicts[key_of(*key)] = _first(view, judgement)
    _settle_by_code(view, verdicts)
    said = View(merged(state, verdicts=verdicts), view.desk).docket.verdicts
    judged = [split_key(name) for name in verdicts]
    missing = unjudged(judged, {cid: dict(found) for cid, found in said.items()}, view.clauses)
    wrong = {key: found for key, found in checked.faults.items() if key not in standing}
    faults = [fault for found in wrong.values() for fault in found]
    faults += [fault for key, fault in missing.items() if key not in wrong]
    failed = set(state.get("failures", [])) & {"model_unavailable", "budget_exhausted", "unverified"}
    if faults and not (state["repaired"] or failed or view.desk.auditor.deterministic):
        return AuditState(verdicts=verdicts, faults=[f.model_dump() for f in faults], repaired=True, submitted=[])
    failures = list(state.get("failures", []))
    for key in (*wrong, *missing):
        if _auditors(view, key):
            verdicts[key_of(*key)] = _unverified(view, key)
            failures = list(dict.fromkeys([*failures, *([] if failed else ["unverified"])]))
    return AuditState(verdicts=verdicts, faults=[], submitted=[], failures=failures)


def _auditors(view: View, key: Key) -> bool:
    """Whether a name means a part that is the auditor's to judge: a candidate's, and one that code does not settle."""
    if key[0] not in view.state["candidates"]:
        return False
    part = view.desk.corpus.clauses[key[0]].rule.judged.get(key[1])
    return part is not None and not part.by_code


def _first(view: View, judgement: Judgement) -> Plain:
    """The investigator's judgement is the first ballot; a deterministic auditor's needs no other."""
    auditor = view.desk.auditor
    judge = Judge(prompt="rulebook" if auditor.deterministic else "investigator", model=view.state.get("model", ""))
    ballot = Ballot(judge=judge, round=view.state["round"], judgement=judgement)
    clause = view.desk.corpus.clauses[judgement.clause_id]
    return entry(clause, judgement, (ballot,), "code" if auditor.deterministic else "")


def _settle_by_code(view: View, verdicts: dict[str, Plain]) -> None:
    """Put code's verdict where a measure, a fact or a record decides; an auditor may only doubt a record's scope."""
    judge = Judge(prompt="code", model="")
    for clause in view.clauses:
        for name, part in clause.rule.judged.items():
            held = verdicts.get(key_of(clause.id, name))
            settled = settle(clause, part, view.table)
            if settled is None or (held and held["settled"] == "person"):
                continue
            if part.record and settled.verdict == "met" and held and held["verdict"] != "met":
                doubt = settled.model_copy(update={"verdict": "unclear", "basis": "borderline"})
                settled = doubt.model_copy(
                    update={"why": "A record is in force, but whether it fits this item is doubted."}
                )
            ballot = Ballot(judge=judge, round=view.state["round"], judgement=settled)
            checked = sound_ballot(ballot, {clause.id: clause}, view.table) or ballot
            verdicts[key_of(clause.id, name)] = entry(clause, checked.judgement, (checked,), "code")


def _unverified(view: View, key: Key) -> Plain:
    clause = view.desk.corpus.clauses[key[0]]
    why = "No judgement of this part could be verified."
    judgement = Judgement(clause_id=key[0], part=key[1], verdict="unclear", basis="silent", why=why)
    ballot = Ballot(judge=Judge(prompt="code", model=""), round=view.state["round"], judgement=judgement)
    return entry(clause, judgement, (ballot,), "code")


async def challenge(state: AuditState, runtime: Runtime[Desk]) -> AuditState:
    """Have one more blind judge judge the parts that matter and are not settled; narrow judges last.

    Sets `onward`: here again while ballots are wanted, once a round to `investigate` where a verdict has opened a
    clause with unjudged parts, else to `assess`.
    """
    view = View(state, runtime.context)
    wanting, narrow = _wanting(view)
    stopped = _STOPPED & set(state.get("failures", []))
    if stopped or not (wanting or narrow):
        reopening = not stopped and _wants_reopening(view)
        return AuditState(onward="investigate" if reopening else "assess", reopened=state["reopened"] or reopening)
    auditor, ordinal = view.desk.auditor, state["judged_blind"] + 1
    if not await _in_time(view, f"judge/{ordinal}"):
        return AuditState(onward="assess", failures=_with(state, "challenge_missing", "budget_exhausted"))
    if wanting:
        cast = await auditor.judge(view.blind(wanting), ordinal)
    else:
        cast = await auditor.judge_narrowly(view.narrow(narrow), ordinal)
    changed = merged(_paid(state, cast.usage), onward="challenge", judged_blind=ordinal)
    if cast.failure:
        changed["failures"] = _with(state, "challenge_missing", cast.failure)
    else:
        changed["verdicts"] = _counted(view, wanting or narrow, cast)
    return changed


def _wants_reopening(view: View) -> bool:
    """Whether a judge's verdict has opened a clause with unjudged parts; these are taken up once a round."""
    if view.state["reopened"] or view.desk.auditor.deterministic:
        return False
    verdicts, held = view.docket.verdicts, view.state["verdicts"]
    return any(
        key_of(clause.id, part) not in held
        for clause in view.clauses
        for part in open_parts(clause.rule, verdicts.get(clause.id, {}))
    )


def _wanting(view: View) -> tuple[tuple[Key, ...], tuple[Key, ...]]:
    """Parts that want another blind ballot, and settled ones that want a narrow one."""
    wanting: list[Key] = []
    narrow: list[Key] = []
    docket = view.docket
    for key in (*matters(docket), *contenders(docket.rules, docket.verdicts, docket.settled)):
        held = view.state["verdicts"].get(key_of(*key))
        if held is None or held["settled"] in {"code", "person", "contested"}:
            continue
        if not held["settled"]:
            wanting.append(key)
        elif wants_narrow_word(docket, key) and not narrow_heard(view.ballots(key)):
            narrow.append(key)
    return tuple(wanting), tuple(narrow)


def _counted(view: View, keys: Iterable[Key], cast: Ballots) -> dict[str, Plain]:
    """The verdicts after one more judge: ballots that do not verify count for nothing, but their turn is used."""
    verdicts = dict(view.state["verdicts"])
    clauses = {clause.id: clause for clause in view.clauses}
    sound = {b.judgement.key: b for raw in cast.ballots if (b := sound_ballot(raw, clauses, view.table))}
    for key in keys:
        ballots = [*view.ballots(key), *([sound[key]] if key in sound else [])]
        counted = tally(ballots, view.lead(key[0]))
        spoken = [b.judgement for b in ballots if b.judgement.verdict == counted.verdict]
        shown = spoken[0] if spoken else _contested(key)
        held = entry(clauses[key[0]], shown, ballots, counted.settled)
        refused = narrow_heard(ballots) and not narrow_agrees(ballots, counted.verdict)
        # A verdict that led already wanted a narrow word; if none that verifies comes, it does not stand either.
        led = view.state["verdicts"][key_of(*key)]["settled"] == "lead"
        wanting = not counted.settled or (led and not narrow_heard(ballots))
        exhausted = view.state["judged_blind"] > 2 * view.lead(key[0])
        if counted.settled == "contested" or refused or (exhausted and wanting):
            held.update(verdict="unclear", basis="borderline", settled="contested")
        verdicts[key_of(*key)] = held
    return verdicts


def _contested(key: Key) -> Judgement:
    return Judgement(clause_id=key[0], part=key[1], verdict="unclear", basis="borderline", why="The judges differ.")
