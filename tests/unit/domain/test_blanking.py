"""A person is taken out of a record, and nothing else of it changes."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.blanking import blanked, written
from domain.events import Bid, Conversion, Event, Name, NoBid, Notice, decode, encode

KEYS = st.one_of(st.integers(1, 2**64 - 1), st.sampled_from((1, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32)))


def values(kind: type) -> st.SearchStrategy[Any]:
    """Events of a kind, with numbers in all widths."""
    by_type: dict[Any, st.SearchStrategy[Any]] = {
        int: st.one_of(st.integers(-(2**63), 2**64 - 1), st.integers(0, 300)), str: st.text(max_size=40),
        bool: st.booleans(), float: st.floats(allow_nan=False), bytes: st.binary(max_size=300),
    }  # fmt: skip
    fields = {field.name: by_type[field.type] for field in msgspec.structs.fields(kind)}
    fields |= {name: st.one_of(st.just(0), KEYS) for name in ("person", "device", "household") if name in fields}
    return st.builds(kind, **fields)


EVENTS = st.one_of([values(kind) for kind in (Bid, NoBid, Name, Notice, Conversion)])


def test_all_kinds_of_events_are_drawn() -> None:
    assert {Bid, NoBid, Name, Notice, Conversion} <= set(get_args(Event))


@given(EVENTS, st.booleans())
def test_what_named_the_person_is_zero_and_all_else_as_it_was(event: Any, theirs: bool) -> None:
    record = encode(event)
    person = getattr(event, "person", 0)
    new = blanked(record, {person if theirs and person else 9})
    if not (theirs and person) and person != 9:
        assert new is None
        return
    assert new is not None and len(new) == len(record)
    names = [name for name in ("person", "device", "household") if hasattr(event, name)]
    assert decode(new) == msgspec.structs.replace(event, **dict.fromkeys(names, 0))
    assert blanked(new, {person}) is None
    if person > 255:
        assert written(person) in record


def test_an_older_record_is_shorter() -> None:
    fields = [4, 4, *range(1, 13), 2**40, 0, 0, 5, 6, 7, 8, 9]
    record = msgspec.msgpack.encode(fields)
    new = blanked(record, {2**40})
    assert new is not None and msgspec.msgpack.decode(new) == [0 if field == 2**40 else field for field in fields]


@pytest.mark.parametrize("record", [b"", b"\x05", b"\x92\x04", b"\x91\x04\x00", b"\x91\xc1"])
def test_what_is_no_record_is_refused(record: bytes) -> None:
    with pytest.raises(ValueError, match="record"):
        blanked(record, {1})
