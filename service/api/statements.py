"""Statements of reasons (DSA) over HTTP."""

from fastapi.responses import Response

from cases.problem import Problem
from service.api.operation import Operation, Reply
from service.api.paths import PathId
from service.api.problems import problem_answer
from service.api.reception import TheReception
from service.api.replies import json_reply
from service.reading import read
from service.statements import LeftOut, statement_of
from service.transparency import Statement


async def read_statement(reception: TheReception, case_id: PathId) -> Response:
    """Read the statement of reasons of a decision, as the DSA Transparency Database takes it."""
    standing = await read(reception.pool, case_id)
    if standing.status != "decided" or standing.result is None:
        return _none(LeftOut(case_id=case_id, why="not_decided", detail=standing.status))
    found = statement_of(standing.result, reception.corpus)
    return _none(found) if isinstance(found, LeftOut) else json_reply(found.body)


def _none(left_out: LeftOut) -> Response:
    status = 409 if left_out.why == "not_decided" else 404
    detail = f"there is no statement of reasons: {left_out.detail or left_out.why.replace('_', ' ')}"
    problem = Problem(code=left_out.why, pointer="", detail=detail, hint=left_out.hint)
    return problem_answer(status, left_out.why, detail, [problem])


def operations() -> tuple[Operation, ...]:
    """What is read of a decision besides itself."""
    path, statement = "/cases/{case_id}/statement", Reply("The statement", Statement)
    return (Operation("GET", path, read_statement, "read", {200: statement}, (404, 409, 422)),)
