from libc.stdint cimport int32_t, uint32_t, uint64_t

from prediction.scorer cimport Scorer


# A scorer whose log odds are led along a curve for all, then along that of each segment that a row is in, level after
# level, and last moved by what was seen since.
cdef class Calibrated(Scorer):
    cdef readonly Scorer inner
    cdef readonly object levels, arrays, offsets   # what it is made of, as `__init__` takes it
    cdef int n_levels
    cdef int first[9]                               # where each level's slots begin in ``slots``
    cdef int slots[32]
    cdef bint of_request[8]                         # whether all of a level's slots are the request's
    cdef const double[::1] x, y, slopes             # knots of all curves; two slopes a curve
    cdef const int32_t[::1] begins                  # where each curve's knots begin, and the end of all
    cdef const uint64_t[::1] keys, moved_keys
    cdef const int32_t[::1] curves, moves           # places of ``keys``, ``moved_keys``
    cdef const double[::1] shifts
    cdef bint is_moved
    cdef readonly double shift                      # what is added to the log odds of every row

    cdef void _find(self, int level, const uint32_t *shared, const uint32_t *own, int32_t *curve, double *shift) noexcept nogil
