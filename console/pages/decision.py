"""One case that nobody is asked about: what was decided and why, what was said, and what became of it."""

import hashlib
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from console.accounts import Role, names_of
from console.door import Door
from console.pages.case import case_id_of, matched, read_case_page, types_of, veiled
from console.reading.case_file import CaseFile, read_file
from console.reading.evidence import pane_of
from console.reading.findings import at_stake, judged, titles_of
from console.reading.law import law_of
from console.reading.quotes import Numbers
from console.visit import Visit
from service.answers import overturn
from service.appeals import appeal_of
from service.history import History, history
from service.intake import AnotherBody, submit
from service.labels import holds_blind
from service.ledger import LedgerRecords
from service.notes import notes
from service.statements import LeftOut, statement_of

_MAY_OVERTURN: tuple[Role, ...] = ("senior", "lead", "admin")
_LONGEST_ID = 200


def decision_path(case_id: str) -> str:
    """Where a case is read that nobody is asked about."""
    return f"/decisions/{quote(case_id, safe='')}"


async def kept_blind(visit: Visit, case_id: str) -> Response | None:
    """A refusal, where this person labels the case blind and has not given the label yet; else None."""
    if await holds_blind(visit.pool, visit.account.id, case_id):
        return visit.page("refused.html.j2", 403, why=visit.words("decisions.blind"))
    return None


async def decision_page(visit: Visit) -> Response:
    """Show a case as it was decided, or where it stands; nothing of one that this person is labelling blind."""
    file = await read_file(visit.pool, case_id_of(visit))
    if refused := await kept_blind(visit, file.case.id):
        return refused
    become = await history(visit.pool, file.case.id)
    return visit.page(
        "decision.html.j2",
        **await _panes(visit, file),
        **_may(visit, file, become),
        file=file,
        path=decision_path(file.case.id),
        case_id=file.case.id,
        decision_path=decision_path,
        become=become,
        parts=_parts(file),
        names=await names_of(visit.pool),
        notes=await notes(visit.pool, file.case.id),
        statement=_statement(visit, file.line),
    )


async def _panes(visit: Visit, file: CaseFile) -> dict[str, Any]:
    """Evidence, findings and clauses, with every quote numbered in the page's order."""
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
    carrying = [f for f in stake if f.clause_id in corpus.clauses]
    action = file.decision.action if file.decision else None
    step = {action.clause_id: action.step} if action else {}
    known = {f.clause_id: corpus.clauses[f.clause_id] for f in carrying}
    return {
        "stake": read[: len(stake)],
        "others": read[len(stake) :],
        "sealing": set(),
        "feedback": False,
        "pane": pane,
        "banked": await matched(visit, file.case.id, pane),
        "veiled": veiled(visit, types_of(file)),
        "laws": [law_of(c, corpus, file.case.region, day, numbers, step.get(i)) for i, c in known.items()],
        "day": day,
        # The pane shows the policies of now; where a clause was judged in other words, that is said.
        "reworded": [known[f.clause_id].title for f in carrying if known[f.clause_id].sha256 != f.clause_sha256],
    }


def _may(visit: Visit, file: CaseFile, become: History) -> dict[str, bool]:
    """What can be done: a violation that stands is appealed against once; a decision that stands is overturned."""
    stands = file.decision is not None and file.overturned_at is None
    violation = file.decision is not None and file.decision.outcome == "violation"
    return {
        "may_appeal": stands and violation and not become.appeals,
        "may_overturn": stands and visit.account.may(*_MAY_OVERTURN),
    }


def _parts(file: CaseFile) -> dict[str, str]:
    """Titles of the clauses that were judged, by id: to name a part's clause where a case has several."""
    titles = titles_of(file.texts)
    return titles if len({f.clause_id for f in file.findings}) > 1 else {}


def _statement(visit: Visit, line: dict[str, Any]) -> dict[str, Any]:
    """The statement of reasons (Article 17 DSA), or why there is none."""
    if not line:
        return {"why": "not_decided", "detail": "", "needs": (), "fields": {}}
    made = statement_of(line, visit.console.corpus)
    if isinstance(made, LeftOut):
        return {"why": made.why, "detail": made.detail if made.due else "", "needs": (), "fields": {}}
    return {"why": "", "detail": "", "needs": (), "fields": made.model_dump(mode="json", exclude_none=True)}


async def statement_part(visit: Visit) -> Response:
    """The statement of reasons as it would be if the recommendation were followed, or which answers it needs."""
    file = await read_file(visit.pool, case_id_of(visit))
    if refused := await kept_blind(visit, file.case.id):
        return refused
    if file.asked is None or not file.asked.open:
        return visit.page("statement.html.j2", statement=_statement(visit, file.line))
    recommended = file.asked.escalation.recommended
    shown = read_case_page(visit, file, file.asked).values
    if recommended is None or shown["sealing"]:  # what is sealed is not told by its statement either
        wanted = [ask.part or ask.clause_title for ask in shown["asks"] if ask.open]
        return visit.page("statement.html.j2", statement={"why": "open", "needs": wanted, "detail": "", "fields": {}})
    decision = recommended.model_copy(update={"decided_by": "person"})  # whoever follows it decides
    line = {**file.line, "status": "decided", "decision": decision.model_dump(mode="json")}
    return visit.page("statement.html.j2", statement=_statement(visit, line))


async def overturn_decision(visit: Visit) -> Response:
    """Reverse a decision, with a reason: a new event; the decision stays as it was made."""
    case_id, why = case_id_of(visit), visit.one("why").strip().replace("\0", "\ufffd")
    if refused := await kept_blind(visit, case_id):
        return refused
    if not why:
        return visit.go(decision_path(case_id))
    async with visit.pool.acquire() as connection, connection.transaction():
        await overturn(connection, case_id, visit.account.id, why[:10_000])
    await visit.note("overturned", case_id, why=why[:500])
    return visit.go(decision_path(case_id))


async def appeal(visit: Visit) -> Response:
    """Take a seller's appeal in: a case of its own, which goes to somebody else.

    Raises:
        AnotherBody: there is an appeal that says something else.
    """
    case_id, statement = case_id_of(visit), visit.one("statement").strip()
    if refused := await kept_blind(visit, case_id):
        return refused
    if not statement:
        return visit.go(decision_path(case_id))
    made = await appeal_of(visit.pool, case_id, _appeal_id(case_id), statement[:100_000])
    (receipt,) = await submit(visit.pool, [made])
    if receipt.taken == "another_body":
        raise AnotherBody(case=made.id)
    await visit.note("appeal_taken_in", case_id, appeal=made.id)
    return visit.go(decision_path(made.id))


def _appeal_id(case_id: str) -> str:
    """As the API names it; of an id that is too long, its hash."""
    usual = f"appeal-{case_id}"
    return usual if len(usual) <= _LONGEST_ID else f"appeal-{hashlib.sha256(case_id.encode()).hexdigest()}"


DOORS = (
    Door("GET", "/decisions/{case_id}", decision_page),
    Door("POST", "/decisions/{case_id}/overturn", overturn_decision, roles=_MAY_OVERTURN),
    Door("POST", "/decisions/{case_id}/appeal", appeal),
    Door("GET", "/cases/{case_id}/statement", statement_part),
)
