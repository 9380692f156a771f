"""The pages: one file a page, each with its doors."""

from console.door import Door
from console.pages import (
    admin,
    answering,
    blind,
    case,
    consulting,
    decision,
    decisions,
    me,
    numbers,
    policies,
    precedents,
    queue,
    signing_in,
    start,
    trace,
)


def doors() -> tuple[Door, ...]:
    """Every page and act."""
    pages = (
        signing_in,
        start,
        queue,
        case,
        answering,
        blind,
        decisions,
        decision,
        policies,
        precedents,
        numbers,
        me,
        admin,
        trace,
        consulting,
    )
    return tuple(door for page in pages for door in page.DOORS)
