"""Admission: may we bid on this request at all, and what may we know about the person?"""

from bidder.view cimport Seller
from openrtb.request cimport CHILD, IN_MODEL, QUIET, Request

from openrtb.nobid import NoBidReason
from openrtb.privacy import Use, allowed_use

cdef int TOO_LITTLE_TIME = NoBidReason.TOO_LITTLE_TIME
cdef int CURRENCY = NoBidReason.CURRENCY
cdef int BLOCKED = NoBidReason.BLOCKED
cdef int PRIVACY = NoBidReason.PRIVACY
cdef int NONE = Use.NONE
cdef int CONTEXTUAL_USE = Use.CONTEXTUAL
cdef int FULL = Use.FULL

LEAST_MS = 2
"""What a decision may take, at the very least, after the way back is taken off ``tmax``."""

cdef int LEAST = LEAST_MS


def admit(Request r not None, Seller seller not None, int vendor):
    """0, or the no-bid reason. Where the signals allow contextual use only, the request forgets the person."""
    cdef int use
    if r.tmax and r.tmax < seller.network_ms + LEAST:
        return TOO_LITTLE_TIME
    if not r.currency_allowed:
        return CURRENCY
    if not r.seat_allowed:
        return BLOCKED
    if r.signals == QUIET:
        return 0
    if r.signals == IN_MODEL:
        use = allowed_use(r.model, vendor)
    else:
        use = NONE if r.signals == CHILD else CONTEXTUAL_USE
    if use == NONE:
        return PRIVACY
    if use != FULL:
        r.forget_person()
    return 0
