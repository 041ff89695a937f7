"""Roadblocks: a line item that bids on every imp of a request, to win all of them or none (``seatbid.group``, 4.2.2)."""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libcpp.vector cimport vector

from bidder.candidates cimport Candidate, Candidates, turn
from bidder.leases cimport Leases, covers
from bidder.limits cimport billed, gross_amount
from bidder.seller cimport Seller
from bidder.view cimport Price, View, price_of
from openrtb.request cimport Request

from domain.campaign import ROADBLOCKS

cdef int PAGE = ROADBLOCKS.index("page")


cdef int64_t single_worth(Candidates c, Request r) noexcept nogil:
    """What the chosen bids come to: for each imp the highest, as no more than one of them wins it. Not to be beaten where a
    guaranteed deal is among them.
    """
    cdef int64_t sum = 0
    cdef int32_t imp = -1
    cdef size_t i, k
    cdef bint highest
    for i in range(c.chosen.size()):
        if c.chosen[i].deal >= 0 and r.deals[c.chosen[i].deal].guaranteed:
            return <int64_t>1 << 62
        imp = r.imps[c.chosen[i].imp].place
        highest = True
        for k in range(c.chosen.size()):
            if r.imps[c.chosen[k].imp].place != imp or k == i:
                continue
            if r.imps[c.chosen[i].imp].dynamic:  # its bids are all for the same format, and can all be won
                continue
            if c.chosen[k].price > c.chosen[i].price or (c.chosen[k].price == c.chosen[i].price and k < i):
                highest = False
        if highest:
            sum += c.chosen[i].price
    return sum


cdef int64_t all_of(
    Candidates c, View view, Seller seller, Leases leases, Request r, int32_t line, int32_t n_imps,
    vector[Candidate] *found,
) noexcept nogil:
    """A row of the line item for each imp, in their order, and what they come to; -1 if an imp has none, or its lease does
    not cover them all.
    """
    cdef Price *price = price_of(view, seller, line)
    cdef Candidate *row
    cdef Candidate *best
    cdef int64_t sum = 0, gross = 0
    cdef int32_t imp
    cdef size_t i
    found.clear()
    for imp in range(n_imps):
        best = NULL
        for i in range(c.rows.size()):
            row = &c.rows[i]
            if row.line != line or r.imps[row.imp].place != imp:
                continue
            if best is not NULL and row.price < best.price:
                continue
            if best is NULL or row.price > best.price or turn(r.hash, row) > turn(r.hash, best):
                best = row
        if best is NULL:
            return -1
        found.push_back(best[0])
        sum += best.price
        gross += gross_amount(billed(best.price, seller, r, best.imp), price)
    return sum if covers(leases, view.lines[line].lease, gross, n_imps) else -1


cdef int take_roadblock(Candidates c, View view, Seller seller, Leases leases, Request r) except -1:
    """Puts the best roadblock in the place of what was chosen, if it pays at least as much."""
    cdef vector[Candidate] found, best
    cdef int32_t n_imps = <int32_t>len(r.imp_ids), judged = -1
    cdef int64_t worth = single_worth(c, r), sum
    cdef uint64_t now, best_turn = 0
    cdef int wanted
    cdef size_t i
    for i in range(c.rows.size()):
        if c.rows[i].line == judged:  # pairs of one line item stand side by side
            continue
        judged = c.rows[i].line
        wanted = view.lines[judged].roadblock
        if not wanted or (wanted == PAGE and not r.all_imps):
            continue
        sum = all_of(c, view, seller, leases, r, judged, n_imps, &found)
        if sum < 0 or sum < worth:
            continue
        now = turn(r.hash, &found[0])
        if best.size() and sum == worth and now <= best_turn:
            continue
        best, best_turn, worth = found, now, sum
    if best.size():
        c.chosen = best
        c.all_or_none = True
    return 0
