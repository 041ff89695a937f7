"""The choice: for each impression the best open bid and the best bid in each deal, their prices reserved.

Equal bids take turns by the auction's id. A line item bids at most once in a response, so that its caps and leases hold
for all impressions of the request together.
"""

from libc.stdint cimport int32_t, uint64_t

from bidder.candidates cimport Candidate, Candidates
from bidder.leases cimport Leases
from bidder.limits cimport billed, gross_amount
from bidder.view cimport Price, Seller, View
from openrtb.request cimport Request


cdef uint64_t GOLDEN = <uint64_t>0x9E3779B97F4A7C15
cdef uint64_t ODD = <uint64_t>0xD6E8FEB86659FD93


cdef inline uint64_t turn(uint64_t auction, Candidate *row) noexcept nogil:
    """A number that orders equal bids differently in each auction (Fibonacci hashing of ad and line item)."""
    return (auction ^ (<uint64_t>row.ad * GOLDEN) ^ (<uint64_t>row.line << 32)) * ODD


cdef inline bint taken(Candidates c, int32_t line) noexcept nogil:
    cdef size_t i
    for i in range(c.chosen.size()):
        if c.chosen[i].line == line:
            return True
    return False


cdef Candidate *best(Candidates c, Request r, int32_t imp, int32_t deal) noexcept nogil:
    """The highest bid left for this impression, whatever the format, in this deal (-1: in the open auction); NULL if there
    is none. ``imp`` is its place in the request.
    """
    cdef Candidate *found = NULL
    cdef Candidate *row
    cdef uint64_t found_turn = 0, row_turn
    cdef size_t i
    for i in range(c.rows.size()):
        row = &c.rows[i]
        if r.imps[row.imp].place != imp or row.deal != deal or taken(c, row.line):
            continue
        if found is not NULL and row.price < found.price:
            continue
        row_turn = turn(r.hash, row)
        if found is NULL or row.price > found.price or row_turn > found_turn:
            found, found_turn = row, row_turn
    return found


def choose(Candidates c not None, View view not None, Seller seller not None, Leases leases not None, Request r not None):
    """Picks and reserves; returns how many bids there are."""
    cdef int32_t i, deal, imp = -1
    cdef Candidate *row
    cdef Price *price
    for i in range(<int32_t>r.imps.size()):
        if r.imps[i].place == imp:
            continue  # another format of the same
        imp = r.imps[i].place
        for deal in range(-1, r.imps[i].n_deals):
            row = best(c, r, imp, -1 if deal < 0 else r.imps[i].deals + deal)
            if row is NULL:
                continue
            price = &view.prices[<size_t>seller.place * view.lines.size() + <size_t>row.line]
            row.lease = leases.reserve(view.lines[row.line].lease, gross_amount(billed(row.price, seller, r, row.imp), price))
            c.chosen.push_back(row[0])
    if c.keep_reasons:
        explain_losers(c)
    return c.chosen.size()


cdef int explain_losers(Candidates c) except -1:
    cdef size_t i
    cdef Candidate *row
    cdef bint is_chosen
    for i in range(c.rows.size()):
        row = &c.rows[i]
        is_chosen = any([o.imp == row.imp and o.ad == row.ad and o.line == row.line for o in c.chosen])
        if not is_chosen:
            c.out("choose", row.line, row.ad, row.imp, "another of our bids is higher, or it is its turn")
    return 0
