from libc.stdint cimport int64_t, uint32_t
from libcpp.vector cimport vector

from bidder.candidates cimport Candidate
from bidder.leases cimport Leases
from openrtb.request cimport Request

cdef struct Pace:
    double multiplier      # of the price
    double share           # of the auctions
    int64_t supply         # auctions so far that the line item could have bid in
    int64_t told           # of these, control has heard of

cdef class Paces:
    """All paces of one worker, in the slots that line items have in its `Leases`."""
    cdef Leases leases
    cdef vector[Pace] slots
    cdef int fill(self) except -1

cdef bint at_fixed_price(Candidate *row, Request r) noexcept nogil
