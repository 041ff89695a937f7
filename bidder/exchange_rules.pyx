"""What an exchange rules beyond OpenRTB: creatives that it must have approved, and restrictions in its own extensions.

Most exchanges have no such rules, and pass the stage with one look.
"""

from libc.stdint cimport int32_t, uint8_t

from bidder.candidates cimport Candidate, Candidates, keep
from bidder.seller cimport Seller
from bidder.view cimport View
from openrtb.request cimport Request


def exchange_rules(Candidates c not None, View view not None, Seller seller not None, Request r not None, bytes body not None):
    """Takes out what the exchange does not let us bid with; returns how many pairs are left. Most have no such rules."""
    if seller.reviews:
        approved(c, view, seller)
    if seller.narrows and c.rows.size():
        narrowed(c, view, seller, r, body)
    return c.rows.size()


cdef int approved(Candidates c, View view, Seller seller) except -1:
    cdef size_t i, kept = 0, first = <size_t>seller.place * view.ad_room
    cdef Candidate *row
    for i in range(c.rows.size()):
        row = &c.rows[i]
        if view.cleared[first + <size_t>row.ad]:
            kept = keep(c, i, kept)
        elif c.keep_reasons:
            c.out("exchange", row.line, row.ad, row.imp, view.why_not_cleared(seller, row.ad))
    c.rows.resize(kept)
    return 0


cdef int narrowed(Candidates c, View view, Seller seller, Request r, bytes body) except -1:
    """By the request's own extensions, which the adapter reads."""
    cdef size_t i, kept = 0
    cdef Candidate *row
    cdef int32_t place
    cdef list offers = seller.adapter.offers(body, seller.exchange)
    if not offers:
        return 0
    for i in range(c.rows.size()):
        row = &c.rows[i]
        place = r.imps[row.imp].place
        why = None
        if place < len(offers):
            offer = offers[place]
            if not offer.open_to_us:
                why = "the imp is not open to our billing id"
            elif offer.excluded and str(view.ads[row.ad].id) in offer.excluded:
                why = "the publisher has excluded the creative"
        if why is None:
            kept = keep(c, i, kept)
        elif c.keep_reasons:
            c.out("exchange", row.line, row.ad, row.imp, why)
    c.rows.resize(kept)
    return 0
