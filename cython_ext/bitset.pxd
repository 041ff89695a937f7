from libc.stdint cimport int32_t, int64_t, uint64_t
from libcpp.vector cimport vector

cdef extern from "cython_ext/blocks.h" namespace "outbid" nogil:
    cdef struct Bits:     # a row for all items, and which of its blocks have any
        const uint64_t *words
        const uint64_t *sums
    cdef struct Step:     # what a request's facts make of a plane: x &= (base | ors), x &= ~nots
        Bits base         # words NULL: everything
        int32_t first
        int32_t ors
        int32_t nots
    cdef cppclass Entry:
        uint64_t value
        int32_t item
    cdef cppclass Told:   # of one plane, while items are taken
        vector[Entry] adds
        vector[Entry] removes
        vector[int32_t] bound
    void sort_once(vector[Entry] &entries)
    int32_t narrow(
        const Step *steps, size_t n_steps, const Bits *operands, const uint64_t *valid, const int32_t *blocks,
        size_t n_blocks, uint64_t *out, int32_t *hits
    )

cdef struct Members:
    int32_t count   # DENSE, or how many members a sparse list has (0: none)
    int64_t start   # row of ``words`` if dense, into ``lists`` if sparse

cdef struct Row:    # what one value of a plane says
    Members adds    # of a single-valued plane, if dense: all that matches, what is unbound included
    Members removes

cdef struct Slot:   # of a plane's hash table
    uint64_t value
    int32_t row     # -1: free

cdef struct Plane:  # one look at a dimension
    int32_t dimension
    bint single       # there is one fact at most
    bint requires     # some item requires a value here
    bint used         # some item says something here
    int64_t unbound   # row of ``words``: the items that do not require a value here
    int64_t slots     # where its hash table begins
    int32_t shift     # 64 - log2 of the table's size

cdef struct Spread:   # a list whose members are in a row of the pool
    Bits row
    Members list

cdef class Bitsets:
    cdef readonly Py_ssize_t n_items
    cdef readonly Py_ssize_t n_blocks        # of 512 items
    # ``values[offsets[d]:offsets[d + 1]]`` are the facts of dimension d. Returns how many blocks have matches: bit i of
    # ``out`` is set if item i matches, for the blocks in ``hits``; the others are not written. Not for two threads.
    cdef int32_t select(self, const uint64_t *values, const int32_t *offsets) noexcept nogil
    cdef const uint64_t *out
    cdef const int32_t *hits
    cdef readonly Py_ssize_t looked_at       # blocks that the last request could have matches in

    cdef vector[uint64_t] words, sums        # rows of n_words and n_sums; row 0: the items that there are
    cdef vector[int32_t] lists
    cdef vector[Row] rows
    cdef vector[Slot] slots
    cdef vector[Plane] planes
    cdef uint64_t *first_word                # of the rows, at a whole cache line
    cdef Py_ssize_t n_words, n_sums
    # one request's
    cdef vector[uint64_t] pool, pool_sums, active, found
    cdef uint64_t *first_pool
    cdef Py_ssize_t n_pool
    cdef vector[int32_t] blocks, hit
    cdef vector[Step] steps
    cdef vector[Bits] operands
    cdef vector[Spread] spreads

    cdef int64_t dense_row(self) except -1
    cdef void set_bit(self, int64_t row, int32_t item) noexcept nogil
    cdef Members members(self, const Entry *entries, Py_ssize_t n, int64_t together, bint densely) except *
    cdef int add_plane(self, Plane *plane, Told *told) except -1
    cdef void sum_up(self, int64_t row) noexcept nogil
    cdef uint64_t next_value(self, Told *told, size_t a, size_t r) noexcept nogil
    cdef void pass_over(self, Told *told, uint64_t value, size_t *a, size_t *r) noexcept nogil
    cdef Row *find(self, Plane *plane, uint64_t value) noexcept nogil
    cdef Bits dense(self, int64_t row) noexcept nogil
    cdef Bits blank(self) noexcept nogil
    cdef void spread(self, Bits into, Members *few) noexcept nogil
    cdef bint look(self, Plane *plane, const uint64_t *values, Py_ssize_t n, Step *step) noexcept nogil
    cdef void sum(self, Step *step) noexcept nogil
