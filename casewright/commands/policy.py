"""`casewright policy`: clauses as they stand in the snapshot; importing, searching, checking, trying, comparing."""

import asyncio
import importlib
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import click

from casewright.commands.policy_lint import lint
from casewright.settings import read_settings
from policies.clause import Clause
from policies.corpus import Corpus, load_corpus

if TYPE_CHECKING:
    from pathlib import Path


_LATER = {
    "diff": ("policy_diff", "diff"),
    "import": ("policy_import", "import_handbook"),
    "try": ("policy_try", "try_clause"),
}


class _Group(click.Group):
    """Imports the commands that audit or import when they are asked for: what they stand on costs time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_LATER])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _LATER:
            return super().get_command(ctx, cmd_name)
        module, name = _LATER[cmd_name]
        found: click.Command = getattr(importlib.import_module(f"casewright.commands.{module}"), name)
        return found


@click.group(cls=_Group)
def command() -> None:
    """Import, show, search, check, try and compare the clauses."""


command.add_command(lint)


@command.command()
@click.argument("clause_id", required=False)
@click.option("--region", help="Only clauses in force there (ISO 3166).")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="Day of force; today where none is given.")
def show(clause_id: str | None, region: str | None, day: datetime | None) -> None:
    """Show one clause, or list them all."""
    corpus = load_corpus(read_settings().policies)
    if clause_id:
        clause = corpus.clauses.get(clause_id)
        if clause is None:
            near = [known for known in corpus.clauses if clause_id.split(".")[-1] in known]
            hint = f" Near: {', '.join(near)}." if near else ""
            message = f"There is no clause {clause_id}.{hint}"
            raise click.ClickException(message)
        _whole(clause, corpus)
        return
    on = day.date() if day else datetime.now(UTC).date()
    listed = corpus.in_force(region, on) if region else tuple(corpus.clauses.values())
    for clause in listed:
        click.echo(
            f"{clause.id:44} {clause.effect:7} {clause.severity:9} {', '.join(clause.regions):22} {clause.title}"
        )
    click.echo(f"{len(listed)} clauses, snapshot {corpus.snapshot[:12]}", err=True)


@command.command()
@click.argument("query")
@click.option("--region", help="Only clauses in force there (ISO 3166).")
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="Day of force; today where none is given.")
@click.option("--language", default="", help="Language of the query (BCP 47).")
@click.option("--limit", default=5, show_default=True)
def search(query: str, region: str | None, day: datetime | None, language: str, limit: int) -> None:
    """Search the clauses by what a listing says, in any language."""
    asyncio.run(_search(query, region, day.date() if day else None, language, limit))


@command.command()
def status() -> None:
    """Say what serves the search: snapshot, embedder, whether the index was rebuilt and why."""
    asyncio.run(_status())


@command.group()
def embedder() -> None:
    """The local embedding model."""


@embedder.command()
def fetch() -> None:
    """Fetch the local MiniLM model, where the network allows."""
    from policies.embeddings import fetch_minilm  # noqa: PLC0415 - chromadb is heavy

    folder: Path = read_settings().home / "minilm"
    fetch_minilm(folder)
    click.echo(f"The embedding model lies in {folder}.")


async def _search(query: str, region: str | None, day: date | None, language: str, limit: int) -> None:
    from casewright.wiring import open_search  # noqa: PLC0415 - the search libraries are heavy

    settings = read_settings()
    corpus = load_corpus(settings.policies)
    allowed = (
        [c.id for c in corpus.in_force(region, day or datetime.now(UTC).date())] if region else list(corpus.clauses)
    )
    async with open_search(settings, corpus) as serving:
        for hit in await serving.search(query, allowed, limit, language):
            click.echo(f"{hit.score:5.2f}  {hit.id:44} {corpus.clauses[hit.id].title}")


async def _status() -> None:
    from casewright.wiring import open_search  # noqa: PLC0415 - the search libraries are heavy

    settings = read_settings()
    async with open_search(settings, load_corpus(settings.policies)) as serving:
        for name, value in serving.status().model_dump().items():
            click.echo(f"{name}: {value}")


def _whole(clause: Clause, corpus: Corpus) -> None:
    until = f" until {clause.in_force.to} (exclusive)" if clause.in_force.to else ""
    excepted = f" except {', '.join(clause.except_)}" if clause.except_ else ""
    click.echo(f"{clause.id}  ({clause.file})")
    click.echo(f"{clause.effect}, {clause.type}, severity {clause.severity}; {', '.join(clause.regions)}{excepted}")
    click.echo(
        f"in force from {clause.in_force.from_}{until}; snapshot {corpus.snapshot[:12]}, text {clause.sha256[:12]}"
    )
    if clause.extends:
        click.echo(f"extends {clause.extends}")
    if clause.rule.over:
        click.echo(f"lifts {', '.join(clause.rule.over)}")
    click.echo(f"\n{clause.text}\n")
    for name, part in clause.rule.judged.items():
        told = [f"proof: {', '.join(part.vouchers)}", f"silence: {part.if_absent}"]
        told += [f"record: {part.record.kind}"] if part.record else []
        told += [f"fact: {part.fact.name} {part.fact.op} {part.fact.value:g}"] if part.fact else []
        told += [f"measure: {part.measure.of} in {part.measure.unit}"] if part.measure else []
        told += ["appraisal"] if part.appraisal else []
        click.echo(f"  {name}: {'; '.join(told)}")
    if clause.enforcement:
        steps = [
            f"from {s.strikes} strikes {s.action}{' (a person)' if s.person else ''}" for s in clause.enforcement.ladder
        ]
        click.echo(f"\nladder over {clause.enforcement.window_days} days: {'; '.join(steps)}")
    for reference in clause.references:
        click.echo(f"reference: {reference.law} ({reference.region}, {reference.as_of})")
