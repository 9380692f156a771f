"""Precedents beside a case's clause: what people have decided by it. Context, never proof."""

from starlette.responses import Response

from console.door import Door
from console.pages.case import case_id_of
from console.reading.case_file import read_file
from console.visit import Visit
from service.precedents import PostgresPrecedents

_SHOWN = 5
_MORE = 20
"""Precedents at most, those behind the first few included."""


async def precedents(visit: Visit) -> Response:
    """People's decisions by one clause, most similar first; the case itself and the one that it appeals left out."""
    case = (await read_file(visit.pool, case_id_of(visit))).case
    clause = visit.console.corpus.clauses.get(visit.one("clause"))
    own = {case.id, case.appeal.of if case.appeal else case.id}
    found = await PostgresPrecedents(visit.pool).similar(case, (clause.id,)) if clause else ()
    others = [item for item in found if item.case_id not in own]
    return visit.page(
        "precedents.html.j2", clause=clause, first=others[:_SHOWN], more=others[_SHOWN:_MORE], count=len(others)
    )


DOORS = (Door("GET", "/cases/{case_id}/precedents", precedents),)
