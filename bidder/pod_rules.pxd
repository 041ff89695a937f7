from libc.stdint cimport int32_t, uint64_t

from bidder.candidates cimport Candidate, Candidates
from bidder.frequency cimport History
from bidder.leases cimport Leases
from bidder.seller cimport Seller
from bidder.view cimport View
from openrtb.request cimport Request

# Can this pair be bid beside all that is chosen? ``alternative``: in the place of what is chosen on its imp,
# beside which it counts against frequency caps all the same.
cdef bint stands(
    Candidates c, View view, Seller seller, History history, Leases leases, Request r, Candidate *row, bint alternative
) noexcept nogil
# What there is at most one of in a pod, as far as one number can say it.
cdef uint64_t key_of(View view, Candidate *row) noexcept nogil

cdef inline int32_t seconds_of(View view, Candidate *row) noexcept nogil:
    """Begun, as ``dur`` tells them in the bid."""
    return <int32_t>((view.ads[row.ad].length_ms + 999) // 1000)
