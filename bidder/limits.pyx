"""What the marketer limits: how much money may be out."""

from libc.stdint cimport int32_t, int64_t

from bidder.candidates cimport Candidate, Candidates, keep
from bidder.leases cimport Leases, covers
from bidder.seller cimport Seller
from bidder.view cimport Line, Price, View, price_of
from openrtb.request cimport Request

from domain.money import RATE_UNIT

cdef extern from *:
    ctypedef long long int128_t "__int128"

cdef int64_t UNIT = RATE_UNIT


cdef inline int64_t gross_amount(int64_t price, Price *of) noexcept nogil:
    """Exchange nanos -> account nanos with fees, rounded up, as `domain.money.convert_up` and `domain.fees.gross` do:
    what must be reserved.
    """
    cdef int64_t media = price
    if of.rate != UNIT:  # 128-bit division is slow, and most bids need none
        media = <int64_t>((<int128_t>price * of.rate + UNIT - 1) / UNIT)
    if of.share_ppm:
        media += <int64_t>(<int128_t>media * of.share_ppm / 1_000_000)
    return media + of.flat


cdef int64_t billed(int64_t price, Seller seller, Request r, int32_t imp) noexcept nogil:
    """What is paid at most if this bid wins, exchange nanos: the price of as many impressions as a screen in a public
    place plays to (``imp.qty``), and what the exchange charges on top of its price; rounded up.
    """
    cdef int128_t paid
    if not (r.is_dooh or seller.fee_ppm):
        return price
    paid = price
    if r.is_dooh and r.imps[imp].multiplier:
        paid = (paid * r.imps[imp].multiplier + 999_999) / 1_000_000
    if seller.fee_ppm:
        paid = (paid * (1_000_000 + seller.fee_ppm) + 999_999) / 1_000_000
    return <int64_t>paid


def still_covered(
    Candidates c not None, View view not None, Seller seller not None, Leases leases not None, Request r not None
):
    """As `gate`, of chosen bids that had to wait: others may have used their leases up. Returns how many are left."""
    cdef size_t i, k, kept = 0
    cdef int64_t gross, bids
    cdef int32_t lease
    cdef Candidate row
    for i in range(c.chosen.size()):
        row = c.chosen[i]
        lease, gross, bids = view.lines[row.line].lease, 0, 1
        for k in range(kept):  # in a pod there can be several of one line item
            if view.lines[c.chosen[k].line].lease == lease:
                gross += gross_of(&c.chosen[k], view, seller, r)
                bids += 1
        if covers(leases, lease, gross + gross_of(&row, view, seller, r), bids):
            c.chosen[kept], c.bids[kept] = row, c.bids[i]
            kept += 1
        elif c.all_or_none:
            kept = 0
            break
    c.chosen.resize(kept)
    c.bids.resize(kept)
    return kept


cdef int64_t gross_of(Candidate *row, View view, Seller seller, Request r) noexcept nogil:
    return gross_amount(billed(row.price, seller, r, row.imp), price_of(view, seller, row.line))


def gate(Candidates c not None, View view not None, Seller seller not None, Leases leases not None, Request r not None):
    """Takes out what the leases do not cover; returns how many pairs are left."""
    cdef size_t i, kept = 0, n = c.rows.size()
    cdef int64_t gross
    cdef Candidate *rows = c.rows.data()
    cdef Candidate *row
    cdef Line *lines = view.lines.data()
    cdef Price *prices = price_of(view, seller, 0)
    cdef bint as_bid = not (r.is_dooh or seller.fee_ppm)
    for i in range(n):
        row = &rows[i]
        gross = gross_amount(row.price if as_bid else billed(row.price, seller, r, row.imp), &prices[row.line])
        if covers(leases, lines[row.line].lease, gross, 1):
            kept = keep(c, i, kept)
        elif c.keep_reasons:
            c.out("gate", row.line, row.ad, row.imp, "its lease does not cover the bid: budgets are spent, or their plans let no more out yet")
    c.rows.resize(kept)
    return kept
