"""First-price shading: the bid that maximises expected surplus on a curve of win rates, found by trying its prices.

A curve tells at some prices how often a bid wins; between them the rate rises evenly, above the last it stays. What is
tried is the lowest and the highest bid allowed and every price of the curve between them, so that the search is one
pass over about a hundred numbers, without a start value that it could fail from.
"""

from cython.operator cimport dereference
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libcpp.unordered_map cimport unordered_map

import numpy as np

cdef enum:
    N_FACTORS = 8

cdef double[N_FACTORS] FACTORS
FACTORS[:] = [0.7, 0.79, 0.87, 0.94, 1.06, 1.15, 1.27, 1.43]
TRIED_FACTORS = tuple(FACTORS)
"""By one of these a bid is multiplied when a price is tried out, each as often as the others."""

cdef double MOST = 2.0**53  # nanos that a double holds exactly
cdef double TO_SHARE = 2.0**-53


cdef class Landscape:
    """``curves``: (prices, wins) of contexts 1, 2, … in this order, arrays of equal length; prices in nanos ascend, wins
    are probabilities and do not fall. ``children``: (context, value, narrower context). ``strays``: the share of auctions
    that a price is tried out in, below 1.

    Raises ValueError for anything else.
    """

    def __init__(self, curves, children, double strays=0.0):
        cdef Curve curve
        cdef double price
        cdef float rate
        cdef dict grids = {}
        if not 0.0 <= strays < 1.0:
            raise ValueError(f"strays: {strays} is not allowed; it must be from 0 to below 1")
        self.strays = strays
        curve.grid = curve.at = curve.n = 0
        self.curves.push_back(curve)
        for number, (prices, wins) in enumerate(curves, 1):
            grid = np.ascontiguousarray(prices, np.float64)
            rates = np.ascontiguousarray(wins, np.float32)
            why = self._wrong(grid, rates)
            if why:
                raise ValueError(f"curve {number}: {why}")
            curve.n = <int32_t>len(grid)
            curve.at = <int32_t>self.wins.size()
            for rate in rates:
                self.wins.push_back(rate)
            place = grids.get(grid.tobytes())
            if place is None:
                place = grids[grid.tobytes()] = self.prices.size()
                for price in grid:
                    self.prices.push_back(price)
            curve.grid = place
            self.curves.push_back(curve)
        for context, value, child in children:
            if not (0 <= context < child < self.curves.size() and 0 <= value < 1 << 32):
                raise ValueError(f"children: {(context, value, child)} is not allowed; a context narrows to a later one")
            self.children[<uint64_t>context << 32 | <uint64_t>value] = child

    @staticmethod
    def _wrong(grid, rates):
        if grid.ndim != 1 or grid.shape != rates.shape or not len(grid):
            return f"shapes {grid.shape} and {rates.shape} are not allowed; prices and wins must be as many"
        if not np.all(np.isfinite(grid)) or grid[0] < 0 or grid[-1] > MOST or np.any(np.diff(grid) <= 0):
            return "prices must ascend, from 0 to 2**53 nanos"
        if not np.all((rates >= 0) & (rates <= 1)) or np.any(np.diff(rates) < 0):
            return "wins must be probabilities that do not fall"
        return None

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

    def stray(self, const int64_t[:] bids not None, const int64_t[:] floors not None, const int64_t[:] highest not None,
              const uint64_t[:] numbers not None):
        """(prices, propensities), as `strayed`."""
        cdef Py_ssize_t i
        cdef int64_t[::1] into
        cdef double[::1] chances
        if not len(bids) == len(floors) == len(highest) == len(numbers):
            raise ValueError("bids, floors, highest and numbers must be as many")
        prices, propensities = np.zeros(len(bids), np.int64), np.zeros(len(bids))
        into, chances = prices, propensities
        with nogil:
            for i in range(bids.shape[0]):
                into[i] = strayed(self, bids[i], floors[i], highest[i], numbers[i], &chances[i])
        return prices, propensities

    def _check(self, contexts, *lengths):
        if any(length != len(contexts) for length in lengths):
            raise ValueError(f"{len(contexts)} contexts do not go with {lengths} of the others")
        if len(contexts) and np.max(contexts) >= self.curves.size():
            raise ValueError(f"context {np.max(contexts)} is not allowed; there are {self.curves.size()}")


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


cdef inline int64_t moved(int64_t bid, int factor, int64_t floor, int64_t highest) noexcept nogil:
    cdef int64_t price = <int64_t>(<double>bid * FACTORS[factor] + 0.5)
    if price > highest:
        price = highest
    return floor if price < floor else price


cdef int64_t strayed(
    Landscape l, int64_t bid, int64_t floor, int64_t highest, uint64_t number, double *propensity
) noexcept nogil:
    """The propensity counts all ways to the price: factors that are cut to the same one, and not straying at all."""
    cdef uint64_t drawn = mixed(number + <uint64_t>0x9E3779B97F4A7C15)
    cdef double aside = l.strays
    cdef int64_t price = bid
    cdef int i, ways = 0
    if aside <= 0.0 or highest <= floor or bid > highest or bid < floor:
        propensity[0] = 1.0
        return bid
    if <double>(drawn >> 11) * TO_SHARE < aside:
        price = moved(bid, <int>(mixed(drawn) >> 61), floor, highest)
    for i in range(N_FACTORS):
        ways += moved(bid, i, floor, highest) == price
    propensity[0] = aside * ways / N_FACTORS
    if price == bid:
        propensity[0] += 1.0 - aside
    return price
