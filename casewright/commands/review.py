"""`casewright review`: a run's open questions; one is shown, answered, and its run goes on."""

import asyncio
import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console

from cases.decision import Answer, Escalation, read_answer
from cases.problem import Invalid, Problem
from casewright.commands.audit import audit_run, beside
from casewright.settings import read_settings
from casewright.sheet import sheet_of
from casewright.terminal import print_sheet
from casewright.wiring import AuditorKind, open_office
from graphs.escalations import Escalations, Waiting
from graphs.out_file import OutFile


@click.command()
@click.argument("results", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("case_id", required=False)
@click.option(
    "--met", multiple=True, metavar="PART", help="The part is met (CLAUSE|PART where the name is not unique)."
)
@click.option("--not-met", multiple=True, metavar="PART", help="The part is not met.")
@click.option("--unclear", multiple=True, metavar="PART", help="You cannot tell either: to a senior.")
@click.option("--confirm", is_flag=True, help="Confirm the recommendation as it stands.")
@click.option("--governs", metavar="CLAUSE", help="The clause that governs.")
@click.option("--ask", metavar="QUESTION", help="Ask the seller; needs --until.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Day until which the seller may answer.")
@click.option("--add-text", metavar="TEXT", help="The seller has answered: take up this text as evidence.")
@click.option("--expire", is_flag=True, help="The time is over: run another round.")
@click.option(
    "--answer", "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="An answer as JSON."
)
@click.option("--reviewer", help="Who answers; your login name where none is given.")
@click.option("--comment", default="", help="Why.")
@click.option(
    "--sellers", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Seller records, as for audit."
)
@click.option("--auditor", type=click.Choice(["rulebook", "llm"]), default="rulebook", show_default=True)
def command(results: Path, case_id: str | None, sellers: Path | None, auditor: AuditorKind, **said: Any) -> None:  # noqa: ANN401 - click's options
    """List the open questions of RESULTS; with CASE_ID show that one; with an answer, take it and go on."""
    path = beside(results)
    if path is None or not path.exists():
        message = f"{results} has no run beside it ({path}); it is made by `casewright audit --out {results}`."
        raise click.ClickException(message)
    console = Console()
    store = Escalations(path)
    try:
        if case_id is None:
            _list(store.open(), console)
            return
        waiting = store.latest(case_id)
        if waiting is None or waiting.closed:
            message = f"{case_id} has no open question; `casewright review {results}` lists those that have."
            raise click.ClickException(message)
    finally:
        store.close()
    answer = _answer(waiting, said)
    if answer is None:
        _show(results, waiting, console)
        return
    asyncio.run(_take(results, waiting, answer, (auditor, sellers), console))


def _list(open_: list[Waiting], console: Console) -> None:
    for waiting in open_:
        question = waiting.escalation.questions[0]
        more = f" (+{len(waiting.escalation.questions) - 1})" if len(waiting.escalation.questions) > 1 else ""
        reasons = ", ".join(waiting.escalation.reasons)
        console.print(
            f"{waiting.case_id}  {question.kind}{more}  {reasons}", style="bold", markup=False, highlight=False
        )
        console.print(f"    {question.text}", markup=False, highlight=False)
    console.print(f"{len(open_)} open.", style="dim")


def _show(results: Path, waiting: Waiting, console: Console) -> None:
    file = OutFile(results)
    line = next((line for line in file.last() if line["case_id"] == waiting.case_id), None)
    file.close()
    if line is not None:
        print_sheet(sheet_of(line), console)
    parts = [q for q in waiting.escalation.questions if q.part]
    example = f"--met '{parts[0].part}'" if parts and parts[0].kind == "part" else "--confirm"
    if waiting.escalation.questions[0].kind == "clause":
        example = "--governs CLAUSE"
    shown = f"Answer with: casewright review {results} {waiting.case_id} {example} --comment '...'"
    console.print(shown, style="dim", markup=False, highlight=False)


def _answer(waiting: Waiting, said: dict[str, Any]) -> Answer | None:
    """Make the answer that the options spell; None where they spell none."""
    bound = {"number": waiting.number, "digest": waiting.digest, "at": datetime.now(UTC).isoformat()}
    if said["file"]:
        return read_answer({**bound, **_written(said["file"])})
    if said["ask"]:
        if not said["until"]:
            message = "--ask needs --until."
            raise click.UsageError(message)
        return read_answer({**bound, "question": said["ask"], "until": said["until"].date().isoformat()})
    if said["add_text"]:
        text = {"source": "message", "by": "seller", "text": said["add_text"]}
        return read_answer({**bound, "by": "seller", "texts": [text]})
    if said["expire"]:
        return read_answer({**bound, "expired": True})
    judged = [(part, verdict) for verdict in ("met", "not_met", "unclear") for part in said[verdict]]
    if not (judged or said["confirm"] or said["governs"]):
        return None
    review = {
        **bound,
        "reviewer": said["reviewer"] or getpass.getuser(),
        "judgements": [_judgement(waiting.escalation, part, verdict, said["comment"]) for part, verdict in judged],
        "confirmed": said["confirm"],
        "governs": said["governs"],
        "comment": said["comment"],
    }
    return read_answer(review)


def _written(file: Path) -> dict[str, Any]:
    """An answer as a file; number, digest and time are filled in where it leaves them out."""
    try:
        answer = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Invalid(str(file), (Problem(code="not_json", pointer=str(file), detail=str(error)),)) from error
    if not isinstance(answer, dict):
        detail = "an answer is one JSON object"
        raise Invalid(str(file), (Problem(code="not_an_object", pointer=str(file), detail=detail),))
    return answer


def _judgement(escalation: Escalation, named: str, verdict: str, why: str) -> dict[str, Any]:
    clause_id, _, part = named.rpartition("|")
    asked = [(q.clause_id, q.part) for q in escalation.questions if q.part]
    known = asked + [
        (f.clause_id, p.part) for f in escalation.findings for p in f.parts if (f.clause_id, p.part) not in asked
    ]
    fitting = [key for key in known if key[1] == part and (not clause_id or key[0] == clause_id)]
    preferred = [key for key in fitting if key in asked] or fitting
    if len(preferred) != 1:
        names = ", ".join("|".join(key) for key in (preferred or asked))
        message = f"{named!r} names {'several parts' if preferred else 'no part'} here; write one of: {names}"
        raise click.UsageError(message)
    return {"clause_id": preferred[0][0], "part": preferred[0][1], "verdict": verdict, "basis": "person", "why": why}


async def _take(
    results: Path, waiting: Waiting, answer: Answer, how: tuple[AuditorKind, Path | None], console: Console
) -> None:
    file = OutFile(results)
    try:
        async with (
            open_office(read_settings(), *how) as office,
            audit_run(office, beside(results), file.append) as run,
        ):
            line = await run.answer(waiting.case_id, answer)
        print_sheet(sheet_of(line), console)
    finally:
        file.close()
