"""Strategies without a goal: as many results as the budget buys.

A budget buys the most where every result is paid the same for, whatever the impression it comes from: the bid is so much
for a result times the probability of it. How much that is, the budget decides: pacing's multiplier is its price. Here
an impression of the usual probability is worth the cap, and the multiplier, which for these strategies goes up to
`domain.strategy.MOST_PACE`, moves all bids up and down together.
"""

from bidder.facts cimport Facts
from bidder.pricing.strategy cimport Known, Strategy, Terms

cdef double USUAL_CTR = 0.001
cdef double USUAL_CVR = 0.01


cdef inline double against_usual(double likely, double usual, double assumed) noexcept nogil:
    return likely / (usual if usual > 0.0 else assumed)


cdef class MaxClicks(Strategy):
    """As many clicks as the budget buys."""

    cdef double value(
        self, const Terms *terms, const Known *known, const Facts *facts, double ctr, double cvr
    ) noexcept nogil:
        return terms.cap * against_usual(ctr, known.ctr, USUAL_CTR)


cdef class MaxConversions(Strategy):
    """As many conversions."""

    predictions = ("ctr", "cvr")

    cdef double value(
        self, const Terms *terms, const Known *known, const Facts *facts, double ctr, double cvr
    ) noexcept nogil:
        return terms.cap * against_usual(ctr, known.ctr, USUAL_CTR) * against_usual(cvr, known.cvr, USUAL_CVR)


cdef class MaxValue(MaxConversions):
    """As much value of conversions. What a conversion is worth is one number a line item, so that within a line item it
    bids as `MaxConversions` does; the budget that several line items share goes to those whose conversions are worth
    more.
    """

    cdef double value(
        self, const Terms *terms, const Known *known, const Facts *facts, double ctr, double cvr
    ) noexcept nogil:
        cdef double worth = known.worth if known.worth > 0.0 else terms.worth
        cdef double usual = MaxConversions.value(self, terms, known, facts, ctr, cvr)
        return usual * worth / terms.worth if terms.worth > 0.0 and worth > 0.0 else usual
