"""Decisions: a search over all cases, and what it finds as a file."""

from collections.abc import AsyncIterator
from typing import Any, get_args
from urllib.parse import urlencode

from pydantic import ValidationError
from starlette.responses import Response, StreamingResponse

from cases.decision import REASON_CODES
from console.accounts import Role, names_of
from console.csv_cells import further, written
from console.door import Door
from console.pages.decision import decision_path
from console.visit import Visit
from service.closed import Closed, ClosedChoice, closed, closed_lines, closed_rows
from service.reading import Status

_TEXTS = ("status", "outcome", "action", "decided_by", "type", "region", "reason", "clause", "model", "from", "to")
_FLAGS = ("agreed", "overturned", "overdue")
_PICKED = ("status", "outcome", "decided_by", "type", "action", "region", "reason", "from", "to")
"""What the form itself asks for; all else that the address names is kept beside it."""
_MAY_EXPORT: tuple[Role, ...] = ("senior", "lead", "admin")


async def list_page(visit: Visit) -> Response:
    """Search all cases, the latest first."""
    choice, kept = _choice(visit)
    page = await closed(visit.pool, choice, visit.one("after") or None, reader=visit.account.id)
    filters = {name: value for name, value in kept.items() if name != "q"}
    return visit.page(
        "decisions.html.j2",
        page=page,
        kept=kept,
        filters=[(name, _told(visit, name, value)) for name, value in filters.items()],
        beside={name: value for name, value in kept.items() if name not in _PICKED},
        query=urlencode(kept),
        more=urlencode({**kept, "after": page.next}) if page.next else "",
        path=decision_path,
        without=lambda name: urlencode({other: value for other, value in kept.items() if other != name}),
        picks=_picks(visit),
        names=await names_of(visit.pool),
        may_export=visit.account.may(*_MAY_EXPORT),
    )


def _choice(visit: Visit) -> tuple[ClosedChoice, dict[str, str]]:
    """What the address asks for, and the parts of it that make sense; what makes none asks for nothing."""
    asked = {name: visit.one(name).replace("\0", "\ufffd") for name in ("q", *_TEXTS, *_FLAGS) if visit.one(name)}
    asked["q"] = asked.get("q", "")[:500]
    while True:
        try:
            choice = ClosedChoice.model_validate({_FIELDS.get(name, name): value for name, value in asked.items()})
        except ValidationError as error:
            for problem in error.errors():
                asked.pop(_NAMES.get(str(problem["loc"][0]), str(problem["loc"][0])))
        else:
            return choice, {name: value for name, value in asked.items() if value}


_FIELDS = {"from": "from_"}
_NAMES = {field: name for name, field in _FIELDS.items()}


def _picks(visit: Visit) -> dict[str, list[tuple[str, str]]]:
    """What can be picked in the form, each with what it is called."""
    corpus = visit.console.corpus
    values: dict[str, tuple[str, ...]] = {
        "status": get_args(Status),
        "outcome": ("violation", "no_violation"),
        "decided_by": ("agent", "person"),
        "type": tuple(sorted(corpus.types)),
        "action": tuple(corpus.actions),
        "region": tuple(sorted(corpus.regions)),
        "reason": tuple(REASON_CODES),
    }
    return {name: [(value, _told(visit, name, value)) for value in some] for name, some in values.items()}


_WORDS = {"status": "status_of", "outcome": "outcome", "decided_by": "decider", "reason": "reason"}


def _told(visit: Visit, name: str, value: str) -> str:
    """What a filter's value is called."""
    if name == "action":
        return visit.action(value)
    if name in _FLAGS:
        return visit.words("decisions.yes" if value in {"1", "true"} else "decisions.no")
    return visit.words.known(f"{_WORDS[name]}.{value}", value) if name in _WORDS else value


async def export_lines(visit: Visit) -> Response:
    """The results of what was found, as JSON lines: the same that the API exports."""
    choice, kept = _choice(visit)
    await visit.note("decisions_exported", "jsonl", **kept)
    lines = closed_lines(visit.pool, choice, reader=visit.account.id)
    return _file(lines, "application/x-ndjson", "jsonl")


async def export_table(visit: Visit) -> Response:
    """What was found, a row a case, as CSV."""
    choice, kept = _choice(visit)
    await visit.note("decisions_exported", "csv", **kept)
    return _file(_rows(visit, choice), "text/csv; charset=utf-8", "csv")


def _file(content: AsyncIterator[bytes], media_type: str, ending: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="casewright-decisions.{ending}"'}
    return StreamingResponse(content, headers=headers, media_type=media_type)


_COLUMNS = (
    *("case_id", "subject_id", "title", "seller_id", "status", "outcome", "action", "types", "region", "language"),
    *("decided_by", "reviewer", "at", "overturned_at", "appeal_of", "appealed_by"),
)


async def _rows(visit: Visit, choice: ClosedChoice) -> AsyncIterator[bytes]:
    yield written(_COLUMNS, ())
    async for some in closed_rows(visit.pool, choice, reader=visit.account.id):
        yield further([_cell(row, name) for name in _COLUMNS] for row in some)


def _cell(row: Closed, name: str) -> Any:  # noqa: ANN401 - of any column
    value = getattr(row, name)
    if name == "types":
        return " ".join(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


DOORS = (
    Door("GET", "/decisions", list_page),
    Door("GET", "/decisions.jsonl", export_lines, roles=_MAY_EXPORT),
    Door("GET", "/decisions.csv", export_table, roles=_MAY_EXPORT),
)
