"""In which order cases are worked on: by priority class, then by due date; and by which of two clocks."""

from datetime import UTC, datetime, timedelta

from cases.case import Case

_MOST = 10
"""Classes reach from minus this to this; a case's `priority` beyond counts as the last."""
_SPAN = 99_999_999
"""Minutes that fit into a class: 190 years."""
_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
_SPEAKING_FOR_LAW = {"authority", "trusted_flagger"}


def deadline_of(case: Case) -> datetime | None:
    """The earliest day that somebody else has set: an order's, a report's. Ours is `due_at`."""
    return min((report.due_at for report in case.reports if report.due_at), default=None)


def urgency_of(case: Case, now: datetime, raised: int = 0) -> int:
    """How soon a case's turn comes, as the queue orders jobs: the largest first, at most 2,099,999,999.

    Args:
        case: with its priority and its clocks. An order's deadline goes before ours: it lifts the case by a class.
        now: a due date that has passed is as pressing as one of now, so that old arrears do not overtake each other.
        raised: classes to lift it by, as after an expiry.
    """
    deadline = deadline_of(case)
    ordered = any(report.due_at and report.verified and report.by in _SPEAKING_FOR_LAW for report in case.reports)
    rank = max(-_MOST, min(_MOST - 1, case.priority + raised)) + (1 if ordered else 0) + _MOST
    due = min((day for day in (deadline, case.due_at) if day), default=None)
    if due is None:
        return rank * (_SPAN + 1)
    minutes = (max(due, now - timedelta(days=1)) - _BEGINNING) // timedelta(minutes=1)
    return rank * (_SPAN + 1) + max(0, _SPAN - max(0, minutes))
