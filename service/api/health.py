"""Whether the process lives, whether it can serve, and how the service is doing."""

from typing import ClassVar, Literal

import asyncpg
from fastapi.responses import Response

from cases.problem import Record
from service.api.operation import Operation, Reply
from service.api.problems import Refused
from service.api.reception import TheReception
from service.api.replies import json_reply
from service.metrics import MEDIA_TYPE
from service.migrate import migrations

_TEXT = {"type": "string"}


class NotReady(Refused):
    """not ready: {why}"""

    code: ClassVar[str] = "not_ready"
    status: ClassVar[int] = 503


class Alive(Record):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(Record):
    """The process can serve: its database answers and is of its version, and its policies are loaded.

    Attributes:
        migration: the last one applied.
        snapshot: of the policies.
    """

    status: Literal["ready"] = "ready"
    migration: int
    clauses: int
    snapshot: str


async def healthz() -> Response:
    """Say that the process lives."""
    return json_reply(Alive())


async def readyz(reception: TheReception) -> Response:
    """Say whether the process can serve."""
    try:
        there = await reception.pool.fetchval("SELECT coalesce(max(number), 0) FROM migrations")
    except asyncpg.UndefinedTableError as error:
        raise NotReady(why="the database is empty; `casewright migrate` sets it up") from error
    known = migrations()[-1].number
    if there != known:
        raise NotReady(why=f"the database is at migration {there}, this version at {known}")
    if not reception.corpus.clauses:
        raise NotReady(why="no policies are loaded")
    return json_reply(Ready(migration=there, clauses=len(reception.corpus.clauses), snapshot=reception.corpus.snapshot))


async def metrics(reception: TheReception) -> Response:
    """Say how the service is doing, to Prometheus: the same whichever process is asked."""
    return Response(await reception.metrics.text(), media_type=MEDIA_TYPE)


def operations() -> tuple[Operation, ...]:
    """What a supervisor and a load balancer ask."""
    return (
        Operation("GET", "//healthz", healthz, None, {200: Reply("It lives", Alive)}),
        Operation("GET", "//readyz", readyz, None, {200: Reply("It can serve", Ready)}),
        Operation("GET", "//metrics", metrics, None, {200: Reply("As Prometheus reads it", _TEXT, MEDIA_TYPE)}),
    )
