"""Who watches a process: its metrics, its traces, both, or nobody."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from agents.model import Asking
from cases.watch import Watch, unwatched
from casewright.settings import Settings
from graphs.desk import Step
from service.worker import Running
from service.worker_metrics import WorkerMetrics

if TYPE_CHECKING:
    from casewright.tracing import Traces

_T = TypeVar("_T")


@dataclass(frozen=True)
class Watches:
    """Who watches what in a worker."""

    passing: Watch[Running] = unwatched
    stepping: Watch[Step] = unwatched
    asking: Watch[Asking] = unwatched


NOBODY = Watches()


def watches(metrics: WorkerMetrics | None, traces: "Traces | None") -> Watches:
    """Have metrics and traces watch a worker, as far as they are there."""
    passing = [watcher.passing for watcher in (traces, metrics) if watcher]
    asking = [watcher.asking for watcher in (traces, metrics) if watcher]
    return Watches(together(passing), traces.stepping if traces else unwatched, together(asking))


def together(watching: Sequence[Watch[_T]]) -> Watch[_T]:
    """One watch of several; the first stands outermost."""
    if len(watching) < 2:  # noqa: PLR2004 - one needs no other
        return watching[0] if watching else unwatched

    @contextmanager
    def all_of(watched: _T) -> Iterator[None]:
        with ExitStack() as entered:
            for watch in watching:
                entered.enter_context(watch(watched))
            yield

    return all_of


@contextmanager
def tracing(settings: Settings, process: str) -> Iterator["Traces | None"]:
    """Send traces for the time of the block, where the settings name an endpoint for them.

    Args:
        settings: of the process.
        process: `api` or `worker`.
    """
    if not settings.traces:
        yield None
        return
    from casewright.tracing import Traces  # noqa: PLC0415 - only who wants traces pays for it

    traces = Traces(settings.traces, process)
    try:
        yield traces
    finally:
        traces.close()
