from libc.stdint cimport int32_t, uint8_t, uint64_t

from bidder.candidates cimport Candidate, Candidates
from bidder.leases cimport Leases
from bidder.seller cimport Seller
from bidder.view cimport View
from openrtb.request cimport Request

cdef struct Viewer:        # the person's frequency record; size 0: none
    const uint8_t *record
    Py_ssize_t size

# Can this pair be bid beside all that is chosen? ``alternative``: in the place of what is chosen on its imp.
cdef bint stands(
    Candidates c, View view, Seller seller, Leases leases, Request r, Candidate *row, Viewer *viewer, bint alternative
) noexcept nogil
# What there is at most one of in a pod, as far as one number can say it.
cdef uint64_t key_of(View view, Candidate *row) noexcept nogil

cdef inline int32_t seconds_of(View view, Candidate *row) noexcept nogil:
    """Begun, as ``dur`` tells them in the bid."""
    return <int32_t>((view.ads[row.ad].length_ms + 999) // 1000)
