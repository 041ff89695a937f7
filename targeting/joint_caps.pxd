from libc.stdint cimport int64_t, uint8_t, uint32_t
from libcpp.vector cimport vector

# As `targeting.record.capped`, of the ads of several line items together; their ids ascend.
cdef bint capped_together(
    const uint8_t *data, Py_ssize_t size, vector[uint32_t] *line_items, int64_t impressions, int64_t seconds,
    int64_t now_s,
) noexcept nogil
