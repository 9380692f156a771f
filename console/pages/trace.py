"""The trace: what ran in a case, call by call; and the look that a colleague was asked for."""

from starlette.responses import Response

from console.door import Door
from console.pages.case import REVIEWING, case_id_of, case_path, show_case
from console.pages.decisions import decision_path
from console.reading.case_file import read_file
from console.visit import Visit
from service.notes import add_note
from service.trace import trace_of


async def trace_page(visit: Visit) -> Response:
    """Every recorded call of a case, with what it took."""
    file = await read_file(visit.pool, case_id_of(visit))
    trace = await trace_of(visit.pool, file.case.id)
    models = [call for call in trace.calls if call.kind == "model"]
    return visit.page(
        "trace.html.j2",
        file=file,
        trace=trace,
        rounds=sorted({call.round for call in trace.calls}),
        models=models,
        tools=sum(call.kind == "tool" for call in trace.calls),
        tokens=(sum(call.tokens_in for call in models), sum(call.tokens_out for call in models)),
        usage=file.decision.usage if file.decision else None,
        back=case_path(file.case.id) if file.asked and file.asked.open else decision_path(file.case.id),
    )


async def consult_page(visit: Visit) -> Response:
    """The case as a colleague sees it who was asked to look: to read, and to answer with a note."""
    file = await read_file(visit.pool, case_id_of(visit))
    if file.asked is None or not file.asked.open:
        return visit.go(decision_path(file.case.id))
    return await show_case(visit, file, file.asked, consulting=True)


async def consult(visit: Visit) -> Response:
    """Answer a colleague with a note; the case stays in their hands."""
    await add_note(visit.pool, case_id_of(visit), visit.account.id, visit.one("text"))
    await visit.note("noted", case_id_of(visit))
    return visit.go("/queue")


DOORS = (
    Door("GET", "/cases/{case_id}/trace", trace_page),
    Door("GET", "/cases/{case_id}/consult", consult_page, roles=REVIEWING),
    Door("POST", "/cases/{case_id}/consult", consult, roles=REVIEWING),
)
