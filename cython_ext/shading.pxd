from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector

cdef struct Curve:         # how often a price wins in one context
    int32_t grid           # its prices begin here in Landscape.prices
    int32_t at             # and what they win here in Landscape.wins
    int32_t n              # 0: nothing is known

cdef class Landscape:
    """Curves of contexts that narrow step by step; context 0 is the one that nothing is known of."""
    cdef vector[double] prices                       # nanos, ascending within a grid
    cdef vector[float] wins                          # probability that a bid of that price wins, never falling
    cdef vector[Curve] curves                        # by context
    cdef unordered_map[uint64_t, uint32_t] children  # context << 32 | value -> the narrower context
    cdef readonly double strays                      # share of auctions that a price is tried out in

    cdef uint32_t narrower(self, uint32_t context, uint32_t value) noexcept nogil

# Probability that a bid wins; 1 where nothing is known.
cdef double win_rate(Landscape l, uint32_t context, int64_t bid) noexcept nogil

# The bid from ``floor`` to ``value`` with the highest (value - bid) x P(bid wins); ``value`` where nothing is known.
cdef int64_t shaded(Landscape l, uint32_t context, int64_t value, int64_t floor) noexcept nogil

# The same with no bid above ``cap``.
cdef int64_t shaded_below(Landscape l, uint32_t context, int64_t value, int64_t floor, int64_t cap) noexcept nogil

# In ``l.strays`` of the auctions another price of the curve than ``bid``, within floor, value and cap, drawn by ``number``
# (64 bits that are the auction's own); ``propensity`` is set to the probability of the price that is returned.
cdef int64_t strayed(
    Landscape l, uint32_t context, int64_t value, int64_t bid, int64_t floor, int64_t cap, uint64_t number,
    double *propensity
) noexcept nogil
