"""Admission: may we bid on this request at all, and what may we know about the person?"""

from bidder.seller cimport Seller
from openrtb.privacy cimport FULL, NO_BID, Use, allowed_use
from openrtb.request cimport Request
from openrtb.tcf cimport Vendor

from openrtb.nobid import NoBidReason

cdef int TOO_LITTLE_TIME = NoBidReason.TOO_LITTLE_TIME
cdef int CURRENCY = NoBidReason.CURRENCY
cdef int PRIVACY = NoBidReason.PRIVACY

LEAST_MS = 2
"""What a decision may take, at the very least, after the way back is taken off ``tmax``."""

cdef int LEAST = LEAST_MS


def admit(Request r not None, Seller seller not None, Vendor vendor not None):
    """0, or the no-bid reason. Where the signals allow contextual use only, the request forgets the person."""
    cdef Use use
    if 0 < r.tmax < seller.network_ms + LEAST:
        return TOO_LITTLE_TIME
    if not r.currency_allowed:
        return CURRENCY
    if r.signals == 0:
        return 0
    use = allowed_use(r, &seller.policy, vendor)
    if use == NO_BID:
        return PRIVACY
    if use != FULL:
        r.forget_person()
    return 0
