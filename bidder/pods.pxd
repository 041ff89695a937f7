from libc.stdint cimport int32_t, int64_t, uint64_t

from bidder.candidates cimport Candidates
from bidder.leases cimport Leases
from bidder.seller cimport Seller
from bidder.view cimport View
from openrtb.request cimport Request

# The pod that an imp (its place in the request) is in, whichever of its formats says so; 0: none.
cdef uint64_t pod_of(Request r, int32_t place) noexcept nogil
# Is this the first imp of the pod?
cdef bint opens_pod(Request r, int32_t place, uint64_t pod) noexcept nogil
# Chooses for all imps of a pod, in guaranteed deals, or in all else.
cdef int fill_pod(
    Candidates c, View view, Seller seller, Leases leases, Request r, uint64_t pod, bint guaranteed
) except -1
