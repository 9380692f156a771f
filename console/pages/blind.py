"""Blind second labels: a share of what people decide is judged once more, by somebody who does not see how."""

from dataclasses import replace

from starlette.responses import Response

from console.door import Door
from console.pages.answering import judgements_of
from console.pages.case import REVIEWING, case_id_of, show_case
from console.reading.case_file import read_file
from console.visit import Visit
from service.labels import give_label, next_blind


async def blind_page(visit: Visit) -> Response:
    """Lease a decided case for a label, and show it as it was before anybody had answered."""
    held = await next_blind(visit.pool, visit.account.id, visit.console.settings.blind_share)
    if held is None:
        return visit.go("/queue?done=1" if visit.one("last") else "/next?blind=no")
    file = await read_file(visit.pool, held.case_id)
    if file.asked is None:
        return visit.go("/queue")
    line = {
        "escalation": held.escalation.model_dump(mode="json"),
        "evidence": list(held.evidence),
        "clauses": held.clauses,
    }
    asked = replace(
        file.asked,
        escalation=held.escalation.model_copy(update={"questions": held.questions}),
        claimed_by=visit.account.id,
        claimed_until=held.claimed_until,
        due=None,
        answered_by="",
    )
    await visit.note("blind_claimed", held.case_id)
    return await show_case(visit, replace(file, line=line, asked=asked, decision=None), asked, blind=True)


async def label(visit: Visit) -> Response:
    """Keep the label; it changes nothing in the case."""
    await give_label(visit.pool, visit.account.id, case_id_of(visit), judgements_of(visit))
    await visit.note("labelled", case_id_of(visit))
    told = visit.words("case.labelled")
    return visit.data({"go": "/next", "told": told}) if visit.asks_for_part else visit.go("/next")


DOORS = (
    Door("GET", "/blind", blind_page, roles=REVIEWING),
    Door("POST", "/cases/{case_id}/label", label, roles=REVIEWING),
)
