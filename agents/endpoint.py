"""One OpenAI-compatible endpoint: calls with back-off inside a budget, the fallback model, and plain JSON answers.

It goes below the SDK's typed methods (`client.post` with bytes in and bytes out): the request is serialised once,
for the journal and the wire alike, and only the fields that we use are read from the response.
"""

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import openai
import orjson

from agents.gate import Gate, ModelPaused, OpenGate
from agents.model import Asking, ModelFault, ModelSettings, ModelUnavailable, Prices, RequestRejected
from cases.problem import CasewrightError
from cases.watch import Watch, unwatched

log = logging.getLogger(__name__)

_PAUSE_AT_MOST_S = 20.0
_JSON = {"Content-Type": "application/json"}
_AGAIN = {408, 409, 425, 429}
"""Statuses that may pass; so may every 5xx."""
_SPENT = {"insufficient_quota", "billing_hard_limit_reached"}
"""Codes of a 429 that no pause mends."""
_SHOWN = 300
"""Characters of a server's own words in our messages."""
_BYTES_A_TOKEN = 4
"""Of a request's JSON: what the tokenizers of current models make of English; other scripts take more bytes a letter,
and about as much more tokens."""
_TOKENS_AN_IMAGE = 1_000
"""About what providers count for a picture of some megapixels, whatever its bytes."""


class _Passing(Exception):
    """What may pass: what it is, which may be logged, and what the server said, which may quote what it was sent."""

    def __init__(self, why: str, after: float | None = None, words: str = "") -> None:
        super().__init__(f"{why}: {words}" if words else why)
        self.why = why
        self.after = after


