from libc.stdint cimport int32_t, uint32_t, uint64_t


# A function of straight pieces through ``knots`` points (at least 1, x ascending), with a slope below the first and
# one above the last.
cdef double along(
    const double *x, const double *y, Py_ssize_t knots, double below, double above, double at
) noexcept nogil


# The key of a place in a tree of values: begun with the tree's number, and led on by a value at a time.
cdef uint64_t key_begun(uint64_t tree) noexcept nogil
cdef uint64_t key_led_on(uint64_t key, uint32_t value) noexcept nogil


# A table of 64-bit keys with ``mask + 1`` places (a power of two, one of them free); -1: the key is not in it.
cdef int32_t kept_under(const uint64_t *keys, const int32_t *kept, uint64_t mask, uint64_t key) noexcept nogil
