"""Sending cases to a service: pictures first, cases in batches; patient with one that is full or just starting."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from cases.case import Case, Image, Limits
from cases.problem import CasewrightError, Problem
from casewright.client import Client, ServiceAway, ServiceRefused
from casewright.reading import Read

_BATCH_BYTES = 50_000_000
"""What goes into one request: half of what a service takes unless it is set otherwise."""
_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Between attempts at a service that was there and is away: as long as a restart takes, and then some."""
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 60.0
_TOO_LARGE, _OTHER_TYPE, _INVALID, _FAILED = 413, 415, 422, 500
_FULL = {429, 503}
_T = TypeVar("_T")


class Patience:
    """Makes a request again for as long as a service asks for it, and a while longer where it went away meanwhile.

    Every request that goes through here may come twice: cases and pictures are known by their ids and contents.
    """

    def __init__(self, told: Callable[[str], None]) -> None:
        """Take where to say that it waits."""
        self._told = told
        self._reached = False

    def ask(self, request: Callable[[], _T]) -> _T:
        """Make a request.

        Raises:
            ServiceRefused: a refusal that does not pass with time.
            ServiceAway: nobody listens there, or the service stayed away.
        """
        pauses = iter(_PAUSES_S)
        waiting = False
        while True:
            try:
                answer = request()
            except (ServiceRefused, ServiceAway) as error:
                pause = self._pause(error, pauses)
                if pause is None:
                    raise
                if not waiting:
                    self._told(f"{error}; waiting for it")
                waiting = True
                time.sleep(pause)
            else:
                self._reached = True
                return answer

    def _pause(self, error: ServiceRefused | ServiceAway, pauses: Iterator[float]) -> float | None:
        """How long to wait in seconds; none: not at all, for it will not get better."""
        if isinstance(error, ServiceAway):
            # Where nothing has ever listened, the address is more likely wrong than the service restarting.
            nobody = isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout) and not self._reached
            return None if nobody else next(pauses, None)
        self._reached = True
        if error.status in _FULL and error.retry_after is not None:
            return min(max(error.retry_after, _SHORTEST_PAUSE_S), _LONGEST_PAUSE_S)
        return next(pauses, None) if error.status >= _FAILED else None


@dataclass
class Sent:
    """What became of the cases.

    Attributes:
        ids: of the cases that the service has: those that it took now, and those that it knew before.
        taken, known: how many of each.
        refused: how many it does not have, for reasons of their own.
    """

    ids: list[str] = field(default_factory=list)
    taken: int = 0
    known: int = 0
    refused: int = 0


Refuse = Callable[[Read, Iterable[Problem]], None]


def send(reads: Iterable[Read], size: int, client: Client, patience: Patience, refuse: Refuse, sent: Sent) -> None:
    """Send every case that can be read, in batches of `size`, and keep count in `sent` as they are answered.

    Args:
        reads: what was read; what could not be is refused.
        size: of a batch, in cases.
        client: of the service.
        patience: with it.
        refuse: called with each case that is not taken, and why.
        sent: the count.

    Raises:
        ServiceRefused, ServiceAway: as `Patience.ask` does; `sent` says what came through before.
    """

    def refused(read: Read, problems: Iterable[Problem]) -> None:
        sent.refused += 1
        refuse(read, problems)

    desk = Pictures(client, patience)
    for batch in _batches(_whole(reads, desk, refused), size):
        _post(batch, client, patience, refused, sent)


def _whole(reads: Iterable[Read], pictures: "Pictures", refuse: Refuse) -> Iterator[tuple[Read, bytes]]:
    """Cases as they are sent: with their pictures uploaded, as JSON."""
    for read in reads:
        if read.case is None:
            refuse(read, read.problems)
            continue
        case, problems = pictures.upload(read.case, read.folder)
        if problems:
            refuse(read, problems)
        else:
            # Only what was given is sent: what a later release adds with a default must not make another body of it.
            yield read, case.model_dump_json(exclude_unset=True).encode()


def _batches(cases: Iterable[tuple[Read, bytes]], size: int) -> Iterator[list[tuple[Read, bytes]]]:
    batch: list[tuple[Read, bytes]] = []
    held = 0
    for read, body in cases:
        if batch and (len(batch) == size or held + len(body) > _BATCH_BYTES):
            yield batch
            batch, held = [], 0
        batch.append((read, body))
        held += len(body)
    if batch:
        yield batch


