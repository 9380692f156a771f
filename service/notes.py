"""What people say to each other of a case: notes, and colleagues who are asked to look; leases stay where they are."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import StringConstraints, TypeAdapter, ValidationError

from cases.problem import Invalid, Problem, Record, problems_of
from service.database import Connection, Pool
from service.intake import NoSuchCase

NoteText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
HandsTo = Literal["senior", "policy_team"]
_TEXT = TypeAdapter(NoteText)


class Note(Record):
    """One note.

    Attributes:
        asks: a colleague who is asked to look.
        hands_to: whom the case was handed on to, where the note says why.
    """

    case_id: str
    by: str
    text: str
    asks: str | None = None
    hands_to: HandsTo | None = None
    at: datetime


class Asked(Record):
    """A case that a colleague has been asked to look at: the last time that they were, and who has it in hand."""

    case_id: str
    number: int
    title: str
    by: str
    text: str
    at: datetime
    claimed_by: str | None = None


_COLUMNS = "case_id, by, text, asks, hands_to, at"
_WRITE = f"""
INSERT INTO notes (case_id, by, text, asks, hands_to) SELECT id, $2, $3, $4, $5 FROM cases WHERE id = $1
RETURNING {_COLUMNS}
"""  # noqa: S608 - constant
_OF_CASE = f"SELECT {_COLUMNS} FROM notes WHERE case_id = $1 ORDER BY seq"  # noqa: S608 - constant
_ASKED = """
SELECT DISTINCT ON (n.case_id) n.case_id, e.number, coalesce(e.headline ->> 'title', '') AS title, n.by, n.text, n.at,
    CASE WHEN e.claimed_until > now() THEN e.claimed_by END AS claimed_by
FROM notes n JOIN escalations e ON e.case_id = n.case_id AND e.answer IS NULL AND e.closed_at IS NULL
WHERE n.asks = $1
AND NOT EXISTS (SELECT 1 FROM notes a WHERE a.case_id = n.case_id AND a.by = $1 AND a.seq > n.seq)
ORDER BY n.case_id, n.seq DESC
"""


async def add_note(pool: Pool, case_id: str, by: str, text: str, asks: str | None = None) -> Note:
    """Add a note to a case, open or not; nobody can change it or take it back.

    Args:
        pool: of the database.
        case_id: of the case.
        by: whose note it is.
        text: up to 10,000 characters.
        asks: a colleague who is asked to look; the case is theirs to answer no more than before.

    Raises:
        Invalid: the text is empty or too long, or somebody asks themselves.
        NoSuchCase: it is not here.
    """
    if asks == by:
        detail = "it asks whoever writes it"
        raise Invalid("the note", (Problem(code="invalid_value", pointer="/asks", detail=detail),))
    return await write_note(pool, case_id, by, text, asks=asks)


async def notes(pool: Pool, case_id: str) -> tuple[Note, ...]:
    """The notes of a case, oldest first."""
    return tuple(Note(**row) for row in await pool.fetch(_OF_CASE, case_id))


async def asked_of(pool: Pool, reviewer: str) -> tuple[Asked, ...]:
    """Open cases at which somebody was asked to look and has written no note since; the longest asked first."""
    found = [Asked(**row) for row in await pool.fetch(_ASKED, reviewer)]
    return tuple(sorted(found, key=lambda asked: asked.at))


async def write_note(
    connection: "Connection | Pool",
    case_id: str,
    by: str,
    text: str,
    *,
    asks: str | None = None,
    hands_to: str | None = None,
) -> Note:
    """Write a note down, in a transaction or not; raises as `add_note`."""
    try:
        read = _TEXT.validate_python(text).replace("\0", "\ufffd")
    except ValidationError as error:
        raise Invalid("the note", problems_of(error, "/text")) from error
    row = await connection.fetchrow(_WRITE, case_id, by, read, asks, hands_to)
    if row is None:
        raise NoSuchCase(case=case_id)
    return Note(**row)
