"""The strategy of lenders: what is expected to be earned with a person who is shown the ad, after expected losses."""

from bidder.facts cimport P_APPROVED, PD, Facts
from bidder.pricing.strategy cimport Known, Strategy, Terms


cdef class CreditValue(Strategy):
    """P(click) × P(application) × P(approval) × (margin − PD × LGD × exposure). Of whom nothing is known the line item's
    own ``p_approved`` and ``pd`` are taken.
    """

    predictions = ("ctr", "cvr")

    cdef double value(
        self, const Terms *terms, const Known *known, const Facts *facts, double ctr, double cvr
    ) noexcept nogil:
        cdef double p_approved = facts.p_approved if facts.known & P_APPROVED else terms.p_approved
        cdef double pd = facts.pd if facts.known & PD else terms.pd
        return ctr * cvr * p_approved * (terms.margin - pd * terms.lgd * terms.exposure)
