"""Two people: what the first has said is kept until a second has said the same; where they differ, a senior decides."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

from cases.case import Case
from cases.decision import Answer, Escalation, Review, read_answer
from cases.problem import Record
from graphs.foresight import Foreseen, foresee_review
from policies.corpus import Corpus
from service.database import Connection, Pool

Came = Literal["taken", "seconded", "disputed"]
"""What came of an answer: it was `taken`, and the case runs on; it is kept, and a second person is asked (`seconded`);
or two people differ, and a senior is asked (`disputed`)."""
TAKEN: Came = "taken"


class Opinion(Record):
    """What a person has said to an escalation that takes two."""

    reviewer: str
    review: Review
    at: datetime


_OPINIONS = "SELECT reviewer, review, at FROM opinions WHERE case_id = $1 AND number = $2 ORDER BY seq"


async def opinions(pool: "Pool | Connection", case_id: str, number: int) -> tuple[Opinion, ...]:
    """What people have said to an escalation that takes two of them, the first one first; empty where it takes one."""
    rows = await pool.fetch(_OPINIONS, case_id, number)
    return tuple(Opinion(reviewer=r["reviewer"], review=orjson.loads(r["review"]), at=r["at"]) for r in rows)


_ASKED_FOR = """
SELECT true FROM guards WHERE kind = 'second' AND (action = '' OR action = $1) AND (type = '' OR type = $2) LIMIT 1
"""
_ANY_GUARD = "SELECT EXISTS (SELECT 1 FROM guards WHERE kind = 'second')"
_KEEP = """
INSERT INTO opinions (case_id, number, digest, reviewer, review, until, asked)
SELECT case_id, number, $3, $4, $5, clock_timestamp() + $6, waiting_for FROM escalations
WHERE case_id = $1 AND number = $2
"""
_RELEASE = "UPDATE escalations SET claimed_by = NULL, claimed_until = NULL WHERE case_id = $1 AND number = $2"
_RAISE = """
UPDATE escalations SET claimed_by = NULL, claimed_until = NULL, waiting_for = $3, body = $4
WHERE case_id = $1 AND number = $2
"""


async def weigh(
    connection: Connection, case: Case, review: Review, corpus: Corpus, grace: timedelta
) -> tuple[Came, Review]:
    """Find out whether a review is to be taken, or needs another person; its case is locked, and waits.

    Args:
        connection: in the transaction that takes it.
        case: the answer is for.
        review: checked.
        corpus: the policies in force.
        grace: for how long an opinion may be taken back.

    Returns:
        What comes of it; and the review, with the name of who had said the same before.
    """
    before = await opinions(connection, case.id, review.number)
    if len(before) > 1 or not (before or await connection.fetchval(_ANY_GUARD)):
        return "taken", review
    foreseen = await _foresee(connection, case, corpus, [*(opinion.review for opinion in before), review])
    if not before and not await _asked_for(connection, foreseen[0]):
        return "taken", review
    said = orjson.dumps(review.model_dump(mode="json"))
    await connection.execute(_KEEP, case.id, review.number, review.digest, review.reviewer, said, grace)
    if not before:
        await connection.execute(_RELEASE, case.id, review.number)
        return "seconded", review
    if _same(*foreseen):
        return "taken", review.model_copy(update={"second_reviewer": before[0].reviewer})
    await _raise_to(connection, case.id, review.number, "senior")
    return "disputed", review


_LINE = "SELECT result FROM cases WHERE id = $1"
_EARLIER = """
SELECT answer FROM escalations WHERE case_id = $1 AND number > 0 AND number < $2 AND answer IS NOT NULL ORDER BY number
"""


async def earlier_answers(connection: "Pool | Connection", case_id: str, number: int) -> tuple[Answer, ...]:
    """The answers that a case was given before an escalation, in their order."""
    return tuple(read_answer(bytes(row["answer"])) for row in await connection.fetch(_EARLIER, case_id, number))


async def _foresee(
    connection: Connection, case: Case, corpus: Corpus, reviews: Sequence[Review]
) -> tuple[Foreseen, ...]:
    line: dict[str, Any] = orjson.loads(await connection.fetchval(_LINE, case.id))
    earlier = await earlier_answers(connection, case.id, reviews[0].number)
    return tuple(foresee_review(corpus, case, line, review, earlier) for review in reviews)


async def _asked_for(connection: Connection, foreseen: Foreseen) -> bool:
    """Whether a guard wants two people for what would follow."""
    if foreseen.action is None:
        return False
    return bool(await connection.fetchval(_ASKED_FOR, foreseen.action.name, foreseen.type))


def _same(one: Foreseen, other: Foreseen) -> bool:
    """Whether two people have come to the same: outcome, action and the clause that carries it."""
    named = [
        (foreseen.outcome, foreseen.action and foreseen.action.name, foreseen.carrier) for foreseen in (one, other)
    ]
    return named[0] == named[1]


async def _raise_to(connection: Connection, case_id: str, number: int, tier: str) -> None:
    query = "SELECT body FROM escalations WHERE case_id = $1 AND number = $2"
    asked = Escalation.model_validate_json(await connection.fetchval(query, case_id, number))
    raised = orjson.dumps(asked.model_copy(update={"waiting_for": tier}).model_dump(mode="json"))
    await connection.execute(_RAISE, case_id, number, tier, raised)


_LAST = """
SELECT reviewer = $3 AND until > now() AS may, asked FROM opinions WHERE case_id = $1 AND number = $2
ORDER BY seq DESC LIMIT 1
"""


async def take_back(connection: Connection, case_id: str, number: int, reviewer: str) -> bool:
    """Take back somebody's opinion while it is the last and its grace lasts; the escalation asks whom it had asked.

    Returns:
        Whether that was so.
    """
    last = await connection.fetchrow(_LAST, case_id, number, reviewer)
    if last is None or not last["may"]:
        return False
    await forget(connection, case_id, number, reviewer)
    await _raise_to(connection, case_id, number, last["asked"])
    return True


async def forget(connection: Connection, case_id: str, number: int, reviewer: str) -> None:
    """Take somebody's opinion off the record, where they have one."""
    await connection.execute(
        "DELETE FROM opinions WHERE case_id = $1 AND number = $2 AND reviewer = $3", case_id, number, reviewer
    )
