"""A scripted model: an OpenAI-compatible server that does what a script says. A supported test double.

It speaks HTTP on this machine only, so that what is tested is the whole path: client, faults, back-off, journal. It
counts what it is asked, by request, and so can tell whether a killed run paid for anything twice.
"""

import asyncio
import hashlib
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, Self

import orjson
import yaml
from aiohttp import web
from pydantic import Field, ValidationError

import policies
from agents.messages import SUBMIT, Head, read_dossier, read_head
from agents.players import Given, Noisy, Obeying, Oracle, Player, Truth, findings, rulebook
from cases.problem import Invalid, Problem, Record, problems_of
from policies.corpus import load_corpus

Behaviour = Literal["play", "answer", "call_tool", "refuse", "truncate", "nonsense", "empty", "error", "hang"]
_MOST_BYTES = 500_000_000
_FOR_EVER_S = 86_400.0


class Match(Record):
    """Which requests a reply is for; what is not named does not matter.

    Attributes:
        kind: the task of the conversation.
        text: stands in some message.
        turn: how often the model has spoken in this conversation before; 0 is its first answer.
    """

    kind: Literal["investigate", "judge", "narrow"] | None = None
    case: str | None = None
    model: str | None = None
    text: str | None = None
    turn: int | None = None


class Call(Record):
    """A tool call."""

    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Reply(Record):
    """What the server does with the requests that match.

    Attributes:
        do: `play` lets a player judge; `answer` submits `judgements` (clause id, part: verdict or more) and
            `sightings`; `call_tool` makes `calls`; `nonsense` answers what nobody can read, in one of the `form`s;
            `truncate` breaks off; `error` sends `status`; `hang` answers after `seconds`, by then nobody waits.
        times: how often, then the next reply that matches; none means always.
        text: of a refusal, an error, or prose.
        retry_after: seconds, sent as header.
    """

    do: Behaviour
    match: Match = Match()
    times: int | None = Field(None, ge=1)
    player: str = ""
    judgements: dict[str, dict[str, Given]] = Field(default_factory=dict)
    sightings: tuple[dict[str, str], ...] = ()
    calls: tuple[Call, ...] = ()
    form: Literal["arguments", "prose", "body", "filter"] | None = None
    text: str = ""
    status: int = Field(500, ge=400, le=599)
    code: str | None = None
    retry_after: float | None = None
    seconds: float = _FOR_EVER_S


class PlayerForm(Record):
    """A player as a script names it.

    Attributes:
        truth: path of a truth file beside the script (oracle).
        policies: path of a corpus (rulebook); none means the corpus that comes with Casewright.
        base: the player that a noisy or obeying one otherwise follows.
    """

    kind: Literal["oracle", "noisy", "obeying", "rulebook"]
    truth: Path | None = None
    policies: Path | None = None
    base: str = ""
    error: float = Field(0.05, ge=0, le=1)
    shared: float = Field(0.0, ge=0, le=1)
    seed: int = 0
    planted: tuple[str, ...] = ()
    then: Literal["clear", "convict"] = "clear"


class Script(Record):
    """What a scripted model does.

    Attributes:
        replies: the first that matches and is not used up answers.
        latency_s: before every answer.
        api_key: where it is set, other keys get 401.
        cached_share: of the prompt's tokens, said to come from the cache.
    """

    replies: tuple[Reply, ...] = ()
    players: dict[str, PlayerForm] = Field(default_factory=dict)
    latency_s: float = Field(0.0, ge=0)
    api_key: str = ""
    cached_share: float = Field(0.0, ge=0, le=1)

    @classmethod
    def read(cls, path: Path) -> "Script":
        """Read a script, YAML or JSON.

        Raises:
            Invalid: where the file is missing or of another form.
        """
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            raise Invalid(path.name, problems_of(error)) from error
        except (OSError, yaml.YAMLError) as error:
            raise Invalid(path.name, (Problem(code="not_readable", pointer=path.name, detail=str(error)),)) from error


def players_of(script: Script, folder: Path) -> dict[str, Player]:
    """Make the players that a script names, each after its base.

    Raises:
        Invalid: for a truth file that cannot be read, or a base that is not there.
    """
    made: dict[str, Player] = {}

    def make(name: str, above: tuple[str, ...]) -> Player:
        if name not in script.players or name in above:
            problem = Problem(code="unknown_player", pointer=f"/players/{name}", detail=f"there is no player {name!r}")
            raise Invalid("the script", (problem,))
        if name not in made:
            form = script.players[name]
            made[name] = _player(form, folder, lambda: make(form.base, (*above, name)))
        return made[name]

    for name in script.players:
        make(name, ())
    for reply in script.replies:
        if reply.player:
            make(reply.player, ())
    return made


def _player(form: PlayerForm, folder: Path, base: Callable[[], Player]) -> Player:
    if form.kind == "oracle":
        return Oracle(Truth.read(folder / form.truth) if form.truth else Truth(cases={}))
    if form.kind == "rulebook":
        return rulebook(load_corpus(folder / form.policies if form.policies else Path(policies.__file__).parent))
    if form.kind == "noisy":
        return Noisy(base(), form.error, form.shared, form.seed)
    return Obeying(base(), form.planted, form.then)


