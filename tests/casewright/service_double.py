"""A service that is none: the API's shape over HTTP, deciding nothing, with faults to order."""

import asyncio
import hashlib
import itertools
import json
import threading
import time
from collections import Counter
from contextlib import contextmanager

from aiohttp import web

KEY = "cw_test"


class Double:
    """Takes cases and decides them, but for those that it is told to treat otherwise.

    Attributes:
        lose, twice, repeat, escalate: ids of cases with no outcome, two decisions, one decision told twice, a person.
        refuse: ids of cases that it does not want.
        full: how many requests for cases to send away for want of room, and `retry_after` how long, in seconds.
        drop: how many requests for cases to take without giving an answer.
        takes: seconds until a case has its outcome; holds: seconds for which a request waits for its answer.
        most: cases in a request.
        bodies, pictures, requests: what has come in.
    """

    def __init__(self, **faults):
        self.lose = self.twice = self.repeat = self.escalate = self.refuse = frozenset()
        self.full = self.drop = 0
        self.retry_after, self.takes, self.holds, self.most = "1", 0.0, 0.0, 1000
        self.bodies, self.pictures, self.events = {}, {}, []
        self.requests, self.posted_at = Counter(), []
        self.settled = set()
        self._ids = itertools.count()
        vars(self).update(faults)

    # What it does with a case

    def _take(self, case):
        """Status of one case, and its problems."""
        if case["id"] in self.refuse or "region" not in case:
            return 422, [
                {"code": "missing", "pointer": "/region", "detail": "Field required", "hint": "add this field"}
            ]
        before = self.bodies.setdefault(case["id"], case)
        if before is not case:
            problem = {"code": "another_body", "pointer": "/id", "detail": "known with another body", "hint": ""}
            return (200, []) if before == case else (409, [problem])
        asyncio.get_running_loop().call_later(self.takes, self._conclude, case["id"])
        return 202, []

    def _conclude(self, case_id):
        if case_id in self.lose:
            return
        self.settled.add(case_id)
        kinds = ["case.escalated"] if case_id in self.escalate else ["case.decided"]
        told = [self._event(kind, case_id) for kind in kinds * (2 if case_id in self.twice else 1)]
        self.events += told * (2 if case_id in self.repeat else 1)

    def _event(self, kind, case_id):
        return {"specversion": "1.0", "id": f"event-{next(self._ids)}", "type": kind, "subject": case_id, "data": {}}

    def held(self, case_id):
        waiting = case_id in self.escalate
        status = ("waiting" if waiting else "decided") if case_id in self.settled else "queued"
        result = {"case_id": case_id, "status": "escalated" if waiting else "decided"}
        return {"case_id": case_id, "status": status, "result": result if case_id in self.settled else None}

    # The API

    @web.middleware
    async def _door(self, request, handler):
        self.requests[f"{request.method} {request.path.split('/')[3]}"] += 1
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return _problem(401, "no such key")
        return await handler(request)

    async def post_cases(self, request):
        self.posted_at.append(time.monotonic())
        text = await request.text()
        await asyncio.sleep(self.holds)
        if self.full:
            self.full -= 1
            return _problem(503, "no room", {"Retry-After": self.retry_after} if self.retry_after else {})
        if request.content_type == "application/x-ndjson":
            answer = self._take_many([json.loads(line) for line in text.splitlines()])
        else:
            status, problems = self._take(case := json.loads(text))
            answer = _problem(status, "no", problems=problems) if problems else _json(self.held(case["id"]), status)
        if self.drop:
            self.drop -= 1
            request.transport.close()
        return answer

    def _take_many(self, cases):
        if len(cases) > self.most:
            return _problem(413, "too large")
        found = [(index, case, *self._take(case)) for index, case in enumerate(cases)]
        refused = [
            {"index": index, "case_id": case["id"], "status": status, "problems": problems}
            for index, case, status, problems in found
            if problems
        ]
        if len(refused) == len(cases):
            return _problem(422, "no case is good", problems=[
                {**problem, "pointer": f"/{one['index']}{problem['pointer']}"}
                for one in refused for problem in one["problems"]
            ])  # fmt: skip
        counts = Counter(status for *_, status, _ in found)
        return _json({"taken": counts[202], "known": counts[200], "refused": refused}, 202)

    async def get_case(self, request):
        case_id = request.match_info["id"]
        return _json(self.held(case_id)) if case_id in self.bodies else _problem(404, "no such case")

    async def put_image(self, request):
        content = await request.read()
        if not content.startswith(b"\x89PNG"):
            return _problem(415, "no picture")
        kept = hashlib.sha256(b"encoded anew" + content).hexdigest()
        self.pictures[kept] = content
        return _json({"sha256": kept, "media_type": "image/png", "width": 1, "height": 1}, 201)

    async def get_events(self, request):
        after, kinds = int(request.query.get("after", 0)), request.query["types"].split(",")
        until = time.monotonic() + float(request.query.get("wait", 0))
        while True:
            found = [event for event in self.events[after:] if event["type"] in kinds]
            if found or time.monotonic() >= until:
                return _json({"items": found, "next": str(len(self.events))})
            await asyncio.sleep(0.01)

    def application(self):
        app = web.Application(middlewares=[self._door], client_max_size=100_000_000)
        app.router.add_post("/api/v1/cases", self.post_cases)
        app.router.add_get("/api/v1/cases/{id}", self.get_case)
        app.router.add_put("/api/v1/images", self.put_image)
        app.router.add_get("/api/v1/events", self.get_events)
        return app


def _json(body, status=200):
    return web.json_response(body, status=status)


def _problem(status, detail, headers=None, problems=()):
    document = {"title": "refused", "status": status, "detail": detail, "problems": list(problems)}
    return web.json_response(document, status=status, headers=headers, content_type="application/problem+json")


@contextmanager
def serving(double, port=0):
    """Serve a double on this machine, in a thread of its own; gives its address."""
    ready, found = threading.Event(), []

    async def serve():
        runner, ended = web.AppRunner(double.application(), shutdown_timeout=0.1), asyncio.Event()
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        found.extend((asyncio.get_running_loop(), ended, runner.addresses[0][1]))
        ready.set()
        await ended.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    loop, ended, bound = found
    try:
        yield f"http://127.0.0.1:{bound}"
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)
        assert not thread.is_alive()
