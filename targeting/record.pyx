# cython: overflowcheck=False, wraparound=True
"""The packed record of one person: what the bidder reads of them on every request, without decoding it.

Little-endian, no padding::

    u16 version (1) | u16 segments | u16 scopes | u32 times        the header, 10 bytes
    segments x (u32 audience id, u32 expiry)                       ascending by id
    scopes   x (u32 scope, u32 end)                                ascending by scope; its times end there, and begin
                                                                   where those of the scope before it end
    times    x u32                                                 of impressions, ascending within their scope

Times are unix seconds. A frequency window rolls: an impression at t is in a window of s seconds until t + s, exclusive,
so "3 in 24 hours" holds at every instant, not per calendar day. A cap of k needs only the k-th newest time.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy
from libcpp.vector cimport vector

import struct
from bisect import insort

import msgspec

cdef enum:
    VERSION = 1
    HEADER = 10

NEVER = 0xFFFFFFFF
"""Expiry of a membership that does not end."""
MAX_IMPRESSIONS = 100
"""Newest times kept for a scope; so the largest cap that can be checked."""
MAX_SECONDS = 30 * 86_400
"""How long times are kept; so the longest window of a cap."""
MAX_SCOPES = 500
"""Campaigns and line items remembered for one person; those shown longest ago are forgotten first."""
MAX_SEGMENTS = 0xFFFF
MAX_SCOPE_ID = (1 << 29) - 1


cdef struct View:
    Py_ssize_t n_segments
    Py_ssize_t n_scopes
    Py_ssize_t n_times
    const uint8_t *segments
    const uint8_t *scopes
    const uint8_t *times


cdef inline uint16_t u16(const uint8_t *at) noexcept nogil:
    cdef uint16_t value
    memcpy(&value, at, 2)
    return value


cdef inline uint32_t u32(const uint8_t *at) noexcept nogil:
    cdef uint32_t value
    memcpy(&value, at, 4)
    return value


cdef inline bint look(const uint8_t *data, Py_ssize_t size, View *view) noexcept nogil:
    """Finds the parts of a record. False if the bytes are no whole record of this version: then there is no view."""
    if size < HEADER or u16(data) != VERSION:
        return False
    view.n_segments = u16(data + 2)
    view.n_scopes = u16(data + 4)
    view.n_times = u32(data + 6)
    view.segments = data + HEADER
    view.scopes = view.segments + 8 * view.n_segments
    view.times = view.scopes + 8 * view.n_scopes
    return size == HEADER + 8 * view.n_segments + 8 * view.n_scopes + 4 * view.n_times


cdef int segments(const uint8_t *data, Py_ssize_t size, int64_t now_s, vector[uint64_t] &out) noexcept nogil:
    cdef View view
    cdef Py_ssize_t i
    cdef int live = 0
    if not look(data, size, &view):
        return 0
    for i in range(view.n_segments):
        if u32(view.segments + 8 * i + 4) > now_s:
            out.push_back(u32(view.segments + 8 * i))
            live += 1
    return live


cdef bint capped(
    const uint8_t *data, Py_ssize_t size, uint32_t scope, int64_t impressions, int64_t seconds, int64_t now_s
) noexcept nogil:
    cdef View view
    cdef Py_ssize_t low = 0, high, middle, begin, end
    if impressions <= 0:
        return True
    if size == 0:
        return False
    if not look(data, size, &view):
        return True
    high = view.n_scopes
    while low < high:
        middle = (low + high) >> 1
        if u32(view.scopes + 8 * middle) < scope:
            low = middle + 1
        else:
            high = middle
    if low == view.n_scopes or u32(view.scopes + 8 * low) != scope:
        return False
    begin = u32(view.scopes + 8 * low - 4) if low else 0
    end = u32(view.scopes + 8 * low + 4)
    if begin > end or end > view.n_times:
        return True
    return end - begin >= impressions and u32(view.times + 4 * (end - impressions)) + seconds > now_s


class Unreadable(ValueError):
    """The bytes are no record of a version known here."""


class Record(msgspec.Struct):
    """A record unpacked: for the writers, for tools and for tests."""

    segments: dict[int, int] = msgspec.field(default_factory=dict)
    """Audience id -> unix second at which the membership ends."""
    shown: dict[int, list[int]] = msgspec.field(default_factory=dict)
    """Frequency scope -> unix seconds of its newest impressions, ascending."""

    def show(self, at_s: int, scopes: list[int]) -> None:
        """Counts one impression in each scope, and forgets what no cap can ask about any more."""
        for scope in scopes:
            insort(self.shown.setdefault(scope, []), at_s)
        newest = max(times[-1] for times in self.shown.values())
        kept = {}
        for scope, times in self.shown.items():
            recent = [t for t in times[-MAX_IMPRESSIONS:] if t + MAX_SECONDS > newest]
            if recent:
                kept[scope] = recent
        if len(kept) > MAX_SCOPES:
            kept = dict(sorted(kept.items(), key=lambda entry: entry[1][-1])[-MAX_SCOPES:])
        self.shown = kept


def pack(record: Record) -> bytes:
    """A `Record` as bytes. Raises ValueError if it has more entries than the format holds, or larger numbers."""
    if len(record.segments) > MAX_SEGMENTS or len(record.shown) > 0xFFFF:
        raise ValueError(
            f"{len(record.segments)} segments and {len(record.shown)} scopes; a record holds {MAX_SEGMENTS} of each"
        )
    entries, times = [], []
    for scope in sorted(record.shown):
        times += record.shown[scope]
        entries += (scope, len(times))
    flat = [number for entry in sorted(record.segments.items()) for number in entry]
    try:
        return struct.pack(
            f"<HHHI{len(flat) + len(entries) + len(times)}I",
            VERSION, len(record.segments), len(record.shown), len(times), *flat, *entries, *times,
        )
    except struct.error as error:
        raise ValueError(f"a segment, expiry, scope or time of the record is out of range: {error}") from None


def unpack(const unsigned char[::1] data not None) -> Record:
    """Bytes -> `Record`; no bytes are an empty one. Raises `Unreadable`."""
    cdef View view
    cdef const uint8_t *raw = &data[0] if data.shape[0] else NULL
    cdef Py_ssize_t i, k, begin = 0, end
    record = Record()
    if data.shape[0] == 0:
        return record
    if not look(raw, data.shape[0], &view):
        raise Unreadable(f"{data.shape[0]} bytes that are no whole record of version {VERSION}")
    for i in range(view.n_segments):
        record.segments[u32(view.segments + 8 * i)] = u32(view.segments + 8 * i + 4)
    for i in range(view.n_scopes):
        end = u32(view.scopes + 8 * i + 4)
        if end < begin or end > view.n_times:
            raise Unreadable(f"the times of scope {i} end at {end}, of {view.n_times}")
        record.shown[u32(view.scopes + 8 * i)] = [u32(view.times + 4 * k) for k in range(begin, end)]
        begin = end
    return record


def live_segments(const unsigned char[::1] data not None, int64_t now_s) -> list[int]:
    """Ids of the audiences that the person belongs to at ``now_s`` (unix seconds)."""
    cdef vector[uint64_t] out
    segments(&data[0] if data.shape[0] else NULL, data.shape[0], now_s, out)
    return list(out)


def is_capped(
    const unsigned char[::1] data not None, uint32_t scope, int64_t impressions, int64_t seconds, int64_t now_s
) -> bool:
    """Whether one more impression at ``now_s`` would exceed ``impressions`` in the last ``seconds``; see ``.pxd``."""
    return bool(capped(&data[0] if data.shape[0] else NULL, data.shape[0], scope, impressions, seconds, now_s))


def campaign_scope(campaign: int) -> int:
    """The frequency scope of a campaign id. Raises ValueError if it is out of range."""
    return scope_campaign(checked(campaign))


def line_item_scope(line_item: int) -> int:
    """The frequency scope of a line item id. Raises ValueError if it is out of range."""
    return scope_line_item(checked(line_item))


def checked(id: int) -> int:
    if not 0 <= id <= MAX_SCOPE_ID:
        raise ValueError(f"id {id} is out of range; frequency scopes take ids up to {MAX_SCOPE_ID}")
    return id
