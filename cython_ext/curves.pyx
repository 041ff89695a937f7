"""Functions of straight pieces, and the tables in which segments find theirs."""

from libc.stdint cimport int32_t, uint32_t, uint64_t

import numpy as np

from cython_ext.feature_hash cimport mixed


cdef double along(
    const double *x, const double *y, Py_ssize_t knots, double below, double above, double at
) noexcept nogil:
    cdef Py_ssize_t low = 0, high = knots - 1, middle
    if not at > x[0]:
        return y[0] + below * (at - x[0])
    if at >= x[high]:
        return y[high] + above * (at - x[high])
    while high - low > 1:
        middle = (low + high) >> 1
        if x[middle] <= at:
            low = middle
        else:
            high = middle
    return y[low] + (y[high] - y[low]) * (at - x[low]) / (x[high] - x[low])


cdef uint64_t key_begun(uint64_t tree) noexcept nogil:
    return mixed(tree + <uint64_t>0x9E3779B97F4A7C15)


cdef uint64_t key_led_on(uint64_t key, uint32_t value) noexcept nogil:
    return mixed((key ^ value) + <uint64_t>0x9E3779B97F4A7C15)


cdef int32_t kept_under(const uint64_t *keys, const int32_t *kept, uint64_t mask, uint64_t key) noexcept nogil:
    cdef uint64_t place = key & mask
    while kept[place] >= 0:
        if keys[place] == key:
            return kept[place]
        place = (place + 1) & mask
    return -1


def bent(x, y, double below, double above, at):
    """`along` of many points: float64 arrays in and out."""
    cdef const double[::1] knots = np.ascontiguousarray(x, np.float64), heights = np.ascontiguousarray(y, np.float64)
    cdef const double[::1] points = np.ascontiguousarray(at, np.float64)
    if knots.shape[0] < 1 or knots.shape[0] != heights.shape[0]:
        raise ValueError(f"a curve of {knots.shape[0]} and {heights.shape[0]} coordinates")
    made = np.empty(points.shape[0])
    cdef double[::1] out = made
    cdef Py_ssize_t i
    with nogil:
        for i in range(points.shape[0]):
            out[i] = along(&knots[0], &heights[0], knots.shape[0], below, above, points[i])
    return made


def keys_of(uint64_t tree, values not None):
    """Keys of rows of values: uint32 (n, k) in, uint64 (n) out."""
    cdef const uint32_t[:, ::1] rows = np.ascontiguousarray(values, np.uint32)
    made = np.empty(rows.shape[0], np.uint64)
    cdef uint64_t[::1] out = made
    cdef uint64_t key, begun = key_begun(tree)
    cdef Py_ssize_t i, j
    with nogil:
        for i in range(rows.shape[0]):
            key = begun
            for j in range(rows.shape[1]):
                key = key_led_on(key, rows[i, j])
            out[i] = key
    return made


def table_of(keys not None):
    """A table in which `kept_under` finds each key's position: uint64 and int32 arrays of equal length.

    Raises ValueError for a key that comes twice.
    """
    cdef const uint64_t[::1] given = np.ascontiguousarray(keys, np.uint64)
    cdef Py_ssize_t places = 4, i
    while places < 2 * given.shape[0]:
        places *= 2
    made, kept_made = np.zeros(places, np.uint64), np.full(places, -1, np.int32)
    cdef uint64_t[::1] table = made
    cdef int32_t[::1] kept = kept_made
    cdef uint64_t place, mask = <uint64_t>places - 1
    for i in range(given.shape[0]):
        place = given[i] & mask
        while kept[place] >= 0:
            if table[place] == given[i]:
                raise ValueError(f"key {given[i]} comes twice")
            place = (place + 1) & mask
        table[place] = given[i]
        kept[place] = <int32_t>i
    return made, kept_made
