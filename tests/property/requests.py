"""Bid requests made at random from the typed model: any field may be there, with a value of its type or a stray one."""

from typing import Any, get_args

import msgspec
from hypothesis import strategies as st

from openrtb.model import BidRequest, Imp

HUGE = [2**31, -(2**31) - 1, 2**63, 2**64, 10**40, -(10**400), 1e308, -1e308, 5e-324]
TEXTS = ["", " ", "USD", "eur", "1", "300.0", "1e5", "-1", "0x1", "true", "nan", "news.example", "IAB1-2", "ü", "日本",
         'q"', "a\\b", "\n", "\x00", "\x7f", "\ud800", "a,b", "x" * 300]  # fmt: skip
WORDS = ["1", "2", "a", "USD", "USA", "IAB1-2", "image/png", "video/mp4", "news.example", "Ann"]
STRAY = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**33), 2**33), st.sampled_from(HUGE), st.sampled_from(TEXTS),
    st.floats(allow_nan=True), st.text(max_size=5), st.just([]), st.just({}), st.just([{}]), st.just([[]]),
    st.integers(30, 60).map(lambda depth: nested(depth)),
    st.lists(st.sampled_from([None, 1, "1", 2.0, {}, "IAB1"]), max_size=3),
)  # fmt: skip


def nested(depth: int) -> Any:
    """Arrays in arrays."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def of_type(kind: Any, strays: int) -> st.SearchStrategy[Any]:
    """Values of a type of the model; about one field in ``strays`` (0: none) is of another."""
    for part in get_args(kind):
        if part is not type(None) and type(None) in get_args(kind):
            return of_type(part, strays)
    if hasattr(kind, "__metadata__"):
        return of_type(get_args(kind)[0], strays)
    if getattr(kind, "__origin__", None) is list:
        return st.lists(of_type(get_args(kind)[0], strays), min_size=1, max_size=3)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return st.deferred(lambda: struct(kind, strays))
    if kind is int:
        return st.integers(-1, 5) | st.sampled_from([50, 250, 300, 320, 600, 728, 2**31 - 1])
    if kind is float:
        return st.sampled_from([0, 0.0, 0.01, 1, 2.5, 100.125, 12345.678901, *([1e-7, -1] if strays else [])])
    return st.sampled_from([*WORDS, "é", "{}", "1,2"] if strays else WORDS)


def struct(kind: type[msgspec.Struct], strays: int) -> st.SearchStrategy[Any]:
    """An object with some of its fields."""
    fields = [field for field in msgspec.structs.fields(kind) if not field.encode_name.startswith("(")]

    @st.composite
    def build(draw: st.DrawFn) -> dict[str, Any]:
        some = draw(st.sets(st.integers(0, len(fields) - 1), max_size=5))
        made = {}
        for field in [f for place, f in enumerate(fields) if f.required or place in some]:
            stray = strays and draw(st.integers(1, strays)) == 1
            made[field.encode_name] = draw(STRAY if stray else of_type(field.type, strays))
        if strays and draw(st.integers(1, strays)) == 1:
            made["unheard-of"] = draw(STRAY)
        return made

    return build()


CLEAN = struct(BidRequest, 0)
SLOPPY = struct(BidRequest, 40)
IMPS = st.lists(struct(Imp, 60), min_size=1, max_size=4)
