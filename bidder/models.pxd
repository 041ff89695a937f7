from libc.stdint cimport uint32_t


cdef class Models:
    """What this worker predicts with; swapped between two requests."""
    cdef readonly double prior_ctr, prior_cvr
