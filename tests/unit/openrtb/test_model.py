"""The model against the specification's own tables: no object, no field and no type of theirs is missing."""

import json
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from openrtb import model
from openrtb.field_table import objects
from openrtb.parse import parse

SPECIFICATION = json.loads((Path(__file__).parent / "specification_fields.json").read_text())
SPECIFICATION.pop("_note")
NAMES = {"DOOH": "Dooh", "EID": "Eid", "UID": "Uid"}
BESIDE = {
    "Banner": {"wmax", "hmax", "wmin", "hmin"},
    "Video": {"protocol"},
    "Content": {"videoquality"},
    "Regs": {"gpc"},
}
"""Fields of 2.5 that are gone since, and one that is in use without being specified."""
VALUES = {"object": {}, "float": 1.5, "integer": 1, "string": "x"}


def kind_of(annotation) -> str:
    """The specification's word for a type of the model."""
    inside = [annotation]
    for part in inside:
        inside += get_args(part)
    if any(isinstance(part, type) and issubclass(part, msgspec.Struct) for part in inside):
        kind = "object"
    else:
        kind = next(word for word, python in (("integer", int), ("float", float), ("string", str)) if python in inside)
    return f"{kind} array" if any(getattr(part, "__origin__", None) is list for part in inside) else kind


@pytest.mark.parametrize("name", SPECIFICATION)
def test_every_field_of_the_specification_is_in_the_model(name: str) -> None:
    kind = getattr(model, NAMES.get(name, name))
    found = {field.encode_name: kind_of(field.type) for field in msgspec.structs.fields(kind)}
    found.pop("(repairs)", None)
    assert found.keys() - SPECIFICATION[name].keys() == BESIDE.get(name, set()) | ({"ext"} & found.keys())
    assert {field: found.get(field) for field in SPECIFICATION[name]} == SPECIFICATION[name]


def test_every_object_can_be_reached_from_the_request() -> None:
    reached = {kind.__name__ for kind in objects()}
    assert reached >= {NAMES.get(name, name) for name in SPECIFICATION}
    assert reached == {name for name in model.__all__ if isinstance(getattr(model, name), type)}


@pytest.mark.parametrize("old", ["regs", "user", "source", "device", "content", "site"])
def test_what_older_exchanges_send_under_ext_is_typed_there(old: str) -> None:
    chain = {"complete": 1, "ver": "1.0", "nodes": [{"asi": "a.example", "sid": "1", "hp": 1}]}
    sent = {
        "regs": {"regs": {"ext": {"gdpr": "1", "us_privacy": "1YNN", "gpp": "D", "gpp_sid": [7], "gpc": 1}}},
        "user": {"user": {"ext": {"consent": "CP", "eids": [{"source": "s", "uids": [{"id": "i", "atype": 1}]}]}}},
        "source": {"source": {"ext": {"schain": chain, "omidpn": "x"}}},
        "device": {"device": {"ext": {"sua": {"browsers": [{"brand": "b", "version": [1, "2"]}]}, "atts": 3}}},
        "content": {"site": {"content": {"ext": {"network": {"domain": "n"}, "channel": {"id": 3}}}}},
        "site": {"site": {"ext": {"inventorypartnerdomain": "p.example"}}},
    }[old]
    parsed = parse(json.dumps({"id": "a", "imp": [{"id": "1"}], **sent}).encode())

    def text(value):
        if isinstance(value, dict):
            return {key: text(inner) for key, inner in value.items()}
        return [text(inner) for inner in value] if isinstance(value, list) else str(value)

    def within(value, whole):
        if isinstance(value, dict):
            return all(within(inner, whole[key]) for key, inner in value.items())
        if isinstance(value, list):
            return len(value) == len(whole) and all(map(within, value, whole))
        return value == whole

    assert within(text(sent), text(msgspec.to_builtins(parsed)))
