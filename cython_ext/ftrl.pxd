from libc.stdint cimport uint32_t
from libcpp.vector cimport vector

cdef class Ftrl:
    cdef readonly double alpha, beta, l1, l2
    cdef readonly Py_ssize_t size               # places
    cdef vector[double] z, n                    # of each place, and behind them of the bias

    cdef double weight(self, Py_ssize_t place) noexcept nogil
    # One example: what was predicted of it (log odds) before it was learnt.
    cdef double learn_one(self, const uint32_t *places, Py_ssize_t count, double label, double weight) noexcept nogil
