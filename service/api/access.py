"""Who may do what: a key in `Authorization: Bearer`, with the scope that the request needs."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from fastapi import Depends, Request

from service.api.problems import Refused
from service.api.reception import TheReception
from service.keys import Scope

_REALM = 'Bearer realm="casewright"'


class NoKey(Refused):
    """an API key is needed"""

    code: ClassVar[str] = "no_key"
    hint: ClassVar[str] = "send it as `Authorization: Bearer cw_...`"
    status: ClassVar[int] = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": _REALM}


class UnknownKey(Refused):
    """this API key is none, or revoked"""

    code: ClassVar[str] = "unknown_key"
    hint: ClassVar[str] = "ask whoever runs the service for a new one"
    status: ClassVar[int] = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": f'{_REALM}, error="invalid_token"'}


class ScopeLacks(Refused):
    """the key {name} lacks the scope {scope}"""

    code: ClassVar[str] = "scope_lacks"
    hint: ClassVar[str] = "use a key that has it"
    status: ClassVar[int] = 403
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope"'}


class Needs:
    """A request's dependency: its key has a scope."""

    def __init__(self, scope: Scope) -> None:
        """Ask for a scope."""
        self._scope = scope

    async def __call__(self, request: Request, reception: TheReception) -> None:
        """Let the request in.

        Raises:
            NoKey, UnknownKey, ScopeLacks: it may not.
        """
        if not reception.settings.keys:
            return
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise NoKey
        key = await reception.keys.find(secret.strip())
        if key is None:
            raise UnknownKey
        if self._scope not in key.scopes:
            raise ScopeLacks(name=key.name, scope=self._scope)
        request.state.caller = key.name


async def _caller_of(request: Request) -> str:
    return getattr(request.state, "caller", "without a key")


Caller = Annotated[str, Depends(_caller_of)]
"""A handler's parameter: the name of the key that asks."""
