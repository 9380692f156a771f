"""Escalations of a file-backed run: recorded, answered once, and taken up again after a crash.

LangGraph never decides between two answers: a compare-and-set here does, before a run resumes.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import orjson

from cases.decision import Answer, Escalation, Review
from cases.problem import CasewrightError, Invalid, Problem
from policies.corpus import Corpus

_SCHEMA = """
CREATE TABLE IF NOT EXISTS escalations (
    case_id TEXT NOT NULL, number INTEGER NOT NULL, digest TEXT NOT NULL, interrupt_id TEXT NOT NULL,
    folder TEXT NOT NULL, escalation BLOB NOT NULL, answer BLOB, closed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (case_id, number)
)
"""
_COLUMNS = "case_id, number, digest, interrupt_id, folder, escalation, answer, closed"


class NoEscalation(CasewrightError):
    """case {case} has no open escalation"""

    code: ClassVar[str] = "no_escalation"
    hint: ClassVar[str] = "list what is open with `casewright review`"


class StaleAnswer(CasewrightError):
    """the answer is for escalation {given} of case {case}; the one that is open is {open}"""

    code: ClassVar[str] = "stale_answer"
    hint: ClassVar[str] = "read the open escalation and answer that one"


class AnsweredTwice(CasewrightError):
    """escalation {number} of case {case} has been answered already"""

    code: ClassVar[str] = "answered_twice"
    hint: ClassVar[str] = "the first answer counts"


@dataclass(frozen=True)
class Waiting:
    """One escalation as stored.

    Attributes:
        interrupt_id: LangGraph's name for the pause that the answer resumes.
        folder: of the case file, empty where there is none.
        answer: once it is given.
        closed: the run has gone on from it.
    """

    case_id: str
    number: int
    digest: str
    interrupt_id: str
    folder: str
    escalation: Escalation
    answer: dict[str, Any] | None
    closed: bool


class Escalations:
    """The store, in the SQLite file of a run (or in memory)."""

    def __init__(self, path: Path | None) -> None:
        """Open or create it; `close` it when done."""
        self._connection = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA busy_timeout=10000")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def record(self, escalation: Escalation, interrupt_id: str, folder: str) -> None:
        """Keep an escalation when its run has paused; the same one twice is kept once."""
        row = (
            escalation.case_id,
            escalation.number,
            escalation.digest,
            interrupt_id,
            folder,
            orjson.dumps(escalation.model_dump(mode="json")),
        )
        self._connection.execute(
            "INSERT OR IGNORE INTO escalations (case_id, number, digest, interrupt_id, folder, escalation)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )

    def latest(self, case_id: str) -> Waiting | None:
        """The last escalation of a case."""
        query = f"SELECT {_COLUMNS} FROM escalations WHERE case_id = ? ORDER BY number DESC LIMIT 1"  # noqa: S608 - constant
        return next(self._rows(query, (case_id,)), None)

    def open(self) -> list[Waiting]:
        """Escalations without an answer, in the order of their cases."""
        query = f"SELECT {_COLUMNS} FROM escalations WHERE answer IS NULL AND NOT closed ORDER BY case_id"  # noqa: S608 - constant
        return list(self._rows(query, ()))

    def unfinished(self) -> list[Waiting]:
        """Escalations whose answer is stored, but whose run has not gone on (a crash came between)."""
        query = f"SELECT {_COLUMNS} FROM escalations WHERE answer IS NOT NULL AND NOT closed ORDER BY case_id"  # noqa: S608 - constant
        return list(self._rows(query, ()))

    def answers(self, case_id: str) -> list[dict[str, Any]]:
        """The answers a case was given, in the order of their escalations."""
        query = f"SELECT {_COLUMNS} FROM escalations WHERE case_id = ? AND answer IS NOT NULL ORDER BY number"  # noqa: S608 - constant
        return [waiting.answer for waiting in self._rows(query, (case_id,)) if waiting.answer]

    def meant(self, case_id: str, answer: Answer) -> Waiting:
        """The open escalation that an answer is for.

        Raises:
            NoEscalation: the case has none.
            StaleAnswer: it is for another number or digest.
            AnsweredTwice: it has an answer.
        """
        waiting = self.latest(case_id)
        if waiting is None:
            raise NoEscalation(case=case_id)
        if (answer.number, answer.digest) != (waiting.number, waiting.digest):
            raise StaleAnswer(case=case_id, given=answer.number, open=waiting.number)
        if waiting.answer is not None or waiting.closed:
            raise AnsweredTwice(case=case_id, number=answer.number)
        return waiting

    def answer(self, case_id: str, answer: Answer) -> Waiting:
        """Store an answer if its escalation is open and is the one meant; of two answers the first counts.

        Raises:
            NoEscalation, StaleAnswer, AnsweredTwice: as `meant` does.
        """
        waiting = self.meant(case_id, answer)
        stored = orjson.dumps(answer.model_dump(mode="json"))
        changed = self._connection.execute(
            "UPDATE escalations SET answer = ? WHERE case_id = ? AND number = ? AND digest = ? AND answer IS NULL"
            " AND NOT closed",
            (stored, case_id, answer.number, answer.digest),
        ).rowcount
        if not changed:
            raise AnsweredTwice(case=case_id, number=answer.number)
        found = self.latest(case_id)
        return found or waiting

    def closed(self, case_id: str, number: int) -> None:
        """Mark that the run has gone on."""
        self._connection.execute(
            "UPDATE escalations SET closed = 1 WHERE case_id = ? AND number = ?", (case_id, number)
        )

    def _rows(self, query: str, values: tuple[Any, ...]) -> Iterator[Waiting]:
        for case_id, number, digest, interrupt_id, folder, escalation, answer, closed in self._connection.execute(
            query, values
        ):
            yield Waiting(
                case_id=case_id,
                number=number,
                digest=digest,
                interrupt_id=interrupt_id,
                folder=folder,
                escalation=Escalation.model_validate_json(escalation),
                answer=orjson.loads(answer) if answer else None,
                closed=bool(closed),
            )


def check_answer(escalation: Escalation, answer: Answer, corpus: Corpus) -> None:
    """Check an answer against what it answers, before it is stored.

    Raises:
        Invalid: names of clauses, parts or actions that are not there, each with its JSON pointer.
    """
    if not isinstance(answer, Review):
        return
    problems: list[Problem] = []
    candidates = {finding.clause_id for finding in escalation.findings}
    for i, judgement in enumerate(answer.judgements):
        if judgement.clause_id not in candidates or judgement.clause_id not in corpus.clauses:
            problems.append(_unknown(f"/judgements/{i}/clause_id", judgement.clause_id, candidates))
        elif judgement.part not in corpus.clauses[judgement.clause_id].rule.judged:
            parts = corpus.clauses[judgement.clause_id].rule.judged
            problems.append(_unknown(f"/judgements/{i}/part", judgement.part, parts))
        if judgement.basis != "person":
            detail = f"a review's judgement has the basis person, not {judgement.basis}"
            problems.append(Problem(code="basis", pointer=f"/judgements/{i}/basis", detail=detail))
    if answer.governs and answer.governs not in candidates:
        problems.append(_unknown("/governs", answer.governs, candidates))
    problems += [
        _unknown(f"/add_clauses/{i}", clause_id, ())
        for i, clause_id in enumerate(answer.add_clauses)
        if clause_id not in corpus.clauses
    ]
    if answer.second_reviewer:
        detail = "nobody says so of themselves: it is found out when the second person answers"
        problems.append(
            Problem(code="not_yours_to_say", pointer="/second_reviewer", detail=detail, hint="leave it out")
        )
    if answer.action and answer.action not in corpus.actions:
        problems.append(_unknown("/action", answer.action, corpus.actions))
    if problems:
        raise Invalid("the answer", tuple(problems))


def _unknown(pointer: str, name: str, known: Iterable[str]) -> Problem:
    listed = ", ".join(sorted(known))
    hint = f"known here: {listed}" if listed else "see `casewright policy search`"
    return Problem(code="unknown_name", pointer=pointer, detail=f"{name!r} is not known here", hint=hint)
