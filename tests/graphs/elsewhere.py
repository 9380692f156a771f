"""A run in another process: `python elsewhere.py SPEC.json` does what the spec says and prints what came of it.

The spec names the corpus, the run's files, what the auditor says and the tools find, and then what to do, in order:
`["audit", case]`, `["answer", case_id, answer]`, `["finish"]`, `["replay", case_id]`. Each gives lines, or an error.
"""

import asyncio
import json
import sys
from pathlib import Path

import doubles

from cases.case import read_case
from cases.decision import read_answer
from cases.problem import CasewrightError
from graphs.out_file import OutFile
from graphs.settings import AuditSettings
from policies.corpus import load_corpus


def office_of(spec):
    says = {key: doubles.Says(verdict, basis, tuple(quotes)) for key, (verdict, basis, quotes) in spec["says"].items()}
    auditor = doubles.ScriptedAuditor(says, log=spec.get("log"))
    tools = tuple(
        doubles.ScriptedTool(name, [doubles.fact(name, *lines)], log=spec.get("log"))
        for name, lines in spec.get("tools", {}).items()
    )
    settings = AuditSettings(**spec.get("settings", {}))
    return doubles.Office(
        load_corpus(Path(spec["corpus"])), auditor, tools, tuple(spec.get("candidates", ())), settings
    )


async def do(run, step):
    what, *given = step
    if what == "audit":
        return [await run.audit(read_case(given[0]))]
    if what == "answer":
        return [await run.answer(given[0], read_answer(given[1]))]
    if what == "replay":
        return [await run.replay(given[0])]
    return await run.finish()


async def main(spec):
    doubles.Fate.calls_left = spec.get("kill_after", 0)
    office, results = office_of(spec), OutFile(Path(spec["out"])) if spec.get("out") else None
    said = []
    async with office.open(Path(spec["db"]), results.append if results else None) as run:
        for step in spec["steps"]:
            try:
                said.append({"lines": await do(run, step)})
            except CasewrightError as error:
                said.append({"error": error.code, "message": str(error)})
    if results:
        results.close()
    return {"said": said, "calls": office.auditor.calls}


if __name__ == "__main__":
    json.dump(asyncio.run(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))), sys.stdout)
