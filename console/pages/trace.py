"""The trace: what ran in a case, call by call; and whether its record still gives its result."""

from dataclasses import dataclass

from starlette.responses import Response

from cases.problem import CasewrightError
from console.accounts import Role
from console.door import Door
from console.pages.case import case_id_of, case_path
from console.pages.decision import decision_path, kept_blind
from console.reading.case_file import CaseFile, read_file
from console.visit import Visit
from service.trace import trace_of

_MAY_REBUILD: tuple[Role, ...] = ("senior", "lead", "admin")


@dataclass(frozen=True)
class Rebuilt:
    """What came of rebuilding a result: where it differs, as JSON pointers; or why it could not be rebuilt."""

    differing: tuple[str, ...] = ()
    why: str = ""

    @property
    def same(self) -> bool:
        """Whether it is the one that was written."""
        return not self.differing and not self.why


async def trace_page(visit: Visit) -> Response:
    """Every recorded call of a case, with what it took."""
    file = await read_file(visit.pool, case_id_of(visit))
    return await kept_blind(visit, file.case.id) or await _shown(visit, file)


async def rebuild(visit: Visit) -> Response:
    """Rebuild the case's result from its record, and say whether it is the same; the case is not touched."""
    file = await read_file(visit.pool, case_id_of(visit))
    if refused := await kept_blind(visit, file.case.id):
        return refused
    if visit.console.rebuild is None:
        return visit.go(f"{case_path(file.case.id)}/trace")
    try:
        rebuilt = Rebuilt(tuple(await visit.console.rebuild(file.case.id)))
    except CasewrightError as error:
        rebuilt = Rebuilt(why=f"{error} ({error.hint})" if error.hint else str(error))
    await visit.note("rebuilt", file.case.id, same=rebuilt.same)
    return await _shown(visit, file, rebuilt)


async def _shown(visit: Visit, file: CaseFile, rebuilt: Rebuilt | None = None) -> Response:
    trace = await trace_of(visit.pool, file.case.id)
    models, path = trace.models, case_path(file.case.id)
    return visit.page(
        "trace.html.j2",
        file=file,
        trace=trace,
        rounds=sorted({call.round for call in trace.calls}),
        models=models,
        tools=sum(call.kind == "tool" for call in trace.calls),
        tokens=(sum(call.tokens_in for call in models), sum(call.tokens_out for call in models)),
        cached=sum(call.tokens_cached for call in models),
        took=sum(trace.took_s.values()),
        back=path if file.asked and file.asked.open else decision_path(file.case.id),
        path=path,
        rebuilt=rebuilt,
        may_rebuild=bool(visit.console.rebuild and trace.calls and file.line) and visit.account.may(*_MAY_REBUILD),
    )


DOORS = (
    Door("GET", "/cases/{case_id}/trace", trace_page),
    Door("POST", "/cases/{case_id}/rebuild", rebuild, roles=_MAY_REBUILD),
)
