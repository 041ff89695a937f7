"""The JSON Schema of targeting says what the reading takes. The little of JSON Schema that it uses is evaluated
here."""

import json
import re
from typing import Any

import pytest

from campaigns.targeting_schema import schema
from campaigns.targeting_words import WORDS
from campaigns.terms import targeting
from cli.main import main
from domain.entry import Wrong
from targeting.dimensions import Dimension

SCHEMA = schema()
KEYWORDS = {
    *("$ref", "anyOf", "enum", "type", "pattern", "minLength", "maxLength", "minimum", "maximum", "items", "minItems"),
    *("uniqueItems", "properties", "required", "additionalProperties", "minProperties", "maxProperties", "description"),
    *("$schema", "title", "$defs"),
}
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


def valid(value: Any, by: dict[str, Any]) -> bool:
    """JSON Schema 2020-12, as far as it is used."""
    assert by.keys() <= KEYWORDS, by.keys() - KEYWORDS
    if "$ref" in by and not valid(value, SCHEMA["$defs"][by["$ref"].rsplit("/", 1)[1]]):
        return False
    if "anyOf" in by and not any(valid(value, each) for each in by["anyOf"]):
        return False
    if "enum" in by and value not in by["enum"]:
        return False
    kinds = [by["type"]] if isinstance(by.get("type"), str) else by.get("type", [])
    if kinds and not any(
        isinstance(value, TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool)) for kind in kinds
    ):
        return False
    if isinstance(value, str) and (
        not by.get("minLength", 0) <= len(value) <= by.get("maxLength", 10**9)
        or ("pattern" in by and not re.search(by["pattern"], value))
    ):
        return False
    if isinstance(value, int | float) and not by.get("minimum", value) <= value <= by.get("maximum", value):
        return False
    if isinstance(value, list):
        texts = [json.dumps(each) for each in value]
        if len(value) < by.get("minItems", 0) or (by.get("uniqueItems") and len(set(texts)) < len(texts)):
            return False
        return all(valid(each, by.get("items", {})) for each in value)
    if isinstance(value, dict):
        if not by.get("minProperties", 0) <= len(value) <= by.get("maxProperties", 10**9):
            return False
        known = by.get("properties", {})
        if by.get("additionalProperties") is False and not value.keys() <= known.keys():
            return False
        return all(name in value for name in by.get("required", [])) and all(
            valid(each, known.get(name, {})) for name, each in value.items()
        )
    return True


def read(form: Any) -> bool:
    try:
        targeting(7, lambda key: 1, lambda key: 2, lambda key: "D")(form)
    except Wrong:
        return False
    return True


RIGHT: list[Any] = [
    {},
    {"country": ["USA"], "not": {"site": ["a.example"]}},
    {"all": [{"any": [{"os": ["ios"]}, {"audience": ["a"]}]}, {"not": {"any": [{"deal": ["d"]}, {"age": ["18-24"]}]}}]},
    {"radius": [{"lat": 1.5, "lon": -2, "km": 3}], "postcode": [10001, "SW1A 1AA"], "rewarded": [True]},
    {"os_version": ["ios >=15"], "page": ["a/*"], "score": ["credit >=600"], "last_visit": ["<7d"]},
    {"lifecycle": ["prospect", "in-arrears"], "has_id": ["ifa", "uidapi.com"], "hour_of_week_user": ["sat-sun"]},
]
WRONG: list[Any] = [
    [],
    "USA",
    {"planet": ["mars"]},
    {"country": "USA"},
    {"country": []},
    {"country": ["usa"]},
    {"all": []},
    {"all": {"os": ["ios"]}},
    {"any": [{}]},
    {"not": {}},
    {"not": {"os": ["ios"], "country": ["USA"]}},
    {"os": ["beos"]},
    {"os": ["ios", "ios"]},
    {"radius": [{"lat": 91, "lon": 0, "km": 1}]},
    {"radius": [{"lat": 9, "lon": 0, "km": 1, "miles": 1}]},
    {"interstitial": ["yes"]},
    {"key_value": ["novalue"]},
    {"hour_of_week": ["monday"]},
]


@pytest.mark.parametrize("form", RIGHT)
def test_both_take_what_is_right(form: Any) -> None:
    assert valid(form, SCHEMA)
    assert read(form)


@pytest.mark.parametrize("form", WRONG)
def test_both_refuse_what_is_wrong(form: Any) -> None:
    assert not valid(form, SCHEMA)
    assert not read(form)


def test_every_dimension_is_in_it() -> None:
    properties = SCHEMA["$defs"]["expression"]["properties"]
    assert properties.keys() == {"all", "any", "not", *(d.name.lower() for d in Dimension)}
    assert WORDS.keys() <= set(Dimension)


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["campaigns", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA
