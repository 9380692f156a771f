"""Rebuilding a case's last result from its journal and the answers it was given, reading nothing from the world."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar

from cases.case import Case
from cases.journal import CaseJournal
from cases.problem import CasewrightError
from graphs.desk import Desk
from graphs.passes import Line, rebuilt
from graphs.settings import AuditSettings

MakeDesk = Callable[[Case, CaseJournal, Path | None], Awaitable[Desk]]
"""Lays out the desk for one case: the composition root's job."""


class MadeOtherwise(CasewrightError):
    """case {case} was made with {what}; it is replayed with the same only"""

    code: ClassVar[str] = "made_otherwise"
    hint: ClassVar[str] = "set CASEWRIGHT_POLICIES and the auditor as they were"


async def replayed(case_id: str, journal: CaseJournal, answers: list[dict[str, Any]], make_desk: MakeDesk) -> Line:
    """Rebuild a case's last result.

    Args:
        case_id: of the case.
        journal: its journal, replaying.
        answers: that it was given, in their order.
        make_desk: lays out its desk.

    Raises:
        NotInJournal: the case, or a call that it needs, was not recorded.
        MadeOtherwise: it was made with another policy snapshot or auditor than those at hand.
    """
    pin = journal.recorded("1/pin")
    folder = Path(pin["folder"]) if pin["folder"] else None
    desk = await make_desk(Case.model_validate(pin["case"]), journal, folder)
    desk.settings = AuditSettings.model_validate(pin["settings"])
    at_hand = {"snapshot": desk.corpus.snapshot, "auditor": desk.auditor.name.model_dump(mode="json")}
    if other := [name for name, value in at_hand.items() if pin[name] != value]:
        raise MadeOtherwise(case=case_id, what=" and ".join(f"{name} {pin[name]}" for name in other))
    return await rebuilt(pin["case"], answers, desk)


_SINCE = {"past"}
"""What earlier releases did not write into a result: its absence there is no difference."""


def differences(then: Any, now: Any, at: str = "") -> list[str]:  # noqa: ANN401 - JSON
    """JSON pointers at which two results differ."""
    if isinstance(then, dict) and isinstance(now, dict):
        unwritten = set() if at else _SINCE - then.keys()
        keys = sorted({*then, *now} - unwritten)
        return [found for key in keys for found in differences(then.get(key), now.get(key), f"{at}/{key}")]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        return [f for i, (a, b) in enumerate(zip(then, now, strict=True)) for f in differences(a, b, f"{at}/{i}")]
    return [] if then == now else [at or "/"]
