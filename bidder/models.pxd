from libc.stdint cimport uint32_t, uint64_t
from libcpp.vector cimport vector

from openrtb.context cimport Context
from prediction.scorer cimport Scorer


cdef class Models:
    """What a worker predicts with. None: there is no such model, and what is likely anyway is taken."""
    cdef readonly Scorer ctr, cvr, shadow           # of clicks; that clicks convert; of clicks, beside the live one
    cdef readonly uint32_t ctr_version, cvr_version, shadow_version
    cdef readonly double prior_ctr, prior_cvr       # where nothing else is known
    cdef Context context                            # what only features ask for of a request
    cdef vector[double] scores
    cdef readonly uint64_t predicted                # rows since the start
