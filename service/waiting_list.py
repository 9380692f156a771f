"""The waiting list as a page shows it: light rows in the order in which they press, facets with counts, and groups."""

from collections import Counter
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
    CHOSEN,
    OPEN,
    PRESSING,
    WaitingChoice,
    choice_values,
)
from service.cursors import Place, read_place, write_place
from service.database import Pool
from service.headline import Headline, headline_of
from service.reviewers import ASKED, NOT_FOR_THEM, OFFERED, skilled, skills_of


class Waiting(Headline):
    """A question that waits for a person of ours.

    Attributes:
        severity: of the first question's clause as the policies are now; none where it is about no clause.
        due_at: our clock; `deadline_at`: an authority's or a seller's.
        wants_second: one person has answered, and a guard wants two.
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
    wants_second: bool = False
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
    (SELECT count(*) FROM opinions o WHERE o.case_id = e.case_id AND o.number = e.number) = 1 AS wants_second,
    c.group_key, coalesce(groups.size, 1) - (e.waiting_for <> 'seller')::integer AS alike,
    CASE WHEN e.headline = '{{}}' THEN e.body END AS body, CASE WHEN e.headline = '{{}}' THEN c.body END AS "case"
FROM page e JOIN cases c ON c.id = e.case_id LEFT JOIN groups ON groups.group_key = c.group_key
ORDER BY {pressing}
"""
_PAGE = _ROWS.format(page=_CHOSEN_PAGE, pressing=PRESSING)
_ALIKE = _ROWS.format(page=_GROUP, pressing=PRESSING)
_HIDDEN = " UNION ".join(
    f"SELECT e.case_id FROM escalations e WHERE {OPEN} AND {why}"  # noqa: S608 - constant
    for why in NOT_FOR_THEM
)
# $1: ids of cases that are not for them.
_COUNT = f"""
SELECT %s, count(*) AS count FROM escalations e WHERE {OPEN} AND {_OURS} AND {CHOSEN}
AND {skilled("$8::text[]", "$9::text[]", "$10::text[]", "$11::text[]")} AND e.case_id <> ALL($1::text[])
GROUP BY %s
"""  # noqa: S608 - constant
_FACETS = {
    "types": "e.types",
    "reasons": "e.reasons",
    "regions": "e.region",
    "languages": "split_part(e.language, '-', 1)",
}
# All facets in one scan. What has several values is counted by the whole array first: of these there are few.
_COUNT_ALL = _COUNT % (
    ", ".join(f"{column} AS {name}" for name, column in _FACETS.items()),
    f"GROUPING SETS ((), {', '.join(f'({place})' for place, _ in enumerate(_FACETS, 1))})",
)
_COUNT_ONE = {name: _COUNT % (f"{column} AS {name}", "1") for name, column in _FACETS.items()}


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
    async with pool.acquire() as connection, connection.transaction():
        may = await skills_of(connection, reviewer)
        if may is None:
            return Facets()
        hidden = [row["case_id"] for row in await connection.fetch(_HIDDEN, reviewer)]
        # A plan for these values: one that is to serve all of them takes three times as long.
        await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        skills = (list(may.languages), list(may.regions), list(may.types), list(may.tiers))
        rows = await connection.fetch(_COUNT_ALL, hidden, *choice_values(choice), *skills)
        found = {name: _counted(rows, name) for name in _FACETS}
        for name in _FACETS:
            if getattr(choice, name):
                others = choice_values(choice.model_copy(update={name: ()}))
                found[name] = _counted(await connection.fetch(_COUNT_ONE[name], hidden, *others, *skills), name)
    total = sum(row["count"] for row in rows if all(row[name] is None for name in _FACETS))
    return Facets(total=total, **found)


def _counted(rows: Iterable[asyncpg.Record], facet: str) -> tuple[Counted, ...]:
    counts: Counter[str] = Counter()
    for row in rows:
        value = row[facet]
        for one in [value] if isinstance(value, str) else value or ():
            counts[one] += row["count"]
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Counted(value=value, count=count) for value, count in ordered)


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
