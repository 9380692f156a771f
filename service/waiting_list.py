"""The waiting list as a page shows it: light rows in the order in which they press, facets with counts, and groups."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from cases.decision import Escalation, WaitingFor
from cases.problem import Record
from cases.rule import Severity
from policies.corpus import Corpus
from service.choice import (
    BY_LANGUAGE,
    BY_REASON,
    BY_REGION,
    BY_TYPE,
    CHOSEN,
    FOUND,
    OPEN,
    PRESSING,
    WaitingChoice,
    choice_values,
)
from service.cursors import Place, read_place, write_place
from service.database import Pool
from service.headline import Headline, headline_of
from service.reviewers import ASKED, OFFERED


class Waiting(Headline):
    """A question that waits for a person of ours.

    Attributes:
        severity: of the first question's clause as the policies are now; none where it is about no clause.
        due_at: our clock; `deadline_at`: an authority's or a seller's.
        claimed_by: who has it in hand, until `claimed_until`; none where nobody has.
        alike: how many others of the same `group_key` wait.
    """

    case_id: str
    number: int
    reasons: tuple[str, ...]
    waiting_for: WaitingFor
    region: str
    language: str
    types: tuple[str, ...]
    severity: Severity | None = None
    seller_id: str
    subject_id: str
    appeal_of: str | None = None
    due_at: datetime | None = None
    deadline_at: datetime | None = None
    raised_at: datetime
    claimed_by: str | None = None
    claimed_until: datetime | None = None
    group_key: str | None = None
    alike: int = 0


class WaitingPage(Record):
    """Some questions, the most pressing first; `next` reads on."""

    items: tuple[Waiting, ...]
    next: str | None = None


class Counted(Record):
    """One value of a facet, and how many questions choosing it would show."""

    value: str
    count: int


class Facets(Record):
    """What can be chosen, the most frequent first; each facet is counted under the choice in all others.

    Attributes:
        total: of questions under the whole choice.
        languages: without their regions.
    """

    total: int = 0
    types: tuple[Counted, ...] = ()
    reasons: tuple[Counted, ...] = ()
    regions: tuple[Counted, ...] = ()
    languages: tuple[Counted, ...] = ()


_OURS = "(e.waiting_for <> 'seller' OR $2 = 'seller')"
_CHOSEN_PAGE = f"""
SELECT e.* FROM {ASKED} WHERE {OPEN} AND {_OURS} AND {CHOSEN} AND {OFFERED}
AND ($8::integer IS NULL OR (-e.urgency, e.raised_at, e.case_id) > (-$8, $9::timestamptz, $10::text))
ORDER BY {PRESSING} LIMIT $11
"""  # noqa: S608 - constant
_GROUP = f"""
SELECT e.* FROM escalations e
WHERE {OPEN} AND e.waiting_for <> 'seller' AND e.case_id <> $1
AND e.group_key = (SELECT c.group_key FROM cases c WHERE c.id = $1) ORDER BY {PRESSING} LIMIT $2
"""  # noqa: S608 - constant
# Bodies are opened only where an earlier release, which wrote no headline, has handed the case over.
_ROWS = """
WITH page AS MATERIALIZED ({page}),
groups AS (
    SELECT g.group_key, count(*) AS size FROM escalations g
    WHERE g.answer IS NULL AND g.closed_at IS NULL AND g.waiting_for <> 'seller'
    AND g.group_key IN (SELECT p.group_key FROM page p) GROUP BY g.group_key
)
SELECT e.case_id, e.number, e.headline, e.reasons, e.waiting_for, e.region, e.language, e.types, c.seller_id,
    c.subject_id, c.appeal_of, e.due_at, e.deadline_at, e.raised_at, e.urgency,
    CASE WHEN e.claimed_until > now() THEN e.claimed_by END AS claimed_by,
    CASE WHEN e.claimed_until > now() THEN e.claimed_until END AS claimed_until,
    c.group_key, coalesce(groups.size, 1) - (e.waiting_for <> 'seller')::integer AS alike,
    CASE WHEN e.headline = '{{}}' THEN e.body END AS body, CASE WHEN e.headline = '{{}}' THEN c.body END AS "case"
