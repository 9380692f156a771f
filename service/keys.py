"""API keys: shown once, kept as a hash, each with its scopes; and the process's short memory of those it has seen."""

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, StringConstraints

from cases.problem import CasewrightError, Record
from service.database import Pool

Scope = Literal["submit", "read", "review", "events", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
KeyName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
_FORM = re.compile(r"cw_[A-Za-z0-9_-]{43}")
_REMEMBERED_S = 5.0
"""Seconds for which a key is not looked up again, and so for which a revoked one may still open a door."""
_REMEMBERED = 1000
"""Keys remembered at most."""


class NoSuchKey(CasewrightError):
    """there is no key {key}"""

    code: ClassVar[str] = "no_such_key"


class KeyWish(Record):
    """What a new key is called, and what it may do."""

    name: KeyName
    scopes: tuple[Scope, ...] = Field(min_length=1, max_length=len(SCOPES))


class Key(Record):
    """A key, without its secret.

    Attributes:
        used_at: of the last use, to the minute.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    made_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None


class NewKey(Key):
    """A key just made: the one time that its secret is shown."""

    secret: str


_COLUMNS = "id, name, scopes, made_at, used_at, revoked_at"
_MAKE = f"INSERT INTO keys (id, name, sha256, scopes) VALUES ($1, $2, $3, $4) RETURNING {_COLUMNS}"  # noqa: S608 - constant
_LIST = f"SELECT {_COLUMNS} FROM keys ORDER BY made_at, id"  # noqa: S608 - constant
_FIND = f"SELECT {_COLUMNS} FROM keys WHERE sha256 = $1 AND revoked_at IS NULL"  # noqa: S608 - constant
_USED = """
UPDATE keys SET used_at = now() WHERE id = $1 AND (used_at IS NULL OR used_at < now() - interval '1 minute')
"""
_REVOKE = "UPDATE keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1"


async def make_key(pool: Pool, name: str, scopes: Sequence[Scope]) -> NewKey:
    """Make a key; its secret is in the answer and nowhere else."""
    secret = "cw_" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    told = [scope for scope in SCOPES if scope in scopes]
    row = await pool.fetchrow(_MAKE, f"key_{secrets.token_hex(8)}", name, _sum(secret), told)
    return NewKey(**dict(row or {}), secret=secret)


async def keys(pool: Pool) -> list[Key]:
    """Every key, oldest first, the revoked ones too."""
    return [Key(**dict(row)) for row in await pool.fetch(_LIST)]


async def revoke_key(pool: Pool, key_id: str) -> None:
    """Revoke a key; other processes notice within five seconds.

    Raises:
        NoSuchKey: there is none under this id.
    """
    if await pool.execute(_REVOKE, key_id) == "UPDATE 0":
        raise NoSuchKey(key=key_id)


def _sum(secret: str) -> bytes:
    # 256 random bits need no slow hash: nobody guesses them.
    return hashlib.sha256(secret.encode()).digest()


class KeyRing:
    """The keys that a process has seen lately."""

    def __init__(self, pool: Pool) -> None:
        """Look keys up in a database."""
        self._pool = pool
        self._seen: dict[bytes, tuple[float, Key]] = {}

    async def find(self, secret: str) -> Key | None:
        """The key of a secret, and note its use; None where it is none, or revoked."""
        if not _FORM.fullmatch(secret):
            return None
        digest, now = _sum(secret), time.monotonic()
        until, key = self._seen.get(digest, (0.0, None))
        if key is None or until < now:
            key = await self._look_up(digest)
            self._remember(digest, now + _REMEMBERED_S, key)
        return key

    def forget(self) -> None:
        """Look every key up anew."""
        self._seen.clear()

    async def _look_up(self, digest: bytes) -> Key | None:
        row = await self._pool.fetchrow(_FIND, digest)
        if row is None:
            return None
        await self._pool.execute(_USED, row["id"])
        return Key(**dict(row))

    def _remember(self, digest: bytes, until: float, key: Key | None) -> None:
        self._seen.pop(digest, None)
        if key is None:
            return
        if len(self._seen) >= _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._seen[digest] = (until, key)
