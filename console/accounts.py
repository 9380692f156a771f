"""Who may sign in: local accounts with argon2id, made by invitation; there is no default password."""

import asyncio
import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal, get_args

import asyncpg
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import Field, StringConstraints

from cases.case import ViolationType
from cases.problem import CasewrightError, Record
from service.database import Connection, Pool
from service.reviewers import Reviewer, Tier, tell_reviewer

Role = Literal["reviewer", "senior", "policy", "lead", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
Theme = Literal["", "light", "dark"]
AccountId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._@-]{0,99}$")]
SHORTEST_PASSWORD = 12
"""Characters: length is what a password is good by (NIST SP 800-63B, 5.1.1.2); no rules of composition."""
_LONGEST_PASSWORD = 200
_INVITED = timedelta(days=7)
_WRONG_IN_A_ROW = 5
"""Wrong passwords after which an account waits, ever longer, before the next is looked at."""
_TIERS: dict[Role, tuple[Tier, ...]] = {
    "reviewer": ("reviewer",),
    "senior": ("reviewer", "senior"),
    "policy": ("policy_team",),
}
# OWASP's second choice of argon2id's cost: 19 MiB, two passes. In a thread, some 30 ms.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$lFrKjMRvYcj1Dwqk0yHG7A$Vv9Pn7ilHcW1gCk4u0GTyMxnQmSNTBVZ8V5kk0rGv6Q"
"""Looked at where there is no such account, so that time does not tell who has one."""


class WrongPassword(CasewrightError):
    """the name or the password is wrong"""

    code: ClassVar[str] = "wrong_password"


class TooManyTries(CasewrightError):
    """too many wrong passwords: the next is looked at in {seconds} seconds"""

    code: ClassVar[str] = "too_many_tries"


class BadInvitation(CasewrightError):
    """this link is used up, too old, or none"""

    code: ClassVar[str] = "bad_invitation"
    hint: ClassVar[str] = "ask an administrator for a new one"


class AccountExists(CasewrightError):
    """there is an account {account} already"""

    code: ClassVar[str] = "account_exists"


class LastAdministrator(CasewrightError):
    """somebody has to be left who administers"""

    code: ClassVar[str] = "last_administrator"


class PasswordTooShort(CasewrightError):
    """a password has at least {least} characters"""

    code: ClassVar[str] = "password_too_short"


class Account(Record):
    """Somebody who may sign in.

    Attributes:
        id: what they sign in with, and the reviewer's id in decisions.
        tongue: of the pages; empty for the browser's own.
        zone: in which times are written; empty for the browser's.
        unveiled, veiled: violation types whose pictures they want to see at once, and those they want veiled.
        can_sign_in: a password is set.
    """

    id: AccountId
    name: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
    roles: tuple[Role, ...] = ()
    tongue: str = ""
    theme: Theme = ""
    zone: str = Field("", max_length=64)
    unveiled: tuple[ViolationType, ...] = ()
    veiled: tuple[ViolationType, ...] = ()
    can_sign_in: bool = True
    made_at: datetime | None = None
    disabled_at: datetime | None = None

    @property
    def initials(self) -> str:
        """Two letters to know somebody by."""
        words = [word for word in self.name.split() if word[0].isalnum()]
        return ("".join(word[0] for word in (words[:1] + words[1:][-1:])) or self.id[:2]).upper()

    def may(self, *roles: Role) -> bool:
        """Whether they have one of the roles; an administrator is not therefore a reviewer."""
        return not roles or bool(set(roles) & set(self.roles))


ACCOUNT_COLUMNS = """a.id, a.name, a.roles, a.tongue, a.theme, a.zone, a.unveiled, a.veiled,
    a.password IS NOT NULL AS can_sign_in, a.made_at, a.disabled_at"""


async def accounts(pool: Pool) -> list[Account]:
    """Everybody, by name."""
    rows = await pool.fetch(f"SELECT {ACCOUNT_COLUMNS} FROM accounts a ORDER BY a.name, a.id")  # noqa: S608 - constant
    return [Account(**dict(row)) for row in rows]


async def names_of(pool: Pool) -> dict[str, str]:
    """What everybody is called, by id."""
    return {row["id"]: row["name"] for row in await pool.fetch("SELECT id, name FROM accounts")}


async def nobody_yet(pool: Pool) -> bool:
    """Whether there is no account that can sign in."""
    return not await pool.fetchval("SELECT EXISTS (SELECT 1 FROM accounts WHERE password IS NOT NULL)")


