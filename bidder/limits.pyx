"""What the marketer limits: how often one person sees an ad, and how much money may be out."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from bidder.candidates cimport Candidate, Candidates, keep
from bidder.leases cimport Leases, covers
from bidder.seller cimport Seller
from bidder.view cimport Line, Price, View, price_of
from openrtb.request cimport Request
from targeting.record cimport capped

from domain.money import RATE_UNIT

cdef extern from *:
    ctypedef long long int128_t "__int128"

cdef int64_t UNIT = RATE_UNIT


cdef int64_t gross_amount(int64_t price, Price *of) noexcept nogil:
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


def frequency(Candidates c not None, View view not None, Request r not None):
    """Takes out whose cap this person has reached; returns how many pairs are left.

    A line item with a cap is not shown to somebody who cannot be recognised: its cap could not be kept.
    """
    cdef size_t i, kept = 0
    cdef int32_t k, judged = -1
    cdef bint over = False
    cdef int64_t others = 0, most
    cdef Candidate *row
    cdef Line *line
    cdef bytes record = r.record
    cdef const uint8_t *data = <const uint8_t *>PyBytes_AS_STRING(record) if record is not None else NULL
    cdef Py_ssize_t size = PyBytes_GET_SIZE(record) if record is not None else 0
    cdef uint32_t now_s = <uint32_t>(r.now_ns // 1_000_000_000)
    for i in range(c.rows.size()):
        row = &c.rows[i]
        line = &view.lines[row.line]
        if row.line != judged:  # pairs of one line item stand side by side
            judged = row.line
            over = line.n_caps > 0 and r.person == 0
            others = <int64_t>len(r.imp_ids) - 1 if line.roadblock else 0  # all its ads at once must be left
            if data is not NULL or (others and r.person):
                for k in range(line.caps, line.caps + line.n_caps):
                    most = view.caps[k].impressions - others
                    if capped(data, size, view.caps[k].scope, most, view.caps[k].seconds, now_s):
                        over = True
                        break
        if not over:
            kept = keep(c, i, kept)
        elif c.keep_reasons:
            c.out("frequency", row.line, row.ad, row.imp,
                  "a frequency cap is reached" if r.person else "it has a frequency cap, and nobody knows who this is")
    c.rows.resize(kept)
    return kept


def gate(Candidates c not None, View view not None, Seller seller not None, Leases leases not None, Request r not None):
    """Takes out what the leases do not cover; returns how many pairs are left."""
    cdef size_t i, kept = 0
    cdef int64_t gross
    cdef Candidate *row
    cdef Price *prices = price_of(view, seller, 0)
    for i in range(c.rows.size()):
        row = &c.rows[i]
        gross = gross_amount(billed(row.price, seller, r, row.imp), &prices[row.line])
        if covers(leases, view.lines[row.line].lease, gross, 1):
            kept = keep(c, i, kept)
        elif c.keep_reasons:
            c.out("gate", row.line, row.ad, row.imp, "its lease does not cover the bid: budgets are spent, or their plans let no more out yet")
    c.rows.resize(kept)
    return kept
