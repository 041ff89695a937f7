"""As much of JSON Schema 2020-12 as an OpenAPI 3.1 document of ours uses, written from the specification."""

import re
from collections.abc import Iterator
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float),
    "boolean": (bool,), "null": (type(None),),
}  # fmt: skip
KNOWN = {
    "$ref", "anyOf", "oneOf", "type", "enum", "const", "properties", "required", "additionalProperties", "items",
    "prefixItems", "minItems", "maxItems", "minLength", "maxLength", "pattern", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "propertyNames", "maxProperties", "minProperties", "title", "description",
    "default", "discriminator",
}  # fmt: skip


def errors(value: Any, schema: dict[str, Any], document: dict[str, Any], at: str = "$") -> Iterator[str]:
    """What is wrong with a value. Raises AssertionError for a keyword that is not known here."""
    assert schema.keys() <= KNOWN, schema.keys() - KNOWN
    if "$ref" in schema:
        yield from errors(value, resolved(schema["$ref"], document), document, at)
    for several in ("anyOf", "oneOf"):
        if several in schema and all(any(errors(value, each, document, at)) for each in schema[several]):
            yield f"{at}: {value!r} is none of {several}"
    kinds = schema.get("type")
    if kinds is not None and not any(_is(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        yield f"{at}: {value!r} is no {kinds}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{at}: {value!r} is not {schema['const']!r}"
    if isinstance(value, dict):
        known = schema.get("properties", {})
        yield from (f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value)
        rest = schema.get("additionalProperties", True)
        for name, each in value.items():
            if name in known:
                yield from errors(each, known[name], document, f"{at}.{name}")
            elif rest is False:
                yield f"{at}.{name} is not known"
            elif isinstance(rest, dict):
                yield from errors(each, rest, document, f"{at}.{name}")
            yield from errors(name, schema.get("propertyNames", {}), document, f"{at}.{name}")
    if isinstance(value, list):
        first = schema.get("prefixItems", [])
        if len(value) < schema.get("minItems", 0) or len(value) > schema.get("maxItems", len(value)):
            yield f"{at} has {len(value)} items"
        for place, each in enumerate(value):
            of = first[place] if place < len(first) else schema.get("items", {})
            if of is False:
                yield f"{at}[{place}] is too many"
            else:
                yield from errors(each, of, document, f"{at}[{place}]")
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            yield f"{at} has {len(value)} characters"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{at}: {value!r} is not {schema['pattern']}"
    if _is(value, "number"):
        low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
        above, below = schema.get("exclusiveMinimum", float("-inf")), schema.get("exclusiveMaximum", float("inf"))
        if not (low <= value <= high and above < value < below):
            yield f"{at}: {value} is out of bounds"


def resolved(reference: str, document: dict[str, Any]) -> dict[str, Any]:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind]) or (kind == "integer" and isinstance(value, float) and value.is_integer())
