"""Taking cases in over HTTP: one, an array, or one a line; of a batch the good ones, and each bad one named."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import Request
from fastapi.responses import Response
from pydantic import Field

from cases.case import Case, Image, Limits, read_case
from cases.problem import Invalid, Problem, Record
from service.api.bodies import json_of, media_type_of, read_bytes
from service.api.operation import JSON, LINES
from service.api.paths import case_path
from service.api.problems import problem_answer
from service.api.reception import Reception, TheReception
from service.api.replies import json_reply
from service.api.waiting import settled, wished_wait
from service.intake import AnotherBody, NoSuchCase, Receipt, submit, unknown_originals
from service.reading import read

_INLINE = 100_000
"""Bytes of a body that are parsed at once; a longer one goes to a thread, so that others are not held up."""


class RefusedCase(Record):
    """One case of a batch that was not taken.

    Attributes:
        index: its place in the batch, from 0.
        status: that it would have had alone.
        problems: pointers are into the case.
    """

    index: int
    case_id: str | None
    status: Literal[409, 422]
    problems: tuple[Problem, ...]


class BatchReceipt(Record):
    """What became of a batch: how many cases were taken now, how many were known, and which were refused."""

    taken: int = Field(ge=0)
    known: int = Field(ge=0)
    refused: tuple[RefusedCase, ...] = ()


@dataclass
class _Batch:
    """A batch as read: its good cases by place, and the others."""

    cases: dict[int, Case]
    refused: list[RefusedCase]

    def refuse(self, index: int, status: Literal[409, 422], problems: Sequence[Problem], case_id: object) -> None:
        named = case_id if isinstance(case_id, str) else None
        self.refused.append(RefusedCase(index=index, case_id=named, status=status, problems=tuple(problems)))


async def submit_cases(request: Request, reception: TheReception) -> Response:
    """Submit a case, or up to 1,000.

    A case is sent once; the same body under the same id again is answered as the first time. Pictures are uploaded
    before, and named by `sha256`. With `Prefer: wait=N` the answer waits up to N seconds (60 at most) for an outcome.
    """
    form = media_type_of(request, JSON, LINES)
    settings = reception.settings
    await reception.backlog.check()
    if form == LINES:
        data = await read_bytes(request, "the batch", settings.batch_bytes)
        return await _submit_batch(reception, await _parsed(reception, data, lines=True))
    data = await read_bytes(request, "the case", settings.case_bytes, settings.batch_bytes)
    if data.lstrip()[:1] == b"[":
        return await _submit_batch(reception, await _parsed(reception, data, lines=False))
    return await submit_one(request, reception, read_http_case(json_of(data, "the case"), settings.limits))


async def submit_one(request: Request, reception: Reception, case: Case) -> Response:
    """Submit one case that has been read, and wait for its outcome where the request asks for it."""
    await _check_originals(reception, [case])
    receipt = await reception.gathering.submit(case)
    if receipt.taken == "another_body":
        raise AnotherBody(case=case.id)
    wait = wished_wait(request, reception.settings.longest_wait)
    standing = await settled(reception, case.id, wait) if wait else await read(reception.pool, case.id)
    headers = {"Location": case_path(case.id)} | ({"Preference-Applied": f"wait={wait}"} if wait else {})
    at_once = receipt.taken == "known" or (wait and standing.status not in {"queued", "running"})
    return json_reply(standing, 200 if at_once else 202, headers)


def read_http_case(data: Any, limits: Limits) -> Case:  # noqa: ANN401 - JSON
    """Read a case that came over HTTP; raises Invalid, also for a picture that is named by a path."""
    if not isinstance(data, dict):
        problem = Problem(code="not_an_object", pointer="", detail="expected a JSON object")
        raise Invalid("the case", (problem,))
    case = read_case(data, limits)
    documents = case.appeal.documents if case.appeal else ()
    check_uploaded("the case", {"/subject/images": case.subject.images, "/appeal/documents": documents})
    return case


_UPLOAD = "upload it with PUT /api/v1/images, and name it by `sha256`"


def check_uploaded(what: str, named: Mapping[str, Sequence[Image]]) -> None:
    """Refuse pictures that are named by a path: no file is read for whoever comes over HTTP.

    Args:
        what: holds them, for the message.
        named: pictures by the pointer of their list.

    Raises:
        Invalid: with the pointer of each.
    """
    problems = [
        Problem(code="path_over_http", pointer=f"{pointer}/{i}/path", detail="no file is read here", hint=_UPLOAD)
        for pointer, images in named.items()
        for i, image in enumerate(images)
        if image.path is not None
    ]
    if problems:
        raise Invalid(what, tuple(problems))


async def _parsed(reception: Reception, data: bytes, *, lines: bool) -> _Batch:
    if len(data) <= _INLINE:
        return _parse(data, reception, lines=lines)
    return await asyncio.to_thread(_parse, data, reception, lines=lines)


def _parse(data: bytes, reception: Reception, *, lines: bool) -> _Batch:
    """Read a batch's cases; raises Invalid where it is no batch."""
    settings, batch = reception.settings, _Batch({}, [])
    items = [line for line in data.split(b"\n") if line.strip()] if lines else json_of(data, "the batch")
    if not 1 <= len(items) <= settings.batch_cases:
        detail = f"a batch has 1 to {settings.batch_cases} cases, not {len(items)}"
        raise Invalid("the batch", (Problem(code="batch_size", pointer="", detail=detail, hint="send several"),))
    for index, item in enumerate(items):
        parsed = item
        try:
            parsed = _line(item, settings.case_bytes) if lines else item
            batch.cases[index] = read_http_case(parsed, settings.limits)
        except Invalid as error:
            batch.refuse(index, 422, error.problems, parsed.get("id") if isinstance(parsed, dict) else None)
    return batch


