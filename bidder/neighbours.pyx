"""Competitive separation: whose ads a line item does not want to stand beside.

It names advertisers, or means whoever advertises in one of its uppermost categories. What one of two line items wants holds
for both. Bids for the same imp never stand beside each other, since one of them is shown at most,
unless it is a dynamic pod.
"""

from libc.stdint cimport int32_t, uint32_t

from bidder.brands cimport Brand, Brands
from bidder.candidates cimport Candidate, Candidates
from bidder.view cimport Line, View
from openrtb.request cimport Request


cdef bint same_field(Brand *one, Brand *other, Brands brands) noexcept nogil:
    cdef int32_t i, k
    for i in range(one.tops, one.tops + one.n_tops):
        for k in range(other.tops, other.tops + other.n_tops):
            if brands.names[i] == brands.names[k]:
                return True
    return False


cdef bint keeps_away(Line *line, uint32_t advertiser, View view) noexcept nogil:
    cdef int32_t i
    for i in range(line.rivals, line.rivals + line.n_rivals):
        if view.rivals[i] == advertiser:
            return True
    return False


cdef bint beside_a_rival(Candidates c, View view, Request r, Candidate *row) noexcept nogil:
    """Would this pair stand beside one that was chosen, and that it or the other does not want there?"""
    cdef Line *line = &view.lines[row.line]
    cdef Line *other
    cdef Candidate *chosen
    cdef size_t i
    for i in range(c.chosen.size()):
        chosen = &c.chosen[i]
        other = &view.lines[chosen.line]
        if other.advertiser == line.advertiser:
            continue
        if r.imps[chosen.imp].place == r.imps[row.imp].place and not r.imps[row.imp].dynamic:
            continue
        if keeps_away(line, other.advertiser, view) or keeps_away(other, line.advertiser, view):
            return True
        if (line.separate_categories or other.separate_categories) and same_field(
            &view.brands.rows[view.ads[row.ad].brand], &view.brands.rows[view.ads[chosen.ad].brand], view.brands
        ):
            return True
    return False
