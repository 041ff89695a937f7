from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libcpp.vector cimport vector

# Frequency scopes: what impressions are counted by. Ids below 2^29.
cdef inline uint32_t scope_campaign(uint32_t campaign) noexcept nogil:
    return (<uint32_t>1 << 29) | campaign

cdef inline uint32_t scope_line_item(uint32_t line_item) noexcept nogil:
    return (<uint32_t>2 << 29) | line_item

# Appends the ids of the segments live at ``now_s`` (unix seconds); says how many. An unreadable record has none.
cdef int segments(const uint8_t *data, Py_ssize_t size, int64_t now_s, vector[uint64_t] &out) noexcept nogil

# Whether one more impression at ``now_s`` would exceed ``impressions`` in the last ``seconds``. No record (size 0): no;
# an unreadable record: yes, since a cap must never be exceeded.
cdef bint capped(
    const uint8_t *data, Py_ssize_t size, uint32_t scope, int64_t impressions, int64_t seconds, int64_t now_s
) noexcept nogil
