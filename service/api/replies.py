"""Answers as JSON, from our records."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi.responses import Response

from cases.problem import Record
from service.api.operation import JSON


def json_reply(body: Record | Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401 - JSON
    """A record, or plain JSON, as an answer."""
    plain = body.model_dump(mode="json") if isinstance(body, Record) else body
    return Response(orjson.dumps(plain), status, headers, JSON)


def empty_reply() -> Response:
    """Done, and there is nothing to say."""
    return Response(status_code=204)
