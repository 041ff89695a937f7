"""How hard each line item bids: which part of its price, and on which share of the auctions, as control ordered it.

Also the other way round: in how many auctions each line item could have bid, which is what control learns its forecast
from. Without an order a line item bids its whole price in every auction.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from bidder.candidates cimport Candidate, Candidates, keep
from bidder.leases cimport Leases
from bidder.view cimport Line, View
from openrtb.request cimport Deal, Request

from pacing.protocol import Supplied


cdef uint64_t GOLDEN = <uint64_t>0x9E3779B97F4A7C15
cdef uint64_t ODD = <uint64_t>0xD6E8FEB86659FD93
cdef int FIXED_PRICE = 3  # of a deal's ``at``, OpenRTB 3.2.12


cdef bint at_fixed_price(Candidate *row, Request r) noexcept nogil:
    """Whether it bids in a deal whose price was agreed upon (a guaranteed one's always is): then it cannot bid less."""
    cdef Deal *deal
    if row.deal < 0:
        return False
    deal = &r.deals[row.deal]
    return (deal.auction_type == FIXED_PRICE or deal.guaranteed) and deal.has_floor and row.floor > 0


cdef inline bint must_bid(Candidate *row, Request r) noexcept nogil:
    """In a guaranteed deal: what was promised is not paced (``guar``, OpenRTB 3.2.12)."""
    return row.deal >= 0 and r.deals[row.deal].guaranteed


cdef inline double draw(uint64_t auction, uint32_t line_item) noexcept nogil:
    """A number in [0, 1) that is another for each auction and line item, and the same whenever it is asked for."""
    cdef uint64_t mixed = (auction ^ (<uint64_t>line_item * GOLDEN)) * ODD
    mixed = (mixed ^ (mixed >> 32)) * GOLDEN
    return <double>(mixed >> 11) / 9007199254740992.0  # 2⁵³


cdef class Paces:

    def __init__(self, Leases leases not None):
        self.leases = leases

    cdef int fill(self) except -1:
        """A pace for each slot."""
        cdef Pace fresh
        fresh.multiplier = fresh.share = 1.0
        fresh.supply = fresh.told = 0
        if self.slots.size() < self.leases.slots.size():
            self.slots.resize(self.leases.slots.size(), fresh)
        return 0

    def apply(self, order) -> None:
        """Takes a `pacing.protocol.PaceOrder`."""
        cdef int slot = self.leases.slot(order.line_item)
        self.fill()
        self.slots[slot].multiplier, self.slots[slot].share = order.multiplier, order.share

    def supplied(self) -> list:
        """`Supplied` of every line item whose figure control has not heard of."""
        cdef list found = []
        cdef size_t i
        for i in range(self.slots.size()):
            if self.slots[i].supply != self.slots[i].told:
                found.append(Supplied(self.leases.slots[i].line_item, self.slots[i].supply))
        return found

    def heard(self, supplied) -> None:
        """Control has these figures now."""
        for one in supplied:
            self.slots[self.leases.slot(one.line_item)].told = one.auctions

    def restart(self) -> None:
        """Counts from 0 again, under another worker's number."""
        cdef size_t i
        for i in range(self.slots.size()):
            self.slots[i].supply = self.slots[i].told = 0

    def pace(self, uint32_t line_item) -> tuple:
        """(multiplier, share) of a line item, for people and tests."""
        cdef int slot = self.leases.slot(line_item)
        self.fill()
        return self.slots[slot].multiplier, self.slots[slot].share


def throttle(Candidates c not None, View view not None, Paces paces not None, Request r not None):
    """Counts who could bid, and takes out who does not bid in this auction for the sake of its plan; returns how many
    pairs are left. Where the price cannot be lowered, fewer bids stand for that.
    """
    cdef size_t i, kept = 0, n = c.rows.size()
    cdef int32_t judged = -1
    cdef Candidate *rows = c.rows.data()
    cdef Candidate *row
    cdef Line *lines = view.lines.data()
    cdef Pace *pace = NULL
    cdef double drawn = 0.0, share
    cdef bint counts = not r.test
    paces.fill()
    for i in range(n):
        row = &rows[i]
        if row.line != judged:  # pairs of one line item stand side by side
            judged = row.line
            pace = &paces.slots[lines[row.line].lease]
            pace.supply += counts
            if pace.share < 1.0 or pace.multiplier < 1.0:
                drawn = draw(r.hash, lines[row.line].id)
            else:
                drawn = 0.0
        share = pace.share
        if row.deal >= 0 and not lines[row.line].strategy and at_fixed_price(row, r):
            share *= pace.multiplier  # a bid that is worked out takes the price where it is worth it
        if drawn < share or must_bid(row, r):
            kept = keep(c, i, kept)
        elif c.keep_reasons:
            c.out("pacing", row.line, row.ad, row.imp,
                  f"to keep to its plan it bids in {pace.share:.1%} of the auctions, and not in this one")
    c.rows.resize(kept)
    return kept
