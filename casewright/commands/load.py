"""`casewright load`: how much a service takes, how fast, and whether each case comes to one outcome."""

import asyncio
import sys
from urllib.parse import quote

import click
import orjson

from casewright.client import Client, ServiceAway, ServiceRefused
from casewright.driving import Plan, drive
from casewright.load_figures import LoadFigures, figures_of, printed

_CASES = 1000
_PAGE = 1000
_NOT_THERE = 404


@click.command()
@click.option("--url", help="Address of the service; else CASEWRIGHT_URL, else this machine's.")
@click.option("--key", help="API key; else CASEWRIGHT_KEY, else the one that the service left in the data folder.")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    default=50,
    show_default=True,
    help="Cases a second, on average.",
)
@click.option("--cases", type=click.IntRange(1), help="How many; 1000 where --seconds does not say how long.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="How long to send.")
@click.option("--prefix", default="load", show_default=True, help="Ids are PREFIX-SEED-n.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the cases and of when they arrive.")
@click.option(
    "--grace",
    type=click.FloatRange(0),
    default=60,
    show_default=True,
    help="Seconds without news after which a case without an outcome is lost.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def command(
    url: str | None,
    key: str | None,
    as_json: bool,  # noqa: FBT001 - click's
    **plan: object,
) -> None:
    """Drive a running service with synthetic cases at a fixed rate, follow each to its outcome, and print the figures.

    Cases arrive as a Poisson process says, whether or not earlier ones are answered, and every time counts from the
    moment at which its case was due: a slow moment of the service shows in the figures (docs/guides/load.md).

    The key needs the scopes submit, events and read. The same seed sends the same cases, which the service then knows:
    take another one for each run.

    Exit status: 0; 1 where a case was lost, decided twice or refused; 3 where the service was away and some were never
    taken.
    """
    if plan["cases"] is None and plan["seconds"] is None:
        plan["cases"] = _CASES
    with Client.from_environment(url, key) as client:
        cursor = _end_of_events(client)
        ride = asyncio.run(drive(client.url, client.key, cursor, Plan.model_validate(plan)))
        figures = figures_of(ride)
        statuses = {case_id: _status(client, case_id) for case_id in figures.lost_named}
    _print(figures, statuses, as_json=as_json)
    away = figures.never_taken and figures.unanswered
    sys.exit(1 if figures.lost or figures.decided_twice or figures.refused else 3 if away else 0)


def _end_of_events(client: Client) -> str:
    """The cursor behind every event so far. Only the rarest type is asked for: the others are passed over at once."""
    cursor = None
    while True:
        told = client.get("/events", types="case.overturned", limit=_PAGE, after=cursor)
        cursor = told["next"]
        if len(told["items"]) < _PAGE:
            return str(cursor)


def _status(client: Client, case_id: str) -> str:
    """What the service says of a case that is lost: where to look for it."""
    try:
        held = client.get(f"/cases/{quote(case_id, safe='')}")
    except ServiceRefused as error:
        return "the service does not have it" if error.status == _NOT_THERE else str(error)
    except ServiceAway as error:
        return str(error)
    return f"the service says: {held['status']}"


def _print(figures: LoadFigures, statuses: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        whole = {**figures.model_dump(), "lost_named": statuses}
        sys.stdout.buffer.write(orjson.dumps(whole, option=orjson.OPT_INDENT_2) + b"\n")
        return
    for line in printed(figures, statuses):
        click.echo(line)
    if figures.known:
        click.echo(f"{figures.known} cases were known before and measure nothing: take another --seed.", err=True)
