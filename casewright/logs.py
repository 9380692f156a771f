"""Logs: one JSON object a line on standard error, without evidence text and without secrets.

What an error says may quote a listing, a model or a key, so that no line holds an error's words: errors are told by
code, type and place. `casewright model check` and `casewright replay` show the words to whoever has to mend something.
"""

import logging
import re
import sys
import threading
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import orjson

from cases.problem import CasewrightError

_OURS = {"casewright", "service", "graphs", "agents", "tools", "policies"}
_PLAIN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
_LONG = 500
"""Code points of a message or a field; what is longer is cut."""
_SAFE = ("model", "status", "attempts", "case", "slot", "fault", "limit", "tool")
"""Details of our own errors that are names and numbers."""
_PROBES = {"/healthz", "/readyz", "/metrics"}


class JsonLines(logging.Formatter):
    """A record as one line: time, level, where, what, and the fields that were given along."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        """Take what must never be written, whoever logs it."""
        super().__init__()
        # As they would stand in JSON. One that is too short would cut words.
        self._secrets = [orjson.dumps(secret).decode()[1:-1] for secret in secrets if len(secret) >= 6]  # noqa: PLR2004 - as said

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            **(_request(record) if record.name == "uvicorn.access" else {"message": _message(record)}),
            **{name: _field(value) for name, value in vars(record).items() if name not in _PLAIN},
        }
        if record.exc_info and record.exc_info[1]:
            line["error"] = _placed(record.exc_info[1])
        written = orjson.dumps(line, default=str).decode()
        for secret in self._secrets:
            written = written.replace(secret, "***")
        return written


def _message(record: logging.LogRecord) -> str:
    """What is said, with an error among it told instead of quoted.

    Of others' messages only the first line: asyncio writes whole errors below it.
    """
    arguments = record.args
    if isinstance(arguments, tuple):
        arguments = tuple(_told(one) if isinstance(one, BaseException) else one for one in arguments)
    elif isinstance(arguments, Mapping):
        arguments = {key: _told(one) if isinstance(one, BaseException) else one for key, one in arguments.items()}
    try:
        message = str(record.msg) % arguments if arguments else str(record.msg)
    except (TypeError, ValueError):  # a slip at the call: what was said is better than nothing
        message = str(record.msg)
    return (message if _is_ours(record.name) else message.strip().split("\n")[0])[:_LONG]


_TOKEN = re.compile(r"^(/welcome/).+")
"""An invitation's, which is good until it is taken up."""


def _request(record: logging.LogRecord) -> dict[str, Any]:
    """A line of uvicorn's access log as fields, without its query, which names sellers, and tokens in its path."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    if len(arguments) != 5:  # noqa: PLR2004 - client, method, path, HTTP version, status
        return {"message": "request"}
    client, method, path, _, status = arguments
    where = _TOKEN.sub(r"\1…", str(path).partition("?")[0])[:_LONG]
    return {"message": "request", "client": client, "method": method, "path": where, "status": status}


def _field(value: object) -> object:
    if isinstance(value, BaseException):
        return _told(value)
    return value[:_LONG] if isinstance(value, str) else value


def _told(error: BaseException) -> str:
    """An error in names and numbers."""
    if not isinstance(error, CasewrightError):
        code = getattr(error, "sqlstate", None)  # PostgreSQL's, where it is one of its errors
        return f"{type(error).__name__} ({code})" if code else type(error).__name__
    details = ", ".join(f"{name} {error.details[name]}" for name in _SAFE if name in error.details)
    return f"{type(error).__name__} ({error.code}{', ' if details else ''}{details})"


def _placed(error: BaseException) -> dict[str, object]:
    """An error as what it is, and where it came up."""
    places = []
    trace = error.__traceback__
    while trace:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    found: dict[str, object] = {"type": type(error).__name__, "told": _told(error), "places": places[-8:]}
    if isinstance(error, BaseExceptionGroup):
        found["of"] = [_placed(one) for one in error.exceptions[:5]]
    return found


def _is_ours(logger: str) -> bool:
    return logger.partition(".")[0] in _OURS


class _NoProbes(logging.Filter):
    """Leaves out what supervisors ask every few seconds."""

    def filter(self, record: logging.LogRecord) -> bool:
        path = record.args[2] if isinstance(record.args, tuple) and len(record.args) > 2 else ""  # noqa: PLR2004 - the path
        return path not in _PROBES


def log_to_stderr(level: str = "info", secrets: Collection[str] = ()) -> None:
    """Have the whole process log JSON lines to standard error.

    Args:
        level: the least that is written of ours and of requests; of others, warnings and what is worse.
        secrets: keys and passwords, which are written nowhere.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    least = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(least, logging.WARNING))
    for name in (*_OURS, "uvicorn.access"):
        logging.getLogger(name).setLevel(least)
    logging.getLogger("uvicorn.access").filters[:] = [_NoProbes()]
    logging.captureWarnings(capture=True)
    sys.excepthook = _crashed
    threading.excepthook = lambda crash: _crashed(crash.exc_type, crash.exc_value, crash.exc_traceback)


def _crashed(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """What ends the process is a line like others."""
    if error:
        logging.getLogger("casewright").critical("crashed", exc_info=(kind, error, trace))
