from libc.stdint cimport int64_t, uint32_t

from bidder.candidates cimport Candidate
from bidder.seller cimport Seller
from bidder.view cimport View
from cython_ext.shading cimport Landscape
from openrtb.request cimport Request

cdef enum:
    MOST_FEATURES = 16

cdef class Shading:
    """What a worker knows of others' prices. One object a worker; the landscape is exchanged between two requests."""
    cdef readonly bint on                     # is there a landscape?
    cdef readonly uint32_t version            # its; 0: none
    cdef Landscape landscape
    cdef int[MOST_FEATURES] features          # prediction.price_context.NUMBERS
    cdef int n_features
    cdef uint32_t word                        # of the request (domain.context_word)

    cdef uint32_t feature(self, int number, Candidate *row, Request r, View view) noexcept nogil
    cdef uint32_t context(
        self, Landscape l, Candidate *row, Request r, Seller seller, View view
    ) noexcept nogil
    # What to bid, by ``l``, for a pair that is worth ``worth`` at most; sets ``row.explored`` if a price is tried out.
    cdef int64_t price(
        self, Landscape l, Candidate *row, Request r, Seller seller, View view, int64_t worth
    ) noexcept nogil
