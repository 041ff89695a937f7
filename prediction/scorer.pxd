from libc.stdint cimport uint32_t


cdef class Scorer:
    cdef readonly int n_shared, n_own   # features of the request, of the candidate

    # Probabilities of ``rows`` impressions of one request: ``shared`` holds n_shared values, ``own`` rows x n_own, row
    # after row. Allocates nothing, never fails; results lie in (0, 1). One thread at a time: scratch is the object's.
    cdef void score(self, const uint32_t *shared, const uint32_t *own, Py_ssize_t rows, double *out) noexcept nogil

    # The same as log odds. Who implements only one of the two implements `score`.
    cdef void margins(self, const uint32_t *shared, const uint32_t *own, Py_ssize_t rows, double *out) noexcept nogil


# Log odds to probabilities, in place; what is not a number becomes one half.
cdef void to_probabilities(double *margins, Py_ssize_t rows) noexcept nogil
cdef double log_odds(double probability) noexcept nogil
