"""Fixed CPM: bid what the marketer wrote; in a fixed-price deal (``at`` 3) what was agreed."""

from bidder.candidates cimport Candidate, Candidates
from openrtb.request cimport Request

cdef int FIXED_PRICE = 3  # of a deal's ``at``, OpenRTB 3.2.12


def fixed_cpm(Candidates c not None, Request r not None):
    """Sets each pair's price; none falls below its floor, none rises above the marketer's bid."""
    cdef size_t i
    cdef Candidate *row
    for i in range(c.rows.size()):
        row = &c.rows[i]
        if row.deal >= 0 and r.deals[row.deal].auction_type == FIXED_PRICE and row.floor > 0:
            row.price = row.floor
    return c.rows.size()