FROM page e JOIN cases c ON c.id = e.case_id LEFT JOIN groups ON groups.group_key = c.group_key
ORDER BY {pressing}
"""
_PAGE = _ROWS.format(page=_CHOSEN_PAGE, pressing=PRESSING)
_ALIKE = _ROWS.format(page=_GROUP, pressing=PRESSING)
_FACETS = f"""
WITH open AS MATERIALIZED (
    SELECT e.types, e.reasons, e.region, split_part(e.language, '-', 1) AS language, {BY_TYPE} AS by_type,
        {BY_REASON} AS by_reason, {BY_REGION} AS by_region, {BY_LANGUAGE} AS by_language
    FROM {ASKED} WHERE {OPEN} AND {_OURS} AND {FOUND} AND {OFFERED}
)
SELECT 'total' AS facet, '' AS value, count(*) AS count FROM open
WHERE by_type AND by_reason AND by_region AND by_language
UNION ALL
SELECT 'types', value, count(*) FROM open, unnest(types) AS value
WHERE by_reason AND by_region AND by_language GROUP BY value
UNION ALL
SELECT 'reasons', value, count(*) FROM open, unnest(reasons) AS value
WHERE by_type AND by_region AND by_language GROUP BY value
UNION ALL
SELECT 'regions', region, count(*) FROM open WHERE by_type AND by_reason AND by_language GROUP BY region
UNION ALL
SELECT 'languages', language, count(*) FROM open WHERE by_type AND by_reason AND by_region GROUP BY language
"""  # noqa: S608 - constant


async def waiting(
    pool: Pool,
    choice: WaitingChoice,
    reviewer: str | None,
    corpus: Corpus,
    *,
    limit: int = 50,
    cursor: str | None = None,
) -> WaitingPage:
    """A page of what waits, in the order in which `claim_next` gives it out.

    Args:
        pool: of the database.
        choice: what is wanted. What waits for a seller is not listed unless `waiting_for` asks for it.
        reviewer: leaves out what this person is not offered; none: everything is listed.
        corpus: the policies in force, for the severity.
        limit: rows at most.
        cursor: `next` of the page before.

    Raises:
        BadCursor: it is none of ours.
    """
    place = read_place(cursor) if cursor else None
    after = (place.rank, place.at, place.row_id) if place else (None, None, None)
    rows = await pool.fetch(_PAGE, reviewer, *choice_values(choice), *after, limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    more = write_place(Place(last["raised_at"], last["case_id"], last["urgency"])) if last else None
    return WaitingPage(items=_listed(rows[:limit], corpus), next=more)


async def alike(pool: Pool, case_id: str, corpus: Corpus, limit: int = 50) -> tuple[Waiting, ...]:
    """Other waiting cases of a case's group, the most pressing first; none where it has no group.

    Args:
        pool: of the database.
        case_id: of the case, which itself may be over.
        corpus: the policies in force, for the severity.
        limit: rows at most; `Waiting.alike` of each says how many there are.
    """
    return _listed(await pool.fetch(_ALIKE, case_id, limit), corpus)


async def facets(pool: Pool, choice: WaitingChoice, reviewer: str | None) -> Facets:
    """How many of what waits there are of each type, reason code, region and language.

    Args:
        pool: of the database.
        choice: as for `waiting`.
        reviewer: as for `waiting`.
    """
    counted: dict[str, list[Counted]] = {}
    for row in await pool.fetch(_FACETS, reviewer, *choice_values(choice)):
        counted.setdefault(row["facet"], []).append(Counted(value=row["value"], count=row["count"]))
    (total,) = counted.pop("total")
    most_first = {
        name: tuple(sorted(found, key=lambda one: (-one.count, one.value))) for name, found in counted.items()
    }
    return Facets(total=total.count, **most_first)


def _listed(rows: Iterable[asyncpg.Record], corpus: Corpus) -> tuple[Waiting, ...]:
    return tuple(_line(dict(row), corpus) for row in rows)


def _line(row: dict[str, Any], corpus: Corpus) -> Waiting:
    headline, body, case = row.pop("headline"), row.pop("body"), row.pop("case")
    row.pop("urgency")
    if body:
        title = orjson.loads(case).get("subject", {}).get("title", "")
        headline = headline_of(title, Escalation.model_validate_json(body)).model_dump()
    clause = corpus.clauses.get(headline["clause_id"])
    return Waiting(**row, **headline, severity=clause.severity if clause else None)
