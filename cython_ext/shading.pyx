"""First-price shading: the bid that maximises expected surplus on a curve of win rates, found by trying its prices.

A curve tells at some prices how often a bid wins; between them the rate rises evenly, above the last it stays. What is
tried is the lowest and the highest bid allowed and every price of the curve between them, so that the search is one
pass over about a hundred numbers, without a start value that it could fail from.
"""

from cython.operator cimport dereference
from libc.math cimport exp
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libcpp.unordered_map cimport unordered_map

import numpy as np

cdef double MOST = 2.0**53  # nanos that a double holds exactly
cdef double TO_SHARE = 2.0**-53
cdef double SPREAD = 0.1
STRAY_SPREAD = SPREAD
"""Of prices tried out: one that is expected to earn less by this share of the best is drawn 1/e times as often."""


cdef class Landscape:
    """``curves``: rows of (place of its first price in ``prices``, of its first win rate in ``wins``, how many), of
    contexts 1, 2, … in this order; several can have the same prices. Prices are nanos and ascend, wins are
    probabilities and do not fall. ``children``: rows of (context, value, narrower context). ``strays``: the share of
    auctions that a price is tried out in.

    Raises ValueError, beginning with the name of what is wrong.
    """

    def __init__(self, prices, wins, curves, children, double strays=0.0):
        cdef const double[::1] all_prices = np.ascontiguousarray(prices, np.float64)
        cdef const float[::1] all_wins = np.ascontiguousarray(wins, np.float32)
        cdef const int32_t[:, ::1] rows = np.ascontiguousarray(curves, np.int32)
        cdef const uint32_t[:, ::1] narrower = np.ascontiguousarray(children, np.uint32)
        cdef Curve curve
        cdef Py_ssize_t i
        if rows.shape[1] != 3 or narrower.shape[1] != 3:
            raise ValueError("curves: they and children must be rows of three")
        if not 0.0 <= strays < 1.0:
            raise ValueError(f"strays: {strays} is not allowed; it must be from 0 to below 1")
        self.strays = strays
        for i in range(all_prices.shape[0]):
            self.prices.push_back(all_prices[i])
        for i in range(all_wins.shape[0]):
            self.wins.push_back(all_wins[i])
        curve.grid = curve.at = curve.n = 0
        self.curves.push_back(curve)
        for i in range(rows.shape[0]):
            curve.grid, curve.at, curve.n = rows[i, 0], rows[i, 1], rows[i, 2]
            if (
                curve.n < 1 or curve.grid < 0 or curve.at < 0
                or <int64_t>curve.grid + curve.n > all_prices.shape[0] or <int64_t>curve.at + curve.n > all_wins.shape[0]
            ):
                raise ValueError(f"curves: {tuple(rows[i])} is not allowed as number {i + 1}; it is not within the arrays")
            if not ascends(self.prices.data() + curve.grid, curve.n):
                raise ValueError(f"prices: those of curve {i + 1} are not allowed; they must ascend, from 0 to 2**53")
            if not rises(self.wins.data() + curve.at, curve.n):
                raise ValueError(f"wins: those of curve {i + 1} are not allowed; they must be shares that do not fall")
            self.curves.push_back(curve)
        for i in range(narrower.shape[0]):
            if not narrower[i, 0] < narrower[i, 2] < self.curves.size():
                raise ValueError(f"children: {tuple(narrower[i])} is not allowed; a context narrows to a later one")
            self.children[<uint64_t>narrower[i, 0] << 32 | <uint64_t>narrower[i, 1]] = narrower[i, 2]

    def __len__(self):
        """Contexts, the unknown one included."""
        return self.curves.size()

    cdef uint32_t narrower(self, uint32_t context, uint32_t value) noexcept nogil:
        """The context within ``context`` that has this value; the same context where there is none."""
        cdef unordered_map[uint64_t, uint32_t].iterator found = self.children.find(
            <uint64_t>context << 32 | <uint64_t>value
        )
        return context if found == self.children.end() else dereference(found).second

    def contexts(self, const uint32_t[:, :] values not None):
        """The narrowest context that each row of values (n, levels) leads to: it stops at the first that is unknown."""
        cdef Py_ssize_t i, level
        cdef uint32_t context, found
        cdef uint32_t[::1] into
        result = np.zeros(values.shape[0], np.uint32)
        into = result
        for i in range(values.shape[0]):
            context = 0
            for level in range(values.shape[1]):
                found = self.narrower(context, values[i, level])
                if found == context:
                    break
                context = found
            into[i] = context
        return result

    def win_rates(self, const uint32_t[:] contexts not None, const int64_t[:] bids not None):
        cdef Py_ssize_t i
        cdef double[::1] into
        self._check(contexts, len(bids))
        result = np.zeros(len(bids))
        into = result
        for i in range(len(bids)):
            into[i] = win_rate(self, contexts[i], bids[i])
        return result

    def shade(self, const uint32_t[:] contexts not None, const int64_t[:] values not None,
              const int64_t[:] floors not None, const int64_t[:] caps not None):
        """What to bid for each, as `shaded_below`."""
        cdef Py_ssize_t i
        cdef int64_t[::1] into
        self._check(contexts, len(values), len(floors), len(caps))
        result = np.zeros(len(values), np.int64)
        into = result
        with nogil:
            for i in range(values.shape[0]):
                into[i] = shaded_below(self, contexts[i], values[i], floors[i], caps[i])
        return result

    def stray(self, const uint32_t[:] contexts not None, const int64_t[:] values not None,
              const int64_t[:] bids not None, const int64_t[:] floors not None, const int64_t[:] caps not None,
              const uint64_t[:] numbers not None):
        """(prices, propensities), as `strayed`."""
        cdef Py_ssize_t i
        cdef int64_t[::1] into
        cdef double[::1] chances
        self._check(contexts, len(values), len(bids), len(floors), len(caps), len(numbers))
        prices, propensities = np.zeros(len(bids), np.int64), np.zeros(len(bids))
        into, chances = prices, propensities
        with nogil:
            for i in range(bids.shape[0]):
                into[i] = strayed(self, contexts[i], values[i], bids[i], floors[i], caps[i], numbers[i], &chances[i])
        return prices, propensities

    def _check(self, contexts, *lengths):
        if any(length != len(contexts) for length in lengths):
            raise ValueError(f"{len(contexts)} contexts do not go with {lengths} of the others")
        if len(contexts) and np.max(contexts) >= self.curves.size():
            raise ValueError(f"context {np.max(contexts)} is not allowed; there are {self.curves.size()}")


