"""The packed record against its twins, and against bytes that are no record."""

import ctypes
import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from targeting.record import (
    MAX_IMPRESSIONS,
    MAX_SECONDS,
    NEVER,
    Record,
    Unreadable,
    is_capped,
    live_segments,
    pack,
    unpack,
)

PROT_NONE = 0  # mman.h; the mmap module does not name it
BASE = 1_700_000_000
STEPS = st.sampled_from([0, 0, 1, 2, 59, 60, 61, 3_600, 86_399, 86_400, MAX_SECONDS - 1, MAX_SECONDS, MAX_SECONDS + 1])
WINDOWS = st.sampled_from([1, 2, 60, 61, 3_600, 86_400, MAX_SECONDS])
SCOPES = st.integers(0, 4)
SEGMENTS = st.dictionaries(
    st.integers(0, NEVER), st.one_of(st.integers(BASE - 2, BASE + 2), st.just(NEVER)), max_size=20
)
SHOWN = st.dictionaries(
    st.integers(0, NEVER), st.lists(st.integers(0, NEVER), min_size=1, max_size=9).map(sorted), max_size=9
)
RECORDS = st.builds(Record, SEGMENTS, SHOWN)


@settings(deadline=None)
@given(RECORDS)
def test_packing_loses_nothing(record: Record) -> None:
    assert unpack(pack(record)) == record


@settings(deadline=None)
@given(SEGMENTS, st.integers(BASE - 3, BASE + 3))
def test_live_segments(segments: dict[int, int], now_s: int) -> None:
    expected = sorted(segment for segment, expires_s in segments.items() if now_s < expires_s)
    assert live_segments(pack(Record(segments)), now_s) == expected


@settings(max_examples=200, deadline=None)
@given(
    impressions=st.lists(
        st.tuples(STEPS, st.integers(0, 5), st.lists(SCOPES, min_size=1, max_size=2, unique=True)), max_size=40
    ),
    asked=st.lists(
        st.tuples(SCOPES, st.integers(1, 5) | st.just(MAX_IMPRESSIONS), WINDOWS, STEPS), min_size=1, max_size=12
    ),
)
def test_a_cap_is_exact_at_every_instant(
    impressions: list[tuple[int, int, list[int]]], asked: list[tuple[int, int, int, int]]
) -> None:
    """The twin keeps every impression and counts; the record keeps what it must, and is packed anew after each."""
    data, history, clock = b"", [], BASE
    for step, late, scopes in impressions:
        clock += step
        at_s = clock - late  # notices overtake each other
        record = unpack(data)
        record.show(at_s, scopes)
        data = pack(record)
        history += [(scope, at_s) for scope in scopes]
    for scope, impressions_allowed, seconds, later in asked:
        now_s = clock + later
        in_window = sum(1 for which, at_s in history if which == scope and now_s - at_s < seconds)
        assert is_capped(data, scope, impressions_allowed, seconds, now_s) == (in_window >= impressions_allowed)


@contextmanager
def at_the_edge(data: bytes) -> Iterator[memoryview]:
    """``data`` as the last bytes before a page that nobody may read: one byte too far kills the process."""
    page = mmap.PAGESIZE
    libc = ctypes.CDLL(None, use_errno=True)
    area = mmap.mmap(-1, 5 * page)
    address = ctypes.addressof(anchor := ctypes.c_char.from_buffer(area))
    last = ctypes.c_void_p(address + 4 * page)
    assert libc.mprotect(last, ctypes.c_size_t(page), PROT_NONE) == 0
    area[4 * page - len(data) : 4 * page] = data
    view = memoryview(area)[4 * page - len(data) : 4 * page]
    try:
        yield view
    finally:
        view.release()
        libc.mprotect(last, ctypes.c_size_t(page), mmap.PROT_READ | mmap.PROT_WRITE)
        del anchor
        area.close()


def damage(data: bytes, place: int, patch: bytes) -> bytes:
    place %= len(data) + 1
    return data[:place] + patch + data[place + len(patch) :]


@settings(max_examples=300, deadline=None)
@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=200).map(lambda rest: struct.pack("<H", 1) + rest),
        st.builds(damage, RECORDS.map(pack), st.integers(0, 500), st.binary(min_size=1, max_size=8)),
    ),
    scope=st.integers(0, NEVER),
    impressions=st.integers(1, NEVER),
)
def test_no_bytes_make_it_read_past_their_end(data: bytes, scope: int, impressions: int) -> None:
    """Looked up are a scope at random and every number that stands where a scope could."""
    numbers = {int.from_bytes(data[i : i + 4], "little") for i in range(10, len(data), 4)}
    with at_the_edge(data) as view:
        live_segments(view, 0)
        for asked in {scope, *numbers}:
            is_capped(view, asked, impressions, 60, 100)
            is_capped(view, asked, 1, 60, 100)
        with suppress(Unreadable):
            unpack(view)
