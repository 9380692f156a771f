"""A worker of a shift in a process of its own: `python hands.py SPEC`, a JSON object.

Its `dsn`, `folder` of the corpus, `log` of calls made, `delay` of a call in seconds, `settings` of the worker, `at`:
the boundary at which each case stops, so that it dies, and `seen`: a file for those that it comes to.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

from drills.doomed import Doom, Door, KeptSaver, hear

from graphs.passes import PLAIN
from tests.graphs.doubles import ScriptedAuditor
from tests.service.shift import GUILTY, OPEN, Shift, open_shift


class Doubting(ScriptedAuditor):
    """Leaves a question open in cases whose name begins so; decides all others."""

    def _turn(self, plan, dossier):
        self.says = OPEN if dossier.case.id.startswith("asks") else GUILTY
        return super()._turn(plan, dossier)

    async def _cast(self, dossier, ordinal, prompt, scripts):
        self.says = OPEN if dossier.case.id.startswith("asks") else GUILTY
        return await super()._cast(dossier, ordinal, prompt, scripts)


def worker_of(shift, doom, log, delay=0.0, **settings):
    """A worker whose every boundary a doom is told of."""
    hear(doom)
    saver = KeptSaver(shift.saver.conn, serde=PLAIN)
    saver.doom = doom
    watched = Shift(Door(shift.pool, doom), saver, shift.corpus)
    office = watched.office(auditor=Doubting(GUILTY, log=log, delay=delay))
    return watched.worker(office, **{"in_flight": 100, **settings})


async def work(spec):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    doom = Doom(spec["at"], Path(spec["seen"]))
    async with open_shift(spec["dsn"], Path(spec["folder"])) as shift:
        await worker_of(shift, doom, spec["log"], spec["delay"], **spec["settings"]).work(stop)


if __name__ == "__main__":
    asyncio.run(work(json.loads(sys.argv[1])))
