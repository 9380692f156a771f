"""Decisions: a search over all cases, and the page of one that nobody is asked about: what was decided, and why."""

from typing import Any, get_args
from urllib.parse import quote, urlencode

import orjson
from pydantic import ValidationError
from starlette.responses import Response

from cases.decision import Answer, read_answer
from console.accounts import Role
from console.door import Door
from console.pages.case import case_id_of, case_path, matched, types_of, veiled
from console.reading.case_file import CaseFile, read_file
from console.reading.evidence import pane_of
from console.reading.findings import at_stake, judged, titles_of
from console.reading.law import law_of
from console.reading.quotes import Numbers
from console.visit import Visit
from service.answers import overturn
from service.appeals import appeal_of
from service.closed import ClosedChoice, closed
from service.intake import submit
from service.labels import holds_blind
from service.ledger import LedgerRecords
from service.notes import notes
from service.opinions import opinions
from service.reading import Status
from service.statements import LeftOut, statement_of

_FILTERS = ("status", "outcome", "action", "decided_by", "type", "region", "reason", "clause", "from", "to")
_FLAGS = ("overturned", "overdue")
_MAY_OVERTURN: tuple[Role, ...] = ("senior", "lead", "admin")


def decision_path(case_id: str) -> str:
    """Where a case is read that nobody is asked about."""
    return f"/decisions/{quote(case_id, safe='')}"


async def list_page(visit: Visit) -> Response:
    """Search all cases, the latest first."""
    choice = _choice(visit)
    page = await closed(visit.pool, choice, visit.one("after") or None)
    kept = [(name, visit.one(name)) for name in ("q", *_FILTERS, *_FLAGS) if visit.one(name)]
    return visit.page(
        "decisions.html.j2",
        page=page,
        kept=dict(kept),
        filters=[pair for pair in kept if pair[0] != "q"],
        more=urlencode([*kept, ("after", page.next)]) if page.next else "",
        path=decision_path,
        without=lambda name: urlencode([pair for pair in kept if pair[0] != name]),
        statuses=_named(visit, "status_of", get_args(Status)),
        outcomes=_named(visit, "outcome", ("violation", "no_violation")),
        deciders=_named(visit, "decider", ("agent", "person")),
        types=[(name, name) for name in sorted(visit.console.corpus.types)],
        actions=[(name, visit.action(name)) for name in visit.console.corpus.actions],
    )


def _named(visit: Visit, key: str, values: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(value, visit.words(f"{key}.{value}")) for value in values]


def _choice(visit: Visit) -> ClosedChoice:
    """What the address asks for; what makes no sense in it asks for nothing."""
    named = {name: visit.one(name) or None for name in _FILTERS}
    flags = {name: visit.one(name) == "1" for name in _FLAGS}
    try:
        return ClosedChoice.model_validate({**named, **flags, "from_": named.pop("from"), "q": visit.one("q")})
    except ValidationError:
        return ClosedChoice(q=visit.one("q")[:500])


async def decision_page(visit: Visit) -> Response:
    """Show a case as it was decided, or where it stands; nothing of one that this person is labelling blind."""
    file = await read_file(visit.pool, case_id_of(visit))
    if await holds_blind(visit.pool, visit.account.id, file.case.id):
        return visit.page("refused.html.j2", 403, why=visit.words("decisions.blind"))
    return visit.page("decision.html.j2", **await _shown(visit, file))


async def _shown(visit: Visit, file: CaseFile) -> dict[str, Any]:
    corpus, evidence, numbers = visit.console.corpus, file.evidence, Numbers()
    titles = titles_of(file.texts)
    asked = file.asked.escalation if file.asked else None
    stake, rest = at_stake(file.findings, {q.clause_id for q in asked.questions} if asked else set())
    read = [
        judged(f, corpus.clauses.get(f.clause_id), titles.get(f.clause_id, f.clause_id), given, evidence)
        for findings, given in ((stake, numbers), (rest, Numbers()))
        for f in findings
    ]
    seller = await LedgerRecords(visit.pool).get(file.case.seller_id)
    pane = pane_of(file.case, evidence.values(), numbers, seller, types_of(file))
    day = corpus.local_day(file.case.opened_at, file.case.region)
    carrying = [f.clause_id for f in stake if f.clause_id in corpus.clauses]
    action = file.decision.action if file.decision else None
    step = {action.clause_id: action.step} if action else {}
    return {
        "file": file,
        "path": decision_path(file.case.id),
        "case_id": file.case.id,
        "stake": read[: len(stake)],
        "others": read[len(stake) :],
        "sealing": set(),
        "feedback": False,
        "pane": pane,
        "banked": await matched(visit, file.case.id, pane),
        "veiled": veiled(visit, types_of(file)),
        "laws": [law_of(corpus.clauses[c], corpus, file.case.region, day, numbers, step.get(c)) for c in carrying],
        "day": day,
        "history": await _history(visit, file),
        "notes": await notes(visit.pool, file.case.id),
        "around": await _around(visit, file),
        "statement": _statement(visit, file.line),
        "may_overturn": visit.account.may(*_MAY_OVERTURN),
        "why": "",
        "statement_text": "",
        "open_path": case_path(file.case.id),
        "decision_path": decision_path,
    }


