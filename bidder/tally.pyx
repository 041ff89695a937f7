"""What a worker counts of each exchange, and how long its answers take. Every request pays for it, so it is compiled."""

from libc.stdint cimport int64_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

cdef extern from *:
    """
    static inline int bits_of(unsigned long long n) { return n ? 64 - __builtin_clzll(n) : 0; }
    """
    int bits_of(uint64_t n) nogil

cdef enum:
    LEAST_BITS = 14     # 2^14 ns, 16.384 µs, is the lowest bound

BOUNDS_S = tuple((1 << (LEAST_BITS + n)) / 1e9 for n in range(BUCKETS - 1))
"""Upper bounds of the histogram's buckets, seconds; what took longer has one more."""


cdef int64_t now_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * <int64_t> 1_000_000_000 + now.tv_nsec


cdef class Tally:

    def __init__(self, str exchange not None):
        cdef int n
        self.exchange = exchange
        self.requests = self.no_bids = self.faults = self.late = self.total_ns = 0
        for n in range(BUCKETS):
            self.counts[n] = 0

    cdef void took(self, int64_t ns) noexcept nogil:
        """An answer that was ready so long after its request had come."""
        cdef int n
        if ns < 1:
            ns = 1
        n = bits_of(<uint64_t> (ns - 1)) - LEAST_BITS   # the least with ns <= 2^(LEAST_BITS + n)
        if n < 0:
            n = 0
        elif n >= BUCKETS:
            n = BUCKETS - 1
        self.requests = self.requests + 1
        self.counts[n] = self.counts[n] + 1
        self.total_ns = self.total_ns + ns

    def answered(self, int64_t ns) -> None:
        """`took`, for callers in Python."""
        self.took(ns)

    @property
    def bids(self) -> int:
        """Requests answered with a bid: nearly all that are no no-bids, so that these pay for no counting."""
        return self.requests - self.no_bids - self.faults

    def no_bid(self) -> None:
        self.no_bids = self.no_bids + 1

    def fault(self) -> None:
        self.faults = self.faults + 1

    def was_late(self) -> None:
        self.late = self.late + 1

    def latencies(self) -> tuple:
        """(answers in each bucket of `BOUNDS_S` and above, the sum of all in seconds)."""
        return [self.counts[n] for n in range(BUCKETS)], self.total_ns / 1e9
