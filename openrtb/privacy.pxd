"""What the privacy signals of a request allow us to do with the person behind it."""

from openrtb.request cimport Request
from openrtb.tcf cimport Vendor

cdef enum Use:
    NO_BID           # not even an ad by context
    CONTEXTUAL       # no id, no profile, no frequency record, no place finer than the region
    FULL

cdef struct Policy:  # an exchange's: the most that a raised signal leaves
    Use coppa, lmt, dnt, gdpr, us

cdef Policy policy_of(object privacy) except *
cdef Use allowed_use(Request r, const Policy *policy, Vendor vendor) noexcept nogil
