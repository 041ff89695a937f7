"""What is believed of click and conversion rates of each ad, from its results so far; and how bids learn more.

Control works beliefs out (`prediction.priors`) and sends them with its answers. Where no model is live they are the
prediction. And in a share of the auctions a line item's bids are drawn from them instead of taken at their mean (Thompson
sampling): what little is known of may come out high, is bought, and so gets known. The share of all bids' money that may
go that way is the line item's ``explore``. Draws depend on the auction's id, the line item and the creative alone, so
that a replay draws the same.
"""

from libc.stdint cimport uint32_t, uint64_t

from bidder.candidates cimport Candidates
from bidder.leases cimport Leases
from bidder.view cimport View
from cython_ext.beta_draw cimport beta_draw, next_uniform
from openrtb.request cimport Request

cdef uint64_t WHETHER = <uint64_t>0xA0761D6478BD642F
cdef uint64_t WHAT = <uint64_t>0xE7037ED1A0B428DB
cdef double LEAST_RATIO = 0.25
cdef double MOST_RATIO = 4.0


cdef bint explores(uint64_t auction, uint32_t line_item, double share) noexcept nogil:
    """Whether a line item's bids in this auction are drawn, which comes with a probability of ``share``."""
    cdef uint64_t state = (auction ^ WHETHER) + <uint64_t>line_item * WHAT
    return next_uniform(&state) < share


cdef double thompson(
    Belief *belief, bint conversions, uint64_t auction, uint32_t line_item, uint32_t creative
) noexcept nogil:
    """By how much a draw of the rate (of clicks, and if asked of conversions) is above its mean, at most four times and at
    least a quarter.
    """
    cdef uint64_t state = (auction ^ WHAT) + (<uint64_t>line_item << 32 | creative) * WHETHER
    cdef double ratio = beta_draw(belief.ctr_a, belief.ctr_b, &state) * (belief.ctr_a + belief.ctr_b) / belief.ctr_a
    if conversions:
        ratio *= beta_draw(belief.cvr_a, belief.cvr_b, &state) * (belief.cvr_a + belief.cvr_b) / belief.cvr_a
    return min(max(ratio, LEAST_RATIO), MOST_RATIO)


cdef class Beliefs:

    def __init__(self, Leases leases not None):
        self.leases = leases

    cdef int fill(self) except -1:
        cdef Learning fresh
        fresh.known.ctr = fresh.known.cvr = fresh.known.worth = fresh.bid = fresh.explored = 0.0
        if self.slots.size() < self.leases.slots.size():
            self.slots.resize(self.leases.slots.size(), fresh)
        return 0

    cdef Belief *find(self, uint32_t line_item, uint32_t creative) noexcept nogil:
        """NULL: control has said nothing of the line item yet."""
        cdef uint64_t key = <uint64_t>line_item << 32 | creative
        if self.of.count(key):
            return &self.of[key]
        return &self.of_line_item[line_item] if self.of_line_item.count(line_item) else NULL

    def apply(self, order) -> None:
        """Takes a `pacing.protocol.BeliefOrder`. Raises ValueError for rates that are none."""
        cdef Belief belief
        cdef int slot
        belief.ctr_a, belief.ctr_b, belief.cvr_a, belief.cvr_b = order.ctr_a, order.ctr_b, order.cvr_a, order.cvr_b
        if not (belief.ctr_a > 0 and belief.ctr_b > 0 and belief.cvr_a > 0 and belief.cvr_b > 0):
            raise ValueError(f"{order}: beliefs above 0 are allowed")
        if order.creative:
            self.of[<uint64_t>order.line_item << 32 | <uint32_t>order.creative] = belief
            return
        self.of_line_item[order.line_item] = belief
        slot = self.leases.slot(order.line_item)
        self.fill()
        self.slots[slot].known.ctr = order.usual_ctr
        self.slots[slot].known.cvr = order.usual_cvr
        self.slots[slot].known.worth = order.worth

    def belief(self, uint32_t line_item, uint32_t creative):
        """(ctr_a, ctr_b, cvr_a, cvr_b) for people and tests; None: nothing was said."""
        cdef Belief *found = self.find(line_item, creative)
        return (found.ctr_a, found.ctr_b, found.cvr_a, found.cvr_b) if found is not NULL else None

    def explored(self) -> tuple:
        """(CPM micros bid by strategies that work bids out, those of them whose price was drawn), all line items."""
        cdef size_t i
        cdef double bid = 0.0, explored = 0.0
        for i in range(self.slots.size()):
            bid += self.slots[i].bid
            explored += self.slots[i].explored
        return bid, explored


def account(Candidates c not None, View view not None, Beliefs beliefs not None, Request r not None):
    """Adds the chosen bids to what their line items bid so far, and bid to learn."""
    cdef size_t i
    cdef Learning *learning
    if r.test:
        return
    beliefs.fill()
    for i in range(c.chosen.size()):
        if view.lines[c.chosen[i].line].strategy:
            learning = &beliefs.slots[view.lines[c.chosen[i].line].lease]
            learning.bid += c.chosen[i].price
            if c.chosen[i].drawn:
                learning.explored += c.chosen[i].price


def thompson_ratio(Beliefs beliefs not None, uint64_t auction, uint32_t line_item, uint32_t creative, bint conversions):
    """`thompson`, for tests and replays; None: nothing is believed."""
    cdef Belief *found = beliefs.find(line_item, creative)
    return thompson(found, conversions, auction, line_item, creative) if found is not NULL else None


def explores_in(uint64_t auction, uint32_t line_item, double share) -> bool:
    """`explores`, for tests and replays."""
    return explores(auction, line_item, share)
