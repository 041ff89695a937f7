# cython: overflowcheck=False
"""How often each of very many keys came so far, the past counting less the longer ago it is; and how long ago the last was.

What is told of an arrival depends on those before it only, in the order in which they are given.
"""

from cython.operator cimport dereference, postincrement
from libc.math cimport exp2
from libc.stdint cimport int64_t, uint64_t
from libcpp.algorithm cimport nth_element
from libcpp.unordered_map cimport unordered_map
from libcpp.utility cimport pair
from libcpp.vector cimport vector

import numpy as np


cdef class DecayedCounts:
    """A count halves every ``half_life_ns``. With more than ``most`` keys those that were not seen for longest are forgotten.

    Raises ValueError that begins with the argument's name.
    """

    def __init__(self, double half_life_ns, Py_ssize_t most=1 << 24):
        if not 0 < half_life_ns < 1e300:
            raise ValueError(f"half_life_ns: {half_life_ns} is not allowed; a number above 0 is")
        if most < 2:
            raise ValueError(f"most: {most} is not allowed; 2 or more is")
        self.half_life_ns, self.most = half_life_ns, most

    def __len__(self):
        return self.seen.size()

    cdef double observe_one(self, uint64_t key, int64_t time_ns, int64_t *gap) noexcept nogil:
        cdef double before
        cdef unordered_map[uint64_t, Seen].iterator found = self.seen.find(key)
        cdef Seen *seen
        if found == self.seen.end():
            if <Py_ssize_t>self.seen.size() >= self.most:
                self.forget_half()
            seen = &self.seen[key]
            seen.count, seen.last = 1, time_ns
            gap[0] = -1
            return 0
        seen = &dereference(found).second
        gap[0] = time_ns - seen.last if time_ns > seen.last else 0  # a clock that went back: at once
        before = seen.count * exp2(-<double>gap[0] / self.half_life_ns)
        seen.count = before + 1
        if time_ns > seen.last:
            seen.last = time_ns
        return before

    cdef void forget_half(self) noexcept nogil:
        cdef vector[int64_t] times
        cdef int64_t middle
        cdef size_t half = self.seen.size() // 2, gone = 0
        cdef unordered_map[uint64_t, Seen].iterator at = self.seen.begin()
        times.reserve(self.seen.size())
        while at != self.seen.end():
            times.push_back(dereference(at).second.last)
            postincrement(at)
        nth_element(times.begin(), times.begin() + half, times.end())
        middle = times[half]
        at = self.seen.begin()
        while at != self.seen.end():
            if dereference(at).second.last < middle or (dereference(at).second.last == middle and gone < half):
                at = self.seen.erase(at)
                gone += 1
            else:
                postincrement(at)

    def observe(self, keys not None, times_ns not None):
        """Arrivals one after the other: uint64 and int64 (n) in; counts before each, and seconds since the last (NaN if it
        is the first), float64 (n) out."""
        cdef const uint64_t[::1] key = np.ascontiguousarray(keys, np.uint64)
        cdef const int64_t[::1] time = np.ascontiguousarray(times_ns, np.int64)
        if key.shape[0] != time.shape[0]:
            raise ValueError(f"times_ns: are {time.shape[0]} for {key.shape[0]} keys")
        counts, gaps = np.empty(key.shape[0]), np.empty(key.shape[0])
        cdef double[::1] count = counts
        cdef double[::1] since = gaps
        cdef Py_ssize_t i
        cdef int64_t gap = 0
        cdef double nan = float("nan")
        with nogil:
            for i in range(key.shape[0]):
                count[i] = self.observe_one(key[i], time[i], &gap)
                since[i] = gap * 1e-9 if gap >= 0 else nan
        return counts, gaps

    def state(self):
        """All that is known, by ascending key: keys uint64, counts float64, times int64."""
        cdef unordered_map[uint64_t, Seen].iterator at = self.seen.begin()
        keys = np.empty(self.seen.size(), np.uint64)
        counts, last = np.empty(len(keys)), np.empty(len(keys), np.int64)
        cdef uint64_t[::1] key = keys
        cdef double[::1] count = counts
        cdef int64_t[::1] time = last
        cdef Py_ssize_t i
        for i in range(key.shape[0]):
            key[i] = dereference(at).first
            count[i], time[i] = dereference(at).second.count, dereference(at).second.last
            postincrement(at)
        order = np.argsort(keys)
        return keys[order], counts[order], last[order]

    def restore(self, keys not None, counts not None, last_ns not None):
        """Makes this what `state` told. Raises ValueError for what it cannot have told."""
        cdef const uint64_t[::1] key = np.ascontiguousarray(keys, np.uint64)
        cdef const double[::1] count = np.ascontiguousarray(counts, np.float64)
        cdef const int64_t[::1] time = np.ascontiguousarray(last_ns, np.int64)
        cdef Py_ssize_t i
        cdef Seen seen
        if not (key.shape[0] == count.shape[0] == time.shape[0]):
            raise ValueError(f"counts: are {count.shape[0]}, and times {time.shape[0]}, for {key.shape[0]} keys")
        if not ((np.asarray(count) >= 0) & (np.asarray(count) < np.inf)).all():
            raise ValueError("counts: are not all finite and at least 0")
        if len(np.unique(keys)) != key.shape[0] or key.shape[0] > self.most:
            raise ValueError(f"keys: are not different, or more than {self.most}")
        self.seen.clear()
        for i in range(key.shape[0]):
            seen.count, seen.last = count[i], time[i]
            self.seen[key[i]] = seen
