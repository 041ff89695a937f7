"""Bid multipliers: which of their expressions hold, looked up all at once in a targeting index of their own.

Line items that say the same share one expression. A request on which no line item with a multiplier is left pays nothing.
"""

from libc.stdint cimport uint64_t

from bidder.candidates cimport Candidates
from bidder.select cimport collect_imp
from bidder.view cimport Factor, Line, View
from openrtb.request cimport Request
from targeting.matcher cimport Matcher

from domain.strategy import LEAST_FACTOR, MOST_FACTOR, RATIO_UNIT
from targeting.dimensions import REQUEST_WIDE, SETS

cdef uint64_t ONE = 1
cdef uint64_t OF_AN_IMP = (ONE << SETS) - (ONE << REQUEST_WIDE)
cdef double LEAST = LEAST_FACTOR / RATIO_UNIT
cdef double MOST = MOST_FACTOR / RATIO_UNIT


cdef int match_multipliers(Candidates c, View view, Request r) except -1:
    cdef Matcher matcher = view.multiplier_index.matcher
    cdef size_t k, n = matcher.n_line_words, rows = r.imps.size()
    cdef bint by_imp = rows > 1 and matcher.wanted & OF_AN_IMP
    c.factor_words.resize(n * (rows if by_imp else 1))
    c.factor_stride = n if by_imp else 0
    for k in range(rows if by_imp else 1):
        collect_imp(c, r, &r.imps[k])
        matcher.select(c.facts.data(), c.offsets, c.measures, c.factor_words.data() + k * n)
    return 0


cdef double multiplied(Candidates c, View view, Line *line, int imp) noexcept nogil:
    cdef uint64_t *words = c.factor_words.data() + <size_t>imp * c.factor_stride
    cdef Factor *factor = view.factors.data() + line.factors
    cdef Factor *end = factor + line.n_factors
    cdef double product = 1.0
    while factor != end:
        if words[factor.when >> 6] >> (factor.when & 63) & 1:
            product *= factor.by
        factor += 1
    return min(max(product, LEAST), MOST)
