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

cdef class Candidates:
    """The pairs of impression and creative that are still in the race, and who went out where."""
    cdef vector[uint64_t] words          # the index's answer, a bit a line item
    cdef vector[Candidate] rows          # still in
    cdef vector[const char *] verdicts   # of the block lists, an entry an advertiser
    cdef vector[Candidate] chosen        # what will be bid
    cdef public bint keep_reasons        # only when explaining
    cdef readonly list reasons           # (stage, line item place, creative place or -1, imp place or -1, why)
    cdef int out(self, str stage, int line, int ad, int imp, str why) except -1
