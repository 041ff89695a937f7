from libc.stdint cimport uint32_t
from libcpp.vector cimport vector

from cython_ext.encoding cimport Encoder
from cython_ext.expansion cimport Expansion
from prediction.scorer cimport Scorer

cdef class Linear(Scorer):
    cdef readonly Encoder encoder
    cdef readonly Expansion expansion    # of extended rows
    cdef readonly double bias
    cdef vector[double] table            # 2^bits weights
    # one request's
    cdef vector[uint32_t] shared_row, own_row, coded, places