def _post(batch: list[tuple[Read, bytes]], client: Client, patience: Patience, refuse: Refuse, sent: Sent) -> None:
    lines = b"\n".join(body for _, body in batch)
    try:
        answer = patience.ask(lambda: client.post("/cases", lines, "application/x-ndjson"))
    except ServiceRefused as error:
        if error.status == _TOO_LARGE and len(batch) > 1:
            half = len(batch) // 2
            _post(batch[:half], client, patience, refuse, sent)
            _post(batch[half:], client, patience, refuse, sent)
            return
        if error.status not in {_TOO_LARGE, _INVALID}:
            raise
        answer = {"taken": 0, "known": 0, "refused": error.document.get("refused") or _by_case(error, len(batch))}
    bad = {one["index"]: one for one in answer["refused"]}
    for index, one in sorted(bad.items()):
        refuse(batch[index][0], [_problem(problem) for problem in one["problems"]])
    sent.ids += [read.case_id for index, (read, _) in enumerate(batch) if index not in bad]
    sent.taken += answer["taken"]
    sent.known += answer["known"]


def _by_case(error: ServiceRefused, count: int) -> list[dict[str, Any]]:
    """Of a refusal of the whole batch: its problems by the case that they point into; what points to none, to each."""
    problems = error.document.get("problems") or [{"code": error.code, "pointer": "", "detail": str(error)}]
    by_case: list[dict[str, Any]] = [{"index": index, "problems": []} for index in range(count)]
    for problem in problems:
        first, _, rest = problem["pointer"].removeprefix("/").partition("/")
        named = int(first) if first.isdecimal() and int(first) < count else None
        for index in range(count) if named is None else [named]:
            pointer = problem["pointer"] if named is None else f"/{rest}" if rest else ""
            by_case[index]["problems"].append({**problem, "pointer": pointer})
    return by_case


def _problem(said: dict[str, Any]) -> Problem:
    return Problem(**{name: str(said.get(name) or "") for name in Problem.model_fields})


class Pictures:
    """Uploads the pictures that cases name by path, each content once."""

    def __init__(self, client: Client, patience: Patience) -> None:
        """Take the service to upload to."""
        self._client = client
        self._patience = patience
        self._kept: dict[bytes, Image] = {}

    def upload(self, case: Case, folder: Path | None) -> tuple[Case, list[Problem]]:
        """Upload what a case names by path.

        Returns:
            The case with each of these named by the content hash that the service gave it; and what could not be
            read, or was not taken, by pointer.
        """
        problems: list[Problem] = []
        images = self._each(case.subject.images, "/subject/images", folder, problems)
        if images != case.subject.images:
            case = case.model_copy(update={"subject": case.subject.model_copy(update={"images": images})})
        if case.appeal and case.appeal.documents:
            documents = self._each(case.appeal.documents, "/appeal/documents", folder, problems)
            case = case.model_copy(update={"appeal": case.appeal.model_copy(update={"documents": documents})})
        return case, problems

    def _each(
        self, images: tuple[Image, ...], at: str, folder: Path | None, problems: list[Problem]
    ) -> tuple[Image, ...]:
        named = list(images)
        for index, image in enumerate(images):
            if image.path is None:
                continue
            try:
                named[index] = self._one(image.path, folder)
            except CasewrightError as error:
                if not _of_the_picture(error):
                    raise
                pointer = f"{at}/{index}/path"
                problems.append(Problem(code=error.code, pointer=pointer, detail=str(error), hint=error.hint))
        return tuple(named)

    def _one(self, path: str, folder: Path | None) -> Image:
        from tools.image_checks.decode import ImageUnreadable, read_inside  # noqa: PLC0415 - only pictures pay for it

        if folder is None:
            raise ImageUnreadable(why="it is named by a path, and the case did not come from a file")
        limit = Limits().image_bytes
        content = read_inside(folder.resolve(), path, limit)
        if len(content) > limit:
            raise ImageUnreadable(why=f"it is larger than {limit} bytes")
        digest = hashlib.sha256(content).digest()
        if digest not in self._kept:
            kept = self._patience.ask(lambda: self._client.put("/images", content, "application/octet-stream"))
            self._kept[digest] = Image(sha256=kept["sha256"], media_type=kept["media_type"])
        return self._kept[digest]


def _of_the_picture(error: CasewrightError) -> bool:
    """Whether another picture may fare better."""
    if isinstance(error, ServiceRefused):
        return error.status in {_TOO_LARGE, _OTHER_TYPE, _INVALID}
    return not isinstance(error, ServiceAway)
