from libc.stdint cimport uint8_t, uint64_t


# Key and kind of the node written in ``length`` bytes; False: it is not written in one of the plain ways.
cdef bint plain_node(const uint8_t *text, Py_ssize_t length, uint64_t *key, uint8_t *kind) noexcept nogil
