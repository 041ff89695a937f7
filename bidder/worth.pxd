from libc.stdint cimport uint32_t

from bidder.candidates cimport Candidates
from bidder.facts cimport CREDIT_SCORE, DEVICE_RISK, FRAUD, P_APPROVED, PD, Facts
from bidder.view cimport Risk, ScoreStep
from cython_ext.key_table cimport KeyTable
from openrtb.request cimport Request

cdef class Worth:
    """Where the facts about a person come from; one object a worker."""
    cdef readonly str risk, credit          # mode: off, profile, in_process or remote
    cdef KeyTable risk_people, credit_people  # of in_process
    cdef object lists                       # a BlackLists; None: there are none
    cdef tuple black_tables                 # KeyTables of the black ones, as they were written last;
    cdef object changed                     # keys that were changed since;
    cdef object addresses                   # and by address whether a list may name it
    cdef object told_risk, told_credit      # of remote: what was told of the person of the request at hand

    # Sets Candidates.person to what is known, of what is ``wanted`` (bidder.facts.Fact).
    cdef int learn(self, Candidates c, Request r, uint32_t wanted) except -1
    cdef bint may_be_black(self, Request r) except -1
    cdef int look_up_risk(self, Facts *facts, Request r, uint32_t wanted) except -1

cdef inline double score_of(const Facts *facts, int score, bint *known) noexcept nogil:
    """A score by its place in domain.worth.SCORE_NAMES."""
    if score == 0:
        known[0] = facts.known & FRAUD != 0
        return facts.fraud
    if score == 1:
        known[0] = facts.known & DEVICE_RISK != 0
        return facts.device_risk
    if score == 2:
        known[0] = facts.known & CREDIT_SCORE != 0
        return facts.credit_score
    if score == 3:
        known[0] = facts.known & PD != 0
        return facts.pd
    known[0] = facts.known & P_APPROVED != 0
    return facts.p_approved

cdef inline double with_scores(double product, const Risk *risk, const ScoreStep *steps, const Facts *facts) noexcept nogil:
    """A product of multipliers, with those for scores; from 0.1 to 10."""
    cdef int i
    cdef bint known = False
    cdef double value
    for i in range(risk.steps, risk.steps + risk.n_steps):
        value = score_of(facts, steps[i].score, &known)
        if known and steps[i].least <= value < steps[i].below:
            product *= steps[i].by
    return min(max(product, 0.1), 10.0)
