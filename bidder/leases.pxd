from libc.stdint cimport int64_t, uint32_t
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector

cdef struct Lease:
    uint32_t id            # 0: none held
    uint32_t line_item
    int64_t granted        # nanos of the advertiser's currency
    int64_t reserved
    int64_t end_ns         # monotonic
    int64_t bids           # made from it
    int64_t granted_bids   # UNCOUNTED: as many as the money pays for

cdef enum:
    UNCOUNTED = -1

cdef class Leases:
    """All leases of one worker. A line item keeps its slot for the worker's life; views refer to slots."""
    cdef vector[Lease] slots
    cdef unordered_map[uint32_t, int] by_line_item
    cdef public int64_t now_ns  # monotonic; set once a request
    cdef int slot(self, uint32_t line_item)
    cdef uint32_t reserve(self, int slot, int64_t amount) noexcept nogil

cdef inline bint covers(Leases held, int slot, int64_t amount, int64_t bids) noexcept nogil:
    """Is there a lease, still running, with this much left, for so many bids together?"""
    cdef Lease *lease = &held.slots[slot]
    if lease.id == 0 or lease.end_ns <= held.now_ns or lease.granted - lease.reserved < amount:
        return False
    return lease.granted_bids == UNCOUNTED or lease.bids + bids <= lease.granted_bids
