"""What an impression is worth to a line item: one small class a strategy, compiled, registered in `strategies`."""

from bidder.facts cimport P_APPROVED, PD, Facts


cdef class Strategy:
    """The base of all. ``predictions`` says what it has to be told: ``()``, ``("ctr",)`` or ``("ctr", "cvr")``.

    A subclass has `value`, and nothing else; how to write one is in docs/pricing.md.
    """

    predictions = ("ctr",)

    cdef double value(
        self, const Terms *terms, const Known *known, const Facts *facts, double ctr, double cvr
    ) noexcept nogil:
        return 0.0

    def value_of(self, *, double goal=0.0, double cap=0.0, double worth=0.0, double known_ctr=0.0,
                 double known_cvr=0.0, double known_worth=0.0, double ctr=0.0, double cvr=0.0, double margin=0.0,
                 double exposure=0.0, double lgd=0.0, double p_approved=0.0, double pd=0.0, facts=()) -> float:
        """`value`, for tests and for back-tests in Python. ``facts``: of the person, probabilities of approval and of
        default, if they are known.
        """
        cdef Terms terms
        cdef Known known
        cdef Facts person
        person.known = 0
        terms.margin, terms.exposure, terms.lgd = margin, exposure, lgd
        terms.p_approved, terms.pd = p_approved, pd
        if facts:
            person.known = P_APPROVED | PD
            person.p_approved, person.pd = facts
        terms.goal, terms.cap, terms.worth = goal, cap, worth
        known.ctr, known.cvr, known.worth = known_ctr, known_cvr, known_worth
        return self.value(&terms, &known, &person, ctr, cvr)
