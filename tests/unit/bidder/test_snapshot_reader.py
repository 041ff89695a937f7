"""Reading one snapshot after another."""

import msgspec
import pytest
from msgspec.structs import replace

from bidder.snapshot_reader import SnapshotReader
from tests.auction_table import snapshot


def test_what_is_as_it_was_is_the_same_object() -> None:
    reader, known = SnapshotReader(), snapshot()
    first = reader.read(msgspec.msgpack.encode(known))
    assert first == known
    changed = replace(known.line_items[2], bid_cpm=7)
    newer = replace(known, version=4, line_items=(*known.line_items[:2], changed, *known.line_items[4:]))
    second = reader.read(msgspec.msgpack.encode(newer))
    assert second == newer
    assert [item.id for item in second.line_items if item not in first.line_items] == [changed.id]
    assert all(a is b for a, b in zip(first.line_items[:2], second.line_items[:2], strict=True))
    assert all(a is b for a, b in zip(first.creatives, second.creatives, strict=True))
    assert reader.read(msgspec.msgpack.encode(known)) == known  # what went comes back


@pytest.mark.parametrize("data", [b"", b"\x80", b"{}", msgspec.msgpack.encode({"version": 1, "colour": "red"})])
def test_bytes_that_are_no_snapshot_are_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        SnapshotReader().read(data)


def test_a_wrong_part_is_refused_and_the_next_snapshot_is_read() -> None:
    reader, known = SnapshotReader(), snapshot()
    wrong = msgspec.to_builtins(known)
    wrong["line_items"][0]["bid_cpm"] = "dear"
    with pytest.raises(msgspec.DecodeError, match="int"):
        reader.read(msgspec.msgpack.encode(wrong))
    assert reader.read(msgspec.msgpack.encode(known)) == known