cdef bint ascends(const double *prices, int32_t n) noexcept nogil:
    cdef int32_t i
    for i in range(n):
        if not (0.0 <= prices[i] <= MOST) or (i and not prices[i] > prices[i - 1]):
            return False
    return True


cdef bint rises(const float *wins, int32_t n) noexcept nogil:
    cdef int32_t i
    for i in range(n):
        if not (0.0 <= wins[i] <= 1.0) or (i and not wins[i] >= wins[i - 1]):
            return False
    return True


cdef inline int32_t first_above(const double *prices, int32_t n, double price) noexcept nogil:
    """How many of the prices are not above ``price``."""
    cdef int32_t low = 0, high = n, middle
    while low < high:
        middle = (low + high) >> 1
        if prices[middle] <= price:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline double rate_at(const double *prices, const float *wins, int32_t n, int32_t above, double price) noexcept nogil:
    """``above``: as `first_above` found."""
    cdef double start, rate
    if above == n:
        return wins[n - 1]
    start = prices[above - 1] if above else 0.0
    rate = wins[above - 1] if above else 0.0
    if price <= start:
        return rate
    return rate + (wins[above] - rate) * (price - start) / (prices[above] - start)


cdef double win_rate(Landscape l, uint32_t context, int64_t bid) noexcept nogil:
    cdef Curve curve = l.curves[context]
    cdef const double *prices = l.prices.data() + curve.grid
    if curve.n == 0:
        return 1.0
    if bid <= 0:
        return 0.0
    return rate_at(prices, l.wins.data() + curve.at, curve.n, first_above(prices, curve.n, <double>bid), <double>bid)


