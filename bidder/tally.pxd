from libc.stdint cimport int64_t

cdef enum:
    BUCKETS = 17        # powers of two of 16 µs, up to 0.5 s, and one for what took longer

cdef class Tally:
    """One worker's figures of one exchange, since the worker began."""
    cdef readonly str exchange              # its key
    cdef readonly int64_t requests          # that were answered
    cdef readonly int64_t no_bids
    cdef readonly int64_t faults            # answered without a decision: malformed, refused, shed, failed
    cdef readonly int64_t late              # answers that took longer than ``tmax`` leaves
    cdef int64_t counts[BUCKETS]            # of answers by how long they took
    cdef int64_t total_ns
    cdef void took(self, int64_t ns) noexcept nogil

cdef int64_t now_ns() noexcept nogil        # CLOCK_MONOTONIC, as time.monotonic_ns()