def _line(line: bytes, most: int) -> Any:  # noqa: ANN401 - JSON
    if len(line) > most:
        problem = Problem(code="too_large", pointer="", detail=f"the line has more than {most} bytes")
        raise Invalid("the case", (problem,))
    return json_of(line, "the case")


async def _submit_batch(reception: Reception, batch: _Batch) -> Response:
    for missing in await unknown_originals(reception.pool, list(batch.cases.values())):
        for index, case in list(batch.cases.items()):
            if case.appeal and case.appeal.of == missing:
                batch.refuse(index, 422, [_no_original(missing)], case.id)
                del batch.cases[index]
    receipts = await submit(reception.pool, list(batch.cases.values())) if batch.cases else []
    return _batch_reply(batch, dict(zip(batch.cases, receipts, strict=True)))


def _batch_reply(batch: _Batch, receipts: dict[int, Receipt]) -> Response:
    for index, receipt in receipts.items():
        if receipt.taken == "another_body":
            batch.refuse(index, 409, [AnotherBody(case=receipt.case_id).problem], receipt.case_id)
    refused = sorted(batch.refused, key=lambda one: one.index)
    taken = sum(receipt.taken == "taken" for receipt in receipts.values())
    known = sum(receipt.taken == "known" for receipt in receipts.values())
    if not taken and not known:
        problems = [
            p.model_copy(update={"pointer": f"/{one.index}{p.pointer}"}) for one in refused for p in one.problems
        ]
        return problem_answer(422, "invalid", "no case of the batch can be taken", problems)
    return json_reply(BatchReceipt(taken=taken, known=known, refused=tuple(refused)), 202)


def _no_original(case_id: str) -> Problem:
    return NoSuchCase("/appeal/of", case=case_id).problem


async def _check_originals(reception: Reception, cases: Sequence[Case]) -> None:
    missing = await unknown_originals(reception.pool, cases)
    if missing:
        raise Invalid("the case", tuple(_no_original(case_id) for case_id in missing))
