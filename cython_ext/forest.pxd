from libc.stdint cimport int32_t, uint16_t, uint32_t
from libcpp.vector cimport vector

cdef extern from "cython_ext/forest.h" namespace "outbid" nogil:
    const int LANES
    cdef cppclass Node:
        float threshold
        uint16_t number
        uint16_t ahead
    cdef cppclass Lanes:
        int32_t roots[8]
        int32_t depth
    double walk(const Node *nodes, const double *values, const Lanes *lanes, size_t n_lanes, const float *row)

cdef class Forest:
    cdef readonly int n_columns
    cdef readonly int deepest                    # tests from a root to a leaf, at most
    # Sum of the trees' leaves for a row of n_columns values, numbers as the bits of a float32.
    cdef double total(self, const uint32_t *row) noexcept nogil

    cdef readonly object sizes, asked, thresholds, ahead, leaves
    cdef vector[Node] nodes
    cdef vector[double] values
    cdef vector[Lanes] lanes
    cdef vector[float] row                       # one row's numbers, the same negated, 0

    cdef int lay_lanes(self, list roots) except -1
