"""Talking to a running service over HTTP: one key, one address, refusals as errors with the service's own words."""

from typing import TYPE_CHECKING, Any, ClassVar, Self

import httpx
import orjson

from cases.problem import CasewrightError
from casewright.settings import read_access

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT_S = 90.0
"""Seconds for an answer: more than the longest wait (60) that a request may ask for."""


class ServiceRefused(CasewrightError):
    """the service answers {status}: {detail}"""

    code: ClassVar[str] = "service_refused"

    def __init__(self, status: int, detail: str, problem: "Mapping[str, Any]", retry_after: float | None) -> None:
        """Carry what the service said.

        Args:
            status: the HTTP status.
            detail: its sentence.
            problem: the whole problem document (RFC 9457); empty where there was none.
            retry_after: seconds after which to come again, where it named them.
        """
        super().__init__(status=status, detail=detail)
        self.status = status
        self.document = problem
        self.retry_after = retry_after


class ServiceAway(CasewrightError):
    """no service answers at {url}: {why}"""

    code: ClassVar[str] = "service_away"
    hint: ClassVar[str] = "start it with `casewright serve`, or name its address with --url or CASEWRIGHT_URL"


class NoKey(CasewrightError):
    """there is no API key for {url}"""

    code: ClassVar[str] = "no_key"
    hint: ClassVar[str] = (
        "give --key, or set CASEWRIGHT_KEY; `casewright serve` writes the first one to its data folder"
    )


class BadAddress(CasewrightError):
    """{url} is no address of a service"""

    code: ClassVar[str] = "bad_address"
    hint: ClassVar[str] = "write it as http://127.0.0.1:8400"


class Client:
    """Requests to one service. Close it when done, or use it in a `with`."""

    def __init__(self, url: str, key: str) -> None:
        """Take an address without a path, and a key.

        Raises:
            BadAddress: not http or https, or without a host.
        """
        self.url = url.rstrip("/")
        self.key = key
        try:
            parsed = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise BadAddress(url=url) from error
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise BadAddress(url=url)
        # A proxy of the environment cannot reach this machine's own service.
        local = parsed.host in {"127.0.0.1", "localhost", "::1"}
        self._http = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(_TIMEOUT_S, connect=10),
            trust_env=not local,
        )

    @classmethod
    def from_environment(cls, url: str | None = None, key: str | None = None) -> Self:
        """Make a client from what a command was given, else from the environment.

        Args:
            url: of the service; else CASEWRIGHT_URL, else this machine's.
            key: an API key; else CASEWRIGHT_KEY, else the file `api-key` in the data folder (CASEWRIGHT_HOME).

        Raises:
            NoKey: no key is found.
            BadAddress: the URL is none.
        """
        access = read_access()
        url, key = url or access.url, key or access.key
        if not key:
            raise NoKey(url=url)
        return cls(url, key.strip())

    def get(self, path: str, **params: object) -> Any:  # noqa: ANN401 - JSON
        """Read a resource.

        Args:
            path: below /api/v1, such as `/events`.
            params: of the query; those that are None are left out.

        Returns:
            The answer's JSON; None where it has no body.

        Raises:
            ServiceRefused: a status of 300 or more, or no JSON.
            ServiceAway: no answer.
        """
        query = {name: str(value) for name, value in params.items() if value is not None}
        return self._send("GET", path, params=query)

    def post(self, path: str, body: object = None, media_type: str = "application/json") -> Any:  # noqa: ANN401 - JSON
        """Send JSON, or bytes of another media type; returns and raises as `get` does."""
        return self._send("POST", path, **_content(body, media_type))

    def put(self, path: str, body: object = None, media_type: str = "application/json") -> Any:  # noqa: ANN401 - JSON
        """Send JSON, or bytes of another media type, to be kept under its path; returns and raises as `get` does."""
        return self._send("PUT", path, **_content(body, media_type))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        """Use the client until the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _send(self, method: str, path: str, **request: Any) -> Any:  # noqa: ANN401 - httpx's own arguments; JSON
        try:
            answer = self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise ServiceAway(url=self.url, why=str(error) or type(error).__name__) from error
        if not answer.is_success:
            raise _refusal(answer)
        try:
            return orjson.loads(answer.content) if answer.content else None
        except orjson.JSONDecodeError as error:
            detail = "this is not JSON; is it Casewright that serves there?"
            raise ServiceRefused(answer.status_code, detail, {}, None) from error


def _content(body: object, media_type: str) -> dict[str, Any]:
    if body is None:
        return {}
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return {"content": content, "headers": {"Content-Type": media_type}}


def _refusal(answer: httpx.Response) -> ServiceRefused:
    try:
        problem = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    detail = str(problem.get("detail") or problem.get("title") or answer.reason_phrase or "no reason given")
    try:
        retry_after = max(float(answer.headers.get("Retry-After", "")), 0.0)
    except ValueError:  # none, or a date, which our own service does not send
        retry_after = None
    return ServiceRefused(answer.status_code, detail, problem, retry_after)
