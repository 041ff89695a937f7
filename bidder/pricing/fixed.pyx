"""Fixed CPM: bid what the marketer wrote, times the pace's multiplier; in a fixed-price deal what was agreed."""

from libc.stdint cimport int64_t

from bidder.candidates cimport Candidate, Candidates, keep
from bidder.paces cimport Paces, at_fixed_price
from bidder.view cimport Line, View
from openrtb.request cimport Request


def fixed_cpm(Candidates c not None, View view not None, Paces paces not None, Request r not None):
    """Sets each pair's price, at most the marketer's bid; who is too low for the floor then is out. Returns how many pairs
    are left.
    """
    cdef size_t i, kept = 0, n = c.rows.size()
    cdef Candidate *rows = c.rows.data()
    cdef Candidate *row
    cdef Line *lines = view.lines.data()
    cdef double multiplier
    paces.fill()
    for i in range(n):
        row = &rows[i]
        multiplier = paces.slots[lines[row.line].lease].multiplier
        if row.deal >= 0 and at_fixed_price(row, r):
            row.price = row.floor
        elif multiplier < 1.0:
            row.price = <int64_t>(row.price * multiplier)
        row.full_price = row.price
        if row.price >= row.floor and row.price > 0:
            kept = keep(c, i, kept)
        elif c.keep_reasons:
            c.out("pricing", row.line, row.ad, row.imp,
                  f"to keep to its plan it bids {multiplier:.1%} of its price, which is below the floor")
    c.rows.resize(kept)
    return kept
