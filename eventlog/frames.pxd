from libc.stdint cimport int64_t
from libcpp.deque cimport deque
from libcpp.string cimport string


cdef struct Chunk:
    int64_t start       # position of its first byte
    int64_t records
    string data


cdef class Framed:
    cdef string data


cdef class Pending:
    cdef deque[Chunk] chunks
    cdef readonly int64_t position      # after the newest record: segment << 40 | offset
    cdef readonly size_t waiting        # bytes not taken yet
    cdef readonly int64_t shed          # records dropped so far
    cdef public bint shut
    cdef int64_t segment_bytes
    cdef size_t limit
    cdef bint sheds

    cpdef int64_t append(self, bytes record) except -1