async def invite_first(pool: Pool) -> str:
    """A link's token with which the first administrator is made; those made before are void.

    Returns:
        The token; it is kept as a hash only.
    """
    await pool.execute("UPDATE invitations SET used_at = now() WHERE account IS NULL AND used_at IS NULL")
    return await _invited(pool, None, "serve")


async def make_account(pool: Pool, account: Account, by: str) -> str:
    """Make an account, with what its roles may take, and a link's token with which its password is chosen.

    Raises:
        AccountExists: there is one.
    """
    async with pool.acquire() as connection, connection.transaction():
        await _insert(connection, account, None)
    await tell_roles(pool, account.id, account.roles)
    return await _invited(pool, account.id, by)


async def invite_again(pool: Pool, account_id: str, by: str) -> str:
    """A new link's token with which an account's password is chosen; the old password counts until then."""
    await pool.execute("UPDATE invitations SET used_at = now() WHERE account = $1 AND used_at IS NULL", account_id)
    return await _invited(pool, account_id, by)


async def set_roles(pool: Pool, account_id: str, roles: tuple[Role, ...]) -> None:
    """Change what somebody may do.

    Raises:
        LastAdministrator: nobody would be left who administers.
    """
    if "admin" not in roles:
        await _check_admin_left(pool, account_id)
    await tell_roles(pool, account_id, roles)


_ANOTHER_ADMIN = """
SELECT EXISTS (
    SELECT 1 FROM accounts WHERE id <> $1 AND 'admin' = ANY(roles) AND password IS NOT NULL AND disabled_at IS NULL
)
"""


async def _check_admin_left(pool: Pool, account_id: str) -> None:
    if not await pool.fetchval(_ANOTHER_ADMIN, account_id):
        raise LastAdministrator


async def tell_roles(pool: Pool, account_id: str, roles: tuple[Role, ...]) -> None:
    """Set an account's roles; as a reviewer it may take what its tiers are, by the skills it has."""
    await pool.execute("UPDATE accounts SET roles = $2 WHERE id = $1", account_id, list(roles))
    tiers = tuple(dict.fromkeys(tier for role in roles for tier in _TIERS.get(role, ())))
    held = await pool.fetchrow("SELECT languages, regions, types FROM reviewers WHERE id = $1", account_id)
    if tiers:
        await tell_reviewer(pool, Reviewer(id=account_id, **(dict(held) if held else {}), tiers=tiers))
    else:
        await pool.execute("DELETE FROM reviewers WHERE id = $1", account_id)


_END_ALL = "UPDATE sessions SET ended_at = now() WHERE account = $1 AND ended_at IS NULL"


async def disable_account(pool: Pool, account_id: str, *, disabled: bool) -> None:
    """Shut an account out, and end its sessions; or let it in again.

    Raises:
        LastAdministrator: nobody would be left who administers.
    """
    if disabled:
        await _check_admin_left(pool, account_id)
    await pool.execute(
        "UPDATE accounts SET disabled_at = CASE WHEN $2 THEN now() END WHERE id = $1", account_id, disabled
    )
    if disabled:
        await pool.execute(_END_ALL, account_id)


async def tell_preferences(pool: Pool, account: Account) -> None:
    """Keep what somebody has chosen for themselves: language, theme, zone, veils, name."""
    await pool.execute(
        "UPDATE accounts SET name = $2, tongue = $3, theme = $4, zone = $5, unveiled = $6, veiled = $7 WHERE id = $1",
        account.id,
        account.name,
        account.tongue,
        account.theme,
        account.zone,
        list(account.unveiled),
        list(account.veiled),
    )


async def invited(pool: Pool, token: str) -> Account | None:
    """Whom a link is for; None where it makes the first administrator.

    Raises:
        BadInvitation: it is used up, too old, or none.
    """
    row = await pool.fetchrow(_INVITATION, _sum(token))
    if row is None:
        raise BadInvitation
    return None if row["account"] is None else await account_of(pool, row["account"])


async def account_of(pool: Pool, account_id: str) -> Account | None:
    """One account; None where there is none."""
    row = await pool.fetchrow(f"SELECT {ACCOUNT_COLUMNS} FROM accounts a WHERE a.id = $1", account_id)  # noqa: S608 - constant
    return Account(**dict(row)) if row else None


_INVITATION = "SELECT account FROM invitations WHERE sha256 = $1 AND used_at IS NULL AND expires_at > now()"


