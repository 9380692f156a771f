"""Logs: one JSON object a line on standard error, without evidence text and without secrets."""

import logging
import sys
from datetime import UTC, datetime

import orjson

_OURS = {"casewright", "service", "graphs", "agents", "tools", "policies"}
_PLAIN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonLines(logging.Formatter):
    """A record as one line: time, level, where, what, and the fields that were given along."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _PLAIN},
        }
        if record.exc_info and record.exc_info[1]:
            line["error"] = _told(record.exc_info[1], record.name)
        return orjson.dumps(line, default=str).decode()


def _told(error: BaseException, logger: str) -> dict[str, object]:
    """An error without its words, which may quote a listing or a key: what it is, and where it came up."""
    places = []
    trace = error.__traceback__
    while trace:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    said = {"words": str(error)[:300]} if logger.split(".", maxsplit=1)[0] == "pgqueuer" else {}
    return {"type": type(error).__name__, "places": places[-8:], **said}


def log_to_stderr(level: int = logging.INFO) -> None:
    """Have the whole process log JSON lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(level)
