from libc.stdint cimport int32_t, uint64_t

from bidder.candidates cimport Candidates
from bidder.frequency cimport History
from bidder.leases cimport Leases
from bidder.seller cimport Seller
from bidder.view cimport View
from openrtb.request cimport Request

# Before the imps of a request that has pods.
cdef int begin_pods(Request r) except -1
# The pod that the imp at this place is in, whichever of its formats says so; 0: none.
cdef uint64_t pod_of(int32_t place) noexcept nogil
# Is it the first imp of its pod?
cdef bint opens_pod(int32_t place) noexcept nogil
# Chooses for all imps of a pod, in guaranteed deals, or in all else.
cdef int fill_pod(
    Candidates c, View view, Seller seller, History history, Leases leases, Request r, uint64_t pod, bint guaranteed
) except -1
