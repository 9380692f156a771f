"""ROOST Coop's user reports, taken in as cases."""

from typing import ClassVar

from fastapi import Request
from fastapi.responses import Response

from service.api.bodies import read_object
from service.api.operation import JSON, Body, Operation, Reply
from service.api.problems import Refused
from service.api.reception import TheReception
from service.api.submitting import submit_one
from service.coop import WHAT, CoopReport, case_of_report
from service.reading import Standing


class CoopNotSetUp(Refused):
    """no mapping of Coop's words is set up"""

    code: ClassVar[str] = "coop_not_set_up"
    status: ClassVar[int] = 404


async def report(request: Request, reception: TheReception) -> Response:
    """Take in a report of ROOST Coop's `POST /api/v1/report` as a case; delivered again, it is the same case."""
    if reception.settings.coop is None:
        raise CoopNotSetUp
    await reception.backlog.check()
    sent = await read_object(request, WHAT, reception.settings.case_bytes)
    return await submit_one(request, reception, case_of_report(sent, reception.settings.coop))


def operations() -> tuple[Operation, ...]:
    """What Coop sends."""
    known, taken = Reply("Known already, or settled while you waited", Standing), Reply("Taken", Standing)
    body = Body({JSON: CoopReport})
    return (Operation("POST", "/report", report, "submit", {200: known, 202: taken}, (404, 409), body, waits=True),)
