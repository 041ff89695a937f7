from libc.stdint cimport uint32_t
from libcpp.vector cimport vector

from prediction.scorer cimport Scorer

cdef class Blend(Scorer):
    cdef readonly tuple members
    cdef readonly object weights         # float64 (members)
    cdef readonly double bias
    cdef vector[double] shares
    cdef vector[void *] scorers          # borrowed from ``members``
    cdef double[256] part                # of one member's log odds
