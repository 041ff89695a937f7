"""Tables of keys against a dict that holds the same, for keys that lie evenly and for keys that do not."""

import errno
import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cython_ext.key_table import KeyTable, KeyTableWriter, find_all, remove_keys, write_key_table
from tests.examples import examples

LAST = (1 << 64) - 1
KEYS = st.one_of(
    st.integers(0, LAST),
    st.integers(0, 40),  # all in one bucket
    st.integers(LAST - 40, LAST),
    st.integers(0, 63).map(lambda bit: 1 << bit),
)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    written=st.lists(st.tuples(KEYS, st.binary(min_size=3, max_size=3)), max_size=200),
    even=st.integers(0, 3000),
    others=st.lists(KEYS, max_size=100),
)
def test_a_table_is_the_dict_of_what_was_written(
    tmp_path: Path, written: list[tuple[int, bytes]], even: int, others: list[int]
) -> None:
    rng = random.Random(even)
    written = [*((rng.getrandbits(64), rng.randbytes(3)) for _ in range(even)), *written]
    twin = dict(written)
    keys = np.array([key for key, _ in written], np.uint64)
    write_key_table(tmp_path / "t", keys, b"".join(payload for _, payload in written), 3)
    table = KeyTable(tmp_path / "t")
    asked = [*twin, *others, *(key ^ 1 for key in twin)]
    places = {key: row for row, key in enumerate(sorted(twin))}
    assert len(table) == len(twin)
    assert [table.get(key) for key in asked] == [twin.get(key) for key in asked]
    assert table.keys().tolist() == sorted(twin)
    assert [bytes(row) for row in table.payloads()] == [twin[key] for key in sorted(twin)]
    assert table.find_many(np.array(asked, np.uint64)).tolist() == [places.get(key, -1) for key in asked]
    asked = asked[-150:]
    for tables in (0, 1, 2, 35):
        assert find_all((table,) * tables, asked) == [
            (t, k, places[key]) for t in range(tables) for k, key in enumerate(asked) if key in places
        ]


def test_blocks_in_order_make_one_table_and_a_failure_none(tmp_path: Path) -> None:
    path = tmp_path / "t"
    write_key_table(path, np.array([7, 5, 7], np.uint64))
    old = KeyTable(path)
    with pytest.raises(ValueError, match="ascending"), KeyTableWriter(path, 1) as writer:
        writer.append(np.array([1, 9], np.uint64), b"ab")
        writer.append(np.array([9], np.uint64), b"c")
    assert KeyTable(path).keys().tolist() == [5, 7]
    with KeyTableWriter(path, 1) as writer:
        writer.append(np.array([1, 9], np.uint64), b"ab")
        writer.append(np.array([LAST], np.uint64), b"c")
    assert (KeyTable(path).get(LAST), KeyTable(path).get(5), old.get(5)) == (b"c", None, b"")
    assert [one.name for one in tmp_path.iterdir()] == ["t"]


def test_a_table_that_the_disk_does_not_take_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    write_key_table(tmp_path / "t", np.array([5], np.uint64))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_key_table(tmp_path / "t", np.array([6], np.uint64))
    assert [one.name for one in tmp_path.iterdir()] == ["t"] and KeyTable(tmp_path / "t").keys().tolist() == [5]


def test_what_is_no_whole_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t"
    write_key_table(path, np.arange(1000, dtype=np.uint64), bytes(2000), 2)
    whole = path.read_bytes()
    for damaged in (whole[:30], whole[:-4], whole + b"0000", b"x" + whole[1:], whole[:20] + b"\1" + whole[21:], b""):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=str(path)):
            KeyTable(path)
    index = len(whole) - 4 * 33  # 1000 keys are in 32 buckets
    for place, row in ((5, 1 << 31), (5, 999), (31, 1001)):
        write_key_table(path, np.arange(1000, dtype=np.uint64) << np.uint64(54), bytes(2000), 2)
        evenly = bytearray(path.read_bytes())
        assert evenly[index + 4 * 32 :] == (1000).to_bytes(4, "little")
        evenly[index + 4 * place : index + 4 * place + 4] = row.to_bytes(4, "little")
        path.write_bytes(evenly)
        with pytest.raises(ValueError, match="index does not fit"):
            KeyTable(path)
    with pytest.raises(ValueError, match="payload"):
        write_key_table(path, np.arange(3, dtype=np.uint64), b"12345", 2)


def test_keys_are_removed_with_their_payloads_and_only_those(tmp_path: Path) -> None:
    path, rng = tmp_path / "t", random.Random(4)
    twin = {rng.getrandbits(64): rng.randbytes(5) for _ in range(300)}
    write_key_table(path, np.array(list(twin), np.uint64), b"".join(twin.values()), 5)
    whole, stranger = path.read_bytes(), max(twin) - 1
    assert remove_keys(tmp_path / "none", [1]) == 0 == remove_keys(path, [stranger]) == remove_keys(path, [])
    assert path.read_bytes() == whole
    gone = list(twin)[::3]
    assert remove_keys(path, [*gone, stranger, gone[0]]) == len(gone)
    left, table = {key: twin[key] for key in twin if key not in gone}, KeyTable(path)
    assert {int(key): table.get(int(key)) for key in table.keys()} == left  # noqa: SIM118
