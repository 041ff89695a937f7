"""Caps on what several line items show together: those that target one audience.

Which line items these are is a matter of the published campaigns, so there is no counter of an audience in the record;
the counters of its line items are added up when somebody asks.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libcpp.algorithm cimport binary_search
from libcpp.vector cimport vector

from targeting.record cimport HOUR, SCOPE, TIME, Parts, look, scope_line_item, u16, u32

cdef uint32_t IDS = (<uint32_t>1 << 29) - 1


cdef bint capped_together(
    const uint8_t *data, Py_ssize_t size, vector[uint32_t] *line_items, int64_t impressions, int64_t seconds,
    int64_t now_s,
) noexcept nogil:
    cdef Parts parts
    cdef const uint8_t *entry
    cdef int32_t i, k, begin = 0, end, first = 0, last
    cdef int64_t count = 0
    cdef uint32_t scope
    if impressions <= 0:
        return True
    if size == 0:
        return False
    if not look(data, size, &parts):
        return True
    for i in range(parts.n_scopes):
        entry = parts.scopes + SCOPE * i
        scope, end, last = u32(entry), u16(entry + 4), u16(entry + 6)
        if not (begin < end <= parts.n_times and first <= last <= parts.n_hours):
            return True
        if scope_line_item(scope & IDS) == scope and binary_search(line_items.begin(), line_items.end(), scope & IDS):
            k = end - 1
            while k >= begin and u32(parts.times + TIME * k) + seconds > now_s:
                count += 1
                k -= 1
            if k < begin:  # all of them are in the window; so may be some of the hours before
                k = last - 1
                while k >= first and (<int64_t>(u32(parts.hours + HOUR * k) >> 12) + 1) * 3600 - 1 + seconds > now_s:
                    count += u32(parts.hours + HOUR * k) & 0xFFF
                    k -= 1
            if count >= impressions:
                return True
        begin, first = end, last
    return False


def is_capped_together(bytes data not None, line_items, int64_t impressions, int64_t seconds, int64_t now_s):
    """Whether one more impression of any of the line items would exceed ``impressions`` in the last ``seconds``. No record
    (no bytes): no; an unreadable one: yes.
    """
    cdef vector[uint32_t] ids = sorted(line_items)
    return bool(
        capped_together(<const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), &ids, impressions, seconds, now_s)
    )