class Endpoint:
    """Where the models are. One for the whole process: it holds the connections and the limit on calls in flight.

    It belongs to the event loop in which it is first used, until `aclose`.
    """

    def __init__(
        self, settings: ModelSettings, prices: Prices, gate: Gate | None = None, watch: Watch[Asking] = unwatched
    ) -> None:
        """Take the settings, the gate that every attempt passes (none: an open one) and who watches; opens nothing."""
        self._settings = settings
        self._prices = prices
        self._gate = gate or OpenGate()
        self._watch = watch
        self._client: openai.AsyncOpenAI | None = None
        self._slots: asyncio.Semaphore | None = None

    async def complete(self, request: Mapping[str, Any], body: bytes) -> dict[str, Any]:
        """Ask a model, and the fallback model where it gives no answer or takes no calls.

        Args:
            request: the body of a chat completion.
            body: the same, serialised.

        Returns:
            Plain JSON of what we use: `model` (asked), `answered_by` (as the server says), `finish_reason`, `content`,
            `refusal`, `tool_calls` [{id, name, arguments as text}], `usage` (as `Usage`), `attempts`.

        Raises:
            ModelUnavailable: no answer within attempts and seconds.
            RequestRejected: the server does not take the request.
            ModelPaused: nobody answered, and a model that may answer later takes no calls now.
        """
        asked, fallback = str(request["model"]), self._settings.fallback_model
        try:
            return await self._ask(asked, body, estimate(request, body))
        except (ModelUnavailable, RequestRejected, ModelPaused) as fault:
            # A pause is told once, by the gate: while it lasts, every call meets it.
            log.log(logging.DEBUG if isinstance(fault, ModelPaused) else logging.WARNING, "%s", fault)
            of_the_key = isinstance(fault, RequestRejected) and fault.of_the_key
            if not fallback or fallback == asked or of_the_key:
                raise
            first = fault
        try:
            body = orjson.dumps({**request, "model": fallback})
            return await self._ask(fallback, body, estimate(request, body))
        except (ModelFault, ModelPaused) as second:
            raise _later(first, second) from None

    async def _ask(self, model: str, body: bytes, tokens: int) -> dict[str, Any]:
        asking = Asking(self._settings.base_url, model)
        with self._watch(asking):
            asking.answer = await self._persist(model, body, tokens)
        return asking.answer

    async def aclose(self) -> None:
        """Close the connections; the next call opens new ones."""
        client, self._client, self._slots = self._client, None, None
        if client is not None:
            await client.close()

    async def _persist(self, model: str, body: bytes, tokens: int) -> dict[str, Any]:
        """Try until an answer comes, or attempts or seconds are spent; waiting for a turn spends none."""
        left, why, attempt = self._settings.seconds, "", 1
        for attempt in range(1, self._settings.attempts + 1):
            # The slot comes first: whoever has a turn at the gate uses it at once, so that turns do not pile up.
            async with self._free_slot():
                ticket = await self._gate.admit(model, tokens)
                began = time.monotonic()
                try:
                    answer = await self._attempt(model, body, attempt, min(self._settings.timeout_s, left))
                except _Passing as fault:
                    why, told, pause = str(fault), fault.why, self._pause(attempt, fault.after)
                except RequestRejected:
                    await self._gate.answered(ticket, 0)
                    raise
                else:
                    await self._gate.answered(ticket, _used(answer))
                    return answer
                left -= time.monotonic() - began
                await self._gate.failed(ticket, told)
            left -= pause
            if left <= 0 or attempt == self._settings.attempts:
                break
            await asyncio.sleep(pause)
        raise ModelUnavailable(model=model, attempts=attempt, why=why)

    async def _attempt(self, model: str, body: bytes, attempt: int, seconds: float) -> dict[str, Any]:
        try:
            async with asyncio.timeout(seconds):
                options: Any = {"headers": _JSON, "timeout": seconds}
                raw = await self._connected().post("/chat/completions", cast_to=bytes, content=body, options=options)
        except (TimeoutError, openai.APITimeoutError) as error:
            raise _Passing(f"no answer within {seconds:g} s") from error
        except openai.APIStatusError as error:
            if error.status_code == openai.BadRequestError.status_code and error.code == "content_filter":
                return _refusal(model, self._words(error), attempt)
            raise self._status(model, error) from None
        except openai.APIConnectionError as error:
            raise _Passing(f"no connection ({type(error.__cause__).__name__})") from error
        try:
            return self._answer(orjson.loads(raw), model, attempt)
        except (orjson.JSONDecodeError, LookupError, TypeError, ValueError) as error:
            shown = self._scrub(raw[:_SHOWN].decode("utf-8", "replace"))
            raise _Passing("what came back is no chat completion", words=shown) from error

    def _status(self, model: str, error: openai.APIStatusError) -> Exception:
        status, words = error.status_code, self._words(error)
        if error.code in _SPENT or (status not in _AGAIN and status < 500):  # noqa: PLR2004 - 5xx
            return RequestRejected(model=model, status=status, why=words)
        return _Passing(f"status {status}", _retry_after(error.response.headers), words)

    def _words(self, error: openai.APIStatusError) -> str:
        body = error.body
        message = body.get("message") if isinstance(body, dict) else body
        return self._scrub(" ".join(str(message or "no reason given").split())[:_SHOWN])

    def _scrub(self, text: str) -> str:
        """Servers may echo the key that they were sent."""
        key = self._settings.api_key.get_secret_value()
        return text.replace(key, "***") if key else text

    def _pause(self, attempt: int, after: float | None) -> float:
        """Seconds before the next attempt: what the server asks for, else exponential with jitter."""
        jitter = random.random()  # noqa: S311 - spreads load, guards nothing
        if after is not None:
            return after + jitter * self._settings.backoff_s
        return min(_PAUSE_AT_MOST_S, self._settings.backoff_s * 2.0 ** (attempt - 1)) * (0.5 + jitter / 2)

    def _answer(self, response: dict[str, Any], model: str, attempt: int) -> dict[str, Any]:
        """Read what we use; whatever is missing or of another type raises."""
        choice = response["choices"][0]
        message, usage = choice["message"], response.get("usage") or {}
        tokens_in, tokens_out = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
        cached = min(tokens_in, int((usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0))
        return {
            "model": model,
            "answered_by": str(response.get("model") or model),
            "finish_reason": str(choice.get("finish_reason") or ""),
            "content": _text(message.get("content")),
            "refusal": _text(message.get("refusal")),
            "tool_calls": [_tool_call(c, i) for i, c in enumerate(message.get("tool_calls") or ())],
            "usage": {
                "model_calls": 1,
                "tokens_in": tokens_in,
                "tokens_out": tokens_out,
                "tokens_cached": cached,
                "cost": self._prices.cost(model, tokens_in, tokens_out, cached),
            },
            "attempts": attempt,
        }

    def _connected(self) -> openai.AsyncOpenAI:
        if self._client is None:
            self._client = openai.AsyncOpenAI(
                # The SDK wants some key; servers that ask for none ignore it.
                api_key=self._settings.api_key.get_secret_value() or "none",
                base_url=self._settings.base_url,
                max_retries=0,
                http_client=openai.DefaultAioHttpClient(),
            )
        return self._client

    def _free_slot(self) -> asyncio.Semaphore:
        if self._slots is None:
            self._slots = asyncio.Semaphore(self._settings.concurrency)
        return self._slots


def estimate(request: Mapping[str, Any], body: bytes) -> int:
    """Estimate the tokens that a request takes, for the gate; what the answer says of its usage corrects it.

    A fourth of the bytes, but pictures by the piece: their base64 is no text. The answer's own tokens are not in it.
    """
    pictures = [
        len(part["image_url"]["url"])
        for message in request["messages"]
        if isinstance(message.get("content"), list)
        for part in message["content"]
        if part.get("type") == "image_url"
    ]
    return (len(body) - sum(pictures)) // _BYTES_A_TOKEN + len(pictures) * _TOKENS_AN_IMAGE


def _used(answer: Mapping[str, Any]) -> int | None:
    """Tokens in and out; none where the server did not count them."""
    usage = answer["usage"]
    return (usage.get("tokens_in", 0) + usage.get("tokens_out", 0)) or None


def _later(first: CasewrightError, second: CasewrightError) -> CasewrightError:
    """What to tell of two models without an answer: a pause, for it ends; of two pauses, the shorter."""
    pauses = [fault for fault in (first, second) if isinstance(fault, ModelPaused)]
    return min(pauses, key=lambda pause: pause.after_s) if pauses else second


def _refusal(model: str, words: str, attempt: int) -> dict[str, Any]:
    """Some providers report their content filter as a bad request; to us it is a refusal like another."""
    usage = {"model_calls": 1}
    said = {"finish_reason": "content_filter", "content": "", "refusal": words, "tool_calls": []}
    return {"model": model, "answered_by": model, **said, "usage": usage, "attempts": attempt}


def _text(value: object) -> str:
    """Text of a message; some servers send it in parts."""
    if isinstance(value, list):
        return "".join(str(part.get("text") or "") for part in value if isinstance(part, dict))
    return "" if value is None else str(value)


def _tool_call(call: Mapping[str, Any], place: int) -> dict[str, str]:
    function = call["function"]
    arguments = function.get("arguments")
    # Some local servers send the arguments parsed, or no id.
    text = arguments if isinstance(arguments, str) else orjson.dumps(arguments or {}).decode()
    return {"id": str(call.get("id") or f"call-{place}"), "name": str(function["name"]), "arguments": text}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as the server says (RFC 9110, 10.2.3: seconds or a date; some send milliseconds beside it)."""
    milliseconds, said = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if milliseconds:
            return max(0.0, float(milliseconds) / 1000)
        return max(0.0, float(said)) if said else None
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(said or "").timestamp() - time.time())
    except ValueError:
        return None
