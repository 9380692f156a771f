"""Reviewers over HTTP: who may take which questions."""

from typing import ClassVar

from fastapi import Request
from fastapi.responses import Response

from cases.problem import Record
from service.api.bodies import read_named
from service.api.operation import JSON, Body, Operation, Reply, WithoutId
from service.api.paths import PathId
from service.api.problems import Refused
from service.api.reception import TheReception
from service.api.replies import empty_reply, json_reply
from service.reviewers import Reviewer, forget_reviewer, reviewers, tell_reviewer


class NoSuchReviewer(Refused):
    """there is no reviewer {reviewer}"""

    code: ClassVar[str] = "no_such_reviewer"
    status: ClassVar[int] = 404


class Reviewers(Record):
    """Everybody on the list. Where it is empty, whoever has the scope `review` may take every question."""

    items: tuple[Reviewer, ...]


async def list_reviewers(reception: TheReception) -> Response:
    """List everybody."""
    return json_reply(Reviewers(items=tuple(await reviewers(reception.pool))))


async def read_reviewer(reception: TheReception, reviewer_id: PathId) -> Response:
    """Read what a reviewer may take."""
    for reviewer in await reviewers(reception.pool):
        if reviewer.id == reviewer_id:
            return json_reply(reviewer)
    raise NoSuchReviewer(reviewer=reviewer_id)


async def put_reviewer(request: Request, reception: TheReception, reviewer_id: PathId) -> Response:
    """Put a reviewer on the list, or change what one may take."""
    reviewer = await read_named(request, Reviewer, "the reviewer", reviewer_id, reception.settings.body_bytes)
    await tell_reviewer(reception.pool, reviewer)
    return json_reply(reviewer)


async def delete_reviewer(reception: TheReception, reviewer_id: PathId) -> Response:
    """Take a reviewer off the list."""
    if not await forget_reviewer(reception.pool, reviewer_id):
        raise NoSuchReviewer(reviewer=reviewer_id)
    return empty_reply()


def operations() -> tuple[Operation, ...]:
    """What is done with reviewers."""
    one, path = Reply("The reviewer", Reviewer), "/reviewers/{reviewer_id}"
    return (
        Operation("GET", "/reviewers", list_reviewers, "admin", {200: Reply("Everybody", Reviewers)}),
        Operation("GET", path, read_reviewer, "admin", {200: one}, (404, 422)),
        Operation("PUT", path, put_reviewer, "admin", {200: one}, body=Body({JSON: WithoutId(Reviewer)})),
        Operation("DELETE", path, delete_reviewer, "admin", {204: Reply("Taken off")}, (404, 422)),
    )
