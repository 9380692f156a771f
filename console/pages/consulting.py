"""Consulting: a colleague looks at a case that stays in somebody else's hands, and answers with a note."""

from starlette.responses import Response

from console.accounts import names_of
from console.door import Door
from console.pages.case import REVIEWING, case_id_of, case_path, show_case
from console.pages.decision import decision_path, kept_blind
from console.reading.case_file import read_file
from console.visit import Visit
from service.notes import add_note, asked_of


async def consult_page(visit: Visit) -> Response:
    """The case to read, with what was asked; ballots stay sealed until they are wanted."""
    file = await read_file(visit.pool, case_id_of(visit))
    if refused := await kept_blind(visit, file.case.id):
        return refused
    if file.asked is None or not file.asked.open:
        return visit.go(decision_path(file.case.id))
    wanted = visit.one("ballots") == "1"
    return await show_case(visit, file, file.asked, consulting=await _banner(visit, file.case.id), unsealed=wanted)


async def _banner(visit: Visit, case_id: str) -> str:
    """Who asks; or that nobody has."""
    asked = next((one for one in await asked_of(visit.pool, visit.account.id) if one.case_id == case_id), None)
    if asked is None:
        return visit.words("consult.looking")
    names = await names_of(visit.pool)
    return visit.words("consult.asked", who=names.get(asked.by, asked.by))


async def consult(visit: Visit) -> Response:
    """Answer a colleague with a note; the case stays in their hands."""
    case_id = case_id_of(visit)
    if refused := await kept_blind(visit, case_id):
        return refused
    await add_note(visit.pool, case_id, visit.account.id, visit.one("text"))
    await visit.note("noted", case_id)
    return visit.go("/queue" if visit.account.may(*REVIEWING) else case_path(case_id))


DOORS = (
    Door("GET", "/cases/{case_id}/consult", consult_page, roles=REVIEWING),
    Door("POST", "/cases/{case_id}/consult", consult, roles=REVIEWING),
)
