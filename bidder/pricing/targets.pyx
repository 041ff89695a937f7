"""Strategies with a goal: what a result may cost, times the probability of it.

That is the price at which a result costs its goal on average where one pays what one bids, and less where one pays the
second price; the goal's controller (`pacing.goals`) makes up for the difference by the pace's multiplier.
"""

from bidder.facts cimport Facts
from bidder.pricing.strategy cimport Known, Strategy, Terms


cdef class TargetCpc(Strategy):
    """A click for ``goal``."""

    cdef double value(
        self, const Terms *terms, const Known *known, const Facts *facts, double ctr, double cvr
    ) noexcept nogil:
        return terms.goal * ctr


cdef class TargetCpa(Strategy):
    """A conversion for ``goal``."""

    predictions = ("ctr", "cvr")

    cdef double value(
        self, const Terms *terms, const Known *known, const Facts *facts, double ctr, double cvr
    ) noexcept nogil:
        return terms.goal * ctr * cvr


cdef class TargetRoas(Strategy):
    """Conversions worth ``goal`` times what they cost."""

    predictions = ("ctr", "cvr")

    cdef double value(
        self, const Terms *terms, const Known *known, const Facts *facts, double ctr, double cvr
    ) noexcept nogil:
        cdef double worth = known.worth if known.worth > 0.0 else terms.worth
        return worth * ctr * cvr / terms.goal if terms.goal > 0.0 else 0.0
