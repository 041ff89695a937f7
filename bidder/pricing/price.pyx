"""The price of each pair: what the marketer wrote, or what the impression is worth by the line item's strategy; times its
multipliers and its pace, and never above its cap. In a deal with a fixed price what was agreed, if it is worth that.

A fixed CPM without multipliers is what it always was: a number from the view, times the pace. All else is worked out in
account nanos with fees, as goals are meant, and comes down to the exchange's currency without them.
"""

from libc.stdint cimport int64_t

from bidder.beliefs cimport Belief, Beliefs, Learning, explores, thompson
from bidder.candidates cimport Candidate, Candidates, keep
from bidder.models cimport Models
from bidder.paces cimport Paces, at_fixed_price
from bidder.pricing.multipliers cimport match_multipliers, multiplied
from bidder.pricing.strategy cimport Strategy
from bidder.seller cimport Seller
from bidder.view cimport CVR, Line, Price, View, price_of
from bidder.worth cimport with_scores
from openrtb.request cimport Request

from domain.money import RATE_UNIT

cdef double UNIT = RATE_UNIT
cdef double MILLION = 1_000_000.0
cdef double MOST_VALUE = 9007199254740992.0  # 2⁵³


cdef inline double net(double gross, Price *of, Seller seller) noexcept nogil:
    """Account nanos an impression with all fees -> CPM micros of the exchange's currency without them."""
    cdef double media = (gross - <double>of.flat) * MILLION / (MILLION + <double>of.share_ppm)
    return media * UNIT / <double>of.rate * MILLION / (MILLION + <double>seller.fee_ppm)


cdef inline bint guaranteed(Candidate *row, Request r) noexcept nogil:
    return row.deal >= 0 and r.deals[row.deal].guaranteed


def price(
    Candidates c not None, View view not None, Paces paces not None, Models models not None, Beliefs beliefs not None,
    Seller seller not None, Request r not None,
):
    """Sets each pair's price, at most the line item's cap; who is too low for the floor then is out. Returns how many pairs
    are left.
    """
    cdef size_t i, kept = 0, n = c.rows.size()
    cdef Candidate *rows = c.rows.data()
    cdef Candidate *row
    cdef Line *lines = view.lines.data()
    cdef Line *line
    cdef Price *prices = price_of(view, seller, 0)
    cdef double multiplier, product
    cdef int64_t worth
    cdef bint matched = False
    paces.fill()
    c.too_little = False
    for i in range(n):
        row = &rows[i]
        line = &lines[row.line]
        multiplier = paces.slots[line.lease].multiplier
        if line.strategy or line.computes:
            product = 1.0
            if line.n_factors:
                if not matched:
                    match_multipliers(c, view, r)
                    matched = True
                product = multiplied(c, view, line, row.imp)
            if line.risk >= 0:
                product = with_scores(product, &view.risks[line.risk], view.score_steps.data(), &c.person)
            worth = computed(c, row, line, &prices[row.line], product, multiplier, view, models, beliefs, seller, r)
        else:
            worth = row.price
            if row.deal >= 0 and at_fixed_price(row, r):
                row.price = row.floor
            elif multiplier < 1.0:
                row.price = <int64_t>(row.price * multiplier)
        row.full_price = row.price
        if row.price >= row.floor and row.price > 0:
            kept = keep(c, i, kept)
            continue
        c.too_little = c.too_little or worth < row.floor or worth <= 0
        if c.keep_reasons:
            c.out("pricing", row.line, row.ad, row.imp, why_out(worth, row, multiplier))
    c.rows.resize(kept)
    return kept


cdef str why_out(int64_t worth, Candidate *row, double multiplier):
    if worth <= 0:
        return "it is worth nothing to the line item, its fees taken off"
    if worth < row.floor:
        return f"it is worth a CPM of {worth / 1e6:.4f} to the line item, which is below the floor"
    return f"to keep to its plan it bids {multiplier:.1%} of its price, which is below the floor"


cdef int64_t computed(
    Candidates c, Candidate *row, Line *line, Price *of, double product, double multiplier, View view, Models models, Beliefs beliefs,
    Seller seller, Request r,
) except -1:
    """Sets price and value of a pair whose price is no mere number; returns what it is worth at a pace of 1, at most the
    cap."""
    cdef double gross, worth, drawn = 1.0, bid
    row.drawn = False
    if line.strategy:
        gross = value_of(c, row, line, view, models, beliefs, r, &drawn) * product
        worth = net(gross, of, seller)
        row.value = <int64_t>min(max(worth, 0.0), MOST_VALUE)
        bid = net(gross * drawn * multiplier, of, seller)
    else:
        worth = net(<double>line.bid * product, of, seller)
        bid = worth * min(multiplier, 1.0)
    row.price = <int64_t>min(bid, <double>of.bid) if bid > 0.0 else 0  # not a number is not above 0
    if row.deal >= 0 and at_fixed_price(row, r):
        row.price = row.floor if row.price >= row.floor or not line.strategy or guaranteed(row, r) else 0
    return <int64_t>min(worth, <double>of.bid) if worth > 0.0 else 0


cdef double value_of(
    Candidates c, Candidate *row, Line *line, View view, Models models, Beliefs beliefs, Request r, double *drawn
) except? -1.0:
    """By the strategy: account nanos with fees. ``drawn`` is set to what the bid is multiplied by so as to learn."""
    cdef Belief *belief = NULL
    cdef Learning *learning
    cdef bint conversions = line.predictions & CVR
    beliefs.fill()
    learning = &beliefs.slots[line.lease]
    if line.explore > 0.0 or models.ctr is None or (conversions and models.cvr is None):
        belief = beliefs.find(line.id, view.ads[row.ad].id)
    if belief is not NULL:
        if models.ctr is None:
            row.ctr = belief.ctr_a / (belief.ctr_a + belief.ctr_b)
        if conversions and models.cvr is None:
            row.cvr = belief.cvr_a / (belief.cvr_a + belief.cvr_b)
        if line.explore > 0.0 and explores(r.hash, line.id, line.explore):
            if learning.explored <= line.explore * learning.bid:  # else dear draws took more than their share
                drawn[0] = thompson(belief, conversions, r.hash, line.id, view.ads[row.ad].id)
                row.explored = row.drawn = True
    return (<Strategy>line.compute).value(&line.terms, &learning.known, &c.person, row.ctr, row.cvr)
