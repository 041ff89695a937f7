"""The packed record against its twins, and against bytes that are no record."""

import ctypes
import mmap
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from targeting import record as kernel
from targeting.record import (
    EXACT_IMPRESSIONS,
    MAX_SECONDS,
    NEVER,
    Conversions,
    Scored,
    Standing,
    is_capped,
    last_impression,
    live_segments,
)
from targeting.record_editor import Editor
from targeting.unpacked import Record, Unreadable, pack, unpack
from tests.examples import examples

PROT_NONE = 0  # mman.h; the mmap module does not name it
BASE = 1_700_000_000
STEPS = st.sampled_from([0, 0, 1, 2, 59, 60, 61, 3_600, 86_399, 86_400, MAX_SECONDS - 1, MAX_SECONDS, MAX_SECONDS + 1])
WINDOWS = st.sampled_from([1, 2, 60, 61, 3_600, 86_400, MAX_SECONDS])
SCOPES = st.integers(0, 4)
ALLOWED = st.integers(1, 5) | st.integers(EXACT_IMPRESSIONS - 1, 4 * EXACT_IMPRESSIONS)
SEGMENTS = st.dictionaries(
    st.integers(0, NEVER), st.one_of(st.integers(BASE - 2, BASE + 2), st.just(NEVER)), max_size=20
)
SHOWN = st.dictionaries(
    st.integers(0, NEVER), st.lists(st.integers(0, NEVER), min_size=1, max_size=9).map(sorted), max_size=9
)
NUMBERS = st.integers(0, NEVER)
RECORDS = st.builds(
    Record,
    SEGMENTS,
    SHOWN,
    relations=st.dictionaries(
        NUMBERS, st.builds(Standing, st.integers(0, 255), NUMBERS, NUMBERS, NUMBERS, NUMBERS), max_size=4
    ),
    scores=st.dictionaries(NUMBERS, st.builds(Scored, st.integers(-(1 << 31), (1 << 31) - 1), NUMBERS), max_size=4),
    conversions=st.dictionaries(NUMBERS, st.builds(Conversions, NUMBERS, st.integers(0, 0xFFFF)), max_size=4),
).map(lambda record: with_hours(record))


def with_hours(record: Record) -> Record:
    """Hours for some of the scopes, made from their times."""
    for scope, times in record.shown.items():
        if times[0] % 2:
            record.hours[scope] = {times[0] % (1 << 20): 1 + times[-1] % 0xFFF, (times[0] + 9) % (1 << 20): 1}
    return record


@settings(deadline=None)
@given(RECORDS)
def test_packing_loses_nothing(record: Record) -> None:
    assert unpack(pack(record)) == record


@settings(deadline=None)
@given(RECORDS)
def test_an_editor_changes_nothing_by_itself(record: Record) -> None:
    editor = Editor()
    assert editor.load(pack(record))
    assert editor.pack() == pack(record)


@settings(deadline=None)
@given(RECORDS, NUMBERS)
def test_what_is_read_in_place_is_what_is_unpacked(record: Record, other: int) -> None:
    data = pack(record)
    for key in {other, *record.relations, *record.scores, *record.conversions, *record.shown}:
        assert kernel.standing(data, key) == record.relations.get(key)
        assert kernel.scored(data, key) == record.scores.get(key)
        assert kernel.conversions_of(data, key) == record.conversions.get(key)
        assert last_impression(data, key) == max(record.shown.get(key, [0]))
    staged = sorted(record.relations.items())
    assert kernel.stage_facts(data) == [key << 8 | standing.stage for key, standing in staged if standing.stage]


@settings(deadline=None)
@given(SEGMENTS, st.integers(BASE - 3, BASE + 3))
def test_live_segments(segments: dict[int, int], now_s: int) -> None:
    expected = sorted(segment for segment, expires_s in segments.items() if now_s < expires_s)
    assert live_segments(pack(Record(segments)), now_s) == expected


@settings(max_examples=examples(200), deadline=None)
@given(
    impressions=st.lists(
        st.tuples(
            STEPS, st.integers(0, 5), st.lists(SCOPES, min_size=1, max_size=2, unique=True),
            st.sampled_from([1, 1, 1, 2, EXACT_IMPRESSIONS]),
        ),
        max_size=40,
    ),
    asked=st.lists(
        st.tuples(SCOPES, ALLOWED, WINDOWS, STEPS),
        min_size=1,
        max_size=12,
    ),
)  # fmt: skip
def test_a_cap_holds_at_every_instant(
    impressions: list[tuple[int, int, list[int], int]], asked: list[tuple[int, int, int, int]]
) -> None:
    """The twin keeps every impression and counts; the record keeps what it must, and is packed anew after each."""
    data: bytes = b""
    editor = Editor()
    history: list[tuple[int, int]] = []
    clock = BASE
    for step, late, scopes, times in impressions:
        clock += step
        at_s = clock - late  # notices overtake each other
        editor.load(data)
        for _ in range(times):
            editor.show(at_s, scopes)
        data = editor.pack()
        history += [(scope, at_s) for scope in scopes] * times
    for scope, allowed, seconds, later in asked:
        now_s = clock + later
        own = [at_s for which, at_s in history if which == scope]
        capped = is_capped(data, scope, allowed, seconds, now_s)
        if allowed <= EXACT_IMPRESSIONS:
            assert capped == (sum(now_s - at_s < seconds for at_s in own) >= allowed)
        else:
            newest = sorted(own)[-EXACT_IMPRESSIONS:]
            older = sorted(own)[: -len(newest)] if newest else []
            last_seconds = [at_s // 3600 * 3600 + 3599 for at_s in older]
            if newest and now_s - newest[0] >= seconds:
                last_seconds = []  # whatever is older than the oldest exact time is outside too
            counted = sum(now_s - at_s < seconds for at_s in [*newest, *last_seconds])
            assert capped == (counted >= allowed)
            assert capped or sum(now_s - at_s < seconds for at_s in own) < allowed, "never more than the cap"


@settings(deadline=None)
@given(st.permutations([(at_s, scope) for at_s in range(0, 9_000, 40) for scope in (1, 2)][:230]))
def test_counters_do_not_depend_on_the_order_of_arrival(impressions: list[tuple[int, int]]) -> None:
    editor, sorted_editor = Editor(), Editor()
    for at_s, scope in impressions:
        editor.show(at_s, [scope])
    for at_s, scope in sorted(impressions):
        sorted_editor.show(at_s, [scope])
    assert editor.pack() == sorted_editor.pack()


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


@settings(max_examples=examples(300), deadline=None)
@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.builds(bytes.__add__, st.sampled_from([b"\2", b"\x82", b"\3"]), st.binary(max_size=200)),
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
            last_impression(view, asked)
            kernel.standing(view, asked)
            kernel.scored(view, asked)
            kernel.conversions_of(view, asked)
        kernel.stage_facts(view)
        Editor().load(view)
        with suppress(Unreadable):
            unpack(view)
