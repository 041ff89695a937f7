from libc.stdint cimport uint32_t, uint64_t
from libcpp.vector cimport vector

cdef struct Pair:
    int first
    int second
    uint32_t slot

cdef struct Edges:      # of a number's buckets: ``count`` float32, ascending, from ``start`` on
    int feature
    uint32_t slot
    Py_ssize_t start
    int count           # -1: it is a category

cdef class Expansion:
    cdef readonly int n_shared, n_own                  # values of the shared part, of the own part
    cdef readonly int n_shared_places, n_own_places    # places that each yields
    cdef readonly int bits                             # of a place

    # The places of the shared part's values. ``coded`` takes n_shared + n_own values; both calls of a row use the same.
    cdef void place_shared(self, const uint32_t *shared, uint32_t *coded, uint32_t *out) noexcept nogil
    # The places of the own part's values, and of those that are made of both.
    cdef void place_own(self, const uint32_t *own, uint32_t *coded, uint32_t *out) noexcept nogil

    cdef readonly tuple kinds, crosses, edges, levels
    cdef readonly object kept
    cdef vector[Edges] features, shared_levels, own_levels
    cdef vector[Pair] shared_crosses, own_crosses
    cdef vector[float] all_edges
    cdef vector[uint64_t] keeps                        # a bit a place; empty: all are kept
    cdef vector[uint32_t] rare                         # where a slot's values go that are not kept
    cdef uint32_t mask

    cdef Edges edges_of(self, int column, uint32_t slot, given)
    cdef uint32_t bucket(self, const Edges *edges, uint32_t value) noexcept nogil
    cdef uint32_t place(self, uint32_t slot, uint32_t value) noexcept nogil
