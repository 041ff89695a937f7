"""Blocks that the kernel makes of records = those of plain Python: of all kinds of events, with odd values, of older
and newer versions, cut off, mangled, and in any split.
"""

import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cython_ext.columns import Builder
from domain.events import Bid, Conversion, Name, NoBid, Notice, Visit
from pacing.protocol import Settlement
from reporting.rows import SETTLEMENT_TAG, Made, blocks
from reporting.schema import CURRENT, FACTS, V18, Dialect
from tests import rows_twin

KINDS = (Bid, NoBid, Name, Notice, Conversion, Visit, Settlement)
TABLES = {table.name: table for table in FACTS}
EDGES = [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]
DAY = rows_twin.DAY_NS

numbers = st.one_of(
    st.integers(0, 10),
    st.sampled_from(
        [*EDGES, -1, -32, -33, -128, -129, -32_769, -(2**31) - 1, -(2**63), rows_twin.LAST_NS, rows_twin.LAST_NS + 1]
    ),
    st.integers(-(2**63), 2**64 - 1),
)
usual = st.integers(0, 200)
floats = st.one_of(st.floats(), numbers)
times = st.one_of(st.integers(0, 5 * DAY), st.sampled_from([DAY - 1, DAY, 2 * DAY - 1, rows_twin.LAST_NS]))
texts = st.one_of(
    st.sampled_from(["", "USD", "EUR", "a\0b", "é", "漢字", "😀", "x" * 31, "x" * 32, "x" * 255, "y" * 300]),
    st.text(max_size=12),
)
anything = st.one_of(
    st.none(), st.booleans(), numbers, texts, st.floats(width=32), st.floats(), st.binary(max_size=40),
    st.lists(st.integers(0, 3), max_size=17), st.dictionaries(st.text(max_size=2), usual, max_size=17),
    st.builds(msgspec.msgpack.Ext, st.integers(-128, 127), st.binary(max_size=17)),
)  # fmt: skip


def tag_of(kind: Any) -> int:
    return SETTLEMENT_TAG if kind is Settlement else kind.__struct_config__.tag


@st.composite
def items(draw: st.DrawFn) -> list[Any]:
    """A record's items: sound in the main, so that most become rows."""
    kind = draw(st.sampled_from(KINDS))
    of = msgspec.structs.fields(kind)
    made: list[Any] = [tag_of(kind)]
    odd = draw(st.integers(0, 3 * len(of)))  # at most one field is out of the ordinary
    for place, field in enumerate(of):
        if field.type is str:
            made.append(draw(texts))
        elif field.type is bool:
            made.append(draw(st.booleans()))
        elif field.type is float:
            made.append(draw(floats))
        elif field.type is bytes:
            made.append(draw(st.binary(max_size=300)))
        elif field.name == "kind":
            made.append(draw(st.integers(0, 8)))
        elif field.name in ("time_ns", "received_ns"):
            made.append(draw(numbers if place == odd else times))
        else:
            made.append(draw(numbers if place == odd else usual))
    if draw(st.booleans()):  # of an older version
        missing = draw(st.integers(0, sum(field.default is not msgspec.NODEFAULT for field in of)))
        made = made[: len(made) - missing]
    if draw(st.integers(0, 5)) == 0:
        made[draw(st.integers(0, len(made) - 1))] = draw(anything)
    made += draw(st.lists(anything, max_size=2))  # of a newer one
    return made[: draw(st.one_of(st.just(99), st.just(99), st.integers(0, 30)))]


@st.composite
def records(draw: st.DrawFn) -> bytes:
    made: bytes = msgspec.msgpack.encode(draw(items()))
    how = draw(st.integers(0, 15))
    if how == 0:
        made = made[: draw(st.integers(0, len(made)))]
    elif how == 1:
        made += draw(st.binary(min_size=1, max_size=3))
    elif how == 2:
        place = draw(st.integers(0, len(made) - 1))
        made = made[:place] + draw(st.binary(min_size=1, max_size=2)) + made[place + 1 :]
    elif how == 3:
        made = draw(st.binary(max_size=30))
    elif how == 4 and len(made) > 1 and made[0] & 0xF0 == 0x90:  # as the compiled writers head their arrays
        made = b"\xdc\0" + bytes([made[0] & 0x0F]) + made[1:]
    return made


