"""`casewright doctor`: what is configured, reachable, missing."""

import asyncio
import shutil
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import click

from cases.problem import Invalid
from casewright.settings import BadSetting, Settings, read_settings
from policies.corpus import Corpus, load_corpus

if TYPE_CHECKING:
    from pathlib import Path

_OK, _NOTE, _BAD = "ok", "--", "!!"


@click.command()
def command() -> None:
    """Say what is configured, reachable and missing. Exit status 1 where something that is configured does not work."""
    settings = read_settings()
    rows = [*_corpus(settings), *_records(settings), *_model(settings), *_reading()]
    for mark, what, told in rows:
        click.echo(f"{mark}  {what:12} {told}")
    sys.exit(1 if any(mark == _BAD for mark, _, _ in rows) else 0)


_Row = tuple[str, str, str]


def _corpus(settings: Settings) -> list[_Row]:
    try:
        corpus = load_corpus(settings.policies)
    except Invalid as error:
        return [(_BAD, "policies", f"{settings.policies}: {error.problems[0]}")]
    told = f"{len(corpus.clauses)} clauses over {len({c.type for c in corpus.clauses.values()})} types"
    return [(_OK, "policies", f"{told}, snapshot {corpus.snapshot[:12]}"), *asyncio.run(_search(settings, corpus))]


async def _search(settings: Settings, corpus: Corpus) -> list[_Row]:
    from casewright.wiring import open_search  # noqa: PLC0415 - the search libraries are heavy

    async with open_search(settings, corpus) as serving:
        status = serving.status()
    told = f"serves from {status.serves} with {status.embedder}"
    told += f"; built because {status.built}" if status.built else ""
    rows = [(_OK, "search", told)]
    rows += [(_NOTE, "search", f"damaged files were set aside in {status.quarantined}")] if status.quarantined else []
    rows += [(_NOTE, "search", sentence) for sentence in status.degraded]
    return rows


def _records(settings: Settings) -> list[_Row]:
    rows: list[_Row] = []
    for name in ("sellers", "listings", "recalls", "precedents", "image_bank", "images"):
        path: Path | None = getattr(settings, name)
        variable = f"CASEWRIGHT_{name.upper()}"
        if path is None:
            rows.append(
                (_NOTE, name, f"none; set {variable} to a file" if name != "images" else f"none; set {variable}")
            )
        elif path.exists():
            rows.append((_OK, name, str(path)))
        else:
            rows.append((_BAD, name, f"{variable} names {path}, which is not there"))
    return rows


def _model(settings: Settings) -> list[_Row]:
    if not settings.model:
        return [(_NOTE, "model", "none; the rulebook auditor serves. Set CASEWRIGHT_MODEL (docs/guides/models.md)")]
    from agents.model import EXAMPLE_PRICES, Prices, describe  # noqa: PLC0415 - only where a model is set

    try:
        chosen = settings.model_settings()
        prices = Prices.read(chosen.prices or EXAMPLE_PRICES)
    except (BadSetting, Invalid) as error:
        return [(_BAD, "model", str(error))]
    rows = [(_OK, "model", f"{name}: {told}") for name, told in describe(chosen, prices).items()]
    return [*rows, _reach(chosen.base_url, chosen.api_key.get_secret_value())]


def _reach(base_url: str, key: str) -> _Row:
    request = urllib.request.Request(f"{base_url}/models", headers={"Authorization": f"Bearer {key}"})  # noqa: S310 - http(s), checked
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - as above
            return (_OK, "model", f"the endpoint answers ({answer.status})")
    except urllib.error.HTTPError as error:
        usual = error.code in {404, 405}  # not every server lists its models
        return (_OK if usual else _BAD, "model", f"the endpoint answers {error.code}")
    except OSError as error:
        return (_BAD, "model", f"the endpoint cannot be reached: {error}")


def _reading() -> list[_Row]:
    found = shutil.which("tesseract")
    told = (
        "Tesseract helps with scripts that the built-in OCR cannot read"
        if found
        else "built in; no Tesseract (Thai text in images stays unread)"
    )
    return [(_OK if found else _NOTE, "ocr", told)]
