from libc.stdint cimport uint64_t
from libcpp.unordered_set cimport unordered_set

cdef class Forgotten:
    """The tombstones of a host: who was forgotten, by a keyed hash of their key."""
    cdef readonly object path
    cdef object state            # of the file when it was read last
    cdef uint64_t k0, k1
    cdef unordered_set[uint64_t] hashes
    cdef readonly bint any       # is there a tombstone at all? Where there is none, nothing else is asked

    cdef bint has(self, uint64_t person) noexcept nogil
    cdef int learn_key(self) except -1
    cdef uint64_t hashed(self, uint64_t person) noexcept nogil
    cpdef bint refresh(self) except -1