def as_rows(made: Made, dialect: Dialect) -> rows_twin.Blocks:
    found: rows_twin.Blocks = {}
    for block in made.blocks:
        kinds = {name: block.table.columns[name] for name in block.columns}
        kinds = {name: kind if kind == "Bytes" else dialect.kind(kind) for name, kind in kinds.items()}
        columns = {name: rows_twin.values(kinds[name], data) for name, data in block.columns.items()}
        assert {len(values) for values in columns.values()} == {block.rows}
        found[block.table.name, block.day] = [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
    return found


@given(st.lists(records(), max_size=60), st.sampled_from([CURRENT, V18]), st.lists(st.integers(0, 60), max_size=3))
def test_kernel_and_twin_agree(logged: list[bytes], dialect: Dialect, cuts: list[int]) -> None:
    expected, sites, refused = rows_twin.blocks(logged)
    made = blocks(logged, dialect)
    assert as_rows(made, dialect) == expected
    assert made.sites == sites and [refusal.place for refusal in made.refused] == refused
    assert all(refusal.why for refusal in made.refused)
    assert [(b.table.name, b.day) for b in made.blocks] == [
        (table.name, day) for table in FACTS for day in sorted(day for name, day in expected if name == table.name)
    ]
    together: rows_twin.Blocks = {}
    for low, high in zip([0, *sorted(cuts)], [*sorted(cuts), 99], strict=True):
        for key, rows in as_rows(blocks(logged[low:high], dialect), dialect).items():
            together.setdefault(key, []).extend(rows)
    assert together == expected


def test_dictionaries_grow_with_their_keys() -> None:
    """Places are 1, 2 or 4 bytes wide."""
    for count in (1, 256, 257, 65_536, 65_537):
        builder = Builder([(1, "is", 2, [], -1)], [(1, 0, 0, [(1, 6)])], [], 10, 100)
        texts = [str(n) for n in range(count)] * 2
        ((_, _, rows, (data,)),), _, _ = builder.build([msgspec.msgpack.encode([1, 7, text]) for text in texts])
        assert rows == 2 * count and rows_twin.values("LowCardinality(String)", data) == texts


@given(st.floats(width=32))
def test_a_float_of_four_bytes_is_widened(value: float) -> None:
    builder = Builder([(1, "if", 2, [], -1)], [(1, 0, 0, [(1, 7)])], [], 10, 100)
    record = b"\x93\x01\x07\xca" + struct.pack(">f", value)
    ((_, _, _, (data,)),), _, refused = builder.build([record])
    assert not refused and data == struct.pack("<d", msgspec.msgpack.decode(record)[2])
    assert [why for _, why, _ in builder.build([record[:-1]])[2]] == [1]


@pytest.mark.parametrize(
    ("layouts", "sinks", "named"),
    [
        ([(1, "ix", 2, [], -1)], [], "layout 1"),
        ([(1, "is", 1, [], -1)], [], "layout 1"),
        ([(1, "si", 2, [], 0)], [], "selector"),
        ([(1, "si", 2, [], -1)], [(1, 0, 0, [])], "cut by an integer"),
        ([(1, "si", 2, [], -1)], [(1, 0, 1, [(0, 3)])], "field 0"),
        ([(1, "si", 2, [], -1)], [(1, 0, 1, [(1, 5)])], "field 1"),
        ([(1, "si", 2, [], -1)], [(1, 0, 1, [(1, 9)])], "field 1"),
        ([(1, "fi", 2, [], -1)], [(1, 0, 1, [(0, 3)])], "field 0"),
        ([(1, "yi", 2, [], -1)], [(1, 0, 1, [(0, 6)])], "field 0"),
        ([(1, "zi", 2, [], -1)], [], "layout 1"),
    ],
)
def test_a_program_that_cannot_run_is_refused(layouts: Any, sinks: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Builder(layouts, sinks, [], 1, 1)
    with pytest.raises(TypeError, match="str"):
        Builder([], [], [], 1, 1).build(["no bytes"])  # type: ignore[list-item]
