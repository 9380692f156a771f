"""Doubles for every port of a desk, and the office that lays them out; each is scripted, none is patched in."""

import asyncio
import itertools
import os
import signal
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import orjson

from agents.auditor import Ballots, Sighting, ToolCall, Turn
from cases.decision import AuditorName, Expiry, InformationRequest, Review, Supplement, Usage
from cases.evidence import Draft, Quote
from cases.finding import Ballot, Judge, Judgement
from graphs.desk import Desk, NoSink
from graphs.run import open_run
from graphs.settings import AuditSettings
from graphs.view import held_slot
from policies.search import Hit, Status
from tools.tool import NO_ARGUMENTS

NOW = datetime(2026, 3, 14, 10, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Says:
    """What a scripted auditor says of one part; quotes are written `source|words`, the words of a clause by its id."""

    verdict: str
    basis: str
    quotes: tuple[str, ...] = ()
    why: str = "So it stands there."
    for_: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    question: str = ""
    would_settle: str = ""

    def judgement(self, key, dossier):
        clause_id, part = key
        return Judgement(
            clause_id=clause_id,
            part=part,
            verdict=self.verdict,
            basis=self.basis,
            quotes=tuple(quote(written, dossier) for written in self.quotes),
            why=self.why,
            question=self.question,
            would_settle=self.would_settle,
        )


def quote(written, dossier):
    source, _, words = written.partition("|")
    if source in {clause.id for clause in dossier.clauses}:
        return Quote(clause_id=source, text=words)
    found = next((item.id for item in dossier.evidence if source in {item.source, item.id}), "E999")
    return Quote(evidence_id=found, text=words)


def met(*quotes, basis="shown", **more):
    return Says("met", basis, quotes, **more)


def not_met(*quotes, basis="contrary", **more):
    return Says("not_met", basis, quotes, **more)


def unclear(*quotes, basis="silent", **more):
    return Says("unclear", basis, quotes, **more)


def absent(*quotes, **more):
    return Says("not_met", "absent", quotes, **more)


class ScriptedAuditor:
    """Says what it was told to say. Every call goes through the journal, as a model's would.

    Args:
        says: by `clause|part`; what is not here is left out of a submission.
        first: plans of the first round's first calls: `says`, `whole` (also what was not asked), `tools`, `sightings`,
            `failure`.
        judges: what blind judges say instead, by ordinal from 1 (the last one also after that); a text is a failure,
            None leaves a part out.
        narrow: the same for narrow judges.
        log: a file that gets one line for every call that is really made.
        delay: seconds that a call takes.
        deaf: every call that the journal does not answer fails.
        whole: the investigator judges everything every time, asked or not.
    """

    def __init__(self, says, *, first=(), judges=({},), narrow=({},), log=None, delay=0.0, **traits):
        self.says, self.first, self.judges, self.narrow = says, first, judges, narrow
        self.log, self.delay = log, delay
        self.deaf, self.whole = traits.get("deaf", False), traits.get("whole", False)
        self.deterministic = traits.get("deterministic", False)
        self.languages = traits.get("languages", ())
        self.calls, self.seen = [], []

    @property
    def name(self):
        return AuditorName(name="scripted", model="script-1")

    async def investigate(self, dossier, step):
        plan = self.first[step - 1] if dossier.round == 1 and step <= len(self.first) else {}
        said = await self._once(dossier, f"investigate/{step}", lambda: self._turn(plan, dossier))
        return Turn(
            judgements=tuple(map(Judgement.model_validate, said["judgements"])),
            sightings=tuple(map(Sighting.model_validate, said["sightings"])),
            tool_calls=tuple(map(ToolCall.model_validate, said["tools"])),
            turns=({"role": "assistant", "step": step},),
            usage=Usage(model_calls=1, tokens_in=100, cost="0.01"),
            failure=said["failure"],
            model="script-1",
        )

    def _turn(self, plan, dossier):
        asked = () if self.whole or plan.get("whole") else dossier.asked
        every = asked or [(clause.id, part) for clause in dossier.clauses for part in clause.rule.judged]
        says = {} if plan.get("tools") or plan.get("failure") else {**self.says, **plan.get("says", {})}
        judged = [says[f"{c}|{p}"].judgement((c, p), dossier) for c, p in every if says.get(f"{c}|{p}")]
        return {
            "judgements": [*(j.model_dump(mode="json") for j in judged), *plan.get("judgements", ())],
            "sightings": plan.get("sightings", []),
            "tools": plan.get("tools", []),
            "failure": plan.get("failure", ""),
        }

    async def judge(self, dossier, ordinal):
        return await self._cast(dossier, ordinal, "judge", self.judges)

    async def judge_narrowly(self, dossier, ordinal):
        return await self._cast(dossier, ordinal, "narrow", self.narrow)

    async def _cast(self, dossier, ordinal, prompt, scripts):
        script = scripts[min(ordinal, len(scripts)) - 1]
        if isinstance(script, str):
            return Ballots(usage=Usage(model_calls=1), failure=script)
        says = {**self.says, **script}
        asked = [(key, says.get("|".join(key))) for key in dossier.asked]

        def ballots():
            judge = Judge(prompt=prompt if prompt == "narrow" else f"judge-{ordinal}", model="script-1")
            return [
                Ballot(
                    judge=judge,
                    round=dossier.round,
                    judgement=said.judgement(key, dossier),
                    for_=tuple(quote(written, dossier) for written in said.for_),
                    against=tuple(quote(written, dossier) for written in said.against),
                ).model_dump(mode="json")
                for key, said in asked
                if said is not None
            ]

        cast = await self._once(dossier, f"{prompt}/{ordinal}", ballots)
        return Ballots(tuple(map(Ballot.model_validate, cast)), Usage(model_calls=1, tokens_in=50, cost="0.005"))

    async def _once(self, dossier, what, answer):
        self.seen.append((what, dossier))

        async def call():
            assert not self.deaf, f"{what} was called"
            self.calls.append(f"{dossier.case.id} {dossier.round}/{what}")
            _log(self.log, self.calls[-1])
            await asyncio.sleep(self.delay)
            return answer()

        request = [dossier.asked, [item.id for item in dossier.evidence], len(dossier.faults)]
        return await dossier.once(f"{dossier.round}/{what}", orjson.dumps(request), call)

    def dossiers(self, what):
        """Every dossier that was shown for one kind of call, in order."""
        return [dossier for name, dossier in self.seen if name.startswith(what)]


class ScriptedTool:
    """Finds what it was told to find: by call, the last one for ever; an exception is raised."""

    parameters = NO_ARGUMENTS

    def __init__(self, name, *answers, standing=True, reads_evidence=False, deadline_s=5.0, delay=0.0, log=None):
        self.name, self.answers, self.standing, self.reads_evidence = name, answers, standing, reads_evidence
        self.description, self.deadline_s, self.delay, self.log = f"Finds {name}.", deadline_s, delay, log
        self.calls = []

    async def run(self, look, arguments):
        self.calls.append(arguments)
        _log(self.log, f"{look.case.id} tool/{self.name}")
        await asyncio.sleep(self.delay)
        answer = self.answers[min(len(self.calls), len(self.answers)) - 1] if self.answers else []
        if isinstance(answer, Exception):
            raise answer
        return list(answer)


def fact(tool, *lines, part=""):
    """A draft with facts, as a tool writes them."""
    return Draft(source=f"tool:{tool}{part}", voucher="tool", text="\n".join(lines))


def reading(image, text, confidence=0.98):
    """A draft of text read in an image: the seller's word."""
    return Draft(source=f"image:{image}/ocr", voucher="seller", text=text, confidence=confidence)


class Fate:
    """When this process is to be killed: after so many logged calls, each of them made and not yet recorded."""

    calls_left = 0


def _log(path, line):
    if not path:
        return
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    Fate.calls_left -= 1
    if Fate.calls_left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


class FixedSearch:
    """Finds the same clauses whatever is asked, as far as they are allowed; ids alone are all equally near."""

    def __init__(self, *found):
        self.found = [(one, 1.0) if isinstance(one, str) else one for one in found]
        self.queries = []

    async def search(self, query, allowed, limit, language=""):
        self.queries.append((query, language))
        hits = [Hit(id=clause_id, score=score, legs={}) for clause_id, score in self.found if clause_id in allowed]
        return hits[:limit]

    def status(self):
        return Status(serves="memory", embedder="none", documents=len(self.found), snapshot="")


class FixedClock:
    """Stands still."""

    def now(self):
        return NOW


@dataclass
class Office:
    """What cases share, with everything that can be a double; `desk` is what a run asks for."""

    corpus: object
    auditor: object
    tools: tuple[object, ...] = ()
    candidates: tuple[str, ...] = ()
    settings: AuditSettings = AuditSettings()
    sink: object = field(default_factory=NoSink)
    held: tuple[str, ...] = ()
    slow_s: float = 0.0
    lines: list = field(default_factory=list)

    async def desk(self, case, journal, folder):  # noqa: ARG002 - as MakeDesk says
        if self.held:
            await journal.note(held_slot(1), list(self.held))
        return Desk(
            corpus=self.corpus,
            search=FixedSearch(*self.candidates),
            auditor=self.auditor,
            tools={tool.name: tool for tool in self.tools},
            settings=self.settings,
            journal=journal,
            clock=FixedClock(),
            sink=self.sink,
            folder=folder,
            _begun=time.monotonic() - self.slow_s,
        )

    @asynccontextmanager
    async def open(self, path=None, emit=None):
        async with open_run(self.desk, path, emit or self.lines.append) as run:
            yield run


def bound(line, days=1):
    """What binds an answer to the escalation in a line."""
    escalation = line["escalation"]
    return {
        "number": escalation["number"],
        "digest": escalation["digest"],
        "at": (NOW + timedelta(days=days * escalation["number"])).isoformat(),
    }


def review(*said, reviewer="R. Viewer", **more):
    """A reviewer's answer to the line it is called with; judgements are written `clause|part verdict`."""
    judged = [written.partition(" ") for written in said]
    judgements = [
        {"clause_id": key.split("|")[0], "part": key.split("|")[1], "verdict": verdict, "basis": "person"}
        for key, _, verdict in judged
    ]
    given = {"reviewer": reviewer, "judgements": judgements, **more}
    return lambda line: Review.model_validate({**bound(line), **given})


def supplement(*texts, by="seller", **more):
    given = {"by": by, "texts": [{"source": "message", "by": by, "text": text} for text in texts], **more}
    return lambda line: Supplement.model_validate({**bound(line), **given})


def request(question="What is on the label?", until=date(2026, 3, 20)):
    return lambda line: InformationRequest.model_validate({**bound(line), "question": question, "until": until})


def expiry():
    return lambda line: Expiry.model_validate({**bound(line), "expired": True})


def journey(office, case, *answers, path=None):
    """Audit a case and answer it again and again; gives the line after each."""

    async def go():
        async with office.open(path) as run:
            lines = [await run.audit(case)]
            for answer in answers:
                lines.append(await run.answer(case.id, answer(lines[-1])))
            return lines

    return asyncio.run(go())


def parts_of(line):
    """The parts of a line's findings by `clause|part`."""
    findings = (line.get("decision") or line.get("escalation"))["findings"]
    found = ((f["clause_id"], part) for f in findings for part in f["parts"])
    return {f"{clause_id}|{part['part']}": part for clause_id, part in found}


def verdicts_of(line):
    return {key: part["verdict"] for key, part in parts_of(line).items()}


def voters_of(line, key):
    """Who has cast a ballot on a part, in order."""
    return [ballot["judge"]["prompt"] for ballot in parts_of(line)[key]["ballots"]]


def pairs(*lists):
    """Every choice of one from each list."""
    return list(itertools.product(*lists))