cdef int64_t shaded(Landscape l, uint32_t context, int64_t value, int64_t floor) noexcept nogil:
    return shaded_below(l, context, value, floor, value)


cdef int64_t shaded_below(Landscape l, uint32_t context, int64_t value, int64_t floor, int64_t cap) noexcept nogil:
    """Never above value or cap, even where these do not reach the floor; of equally good bids the lowest."""
    cdef int64_t highest = value if value < cap else cap, lowest = floor if floor > 0 else 0
    cdef Curve curve = l.curves[context]
    cdef const double *prices = l.prices.data() + curve.grid
    cdef const float *wins = l.wins.data() + curve.at
    cdef int32_t i, above
    cdef double worth = <double>value, top = <double>highest, best, bid, surplus
    if curve.n == 0 or highest <= lowest:
        return highest
    bid = <double>lowest
    above = first_above(prices, curve.n, bid)
    best = (worth - bid) * rate_at(prices, wins, curve.n, above, bid)
    for i in range(above, curve.n):
        if prices[i] >= top:
            break
        surplus = (worth - prices[i]) * wins[i]
        if surplus > best:
            best = surplus
            bid = prices[i]
    surplus = (worth - top) * rate_at(prices, wins, curve.n, first_above(prices, curve.n, top), top)
    if surplus > best or best <= 0.0:
        return highest
    return <int64_t>bid


cdef inline uint64_t mixed(uint64_t x) noexcept nogil:
    """SplitMix64's finaliser (Steele, Lea and Flood, 2014)."""
    x = (x ^ (x >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <uint64_t>0x94D049BB133111EB
    return x ^ (x >> 31)


cdef int64_t strayed(
    Landscape l, uint32_t context, int64_t value, int64_t bid, int64_t floor, int64_t cap, uint64_t number,
    double *propensity
) noexcept nogil:
    """Of the curve's prices other than ``bid``, each the more often, the more it is expected to earn."""
    cdef int64_t highest = value if value < cap else cap
    cdef Curve curve = l.curves[context]
    cdef const double *prices = l.prices.data() + curve.grid
    cdef const float *wins = l.wins.data() + curve.at
    cdef uint64_t drawn = mixed(number + <uint64_t>0x9E3779B97F4A7C15)
    cdef int32_t i, first, end
    cdef double worth = <double>value, ours = <double>bid, best, whole = 0.0, left, weight = 0.0
    propensity[0] = 1.0
    if l.strays <= 0.0 or curve.n == 0 or floor >= highest:
        return bid
    first = first_above(prices, curve.n, <double>(floor - 1))
    end = first_above(prices, curve.n, <double>highest)
    best = (worth - ours) * win_rate(l, context, bid)
    if end - first < 2 or best <= 0.0:
        return bid
    if <double>(drawn >> 11) * TO_SHARE >= l.strays:
        propensity[0] = 1.0 - l.strays
        return bid
    for i in range(first, end):
        if prices[i] != ours:
            whole += exp(((worth - prices[i]) * wins[i] / best - 1.0) / SPREAD)
    left = <double>(mixed(drawn) >> 11) * TO_SHARE * whole
    for i in range(first, end):
        if prices[i] != ours:
            weight = exp(((worth - prices[i]) * wins[i] / best - 1.0) / SPREAD)
            bid = <int64_t>prices[i]
            left -= weight
            if left < 0.0:
                break
    propensity[0] = l.strays * weight / whole
    return bid