@dataclass(frozen=True)
class _Asked:
    """One request as it came."""

    request: dict[str, Any]
    digest: str
    tokens: int
    head: Head | None

    @property
    def kind(self) -> str:
        return self.head.task if self.head else "other"

    @property
    def turn(self) -> int:
        return sum(message.get("role") == "assistant" for message in self.request["messages"])


class ScriptedModel:
    """The server. `async with` starts it on a free port of this machine and stops it.

    Attributes:
        requests: the bodies that came, where `keep` is set.
    """

    def __init__(
        self,
        script: Script,
        players: Mapping[str, Player] | None = None,
        *,
        log: Path | None = None,
        keep: bool = False,
    ) -> None:
        """Take a script, its players by name, and where to log (JSONL, a line an event, written through)."""
        self._script = script
        self._players = dict(players or {})
        self._log_path = log
        self._log: IO[bytes] | None = None
        self._keep = keep
        self._runner: web.AppRunner | None = None
        self._left = [reply.times for reply in script.replies]
        self._counts: Counter[str] = Counter()
        self._by_kind: Counter[str] = Counter()
        self._answered: set[str] = set()
        self._ids = itertools.count(1)
        self.requests: list[dict[str, Any]] = []
        self.base_url = ""

    @property
    def stats(self) -> dict[str, Any]:
        """What has been asked: `repeated` are requests that came again after their answer had been sent whole."""
        names = ("calls", "answered", "repeated", "lost", "in_flight")
        return {**{name: self._counts[name] for name in names}, "by_kind": dict(sorted(self._by_kind.items()))}

    async def start(self, port: int = 0) -> str:
        """Listen on 127.0.0.1 (port 0: any free one); returns the base URL."""
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/stats", self._show_stats)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        if self._log_path:
            self._log = self._log_path.open("ab")
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self.base_url

    async def stop(self) -> None:
        """Stop listening; what hangs is let go."""
        if self._runner:
            await self._runner.cleanup()
        if self._log:
            self._log.close()
        self._runner = self._log = None

    async def __aenter__(self) -> Self:
        """Start on a free port."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    async def _show_stats(self, _: web.Request) -> web.Response:
        return web.json_response(self.stats)

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self._script.api_key and request.headers.get("Authorization") != f"Bearer {self._script.api_key}":
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            return _error(401, f"Incorrect API key provided: {given}", "invalid_api_key")
        try:
            asked = _read(body)
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError) as error:
            return _error(400, f"no chat completion request: {error}", "invalid_request")
        self._count(asked)
        try:
            response = await self._reply(asked, request)
        finally:
            self._counts["in_flight"] -= 1
        return self._sent(asked, request, response)

    def _count(self, asked: _Asked) -> None:
        self._counts["calls"] += 1
        self._counts["in_flight"] += 1
        self._counts["repeated"] += asked.digest in self._answered
        self._by_kind[asked.kind] += 1
        if self._keep:
            self.requests.append(asked.request)
        self._note("asked", asked)

    def _sent(self, asked: _Asked, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        if request.transport is None or request.transport.is_closing():
            self._counts["lost"] += 1
            self._note("lost", asked)
        elif response.status == web.HTTPOk.status_code:
            self._counts["answered"] += 1
            self._answered.add(asked.digest)
            self._note("answered", asked)
        else:
            self._note(f"status {response.status}", asked)
        return response

    def _note(self, event: str, asked: _Asked) -> None:
        if self._log:
            case = asked.head.case_id if asked.head else ""
            noted = {"at": time.time(), "event": event, "request": asked.digest, "kind": asked.kind, "case": case}
            self._log.write(orjson.dumps(noted, option=orjson.OPT_APPEND_NEWLINE))
            self._log.flush()

    async def _reply(self, asked: _Asked, request: web.Request) -> web.StreamResponse:
        reply = self._choose(asked)
        if reply is None:
            return _error(400, "the script has no reply for this request", "no_reply")
        if self._script.latency_s:
            await asyncio.sleep(self._script.latency_s)
        if reply.do == "hang":
            await asyncio.sleep(reply.seconds)
        if reply.do == "error":
            return _error(reply.status, reply.text or "as scripted", reply.code, reply.retry_after)
        if reply.do == "nonsense" and reply.form == "body":
            return web.Response(text=reply.text or "<html>no model lives here</html>", content_type="text/html")
        message, finish = self._message(reply, asked)
        completion = self._completion(asked, message, finish)
        if asked.request.get("stream"):
            return await _stream(request, completion)
        return web.Response(body=orjson.dumps(completion), content_type="application/json")

    def _choose(self, asked: _Asked) -> Reply | None:
        for i, reply in enumerate(self._script.replies):
            if self._left[i] != 0 and _matches(reply.match, asked):
                self._left[i] = None if (left := self._left[i]) is None else left - 1
                return reply
        return None

    def _message(self, reply: Reply, asked: _Asked) -> tuple[dict[str, Any], str]:
        if reply.do in {"play", "answer", "truncate"}:
            arguments = orjson.dumps(self._findings(reply, asked)).decode()
            if reply.do == "truncate":
                return self._calling((SUBMIT, arguments[: len(arguments) // 2]), finish="length")
            return self._calling((SUBMIT, arguments))
        if reply.do == "call_tool":
            return self._calling(*((call.name, orjson.dumps(call.arguments).decode()) for call in reply.calls))
        if reply.do == "nonsense" and reply.form != "prose":
            return self._calling((SUBMIT, reply.text or '{"judgements": [{"clause_id": 7, "verd'))
        message: dict[str, Any] = {"role": "assistant", "content": None}
        if reply.do == "refuse":
            finish = "content_filter" if reply.form == "filter" else "stop"
            return {**message, "refusal": reply.text or "I cannot help with that."}, finish
        prose = (reply.text or "The listing looks fine to me.") if reply.do == "nonsense" else ""
        return {**message, "content": prose}, "stop"

    def _findings(self, reply: Reply, asked: _Asked) -> dict[str, Any]:
        seen = read_dossier(asked.request["messages"])
        if seen is None:
            return {"judgements": [], "sightings": []}
        if reply.player:
            return findings(seen, self._players[reply.player](seen))
        given = {(clause_id, part): g for clause_id, parts in reply.judgements.items() for part, g in parts.items()}
        return {**findings(seen, given), "sightings": list(reply.sightings)}

    def _calling(self, *calls: tuple[str, str], finish: str = "tool_calls") -> tuple[dict[str, Any], str]:
        made = [
            {"id": f"call_{next(self._ids)}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for name, arguments in calls
        ]
        return {"role": "assistant", "content": None, "tool_calls": made}, finish

    def _completion(self, asked: _Asked, message: dict[str, Any], finish: str) -> dict[str, Any]:
        """Wrap a message up. Tokens are a fourth of the bytes: a scale that a test can rely on, no model's own."""
        tokens_out = len(orjson.dumps(message)) // 4
        return {
            "id": f"chatcmpl-{asked.digest[:12]}",
            "object": "chat.completion",
            "created": 0,
            "model": asked.request.get("model", "scripted"),
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {
                "prompt_tokens": asked.tokens,
                "completion_tokens": tokens_out,
                "total_tokens": asked.tokens + tokens_out,
                "prompt_tokens_details": {"cached_tokens": int(asked.tokens * self._script.cached_share)},
            },
        }


