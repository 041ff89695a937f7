from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libcpp.vector cimport vector

cdef struct Candidate:
    int32_t imp            # place in Request.imps
    int32_t line           # place in View.lines
    int32_t ad             # place in View.ads
    int32_t variant        # place in Markups.variants: how the ad is written
    int32_t flex           # place in Request.flexes: the size by ratio that it fits; -1: it fits as it is
    int32_t deal           # place in Request.deals, -1 open auction
    uint32_t deal_id
    int64_t floor          # CPM micros of the exchange's currency
    int64_t price          # same; what we bid
    uint32_t lease         # set when the price was reserved

cdef struct Held:          # against frequency caps, while it is in flight
    size_t place           # in Candidates.chosen
    uint64_t *bid          # where the bid's id is to be written, see targeting.holds

cdef class Candidates:
    """The pairs of impression and creative that are still in the race, and who went out where."""
    cdef vector[uint64_t] words          # the index's answer, a bit a line item
    cdef vector[Candidate] rows          # still in
    cdef vector[const char *] verdicts   # of the block lists, an entry a brand
    cdef vector[Candidate] chosen        # what will be bid
    cdef vector[Held] held               # of these, what other workers are told of
    cdef bint all_or_none                # they are to be won together, or not at all
    cdef public bint keep_reasons        # only when explaining
    cdef readonly list reasons           # (stage, line item place, creative place or -1, imp place or -1, why)
    cdef int out(self, str stage, int line, int ad, int imp, str why) except -1

cdef inline uint64_t turn(uint64_t auction, Candidate *row) noexcept nogil:
    """A number that orders equal bids differently in each auction (Fibonacci hashing of ad and line item)."""
    return (
        auction ^ (<uint64_t>row.ad * <uint64_t>0x9E3779B97F4A7C15) ^ (<uint64_t>row.line << 32)
    ) * <uint64_t>0xD6E8FEB86659FD93
