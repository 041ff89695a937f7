from libc.stdint cimport uint32_t, uint64_t
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector

from bidder.leases cimport Leases
from bidder.pricing.strategy cimport Known

cdef struct Belief:          # Beta(a, b) of the rate of clicks, and of conversions among clicks
    double ctr_a, ctr_b
    double cvr_a, cvr_b

cdef struct Learning:        # of a line item
    Known known              # of its campaign
    double bid, explored     # CPM micros that were bid so far, and of these with a price that was drawn

cdef class Beliefs:
    """What control thinks of rates, by line item and creative; and how much is bid to learn more."""
    cdef Leases leases
    cdef vector[Learning] slots                        # as those of Leases
    cdef unordered_map[uint64_t, Belief] of            # line item << 32 | creative
    cdef unordered_map[uint32_t, Belief] of_line_item  # for creatives that nothing is known of
    cdef int fill(self) except -1
    cdef Belief *find(self, uint32_t line_item, uint32_t creative) noexcept nogil

cdef bint explores(uint64_t auction, uint32_t line_item, double share) noexcept nogil
cdef double thompson(Belief *belief, bint conversions, uint64_t auction, uint32_t line_item, uint32_t creative) noexcept nogil
