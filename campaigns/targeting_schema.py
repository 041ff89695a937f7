"""The form of a targeting expression as JSON Schema, for editors and for programs that write campaign files.

What the schema accepts is of the right form; whether keys exist, and whether an expression contradicts itself, only the
import can say.
"""

from typing import Any

from campaigns.targeting_words import REFERENCES, WORDS
from targeting.dimensions import Dimension

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """A JSON Schema (2020-12) of ``targeting``."""
    inner = {"$ref": "#/$defs/expression"}
    several = {"type": "array", "items": inner, "minItems": 1}
    properties: dict[str, Any] = {
        "all": {**several, "description": "every one of these expressions holds"},
        "any": {**several, "description": "at least one of these expressions holds"},
        "not": {**inner, "maxProperties": 1, "description": "this expression does not hold"},
    }
    for dimension in Dimension:
        word: dict[str, Any] = {"type": "string"}
        if dimension in REFERENCES:
            word["description"] = REFERENCES[dimension]
        else:
            word = WORDS[dimension].schema
        properties[dimension.name.lower()] = {"type": "array", "items": word, "minItems": 1, "uniqueItems": True}
    return {
        "$schema": DIALECT,
        "title": "Targeting of a line item",
        "description": "Which requests a line item wants. All keys of a mapping hold together.",
        "anyOf": [inner, {"type": "object", "maxProperties": 0}],
        "$defs": {
            "expression": {
                "type": "object",
                "properties": properties,
                "additionalProperties": False,
                "minProperties": 1,
            }
        },
    }
