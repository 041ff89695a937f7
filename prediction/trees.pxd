from libc.stdint cimport uint32_t
from libcpp.vector cimport vector

from cython_ext.encoding cimport Encoder
from cython_ext.forest cimport Forest
from prediction.scorer cimport Scorer

cdef class Trees(Scorer):
    cdef readonly Encoder encoder
    cdef readonly Forest forest          # over extended rows
    cdef readonly double bias
    cdef vector[uint32_t] row            # one extended row