_ASKED = """
SELECT number, waiting_for, reasons, body, raised_at, answer, answered_by, answered_at FROM escalations
WHERE case_id = $1 AND number > 0 ORDER BY number
"""


async def _history(visit: Visit, file: CaseFile) -> list[dict[str, Any]]:
    """Each time a person was asked: the questions, and what was said."""
    return [
        {
            **dict(row),
            "questions": orjson.loads(row["body"])["questions"],
            "said": _said(read_answer(bytes(row["answer"]))) if row["answer"] else None,
            "opinions": await opinions(visit.pool, file.case.id, row["number"]),
        }
        for row in await visit.pool.fetch(_ASKED, file.case.id)
    ]


_SAID = ("judgements", "confirmed", "governs", "add_clauses", "question", "comment", "expired", "texts")


def _said(answer: Answer) -> dict[str, Any]:
    """What an answer of any kind says; what its kind does not have is empty."""
    return {name: getattr(answer, name, None) or () for name in _SAID}


_AROUND = """
SELECT (SELECT array_agg(a.id) FROM cases a WHERE a.appeal_of = $1) AS appeals, c.appeal_of,
    f.type, f.reversed_at, f.reversed_by
FROM cases c LEFT JOIN effects f ON f.case_id = c.id WHERE c.id = $1
"""
_EVENTS = "SELECT type, at FROM events WHERE case_id = $1 ORDER BY seq"


async def _around(visit: Visit, file: CaseFile) -> dict[str, Any]:
    """What else there is of the case: appeals, its strike, its events."""
    row = await visit.pool.fetchrow(_AROUND, file.case.id)
    events = await visit.pool.fetch(_EVENTS, file.case.id)
    return {**dict(row or {}), "events": [dict(event) for event in events]}


def _statement(visit: Visit, line: dict[str, Any]) -> dict[str, Any]:
    """The statement of reasons (Article 17 DSA), or why there is none."""
    if not line:
        return {"why": "not_decided", "fields": {}}
    made = statement_of(line, visit.console.corpus)
    if isinstance(made, LeftOut):
        return {"why": made.why, "fields": {}}
    return {"why": "", "fields": made.model_dump(mode="json", exclude_none=True)}


async def statement_part(visit: Visit) -> Response:
    """The statement of reasons as it would be if the recommendation were followed."""
    file = await read_file(visit.pool, case_id_of(visit))
    recommended = file.asked.escalation.recommended if file.asked else None
    line = dict(file.line)
    if recommended is not None:
        line |= {"status": "decided", "decision": recommended.model_dump(mode="json")}
    return visit.page("statement.html.j2", statement=_statement(visit, line))


async def overturn_decision(visit: Visit) -> Response:
    """Reverse a decision, with a reason: a new event; the decision stays as it was made."""
    case_id, why = case_id_of(visit), visit.one("why").strip()
    if not why:
        return visit.go(decision_path(case_id))
    async with visit.pool.acquire() as connection, connection.transaction():
        await overturn(connection, case_id, visit.account.id, why[:10_000])
    await visit.note("overturned", case_id, why=why[:500])
    return visit.go(decision_path(case_id))


async def appeal(visit: Visit) -> Response:
    """Take a seller's appeal in: a case of its own, which goes to somebody else."""
    case_id, statement = case_id_of(visit), visit.one("statement").strip()
    if not statement:
        return visit.go(decision_path(case_id))
    made = await appeal_of(visit.pool, case_id, f"appeal-{case_id}", statement[:100_000])
    await submit(visit.pool, [made])
    await visit.note("appeal_taken_in", case_id, appeal=made.id)
    return visit.go(decision_path(made.id))


DOORS = (
    Door("GET", "/decisions", list_page),
    Door("GET", "/decisions/{case_id}", decision_page),
    Door("POST", "/decisions/{case_id}/overturn", overturn_decision, roles=_MAY_OVERTURN),
    Door("POST", "/decisions/{case_id}/appeal", appeal),
    Door("GET", "/cases/{case_id}/statement", statement_part),
)
