from libc.stdint cimport uint32_t, uint64_t

# Sorted unique 64-bit keys of a memory-mapped file, each with a payload of fixed size.
cdef class KeyTable:
    cdef const unsigned char[::1] mapped
    cdef const uint64_t *key
    cdef const uint32_t *start          # of bucket b the first row; one more at the end
    cdef const unsigned char *column
    cdef int bits                       # so many of the highest bits of a key say its bucket
    cdef readonly Py_ssize_t rows, width
    cdef readonly object path

    # Row of a key, or -1.
    cpdef Py_ssize_t find(self, uint64_t key) noexcept nogil
    # ``width`` bytes; of a row that `find` has returned.
    cdef const unsigned char *payload(self, Py_ssize_t row) noexcept nogil

    cdef Py_ssize_t first_bucket(self, uint64_t key) noexcept nogil
    cdef Py_ssize_t likely(self, uint64_t key) noexcept nogil
    cdef Py_ssize_t find_from(self, uint64_t key, Py_ssize_t at) noexcept nogil
