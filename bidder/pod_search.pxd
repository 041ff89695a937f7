from libc.stdint cimport int32_t, int64_t, uint64_t
from libcpp.vector cimport vector

from bidder.candidates cimport Candidates
from bidder.frequency cimport History
from bidder.leases cimport Leases
from bidder.seller cimport Seller
from bidder.view cimport View
from openrtb.request cimport Request

cdef struct Entry:          # a pair that may be chosen
    int64_t price
    uint64_t turn
    uint64_t key            # of all entries of a key no more than one is chosen
    int32_t row             # place in Candidates.rows
    int32_t seconds

cdef class Search:
    """The choice for one pod, and its working memory, which is used again for every pod."""
    cdef vector[Entry] entries
    cdef vector[int32_t] best     # what was found: places in Candidates.rows
    cdef vector[int64_t] bounds   # [entry][n]: no n of the entries from there on are worth more
    cdef vector[int32_t] now
    cdef int64_t worth
    cdef int32_t steps, width
    cdef bint by_time             # seconds are short, not places: the best price for a second is tried first
    cdef void begin(self) noexcept nogil
    cdef bint solve(
        self, int32_t ads, int64_t seconds,
        Candidates c, View view, Seller seller, History history, Leases leases, Request r,
    ) noexcept nogil
    cdef void arrange(self, int32_t most, int64_t seconds) noexcept nogil
    cdef void bound(self, int32_t most) noexcept nogil
    cdef int64_t filled(self, int32_t at, int64_t seconds) noexcept nogil
    cdef bint hopeless(self, int32_t at, int64_t worth, int32_t ads, int64_t seconds) noexcept nogil
    cdef void note(self, int64_t worth) noexcept nogil
    cdef void descend(
        self, int32_t start, int64_t worth, int32_t ads, int64_t seconds,
        Candidates c, View view, Seller seller, History history, Leases leases, Request r,
    ) noexcept nogil
    cdef void take_in_other_order(
        self, int32_t ads, Candidates c, View view, Seller seller, History history, Leases leases, Request r
    ) noexcept nogil
