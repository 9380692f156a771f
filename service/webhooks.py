"""Webhooks: who wants which events, where, signed with which secret, and how each delivery went."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Literal

from yarl import URL

from cases.problem import CasewrightError, Record
from service.addresses import is_public
from service.database import Connection, Pool
from service.events import check_types

if TYPE_CHECKING:
    import asyncpg

_PREFIX = "whsec_"
_SECRET_BYTES = 32
"""Between the 24 and the 64 that Standard Webhooks asks for."""
OVERLAP = timedelta(hours=24)
"""How long a secret goes on signing after a rotation."""
_URL_LENGTH = 2000

_REPLAY = """
INSERT INTO deliveries (webhook_id, position)
SELECT w.id, e.position FROM events e JOIN webhooks w ON w.types = '{}' OR e.type = ANY (w.types)
WHERE w.id = $1 AND e.position >= $2
FOR KEY SHARE OF e
ON CONFLICT (webhook_id, position) DO UPDATE
SET status = 'pending', attempts = 0, next_at = now(), answered = NULL, error = '', delivered_at = NULL
RETURNING position
"""

Form = Literal["cloudevent", "coop"]
Status = Literal["pending", "delivered", "failed"]


class BadWebhook(CasewrightError):
    """the URL {why}"""

    code: ClassVar[str] = "bad_webhook"
    hint: ClassVar[str] = "an https URL on the public internet, such as https://example.org/casewright"


class NoSuchWebhook(CasewrightError):
    """there is no webhook {id}"""

    code: ClassVar[str] = "no_such_webhook"


class WebhookDisabled(CasewrightError):
    """webhook {id} is disabled"""

    code: ClassVar[str] = "webhook_disabled"
    hint: ClassVar[str] = "enable it, then replay"


class Webhook(Record):
    """One receiver. Its secret is shown once, when it is made or rotated.

    Attributes:
        types: of the events it gets; empty: every one.
        form: what is sent: the CloudEvent, or ROOST Coop's action callback.
        disabled_why: in words; empty while it is enabled.
        failing_since: since when nothing got through.
    """

    id: str
    url: str
    types: tuple[str, ...] = ()
    form: Form = "cloudevent"
    enabled: bool = True
    disabled_why: str = ""
    created_at: datetime
    failing_since: datetime | None = None


class Delivery(Record):
    """One event on its way to one webhook.

    Attributes:
        position: the event's.
        event_id: what the receiver sees as `webhook-id`.
        attempts: sends begun.
        next_at: of the next attempt, while pending.
        answered: the receiver's last HTTP status.
        error: what went wrong at the last attempt.
    """

    position: int
    event_id: str
    type: str
    case_id: str
    status: Status
    attempts: int
    next_at: datetime | None
    answered: int | None
    error: str
    delivered_at: datetime | None


def make_secret() -> str:
    """Make a secret as Standard Webhooks writes it: `whsec_` and base64 of random bytes."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def sign(keys: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """Make the value of `webhook-signature` (Standard Webhooks 1.0): one signature a secret, with spaces between.

    Args:
        keys: secrets as `make_secret` writes them.
        message_id: value of `webhook-id`; without a full stop.
        timestamp: value of `webhook-timestamp`, seconds since 1970.
        body: as it is sent.
    """
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    digests = (hmac.digest(base64.b64decode(key.removeprefix(_PREFIX)), signed, hashlib.sha256) for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def check_url(url: str, *, allow_private: bool = False) -> None:
    """Say whether a URL may be sent to. What its name resolves to is seen at every connection (service/addresses.py).

    Raises:
        BadWebhook: it is not http(s), carries a password or fragment, names an address that is not public; or is http
            where private receivers are not allowed.
    """
    if why := _wrong_with(url, allow_private=allow_private):
        raise BadWebhook("/url", why=why)


def _wrong_with(url: str, *, allow_private: bool) -> str:
    if len(url) > _URL_LENGTH or not url.isascii() or not url.isprintable() or " " in url:
        return f"is longer than {_URL_LENGTH} characters, or has characters that no URL has"
    try:
        parsed = URL(url)
    except ValueError:
        return "cannot be read"
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        return "does not begin with https:// and a host"
    if parsed.user is not None or parsed.password is not None or parsed.fragment:
        return "carries a user, a password or a fragment"
    return "" if allow_private else _not_public(parsed.scheme, parsed.host)


def _not_public(scheme: str, host: str) -> str:
    if scheme != "https":
        return "is not https"
    literal = ":" in host or host.replace(".", "").isdigit()
    return "names an address that is not public" if literal and not is_public(host) else ""


class WebhookStore:
    """The webhooks of a database, and the record of what was delivered to them."""

    def __init__(self, pool: Pool, *, allow_private: bool = False) -> None:
        """Take the pool, and whether receivers on private addresses and without TLS are allowed."""
        self._pool = pool
        self._allow_private = allow_private

    async def make(self, url: str, types: Sequence[str] = (), form: Form = "cloudevent") -> tuple[Webhook, str]:
        """Make a webhook, which gets the events from now on.

        Returns:
            The webhook and its secret, which no other call shows again.

        Raises:
            BadWebhook: the URL may not be sent to.
            UnknownEvent: a type does not exist.
        """
        check_url(url, allow_private=self._allow_private)
        secret = make_secret()
        row = await self._pool.fetchrow(
            "INSERT INTO webhooks (id, url, types, form, secrets) VALUES ($1, $2, $3, $4, $5) RETURNING *",
            f"wh_{secrets.token_hex(8)}",
            url,
            list(check_types(types, "/types")),
            form,
            [secret],
        )
        return _found(row, ""), secret

    async def listed(self) -> list[Webhook]:
        """All webhooks, oldest first."""
        rows = await self._pool.fetch("SELECT * FROM webhooks ORDER BY created_at, id")
        return [_found(row, "") for row in rows]

    async def read(self, webhook_id: str) -> Webhook:
        """One webhook.

        Raises:
            NoSuchWebhook: there is none under this id.
        """
        row = await self._pool.fetchrow("SELECT * FROM webhooks WHERE id = $1", webhook_id)
        return _found(row, webhook_id)

    async def change(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        types: Sequence[str] | None = None,
        form: Form | None = None,
        enabled: bool | None = None,
    ) -> Webhook:
        """Change what is given. What is disabled gets no event, and its pending deliveries fail; replay fetches them.

        Raises:
            NoSuchWebhook: there is none under this id.
            BadWebhook: the URL may not be sent to.
            UnknownEvent: a type does not exist.
        """
        if url is not None:
            check_url(url, allow_private=self._allow_private)
        wanted = None if types is None else list(check_types(types, "/types"))
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                "UPDATE webhooks SET url = coalesce($2, url), types = coalesce($3, types), form = coalesce($4, form)"
                " WHERE id = $1 RETURNING *",
                webhook_id,
                url,
                wanted,
                form,
            )
            held = _found(row, webhook_id)
            if enabled is None or enabled == held.enabled:
                return held
            if enabled:
                return _found(await _enable(connection, webhook_id), webhook_id)
            return _found(await disable(connection, webhook_id, "switched off"), webhook_id)

    async def delete(self, webhook_id: str) -> None:
        """Delete a webhook with the record of its deliveries.

        Raises:
            NoSuchWebhook: there is none under this id.
        """
        _found(
            await self._pool.fetchrow("DELETE FROM webhooks WHERE id = $1 RETURNING *", webhook_id),
            webhook_id,
        )

    async def rotate(self, webhook_id: str) -> str:
        """Give a webhook a new secret. The one before signs too for 24 h, or until the next rotation drops it.

        So a secret that leaked is out of use after two calls.

        Returns:
            The new secret.

        Raises:
            NoSuchWebhook: there is none under this id.
        """
        secret = make_secret()
        row = await self._pool.fetchrow(
            "UPDATE webhooks SET secrets = ARRAY[$2, secrets[1]], old_secret_until = now() + $3::interval"
            " WHERE id = $1 RETURNING *",
            webhook_id,
            secret,
            OVERLAP,
        )
        _found(row, webhook_id)
        return secret

    async def deliveries(
        self, webhook_id: str, status: Status | None = None, before: int | None = None, limit: int = 100
    ) -> list[Delivery]:
        """A webhook's deliveries, newest event first.

        Args:
            webhook_id: whose.
            status: only those with this one.
            before: only events before this position: the last of the page before.
            limit: deliveries at most.

        Raises:
            NoSuchWebhook: there is none under this id.
        """
        await self.read(webhook_id)
        rows = await self._pool.fetch(
            "SELECT d.position, e.id::text AS event_id, e.type, e.case_id, d.status, d.attempts,"
            " CASE WHEN d.status = 'pending' THEN d.next_at END AS next_at, d.answered, d.error, d.delivered_at"
            " FROM deliveries d JOIN events e USING (position) WHERE d.webhook_id = $1"
            " AND ($2::text IS NULL OR d.status = $2) AND ($3::bigint IS NULL OR d.position < $3)"
            " ORDER BY d.position DESC LIMIT $4",
            webhook_id,
            status,
            before,
            limit,
        )
        return [Delivery(**dict(row)) for row in rows]

    async def replay(self, webhook_id: str, position: int) -> int:
        """Deliver again every kept event from a position on that the webhook wants, under the ids they had.

        Returns:
            How many deliveries are due now.

        Raises:
            NoSuchWebhook: there is none under this id.
            WebhookDisabled: it would get nothing.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow("SELECT * FROM webhooks WHERE id = $1 FOR SHARE", webhook_id)
            if not _found(row, webhook_id).enabled:
                raise WebhookDisabled(id=webhook_id)
            # Locked, so that no purge takes them meanwhile.
            return len(await connection.fetch(_REPLAY, webhook_id, position))


async def disable(connection: Connection, webhook_id: str, why: str) -> "asyncpg.Record | None":
    """Disable a webhook and fail what was pending, in the caller's transaction.

    Returns:
        The webhook's row; None where it is gone, or disabled already.
    """
    row = await connection.fetchrow(
        "UPDATE webhooks SET enabled = false, disabled_why = $2 WHERE id = $1 AND enabled RETURNING *",
        webhook_id,
        why,
    )
    await connection.execute(
        "UPDATE deliveries SET status = 'failed', error = $2 WHERE webhook_id = $1 AND status = 'pending'",
        webhook_id,
        f"the webhook was disabled: {why}",
    )
    return row


async def _enable(connection: Connection, webhook_id: str) -> "asyncpg.Record | None":
    return await connection.fetchrow(
        "UPDATE webhooks SET enabled = true, disabled_why = '', failing_since = NULL, failed_at = NULL"
        " WHERE id = $1 RETURNING *",
        webhook_id,
    )


def _found(row: "asyncpg.Record | None", webhook_id: str) -> Webhook:
    if row is None:
        raise NoSuchWebhook(id=webhook_id)
    return Webhook.model_validate({name: row[name] for name in Webhook.model_fields})
