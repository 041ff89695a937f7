from libc.stdint cimport int64_t, uint64_t

cdef class RequestSample:
    """Which requests are kept of all that are asked, and those kept that no file has yet."""
    cdef readonly int level        # one in 2**level is kept, of persons and of requests without a person
    cdef readonly uint64_t limit   # hashes above it are not kept
    cdef readonly int64_t seen     # requests looked at since the last `take`
    cdef readonly bint on
    cdef list pending
    cdef Py_ssize_t waiting        # bytes of their bodies
