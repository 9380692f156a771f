"""Sessions: a cookie's secret, kept as a hash; each can be ended, and ends by itself when nobody is there."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from cases.problem import Record
from console.accounts import ACCOUNT_COLUMNS, Account
from console.settings import ConsoleSettings
from service.database import Pool

COOKIE = "casewright"


class Session(Record):
    """Somebody's being signed in, in one browser."""

    id: str
    browser: str = ""
    made_at: datetime
    seen_at: datetime


@dataclass(frozen=True)
class SignedIn:
    """Who asks, and what a form of theirs must bring along.

    Attributes:
        csrf: derived from the cookie's secret, which no page of another site can read.
    """

    account: Account
    session_id: str
    csrf: str


_FIND = f"""
SELECT s.id AS session_id, s.seen_at < now() - interval '20 seconds' AS stale, {ACCOUNT_COLUMNS}
FROM sessions s JOIN accounts a ON a.id = s.account
WHERE s.sha256 = $1 AND s.ended_at IS NULL AND a.disabled_at IS NULL
AND s.seen_at > now() - make_interval(mins => $2) AND s.made_at > now() - make_interval(hours => $3)
"""  # noqa: S608 - constant


async def begin_session(pool: Pool, account_id: str, browser: str) -> str:
    """Sign somebody in; the secret for their cookie."""
    secret = secrets.token_urlsafe(32)
    query = "INSERT INTO sessions (id, sha256, account, browser) VALUES ($1, $2, $3, $4)"
    await pool.execute(query, f"s_{secrets.token_hex(6)}", _sum(secret), account_id, browser[:200])
    return secret


async def find_session(pool: Pool, secret: str, settings: ConsoleSettings) -> SignedIn | None:
    """Whose secret this is; None where it is nobody's any more. Being seen is noted every twenty seconds."""
    row = await pool.fetchrow(_FIND, _sum(secret), settings.idle_minutes, settings.session_hours)
    if row is None:
        return None
    if row["stale"]:
        await pool.execute("UPDATE sessions SET seen_at = now() WHERE id = $1", row["session_id"])
    told = dict(row)
    session_id, _ = told.pop("session_id"), told.pop("stale")
    return SignedIn(Account(**told), session_id, csrf_of(secret))


async def sessions_of(pool: Pool, account_id: str) -> list[Session]:
    """The sessions of an account that have not been ended, the latest first."""
    rows = await pool.fetch(
        "SELECT id, browser, made_at, seen_at FROM sessions WHERE account = $1 AND ended_at IS NULL"
        " ORDER BY seen_at DESC LIMIT 50",
        account_id,
    )
    return [Session(**dict(row)) for row in rows]


async def end_session(pool: Pool, account_id: str, session_id: str) -> None:
    """End one session of an account; it is signed out at its next request."""
    await pool.execute("UPDATE sessions SET ended_at = now() WHERE account = $1 AND id = $2", account_id, session_id)


async def end_sessions(pool: Pool, account_id: str, besides: str = "") -> None:
    """End every session of an account, or all but one."""
    query = "UPDATE sessions SET ended_at = now() WHERE account = $1 AND ended_at IS NULL AND id <> $2"
    await pool.execute(query, account_id, besides)


async def seen_last(pool: Pool) -> dict[str, datetime]:
    """When each account was seen last."""
    rows = await pool.fetch("SELECT account, max(seen_at) AS at FROM sessions GROUP BY account")
    return {row["account"]: row["at"] for row in rows}


def csrf_of(secret: str) -> str:
    """What forms bring along, from a cookie's secret."""
    return hmac.new(secret.encode(), b"forms", hashlib.sha256).hexdigest()


def _sum(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
