"""The OpenAPI document: paths and parameters from the routes, bodies and answers from our own types."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from policies.corpus import Corpus
from service.api.operation import Body, Operation, Reply, Schema, WithoutId
from service.api.problems import MEDIA_TYPE, ProblemDocument
from service.api.reception import Reception
from service.api.settings import ApiSettings

_REF = "#/components/schemas/{model}"
_REFUSALS = {
    400: "Cannot be read",
    401: "No key, or none that is known",
    403: "Not allowed",
    404: "Not there",
    409: "Not as it stands now",
    410: "Gone",
    413: "Too large",
    415: "Another media type",
    422: "Not valid; each problem with its pointer",
    429: "Too many at a time; come again",
    503: "Overloaded, or the database is away; come again",
}
_SCHEME = "key"
_PREFER: Schema = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait=N` (RFC 7240): answer when the case is settled, after N seconds at most",
    "schema": {"type": "string"},
}
Modes = Mapping[tuple[type[Any], JsonSchemaMode], Schema]


def document(app: FastAPI, operations: Sequence[Operation], reception: Reception) -> Schema:
    """Write the document of an app."""
    made = get_openapi(
        title="Casewright",
        version=version("casewright"),
        description="Audits the hard cases of marketplace moderation, element by element.",
        routes=app.routes,
    )
    named, defined = _schemas(operations)
    components = made.setdefault("components", {})
    components["schemas"] = defined["$defs"]
    _over_http(components["schemas"], reception.settings)
    _in_these_policies(components["schemas"], reception.corpus)
    components["securitySchemes"] = {_SCHEME: {"type": "http", "scheme": "bearer", "description": "An API key, cw_..."}}
    for operation in operations:
        _describe(made["paths"][operation.full_path][operation.method.lower()], operation, named)
    return made


def _schemas(operations: Sequence[Operation]) -> tuple[Modes, Schema]:
    taken = [content for operation in operations if operation.body for content in operation.body.content.values()]
    given = [reply.body for operation in operations for reply in operation.replies.values()]
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(kind, "validation") for kind in _types(taken)]
    wanted += [(kind, "serialization") for kind in _types([*given, ProblemDocument])]
    named, defined = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REF)
    return {(kind, mode): schema for (kind, mode), schema in named.items()}, defined


def _over_http(schemas: Schema, settings: ApiSettings) -> None:
    """What holds only here: no picture by a path, the limits that are set, nobody who speaks for a second person."""
    image, listing = schemas["Image"], schemas["Listing"]["properties"]
    del image["properties"]["path"]
    image["properties"]["sha256"] = image["properties"]["sha256"]["anyOf"][0]
    image["required"] = ["sha256"]
    listing["title"]["maxLength"] = settings.limits.title
    listing["description"]["maxLength"] = settings.limits.description
    listing["images"]["maxItems"] = settings.limits.images
    del schemas["Review"]["properties"]["second_reviewer"]  # found out here, never told


def _in_these_policies(schemas: Schema, corpus: Corpus) -> None:
    """The names that a guard may be about."""
    guard = schemas["Guard"]["properties"]
    guard["action"]["enum"] = ["", *sorted(corpus.actions)]
    guard["type"] = {"type": "string", "default": "", "enum": ["", *sorted(corpus.types)]}


def _types(schema: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - a schema that holds types
    """The types inside a schema, wherever they stand."""
    if isinstance(schema, type):
        return [schema]
    if isinstance(schema, WithoutId):
        return [schema.of]
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list | tuple) else ()
    return [found for part in inner for found in _types(part)]


def _written(schema: Any, named: Modes, mode: JsonSchemaMode) -> Any:  # noqa: ANN401 - as `_types`
    """A schema with references in the place of types; several in a tuple: any of them."""
    if isinstance(schema, type):
        return named[schema, mode]
    if isinstance(schema, WithoutId):
        return _without_id(schema, mode)
    if isinstance(schema, tuple):
        return {"anyOf": [_written(part, named, mode) for part in schema]}
    if isinstance(schema, dict):
        return {name: _written(part, named, mode) for name, part in schema.items()}
    return schema


def _without_id(body: WithoutId, mode: JsonSchemaMode) -> Schema:
    """Without the id: it stands in the path, and one that says otherwise is refused."""
    whole = body.of.model_json_schema(mode=mode, ref_template=_REF)
    schema: Schema = {name: value for name, value in whole.items() if name != "$defs"}
    schema["properties"] = {name: value for name, value in whole["properties"].items() if name != "id"}
    schema["required"] = [name for name in whole.get("required", ()) if name != "id"]
    return schema


def _describe(entry: Schema, operation: Operation, named: Modes) -> None:
    if operation.waits:
        entry.setdefault("parameters", []).append(_PREFER)
    if operation.body:
        entry["requestBody"] = _body(operation.body, named)
    if operation.scope:
        entry["security"] = [{_SCHEME: [operation.scope]}]
    entry["responses"] = {str(status): _reply(reply, named) for status, reply in operation.replies.items()}
    refusal = named[ProblemDocument, "serialization"]
    for status in operation.statuses:
        if status in operation.replies:
            continue
        entry["responses"][str(status)] = {
            "description": _REFUSALS[status],
            "content": {MEDIA_TYPE: {"schema": refusal}},
        }


def _body(body: Body, named: Modes) -> Schema:
    content = {kind: {"schema": _written(schema, named, "validation")} for kind, schema in body.content.items()}
    return {"required": body.required, "content": content}


def _reply(reply: Reply, named: Modes) -> Schema:
    told: Schema = {"description": reply.means}
    if reply.body is not None:
        told["content"] = {reply.media_type: {"schema": _written(reply.body, named, "serialization")}}
    if reply.headers:
        headers = reply.headers.items()
        told["headers"] = {name: {"description": says, "schema": {"type": "string"}} for name, says in headers}
    return told
