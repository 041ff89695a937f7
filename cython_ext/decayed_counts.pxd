from libc.stdint cimport int64_t, uint64_t
from libcpp.unordered_map cimport unordered_map


cdef struct Seen:
    double count      # as it was at ``last``
    int64_t last      # nanoseconds


cdef class DecayedCounts:
    cdef unordered_map[uint64_t, Seen] seen
    cdef readonly double half_life_ns
    cdef readonly Py_ssize_t most

    # How often the key came before, halved every half-life; and it comes once more. ``gap`` gets the nanoseconds since the
    # last time, -1 if there was none.
    cdef double observe_one(self, uint64_t key, int64_t time_ns, int64_t *gap) noexcept nogil
    cdef void forget_half(self) noexcept nogil
