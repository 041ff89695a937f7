from libc.stdint cimport int64_t, uint32_t
from libcpp.vector cimport vector

cdef extern from "cython_ext/factorization.h" namespace "outbid" nogil:
    cdef cppclass Place:
        uint32_t row
        float weight
    float within(const float *const *rows, size_t first, size_t last, size_t k)
    float product(const float *x, const float *y, size_t n)
    void step(float *const *rows, size_t fields, size_t k, size_t apart, float g, float rate, float l2)

cdef class PairLearner:
    cdef readonly int fields, k             # k as given; vectors are padded to a multiple of 4
    cdef readonly double rate, l2
    cdef readonly double bias
    cdef int padded
    cdef float scale                        # of a pair's product
    cdef vector[float] vectors              # rows x 2 x fields x padded: vectors, sums of squared gradients
    cdef vector[float] weights, squares     # a place
    cdef double bias_square
    cdef vector[float *] rows               # one example's

    cdef double margin(self, const uint32_t *vectors, const uint32_t *places, Py_ssize_t count) noexcept nogil
    cdef void learn_one(self, const uint32_t *places, Py_ssize_t count, float gradient) noexcept nogil
    cdef int check(self, vectors, places) except -1