async def serve(path: Path, port: int, log: Path | None, ready: Callable[[str], Awaitable[None] | None]) -> None:
    """Serve a script file until cancelled: what `casewright model script FILE` does.

    Args:
        path: the script; files that it names are found beside it.
        port: to listen on; 0 takes a free one.
        log: JSONL file, appended to.
        ready: is told the base URL once the server listens.

    Raises:
        Invalid: where the script or a file that it names cannot be read.
    """
    script = Script.read(path)
    server = ScriptedModel(script, players_of(script, path.parent), log=log)
    url = await server.start(port)
    try:
        told = ready(url)
        if told is not None:
            await told
        await asyncio.Event().wait()
    finally:
        await server.stop()


def _read(body: bytes) -> _Asked:
    request = orjson.loads(body)
    head = read_head(request["messages"])
    return _Asked(request, hashlib.sha256(body).hexdigest(), len(body) // 4, head)


def _matches(match: Match, asked: _Asked) -> bool:
    return (
        match.kind in {None, asked.kind}
        and match.case in {None, asked.head.case_id if asked.head else ""}
        and match.model in {None, asked.request.get("model")}
        and match.turn in {None, asked.turn}
        and (match.text is None or match.text in orjson.dumps(asked.request["messages"]).decode())
    )


def _error(status: int, message: str, code: str | None, retry_after: float | None = None) -> web.Response:
    body = orjson.dumps({"error": {"message": message, "type": "scripted", "param": None, "code": code}})
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


async def _stream(request: web.Request, completion: dict[str, Any]) -> web.StreamResponse:
    """Send a completion as server-sent events: the arguments of calls in pieces, then the reason, then usage."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    choice = completion["choices"][0]
    message = choice["message"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": message.get("content") or ""}]
    for i, call in enumerate(message.get("tool_calls") or ()):
        arguments = call["function"]["arguments"]
        deltas.append({"tool_calls": [{**call, "index": i, "function": {**call["function"], "arguments": ""}}]})
        pieces = (arguments[at : at + 400] for at in range(0, len(arguments), 400))
        deltas += [{"tool_calls": [{"index": i, "function": {"arguments": piece}}]} for piece in pieces]
    chunk = {**completion, "object": "chat.completion.chunk", "usage": None}
    ends = [{"choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}]
    ends.append({"choices": [], "usage": completion["usage"]})
    begins = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    for part in (*begins, *ends):
        await response.write(b"data: " + orjson.dumps({**chunk, **part}) + b"\n\n")
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    return response
