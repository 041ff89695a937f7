from libc.stdint cimport int32_t, uint32_t
from libcpp.vector cimport vector

cdef struct Source:      # a table from a category, or a cross of two, to numbers
    int first
    int second           # -1: none
    Py_ssize_t slots     # where its hash table begins
    int shift            # 32 - log2 of the table's size
    Py_ssize_t unseen    # row of the numbers of what it has not

cdef struct Entry:
    uint32_t key
    int32_t row          # of ``numbers``; -1: free

cdef class Encoder:
    cdef readonly int n_shared, n_own            # columns that come in
    cdef readonly int n_shared_out, n_own_out    # that go out: the same, and behind them the numbers
    cdef readonly int width                      # numbers a source

    # ``out`` takes n_shared_out values.
    cdef void extend_shared(self, const uint32_t *shared, uint32_t *out) noexcept nogil
    # ``out`` takes n_own_out values; ``shared`` as it came in.
    cdef void extend_own(self, const uint32_t *shared, const uint32_t *own, uint32_t *out) noexcept nogil

    cdef readonly tuple sources
    cdef readonly object keys, numbers, sizes, unseen
    cdef vector[Source] shared_sources, own_sources
    cdef vector[Entry] entries
    cdef vector[uint32_t] rows                   # the numbers' bits, and behind them what is unseen

    cdef const uint32_t *find(self, const Source *source, uint32_t key) noexcept nogil
