from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libcpp.deque cimport deque
from libcpp.unordered_map cimport unordered_map
from libcpp.unordered_set cimport unordered_set
from libcpp.vector cimport vector

cdef enum:
    KINDS = 9


# A node as it lies in a snapshot and in memory: 32 bytes, little-endian.
cdef struct Row:
    uint64_t key
    double sum           # of what its neighbours have told of themselves
    float told           # what its neighbours have in their sums of it
    int32_t parent       # union-find; of a root, minus the size of its component
    uint32_t more        # 1 + place in `deltas`; 0: it has no edge that came after the snapshot
    uint8_t kind
    uint8_t distance     # edges to known fraud; 255: none near
    int8_t label         # 1 fraud, -1 good, 0 not known
    uint8_t queued


# Edges of one node that came after the snapshot.
cdef struct Delta:
    uint32_t head        # 1 + place in `links`
    uint32_t total
    uint32_t of_kind[KINDS]


cdef struct Link:
    uint32_t to
    uint32_t next


# A way through the neighbours of a node.
cdef struct Walk:
    uint64_t at
    uint64_t end
    uint32_t link


cdef class Network:
    """Nodes and edges: those of a snapshot, compressed and never changed, and beside them those that came since."""
    cdef object arrays                       # what the pointers point into
    cdef Row *base
    cdef const uint64_t *offsets
    cdef const uint32_t *neighbours
    cdef const uint32_t *slots
    cdef uint64_t slot_count
    cdef uint32_t base_count
    cdef uint64_t kind_starts[KINDS + 1]     # base nodes are numbered in order of kind
    cdef vector[Row] rows                    # nodes after the snapshot's
    cdef unordered_map[uint64_t, uint32_t] places
    cdef vector[Delta] deltas
    cdef vector[Link] links
    cdef unordered_set[uint64_t] pairs
    cdef deque[uint32_t] nearer, changed     # whose neighbours must hear of a distance, of a score

    # nodes
    cdef Row *at(self, uint32_t node) noexcept nogil
    cdef int64_t find(self, uint64_t key) noexcept nogil
    cdef uint32_t node_of(self, uint64_t key, uint8_t kind) noexcept nogil
    cdef uint32_t root(self, uint32_t node) noexcept nogil
    cdef void unite(self, uint32_t one, uint32_t other) noexcept nogil

    # edges
    cdef void begin(self, uint32_t node, Walk *walk) noexcept nogil
    cdef bint step(self, Walk *walk, uint32_t *to) noexcept nogil
    cdef void span(self, uint32_t node, int kind, uint64_t *low, uint64_t *high) noexcept nogil
    cdef uint64_t degree(self, uint32_t node) noexcept nogil
    cdef bint joined(self, uint32_t one, uint32_t other) noexcept nogil
    cdef void link(self, uint32_t node, uint32_t to) noexcept nogil
    cdef bint join(self, uint64_t first, uint8_t first_kind, uint64_t second, uint8_t second_kind) noexcept nogil

    # distance to known fraud
    cdef void come_nearer(self, uint32_t node, int distance) noexcept nogil
    cdef void spread_distances(self) noexcept nogil
    cdef void withdraw(self, uint32_t source) noexcept nogil

    # propagated labels
    cdef double score(self, uint32_t node) noexcept nogil
    cdef void check(self, uint32_t node) noexcept nogil
    cdef void spread_scores(self) noexcept nogil
    cdef void mark(self, uint64_t key, uint8_t kind, int8_t label) noexcept nogil

    # features
    cdef int shared(self, uint32_t node, int hub_kind) noexcept nogil
