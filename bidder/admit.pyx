"""Admission: may we bid on this request at all, and what may we know about the person?"""

from bidder.view cimport Seller
from openrtb.request cimport Request, currency_code

from openrtb.nobid import NoBidReason
from openrtb.privacy import Use, allowed_use

cdef int TOO_LITTLE_TIME = NoBidReason.TOO_LITTLE_TIME
cdef int CURRENCY = NoBidReason.CURRENCY
cdef int BLOCKED = NoBidReason.BLOCKED
cdef int PRIVACY = NoBidReason.PRIVACY
cdef int NONE = Use.NONE
cdef int FULL = Use.FULL

LEAST_MS = 2
"""What a decision may take, at the very least, after the way back is taken off ``tmax``."""

cdef int LEAST = LEAST_MS


cdef inline bint says_nothing(object regs, object device) except -1:
    """Is no privacy signal raised at all? So it is in most requests; `allowed_use` would say FULL."""
    if device is not None and (device.lmt or device.dnt):
        return False
    if regs is None:
        return True
    if regs.coppa or regs.gdpr or regs.us_privacy is not None or regs.gpp_sid is not None or regs.ext is not None:
        return False
    return True


def admit(Request r not None, Seller seller not None, int vendor):
    """0, or the no-bid reason. Where the signals allow contextual use only, the request forgets the person."""
    cdef int use
    model = r.model
    if r.tmax and r.tmax < seller.network_ms + LEAST:
        return TOO_LITTLE_TIME
    currencies = model.cur
    if currencies:
        for text in currencies:
            if currency_code(text) == seller.currency:
                break
        else:
            return CURRENCY
    seats = model.wseat
    if seats and seller.exchange.seat not in seats:
        return BLOCKED
    seats = model.bseat
    if seats and seller.exchange.seat in seats:
        return BLOCKED
    if says_nothing(model.regs, model.device):
        return 0
    use = allowed_use(model, vendor)
    if use == NONE:
        return PRIVACY
    if use != FULL:
        r.forget_person()
    return 0
