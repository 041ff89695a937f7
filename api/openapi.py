"""The OpenAPI 3.1 document of an API, made from its operations."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from api.operations import PUBLIC, Operation
from api.problem import CONTENT_TYPE, ProblemDocument

VERSION = "3.1.0"
_REFERENCE = "#/components/schemas/{name}"


def document(title: str, version: str, operations: Sequence[Operation], description: str = "") -> dict[str, Any]:
    """The document as it is served at ``/openapi.json``."""
    types = [ProblemDocument]
    for one in operations:
        types += [kind for kind in (one.shown_request or one.request, one.response) if kind is not None]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    of = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, of)
    return {
        "openapi": VERSION,
        "info": {"title": title, "version": version, "description": description},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(one: Operation, of: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"operationId": one.name, "summary": one.summary}
    if one.description:
        told["description"] = one.description
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in one.parameters
    ]
    if one.query is not None:
        parameters += _query(one.query)
    for header in one.headers:
        schema = {"type": "string"} | ({"pattern": header.pattern} if header.pattern else {})
        said = {"name": header.name, "in": "header", "required": header.required, "schema": schema}
        parameters.append(said | {"description": header.description})
    if parameters:
        told["parameters"] = parameters
    if one.request is not None:
        schema = of[repr(one.shown_request or one.request)]
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    answer: dict[str, Any] = {"description": HTTPStatus(one.status).phrase}
    if one.response is not None:
        answer["content"] = {"application/json": {"schema": of[repr(one.response)]}}
    problem = {"content": {CONTENT_TYPE: {"schema": of[repr(ProblemDocument)]}}}
    told["responses"] = {
        str(one.status): answer,
        **{str(other): answer | {"description": HTTPStatus(other).phrase} for other in one.others},
        "4XX": {"description": "The call is refused: what is wrong with it.", **problem},
        "5XX": {"description": "The call failed.", **problem},
    }
    told["security"] = [{"key": [one.scope]}] if one.scope != PUBLIC else []
    return told


def _query(kind: Any) -> list[dict[str, Any]]:
    (schema,), components = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
    own = components[schema["$ref"].rpartition("/")[2]]
    needed = own.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": each}
        for name, each in own.get("properties", {}).items()
    ]
