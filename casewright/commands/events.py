"""`casewright events tail`: what happened in the service, one CloudEvent a line, as it happens."""

import itertools
import sys
import time
from typing import Any

import click
import orjson

from casewright.client import Client, ServiceAway, ServiceRefused

_WAIT_S = 30
"""Seconds that one request waits for an event."""
_PAUSES_S = (0.5, 1.0, 2.0, 5.0)
"""Seconds before each new try while the service is away; the last again and again."""
_LATER = {429, 500, 502, 503, 504}
"""What a service answers that starts, stops or is busy."""


@click.group()
def command() -> None:
    """Follow what the service tells."""


@command.command()
@click.option("--url", help="Address of the service.  [default: CASEWRIGHT_URL, else http://127.0.0.1:8400]")
@click.option("--key", help="API key with the scope `events`.  [default: CASEWRIGHT_KEY, else the data folder's]")
@click.option("--after", metavar="CURSOR", help="Go on after this cursor.  [default: from the oldest event kept]")
@click.option("--types", metavar="A,B", help="Only events of these types, such as case.decided.")
@click.option("--once", is_flag=True, help="Print what there is, and end.")
def tail(url: str | None, key: str | None, after: str | None, types: str | None, *, once: bool) -> None:
    """Print events as they happen: one CloudEvent (JSON) a line, oldest first.

    A service that restarts is waited for, and no event is missed. At the end the cursor stands on standard error;
    --after goes on from there. Exit status: 0, or 2 where the service refuses, or cannot be reached at the start.
    """
    with Client.from_environment(url, key) as client:
        reader = _Reader(client, after, types)
        try:
            while reader.read(0 if once else _WAIT_S, patient=not once) or not once:
                pass
        finally:
            if reader.cursor:
                click.echo(f"go on with --after {reader.cursor}", err=True)


class _Reader:
    """Where the reading stands."""

    def __init__(self, client: Client, cursor: str | None, types: str | None) -> None:
        self._client = client
        self._types = types
        self._met = False
        self.cursor = cursor

    def read(self, wait_s: int, *, patient: bool) -> int:
        """Print the next page and move on; the count of its events."""
        page = self._page(wait_s, patient=patient)
        sys.stdout.buffer.writelines(orjson.dumps(event) + b"\n" for event in page["items"])
        sys.stdout.buffer.flush()
        self.cursor = page["next"] or self.cursor  # only once they are out
        return len(page["items"])

    def _page(self, wait_s: int, *, patient: bool) -> Any:  # noqa: ANN401 - JSON
        for attempt in itertools.count():
            try:
                page = self._client.get("/events", after=self.cursor, types=self._types, wait=wait_s)
            except (ServiceAway, ServiceRefused) as error:
                if not (patient and self._met and _passes(error)):
                    raise
                asked = error.retry_after if isinstance(error, ServiceRefused) and error.retry_after else 0.0
                time.sleep(max(asked, _PAUSES_S[min(attempt, len(_PAUSES_S) - 1)]))
            else:
                self._met = True
                return page
        return None  # the count never ends


def _passes(error: ServiceAway | ServiceRefused) -> bool:
    return isinstance(error, ServiceAway) or error.status in _LATER
