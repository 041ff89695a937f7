"""How long a bid is in flight."""

from libc.stdint cimport int32_t

from bidder.seller cimport Seller
from openrtb.request cimport Request


cdef inline int expiry(Seller seller, Request r, int32_t imp) noexcept nogil:
    """Seconds in which we take a billing as in time: the exchange's, no longer than the imp says (``imp.exp``, 7.2)."""
    cdef int ours = seller.expiries[r.imps[imp].format]
    cdef int theirs = r.imps[imp].exp
    return theirs if 0 < theirs < ours else ours
