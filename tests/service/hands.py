"""A worker of a shift in a process of its own: `python hands.py SPEC`, a JSON object.

Its `dsn`, `folder` of the corpus, `log` of calls made, `delay` of a call in seconds, `heartbeat` in seconds, and, where
it is to die, `at`: the boundary of each case.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

from drills.doomed import Doom, Door, KeptSaver, hear

from graphs.passes import PLAIN
from service.events import keep_numbering
from tests.graphs.doubles import ScriptedAuditor
from tests.service.shift import GUILTY, OPEN, open_shift


class Doubting(ScriptedAuditor):
    """Leaves a question open in cases whose name begins so; decides all others."""

    def _turn(self, plan, dossier):
        self.says = OPEN if dossier.case.id.startswith("asks") else GUILTY
        return super()._turn(plan, dossier)

    async def _cast(self, dossier, ordinal, prompt, scripts):
        self.says = OPEN if dossier.case.id.startswith("asks") else GUILTY
        return await super()._cast(dossier, ordinal, prompt, scripts)


async def work(spec):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    doom = Doom(spec.get("at", {}), Path(spec["seen"]))
    hear(doom)
    async with open_shift(spec["dsn"], Path(spec["folder"])) as shift:
        auditor = Doubting(GUILTY, log=spec["log"], delay=spec.get("delay", 0.0))
        shift.saver = KeptSaver(shift.saver.conn, serde=PLAIN)
        shift.saver.doom = doom
        numbering = asyncio.create_task(keep_numbering(shift.pool))
        shift.pool = Door(shift.pool, doom)
        worker = shift.worker(
            shift.office(auditor=auditor), heartbeat_s=spec["heartbeat"], in_flight=spec.get("in_flight", 100)
        )
        await worker.work(stop)
        numbering.cancel()
        shift.pool = shift.pool.real


if __name__ == "__main__":
    asyncio.run(work(json.loads(sys.argv[1])))
