from libc.stdint cimport int64_t

from bidder.seller cimport Seller
from openrtb.request cimport Deal, Imp, Request

cdef int64_t floor_of(Imp *imp, Deal *deal, int64_t length_ms, Seller seller, Request r) noexcept nogil
