"""Taking cases in: once each, whatever is sent again, with their job and their event in one transaction."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

import orjson

from cases.case import Case
from cases.problem import CasewrightError
from service.database import Connection, Pool
from service.queue import Job, wish
from service.urgency import deadline_of, urgency_of


class AnotherBody(CasewrightError):
    """case {case} is known with another body"""

    code: ClassVar[str] = "another_body"
    hint: ClassVar[str] = "a case is sent once; give a changed one another id"


class NoSuchCase(CasewrightError):
    """there is no case {case}"""

    code: ClassVar[str] = "no_such_case"


class CaseIsOver(CasewrightError):
    """case {case} is {status}"""

    code: ClassVar[str] = "case_is_over"


Taken = Literal["taken", "known", "another_body"]


@dataclass(frozen=True)
class Receipt:
    """What became of one submitted case: taken now, known already with the same body, or known with another."""

    case_id: str
    taken: Taken


_INSERT = """
INSERT INTO cases (id, body, sha256, urgency, due_at, deadline_at, region, language, types, seller_id, subject_id,
                   revision, group_key, appeal_of, title)
SELECT id, body, sha256, urgency, due_at, deadline_at, region, language, string_to_array(types, ','),
       seller_id, subject_id, revision, group_key, appeal_of, title
FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::integer[], $5::timestamptz[], $6::timestamptz[], $7::text[],
            $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
            $15::text[])
AS sent (id, body, sha256, urgency, due_at, deadline_at, region, language, types, seller_id, subject_id, revision,
         group_key, appeal_of, title)
ORDER BY id COLLATE "C"  -- two batches with the same ids wait for each other in one order only
ON CONFLICT (id) DO NOTHING
RETURNING id, sha256
"""


def body_of(case: Case) -> dict[str, Any]:
    """A case as it is stored: without what it leaves to our defaults, its attributes in the order in which they came.

    So a case that is sent again after a release that knows a further field is the same case still.
    """
    return case.model_dump(mode="json", exclude_defaults=True)


def sum_of(body: dict[str, Any]) -> bytes:
    """What two submissions of the same case have in common, in whatever order their fields came: a SHA-256."""
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).digest()


async def submit(pool: Pool, cases: Sequence[Case]) -> list[Receipt]:
    """Take cases in; a repeated one is the first one's, whoever sends it.

    Returns:
        A receipt a case, in order.

    Raises:
        NoSuchCase: an appeal is against a case that is not here.
    """
    async with pool.acquire() as connection, connection.transaction():
        for missing in sorted(await unknown_originals(connection, cases)):
            raise NoSuchCase("/appeal/of", case=missing)
        return await _submit(connection, cases)


async def unknown_originals(connection: "Connection | Pool", cases: Sequence[Case]) -> set[str]:
    """Ids of cases that some of these appeal against, and that are not here."""
    wanted = {case.appeal.of for case in cases if case.appeal}
    rows = await connection.fetch("SELECT id FROM cases WHERE id = ANY($1)", list(wanted)) if wanted else []
    return wanted - {row["id"] for row in rows}


async def _submit(connection: Connection, cases: Sequence[Case]) -> list[Receipt]:
    now = datetime.now(UTC)
    bodies = [body_of(case) for case in cases]
    sums = [sum_of(body) for body in bodies]
    urgencies = [urgency_of(case, now) for case in cases]
    rows = await connection.fetch(
        _INSERT,
        [case.id for case in cases],
        [orjson.dumps(body) for body in bodies],
        sums,
        urgencies,
        [case.due_at for case in cases],
        [deadline_of(case) for case in cases],
        [case.region for case in cases],
        [case.language for case in cases],
        [",".join(case.raised_types) for case in cases],
        [case.seller_id for case in cases],
        [case.subject.id for case in cases],
        [case.subject.revision for case in cases],
        [case.group_key for case in cases],
        [case.appeal.of if case.appeal else None for case in cases],
        [case.subject.title.replace("\0", "\ufffd") for case in cases],
    )
    stored = {row["id"]: bytes(row["sha256"]) for row in rows}
    new = set(stored)
    await wish(connection, [Job(c.id, 0, u) for c, u in zip(cases, urgencies, strict=True) if c.id in new])
    await connection.execute(
        "INSERT INTO events (type, case_id) SELECT 'case.received', unnest($1::text[])", sorted(new)
    )
    if others := [case.id for case in cases if case.id not in new]:
        known = await connection.fetch("SELECT id, sha256 FROM cases WHERE id = ANY($1)", others)
        stored |= {row["id"]: bytes(row["sha256"]) for row in known}
    return [_receipt(case.id, stored[case.id] == sent, new) for case, sent in zip(cases, sums, strict=True)]


def _receipt(case_id: str, same: bool, new: set[str]) -> Receipt:  # noqa: FBT001 - a fact, not an option
    if not same:
        return Receipt(case_id, "another_body")
    if case_id in new:
        new.discard(case_id)  # the same case twice in one batch was taken once
        return Receipt(case_id, "taken")
    return Receipt(case_id, "known")
