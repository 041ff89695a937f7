"""What is wrong with a value: the walk over types finds something exactly where msgspec refuses, and says where."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from api.checking import converted, decoder
from api.faults import faults
from api.problem import Failure
from domain.errors import Refused
from tests.examples import examples


class Inner(Struct, frozen=True, forbid_unknown_fields=True):
    a: Annotated[int, Meta(ge=0, le=3)]
    b: Annotated[str, Meta(min_length=1, max_length=2, pattern="^[ab]*$")] = "a"


class Round(Struct, frozen=True, tag="round"):
    r: float


class Square(Struct, frozen=True, tag="square", forbid_unknown_fields=True):
    side: Annotated[float, Meta(gt=0)]


class Outer(Struct, frozen=True, forbid_unknown_fields=True):
    inner: Inner | None
    many: Annotated[tuple[Inner, ...], Meta(max_length=2)] = ()
    word: Literal["x", "y", 1] = "x"
    table: dict[Annotated[str, Meta(max_length=1)], float | bool | Literal["n"]] = {}
    shape: Round | Square | None = None
    pair: tuple[int, bool] = (0, True)
    anything: Any = None


WORDS = st.sampled_from(["a", "b", "x", "y", "abc", "", "n", "round", "square", "c"])
NAMES = st.sampled_from(
    ["inner", "many", "word", "table", "shape", "pair", "anything", "a", "b", "r", "side", "type", "zz"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.floats(-2, 5) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | WORDS, inner, max_size=5),
    max_leaves=12,
)


def mostly(right: st.SearchStrategy[Any], wrong: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 19).flatmap(lambda drawn: wrong if drawn == 13 else right)


NUMBERS = mostly(st.floats(-2, 5) | st.integers(-2, 5), VALUES)
INNERS = mostly(
    st.fixed_dictionaries(
        {"a": mostly(st.integers(0, 3), st.integers(-1, 4) | VALUES)}, optional={"b": st.sampled_from(["a", "b", "ab"])}
    ),
    st.fixed_dictionaries({}, optional={"a": st.integers(0, 3), "b": WORDS, "zz": st.none()}) | VALUES,
)
SHAPES = mostly(
    st.fixed_dictionaries({"type": st.just("round"), "r": NUMBERS}, optional={"zz": st.none()})
    | st.fixed_dictionaries({"type": st.just("square"), "side": mostly(st.integers(1, 3), st.integers(-1, 0))}),
    st.fixed_dictionaries({"type": WORDS}, optional={"r": NUMBERS, "side": NUMBERS, "zz": st.none()}) | VALUES,
)
OUTERS = st.fixed_dictionaries(
    {"inner": mostly(INNERS, st.none())},
    optional={
        "many": mostly(st.lists(INNERS, max_size=2), st.lists(INNERS, min_size=3, max_size=3) | VALUES),
        "word": mostly(st.sampled_from(["x", "y", 1]), WORDS | st.booleans() | st.integers(0, 2)),
        "table": st.dictionaries(mostly(st.sampled_from(["a", "b", ""]), WORDS), mostly(NUMBERS, VALUES), max_size=2),
        "shape": SHAPES,
        "pair": mostly(st.tuples(st.integers(), st.booleans()).map(list), st.lists(st.booleans(), max_size=3)),
        "anything": VALUES,
    },
)


@settings(max_examples=examples(200), deadline=None)
@given(OUTERS | VALUES)
def test_something_is_found_exactly_where_msgspec_refuses(value: Any) -> None:
    try:
        msgspec.json.decode(msgspec.json.encode(value), type=Outer)
    except msgspec.ValidationError:
        assert faults(value, Outer)
    else:
        assert not faults(value, Outer)


def test_every_fault_is_told_with_its_path_its_value_and_what_is_allowed() -> None:
    value = {
        "inner": {"a": 9, "b": "abc", "c": 1},
        "many": [{"a": 1}, {"b": "b"}],
        "word": "z",
        "table": {"long": 1, "t": "m"},
        "shape": {"type": "oval"},
        "pair": [True, 1],
    }
    found = {(one.path, str(one.value)): one.allowed for one in faults(value, Outer, "body")}
    assert found == {
        ("body.inner.a", "9"): "it must be a whole number at least 0, at most 3",
        ("body.inner.b", "abc"): "it must be text of the form ^[ab]*$ of 1 to 2 characters",
        ("body.inner.c", "1"): "there is no such field; the fields here are a, b",
        ("body.many[1].a", "None"): "it must be given, and be a whole number at least 0, at most 3",
        ("body.word", "z"): "it must be of 1, x, y",
        ("body.table.long", "long"): "as a name, it must be text of at most 1 characters",
        ("body.table.t", "m"): "it must be of n",
        ("body.shape.type", "oval"): "it must be of round, square",
        ("body.pair[0]", "True"): "it must be a whole number",
        ("body.pair[1]", "1"): "it must be true or false",
    }


def test_what_is_given_as_yaml_is_refused_below_a_path() -> None:
    assert converted({"a": 1}, Inner) == Inner(1)
    with pytest.raises(Refused, match=r"file\.a: 7 is not allowed"):
        converted({"a": 7}, Inner, "file")


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a": NaN}', b'{"a": 1} x', b'{"b": "\xff", "a": 1}', b"[" * 100_000, b'"\\ud800"', b"\x00"]
)
def test_what_is_no_json_is_a_failure_of_its_own(body: bytes) -> None:
    with pytest.raises((Failure, Refused)) as raised:
        decoder(Inner)(body)
    assert isinstance(raised.value, Refused) or raised.value.status == 400


def test_a_large_body_that_is_wrong_makes_no_large_error() -> None:
    many: list[tuple[Any, Any]] = [(tuple[Inner, ...], [{}] * 30_000), (Inner, [["x" * 9] * 1_000] * 100)]
    for kind, told in many:
        with pytest.raises(Refused) as raised:
            decoder(kind)(msgspec.json.encode(told))
        assert 1 <= len(raised.value.problems) <= 1_000 and len(str(raised.value)) < 200_000
        assert max(len(repr(one.value)) for one in raised.value.problems) < 1_000
