"""`casewright model`: try the configured model, or play one from a script."""

import asyncio
from pathlib import Path

import click
import orjson

from casewright.settings import read_settings


@click.group()
def command() -> None:
    """Try the configured model, or play one from a script."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--port", default=0, show_default=True, help="0 takes any free one.")
@click.option("--log", type=click.Path(path_type=Path, dir_okay=False), help="Append each call here, one JSON a line.")
def script(file: Path, port: int, log: Path | None) -> None:
    """Serve an OpenAI-compatible endpoint on this machine that answers as FILE says, until interrupted."""
    from agents.script import serve  # noqa: PLC0415 - the server is heavy

    def ready(url: str) -> None:
        click.echo(f"CASEWRIGHT_MODEL_URL={url}")

    asyncio.run(serve(file, port, log, ready))


@command.command()
def check() -> None:
    """Send the configured model one small request and show what came back."""
    from agents.endpoint import Endpoint  # noqa: PLC0415 - the client is heavy
    from agents.model import EXAMPLE_PRICES, Prices  # noqa: PLC0415 - as above

    settings = read_settings().model_settings()
    prices = Prices.read(settings.prices or EXAMPLE_PRICES)

    request = {"model": settings.model, "messages": [{"role": "user", "content": "Say: ready"}], **settings.options}

    async def ask() -> dict:  # type: ignore[type-arg] # the endpoint's JSON
        endpoint = Endpoint(settings, prices)
        try:
            return await endpoint.complete(request, orjson.dumps(request))
        finally:
            await endpoint.aclose()

    click.echo(orjson.dumps(asyncio.run(ask()), option=orjson.OPT_INDENT_2))