async def take_up(pool: Pool, token: str, password: str, first: Account | None = None) -> str:
    """Choose the password that a link is for; the link is used up, and the account's sessions end.

    Args:
        pool: the database.
        token: the link's.
        password: what was chosen.
        first: of a link without an account, the administrator that it makes.

    Returns:
        The account's id.

    Raises:
        BadInvitation, PasswordTooShort, AccountExists: nothing is changed then.
    """
    if not SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        raise PasswordTooShort(least=SHORTEST_PASSWORD)
    hashed = await asyncio.to_thread(_HASHER.hash, password)
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(f"{_INVITATION} FOR UPDATE", _sum(token))
        if row is None or (row["account"] is None and first is None):
            raise BadInvitation
        await connection.execute("UPDATE invitations SET used_at = now() WHERE sha256 = $1", _sum(token))
        if row["account"] is None and first is not None:
            await _insert(connection, first, hashed)
        else:
            await _set_password(connection, row["account"], hashed)
    if row["account"] is None and first is not None:
        await tell_roles(pool, first.id, first.roles)
        return first.id
    return str(row["account"])


async def _set_password(connection: Connection, account_id: str, hashed: str) -> None:
    query = "UPDATE accounts SET password = $2, failures = 0, locked_until = NULL WHERE id = $1"
    await connection.execute(query, account_id, hashed)
    await connection.execute(_END_ALL, account_id)


async def check_password(pool: Pool, account_id: str, password: str) -> str:
    """The account's id, if the password is its own.

    Raises:
        WrongPassword: it is not, or there is no such account.
        TooManyTries: too many were wrong of late.
    """
    row = await pool.fetchrow(
        "SELECT id, password, failures, extract(epoch FROM locked_until - now()) AS wait FROM accounts"
        " WHERE id = $1 AND disabled_at IS NULL",
        account_id,
    )
    if row and row["wait"] and row["wait"] > 0:
        raise TooManyTries(seconds=int(row["wait"]) + 1)
    fits = await asyncio.to_thread(_fits, row["password"] if row else None, password)
    if row is None or not fits:
        if row:
            await pool.execute(_FAILED, row["id"], _WRONG_IN_A_ROW)
        raise WrongPassword
    if row["failures"]:
        await pool.execute("UPDATE accounts SET failures = 0, locked_until = NULL WHERE id = $1", row["id"])
    found: str = row["id"]
    return found


_FAILED = """
UPDATE accounts SET failures = failures + 1,
    locked_until = CASE WHEN failures + 1 >= $2
        THEN now() + make_interval(secs => least(900, 5 * 2 ^ least(20, failures + 1 - $2))) END
WHERE id = $1
"""


def _fits(hashed: str | None, password: str) -> bool:
    try:
        _HASHER.verify(hashed or _NOBODYS, password)
    except (VerificationError, InvalidHashError):
        return False
    return hashed is not None


async def change_password(pool: Pool, account_id: str, old: str, new: str) -> None:
    """Choose another password; the account's sessions end.

    Raises:
        WrongPassword, TooManyTries: the old one is not it.
        PasswordTooShort: the new one is.
    """
    await check_password(pool, account_id, old)
    if not SHORTEST_PASSWORD <= len(new) <= _LONGEST_PASSWORD:
        raise PasswordTooShort(least=SHORTEST_PASSWORD)
    hashed = await asyncio.to_thread(_HASHER.hash, new)
    async with pool.acquire() as connection, connection.transaction():
        await _set_password(connection, account_id, hashed)


async def _insert(connection: Connection, account: Account, hashed: str | None) -> None:
    try:
        await connection.execute(
            "INSERT INTO accounts (id, name, password, roles) VALUES ($1, $2, $3, $4)",
            account.id,
            account.name,
            hashed,
            list(account.roles),
        )
    except asyncpg.UniqueViolationError:
        raise AccountExists(account=account.id) from None


async def _invited(pool: Pool, account_id: str | None, by: str) -> str:
    token = secrets.token_urlsafe(32)
    query = "INSERT INTO invitations (sha256, account, made_by, expires_at) VALUES ($1, $2, $3, now() + $4::interval)"
    await pool.execute(query, _sum(token), account_id, by, _INVITED)
    return token


def _sum(token: str) -> bytes:
    # 256 random bits need no slow hash: nobody guesses them.
    return hashlib.sha256(token.encode()).digest()
