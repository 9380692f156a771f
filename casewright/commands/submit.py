"""`casewright submit`: cases from files to a running service; safe to run again."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from urllib.parse import quote

import click
import orjson

from cases.problem import Problem
from casewright.client import Client, ServiceAway, ServiceRefused
from casewright.reading import Read, read_cases
from casewright.submitting import Patience, Sent, send

_NOT_ALLOWED = {401, 403}
_SETTLED = {"decided", "waiting", "cancelled"}
_SHORTEST_S, _LONGEST_S = 0.1, 5.0
"""Between looks at cases that are on their way."""
_AT_A_LOOK = 25


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--url", help="Address of the service; else CASEWRIGHT_URL, else this machine's.")
@click.option("--key", help="API key; else CASEWRIGHT_KEY, else the one that the service left in the data folder.")
@click.option("--batch", type=click.IntRange(1, 1000), default=500, show_default=True, help="Cases in a request.")
@click.option("--wait", is_flag=True, help="Wait until each case is decided or with a person; print its result.")
def command(files: Sequence[str], url: str | None, key: str | None, batch: int, *, wait: bool) -> None:
    """Send cases in FILES to a running service: files, folders, or - for standard input (JSON or JSON Lines).

    Pictures that a case names by path are uploaded first. A case is known by its id: sending it again changes nothing,
    so after an interruption run the same command again. A service that is full is waited for.

    Exit status: 0; 1 where a case was refused; 3 where something failed (run again to go on).
    """
    sent = Sent()
    with Client.from_environment(url, key) as client:
        patience = Patience(_say)
        whole = _come_through(lambda: send(read_cases(files), batch, client, patience, _refuse, sent))
        rest = "" if whole else "; the others were not sent"
        _say(f"{sent.taken} taken, {sent.known} known before, {sent.refused} refused{rest}.")
        if whole and wait:
            whole = _come_through(lambda: _follow(sent.ids, client, patience))
    sys.exit(1 if whole and sent.refused else 0 if whole else 3)


def _come_through(work: Callable[[], None]) -> bool:
    """Whether some work with the service came to its end; what failed is said.

    Raises:
        ServiceRefused: the key does not do; that is a wrong setting, and ends the command as such.
    """
    try:
        work()
    except (ServiceAway, ServiceRefused) as error:
        if isinstance(error, ServiceRefused) and error.status in _NOT_ALLOWED:
            raise
        _say(f"{error.code}: {error}" + (f" ({error.hint})" if error.hint else ""))
        return False
    return True


def _refuse(read: Read, problems: Iterable[Problem]) -> None:
    for problem in problems:
        named = "" if read.case_id == read.where else f"{read.case_id}: "
        _say(f"{read.where}: {named}{problem}")


def _follow(ids: list[str], client: Client, patience: Patience) -> None:
    """Print the result of each case when it has one.

    A few are looked at in turn. The pause between looks doubles while none of them has got on.
    """
    pending, pause = deque(ids), _SHORTEST_S
    while pending:
        before = len(pending)
        for case_id in [pending.popleft() for _ in range(min(_AT_A_LOOK, before))]:
            held = patience.ask(partial(client.get, f"/cases/{quote(case_id, safe='')}"))
            if held["status"] in _SETTLED:
                sys.stdout.buffer.write(orjson.dumps(held.get("result") or held) + b"\n")
            else:
                pending.append(case_id)
        sys.stdout.buffer.flush()
        if pending:
            pause = _SHORTEST_S if len(pending) < before else min(pause * 2, _LONGEST_S)
            time.sleep(pause)


def _say(line: str) -> None:
    click.echo(line, err=True)
