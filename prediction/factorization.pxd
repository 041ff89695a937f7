from libc.stdint cimport uint32_t
from libcpp.vector cimport vector

from cython_ext.encoding cimport Encoder
from cython_ext.expansion cimport Expansion
from cython_ext.factorization cimport Place
from prediction.scorer cimport Scorer

cdef class Factorization(Scorer):
    cdef readonly Encoder encoder
    cdef readonly Expansion expansion            # of extended rows
    cdef readonly double bias
    cdef int shared_fields, own_fields
    cdef int k, plain_k                          # k: padded to a multiple of 4
    cdef Py_ssize_t n_rows
    cdef vector[Place] places                    # 2^bits
    cdef vector[float] numbers                   # of the vectors
    cdef float *table                            # the same, from a whole cache line on
    # one request's
    cdef vector[uint32_t] shared_row, own_row, coded, at
    cdef vector[const float *] rows              # a field
    cdef vector[float] against                   # own fields x shared fields x k: the shared vectors against each
