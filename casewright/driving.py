"""Driving a service with cases at a rate of its own, and following each to its outcome.

The loop is open: cases arrive when a Poisson process says so, whether or not earlier ones have been answered. A driver
that waits for an answer before it sends the next case stops asking just while the service is slow, and so leaves the
worst moments out of its figures ("coordinated omission", Gil Tene, "How NOT to Measure Latency", 2013). Each time here
counts from the moment at which its case was due, not from that at which it could be sent.
"""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import aiohttp
import orjson

from cases.problem import Record
from casewright.synthetic import synthetic_cases

_CONNECTIONS = 400
"""At most; what arrives beyond waits here, and its clock is running."""
_TIMEOUT_S = 60.0
_LISTEN_S = 10.0
"""How long the service may hold back an answer about events when there are none."""
_BETWEEN_LOOKS_S = 0.02
"""Between two questions about events: no outcome is seen later for it than this."""
_AFTERWARDS_S = 1.0
"""How long to listen on when every case has its outcome: what is decided twice is so soon after, or is not seen."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 5.0
_FULL = {429, 503}
_OUTCOMES = {"case.decided": "decided", "case.escalated": "escalated"}
_OK, _ACCEPTED, _FAILED = 200, 202, 500


class Plan(Record):
    """What to drive with.

    Attributes:
        rate: cases a second, on average.
        cases, seconds: when to stop: after so many cases, or so long; whichever is first, of those that are given.
        prefix, seed: of the cases; the seed is also that of the moments at which they arrive.
        grace: seconds without news after which what has no outcome is lost, and what is not taken is never taken.
    """

    rate: float
    cases: int | None
    seconds: float | None
    prefix: str
    seed: int
    grace: float


@dataclass
class Fate:
    """What became of one case; moments are the loop's, in seconds.

    Attributes:
        due, sent: when it was to be sent, and when it first was.
        taken: when the service said that it has it.
        known: whether it had it before.
        refused: why it does not want it.
        outcome, at: decided or escalated, whichever was first, and when that was seen.
        decisions: ids of the events that say that it was decided.
        doubtful: whether an attempt got no answer, so that the service may have it all the same.
    """

    due: float
    sent: float = 0.0
    taken: float | None = None
    known: bool = False
    refused: str = ""
    outcome: str = ""
    at: float | None = None
    decisions: set[str] = field(default_factory=set)
    doubtful: bool = False


@dataclass
class Ride:
    """What was driven, and how it went.

    Attributes:
        fates: by case id, in the order of arrival.
        full: answers that there is no room (503, 429); the case came again later.
        unanswered: attempts without an answer, or with an error of the service's; they came again, too.
        news: when something last got on.
    """

    fates: dict[str, Fate] = field(default_factory=dict)
    full: int = 0
    unanswered: int = 0
    news: float = 0.0


def arrivals(rate: float, seed: int) -> Iterator[float]:
    """Moments of a Poisson process of `rate` a second, in seconds from its start, without end."""
    chance = random.Random(seed)  # noqa: S311 - to be repeatable
    at = 0.0
    while True:
        at += chance.expovariate(rate)
        yield at


async def drive(url: str, key: str, cursor: str, plan: Plan) -> Ride:
    """Send cases as planned and follow them, until each has its outcome or nothing has come for the plan's grace.

    Args:
        url: of the service, without a path.
        key: with the scopes `submit` and `events`.
        cursor: of the events pull API; outcomes are those told after it.
        plan: what to drive with.
    """
    ride = Ride()
    async with aiohttp.ClientSession(
        base_url=f"{url}/api/v1/",
        headers={"Authorization": f"Bearer {key}"},
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
        timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
    ) as session:
        listening = asyncio.create_task(_listen(session, cursor, ride))
        try:
            await _send(session, ride, plan)
            await _end(ride, plan.grace, listening)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    return ride


async def _send(session: aiohttp.ClientSession, ride: Ride, plan: Plan) -> None:
    """Send each case when it is due; return when the service has answered for all."""
    clock = asyncio.get_running_loop().time
    begun = ride.news = clock()
    moments = arrivals(plan.rate, plan.seed)
    if plan.seconds is not None:
        limit = plan.seconds
        moments = takewhile(lambda at: at < limit, moments)
    cases = synthetic_cases(plan.cases, plan.seed, plan.prefix)
    async with asyncio.TaskGroup() as group:
        for case, at in zip(cases, moments, strict=False):
            await asyncio.sleep(max(0.0, begun + at - clock()))
            fate = ride.fates[case["id"]] = Fate(due=begun + at)
            group.create_task(_submit(session, orjson.dumps(case), fate, ride, plan.grace))


async def _submit(session: aiohttp.ClientSession, body: bytes, fate: Fate, ride: Ride, grace: float) -> None:
    """Send one case until the service has it, refuses it, or was not able to take it for the time of grace."""
    clock = asyncio.get_running_loop().time
    fate.sent = clock()
    pause = _FIRST_PAUSE_S
    while True:
        status, retry_after, said = await _post(session, body)
        if status in {_OK, _ACCEPTED}:
            fate.taken = ride.news = clock()
            fate.known = status == _OK and not fate.doubtful
            return
        if status in _FULL:
            ride.full += 1
        elif status is None or status >= _FAILED:
            ride.unanswered += 1
            fate.doubtful = True
        else:
            fate.refused = f"{status} {said}"
            return
        # All that were sent away at once would else be back at once.
        wait = max(retry_after or 0.0, pause) * random.uniform(1.0, 1.5)  # noqa: S311 - no secret
        if clock() + wait > max(fate.due, ride.news) + grace:
            return
        await asyncio.sleep(wait)
        pause = min(pause * 2, _LONGEST_PAUSE_S)


async def _post(session: aiohttp.ClientSession, body: bytes) -> tuple[int | None, float | None, str]:
    """Send a case; the status (none: no answer), the seconds after which to come again, what a refusal says."""
    try:
        async with session.post("cases", data=body, headers={"Content-Type": "application/json"}) as answer:
            said = await answer.text()
            named = answer.headers.get("Retry-After", "")
            return answer.status, float(named) if named.isdecimal() else None, said[:300]
    except (aiohttp.ClientError, TimeoutError):
        return None, None, ""


async def _listen(session: aiohttp.ClientSession, cursor: str, ride: Ride) -> None:
    """Write down outcomes as they are told, for as long as it is let."""
    clock = asyncio.get_running_loop().time
    query: dict[str, Any] = {"types": ",".join(_OUTCOMES), "limit": 1000, "wait": int(_LISTEN_S), "after": cursor}
    pause = _BETWEEN_LOOKS_S
    while True:
        try:
            async with session.get("events", params=query) as answer:
                answer.raise_for_status()
                told = await answer.json()
            for event in told["items"]:
                _note(event, ride, clock())
            query["after"] = told["next"] or query["after"]
            pause = _BETWEEN_LOOKS_S
        except (aiohttp.ClientError, TimeoutError):
            ride.unanswered += 1
            pause = min(max(pause * 2, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        await asyncio.sleep(pause)


def _note(event: dict[str, Any], ride: Ride, now: float) -> None:
    fate = ride.fates.get(event["subject"])
    if fate is None:  # somebody else's case
        return
    if not fate.outcome:
        fate.outcome, fate.at = _OUTCOMES[event["type"]], now
        ride.news = now
    if event["type"] == "case.decided":
        fate.decisions.add(event["id"])


async def _end(ride: Ride, grace: float, listening: asyncio.Task[None]) -> None:
    """Wait until every case that was taken has its outcome, or none has come for the time of grace."""
    clock = asyncio.get_running_loop().time
    while any(fate.taken and not fate.known and not fate.outcome for fate in ride.fates.values()):
        if listening.done():
            listening.result()  # it ends only by an error: what it was told is no events
        if clock() > ride.news + grace:
            return
        await asyncio.sleep(0.1)
    await asyncio.sleep(_AFTERWARDS_S)
