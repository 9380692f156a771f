"""`casewright eval compare`: two configurations, or two reports, on the same cases: what flips, and at what cost."""

import asyncio
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import click

from cases.problem import Invalid, Problem
from casewright.evaluating import evaluate, golden_folder
from casewright.settings import BadSetting, Settings, read_settings
from casewright.wiring import AuditorKind
from evaluation.comparison import compare, same_cases
from evaluation.golden_case import GoldenSet, read_golden
from evaluation.printed import change_lines, judged_by, side_by_side
from evaluation.scoring import Report, read_report

_AUDITORS: tuple[AuditorKind, ...] = get_args(AuditorKind)


@dataclass(frozen=True)
class Configuration:
    """What is to judge: an auditor, with the settings that it has."""

    settings: Settings
    auditor: AuditorKind


@click.command("compare")
@click.argument("a")
@click.argument("b")
@click.option("--split", default="dev", show_default=True, help="`dev`, `test`, or a folder with cases.jsonl.")
def command(a: str, b: str, split: str) -> None:
    """Compare A and B on the same cases: flips, McNemar's exact test, and the cost side by side.

    Each is `rulebook`, `llm`, a file of settings (FILE.toml), or a report that `eval golden --json` wrote (FILE.json).
    What is no report is run on the split, and A twice: what flips between its two runs is noise.

    Exit status: 0.
    """
    one, other, again = asyncio.run(_run(_read(a), _read(b), split))
    told = compare(one, other)
    repeated = ", A again" if again else ""
    click.echo(f"{one.split}: {one.figures.cases} cases, the same evidence for A and B{repeated}")
    click.echo(f"A  {a}: {judged_by(one)}")
    click.echo(f"B  {b}: {judged_by(other)}")
    if told.other_policies:
        click.echo(f"their policies differ (A {one.snapshot[:12]}, B {other.snapshot[:12]}): a flip may be due to that")
    for line in side_by_side([("A", one), ("B", other), *([("A again", again)] if again else [])]):
        click.echo(line)
    for line in change_lines(told):
        click.echo(f"A → B: {line}" if line[0] != " " else line)
    if again:
        for line in change_lines(compare(one, again)):
            click.echo(f"A → A again: {line}" if line[0] != " " else line)


async def _run(
    a: Configuration | Report, b: Configuration | Report, split: str
) -> tuple[Report, Report, Report | None]:
    """Run what is no report, one after the other, so that neither takes the machine from the other."""
    if isinstance(a, Report) and isinstance(b, Report):
        return a, b, None
    asked = read_golden(golden_folder(split))
    for each in (a, b):
        if isinstance(each, Report):
            same_cases(each, asked)  # before anything is paid for
    one, other = [await _reported(each, asked, split) for each in (a, b)]
    return one, other, None if isinstance(a, Report) else await _reported(a, asked, split)


async def _reported(each: Configuration | Report, asked: GoldenSet, split: str) -> Report:
    return each if isinstance(each, Report) else await evaluate(asked, split, each.settings, each.auditor)


def _read(name: str) -> Configuration | Report:
    """What an argument names.

    Raises:
        Invalid: where a file is no report, no TOML, or not there.
        BadSetting: where a setting is wrong, or there is none of its name.
    """
    for auditor in _AUDITORS:
        if name == auditor:
            return Configuration(read_settings(), auditor)
    path = Path(name)
    if path.suffix not in {".toml", ".json"} or not path.is_file():
        hint = "name `rulebook`, `llm`, a file of settings (.toml) or a report (.json)"
        problem = Problem(code="unreadable_file", pointer=name, detail="neither an auditor nor a file", hint=hint)
        raise Invalid(name, (problem,))
    return _configuration(path) if path.suffix == ".toml" else read_report(path)


def _configuration(path: Path) -> Configuration:
    """`auditor`, and variables as they are named in the environment; those that the file names stand above it."""
    try:
        given: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Invalid(str(path), (Problem(code="not_toml", pointer=str(path), detail=str(error)),)) from error
    auditor = given.pop("auditor", "rulebook")
    if auditor not in _AUDITORS:
        raise BadSetting(name=f"{path}: auditor", why=f"it is one of {', '.join(_AUDITORS)}")
    written = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}
    return Configuration(read_settings(changes=written), auditor)
