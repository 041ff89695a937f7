from libc.stdint cimport int32_t, int64_t, uint64_t
from libcpp.vector cimport vector

cdef struct Members:
    int64_t start   # into ``words`` if dense, into ``lists`` if sparse
    int32_t count   # DENSE, or how many members a sparse list has (0: none)

cdef struct Row:    # what one value of a dimension says
    Members adds
    Members removes

cdef struct Slot:   # of a dimension's hash table
    uint64_t value
    int32_t row     # -1: free

cdef struct Plane:  # one dimension
    int64_t unbound   # into ``words``: the items that do not require a value here
    int64_t slots     # where its hash table begins
    int32_t shift     # 64 - log2 of the table's size
    bint requires     # some item requires a value here
    bint used         # some item says something about this dimension

cdef class Bitsets:
    cdef readonly Py_ssize_t n_items
    cdef readonly Py_ssize_t n_words         # of a result, a multiple of 8
    cdef readonly Py_ssize_t n_dimensions
    # ``values[offsets[d]:offsets[d + 1]]`` are the facts of dimension d; ``offsets`` has n_dimensions + 1 entries.
    # Bit i of ``out`` (n_words words) is set if item i matches. Not for two threads at once: they share a scratch row.
    cdef void select(self, const uint64_t *values, const int32_t *offsets, uint64_t *out) noexcept nogil
    # The same, and removed[d] = how many items dimension d took out of those that the dimensions before it had left.
    cdef void explain(
        self, const uint64_t *values, const int32_t *offsets, uint64_t *out, int32_t *removed
    ) noexcept nogil

    cdef vector[uint64_t] words
    cdef vector[int32_t] lists
    cdef vector[Row] rows
    cdef vector[Slot] slots
    cdef vector[Plane] planes
    cdef vector[uint64_t] scratch
    cdef void start(self, uint64_t *out) noexcept nogil
    cdef bint narrow(self, Plane *plane, const uint64_t *values, Py_ssize_t n, uint64_t *out) noexcept nogil
    cdef Row *find(self, Plane *plane, uint64_t value) noexcept nogil
    cdef int64_t dense_row(self, list items)
    cdef Members members(self, list items)
    cdef void add_plane(self, dict required, dict excluded, set bound)
    cdef int flatten(self, facts, vector[uint64_t] &values, vector[int32_t] &offsets) except -1
