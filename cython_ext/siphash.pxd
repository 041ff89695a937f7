from libc.stdint cimport uint64_t

cdef uint64_t siphash(uint64_t k0, uint64_t k1, const unsigned char *data, Py_ssize_t length) noexcept nogil

# As `siphash` of the same text with A to Z in lower case; other bytes count as they are.
cdef uint64_t siphash_lowered(uint64_t k0, uint64_t k1, const unsigned char *data, Py_ssize_t length) noexcept nogil
