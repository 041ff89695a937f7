# cython: overflowcheck=False
"""From the values of a row to places in a table of weights: the one definition, for those who learn the weights and for
those who use them.

A value is 32 bits. A category's place is a hash of its column and its value. A number (float32) is first put into one of
the buckets between its column's edges, and then goes as a category: bucket 0 is for what is missing, bucket 1 for what
is below the first edge, and so on; an edge belongs to the bucket above it. It may be bucketed more than once, more finely
and less: each further way is a level, with places of its own. A cross of two columns is a category made of both.

Columns come in two parts: what is shared by many rows, whose places are made once, and what is each row's own. The places
of a part are those of its columns, then of its crosses, then of its levels; a cross that needs an own column is own.

With ``kept`` (a bit a place) a value that was too rare to be learnt from, or never seen, goes to one place that the
column's rare values have together.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from cython_ext.feature_hash cimport crossed, place_of

import numpy as np

cdef enum:
    MOST_BITS = 26
    MOST_COLUMNS = 1024


cdef class Expansion:
    """``kinds`` says of each column whether it is a number; ``edges`` are a number's (None: a category's), ascending;
    ``crosses`` are pairs of columns; ``levels`` are further edges of numbers: (column, edges). ``kept`` is uint64
    (2^bits / 64) or None.

    Raises ValueError that begins with the argument's name.
    """

    def __init__(self, int n_shared, kinds, edges, crosses=(), levels=(), int bits=20, kept=None):
        cdef Edges one
        cdef Pair pair
        cdef int i, slot
        cdef const uint64_t[::1] words
        kinds = tuple(bool(kind) for kind in kinds)
        if not 0 < len(kinds) <= MOST_COLUMNS:
            raise ValueError(f"kinds: {len(kinds)} columns are not allowed; 1 to {MOST_COLUMNS} are")
        if not 0 <= n_shared <= len(kinds):
            raise ValueError(f"n_shared: {n_shared} is not allowed; 0 to {len(kinds)} is")
        if not 6 <= bits <= MOST_BITS:
            raise ValueError(f"bits: {bits} is not allowed; 6 to {MOST_BITS} is")
        if len(edges) != len(kinds):
            raise ValueError(f"edges: are given for {len(edges)} columns of {len(kinds)}")
        if len(crosses) + len(levels) > MOST_COLUMNS:
            raise ValueError(f"crosses: and levels are {len(crosses) + len(levels)}; {MOST_COLUMNS} are allowed")
        self.n_shared, self.n_own = n_shared, len(kinds) - n_shared
        self.bits, self.mask = bits, <uint32_t>((1 << bits) - 1)
        self.kinds = kinds
        self.edges = tuple(None if not kind else checked(f"edges[{i}]", given)
                           for i, (kind, given) in enumerate(zip(kinds, edges)))
        self.crosses = tuple((int(first), int(second)) for first, second in crosses)
        self.levels = tuple((int(column), checked(f"levels[{i}]", given)) for i, (column, given) in enumerate(levels))
        for i in range(len(kinds)):
            self.features.push_back(self.edges_of(i, i, self.edges[i]))
        slot = len(kinds)
        for first, second in self.crosses:
            if not (0 <= first < len(kinds) and 0 <= second < len(kinds)):
                raise ValueError(f"crosses: ({first}, {second}) is not allowed; there are {len(kinds)} columns")
            pair.first, pair.second, pair.slot = first, second, slot
            if first < n_shared and second < n_shared:
                self.shared_crosses.push_back(pair)
            else:
                self.own_crosses.push_back(pair)
            slot += 1
        for column, given in self.levels:
            if not (0 <= column < len(kinds) and kinds[column]):
                raise ValueError(f"levels: column {column} is not allowed; it is no number")
            one = self.edges_of(column, slot, given)
            if column < n_shared:
                self.shared_levels.push_back(one)
            else:
                self.own_levels.push_back(one)
            slot += 1
        self.n_shared_places = n_shared + self.shared_crosses.size() + self.shared_levels.size()
        self.n_own_places = self.n_own + self.own_crosses.size() + self.own_levels.size()
        for i in range(slot):
            self.rare.push_back(place_of(slot + i, 0, self.mask))
        if kept is not None:
            self.kept = np.array(kept, np.uint64)   # a copy: what is given may be a part of much more
            if self.kept.shape != (1 << (bits - 6),):
                raise ValueError(f"kept: is {self.kept.shape} in size, not {1 << (bits - 6)}")
            words = self.kept
            self.keeps.resize(words.shape[0])
            memcpy(self.keeps.data(), &words[0], words.shape[0] * sizeof(uint64_t))

    cdef Edges edges_of(self, int column, uint32_t slot, given):
        cdef Edges made
        made.feature, made.slot, made.start, made.count = column, slot, self.all_edges.size(), -1
        if given is not None:
            made.count = len(given)
            for edge in given:
                self.all_edges.push_back(edge)
        return made

    # A row

    cdef uint32_t bucket(self, const Edges *edges, uint32_t value) noexcept nogil:
        cdef float x
        cdef const float *low = self.all_edges.data() + edges.start
        cdef int n = edges.count, half
        if n < 0:
            return value
        memcpy(&x, &value, sizeof(float))
        if x != x:
            return 0
        while n > 1:  # how many edges are not above x, without a jump that depends on it
            half = n >> 1
            low += half if low[half - 1] <= x else 0
            n -= half
        return 1 + <uint32_t>(low - (self.all_edges.data() + edges.start)) + (n == 1 and low[0] <= x)

    cdef uint32_t place(self, uint32_t slot, uint32_t value) noexcept nogil:
        cdef uint32_t place = place_of(slot, value, self.mask)
        if self.keeps.size() and not self.keeps[place >> 6] >> (place & 63) & 1:
            return self.rare[slot]
        return place

    cdef void place_shared(self, const uint32_t *shared, uint32_t *coded, uint32_t *out) noexcept nogil:
        cdef int i
        cdef size_t k
        cdef const Edges *level
        cdef const Pair *pair
        for i in range(self.n_shared):
            coded[i] = self.bucket(&self.features[i], shared[i])
            out[i] = self.place(i, coded[i])
        out += self.n_shared
        for k in range(self.shared_crosses.size()):
            pair = &self.shared_crosses[k]
            out[k] = self.place(pair.slot, crossed(coded[pair.first], coded[pair.second]))
        out += self.shared_crosses.size()
        for k in range(self.shared_levels.size()):
            level = &self.shared_levels[k]
            out[k] = self.place(level.slot, self.bucket(level, shared[level.feature]))

    cdef void place_own(self, const uint32_t *own, uint32_t *coded, uint32_t *out) noexcept nogil:
        cdef int i
        cdef size_t k
        cdef const Edges *level
        cdef const Pair *pair
        for i in range(self.n_own):
            coded[self.n_shared + i] = self.bucket(&self.features[self.n_shared + i], own[i])
            out[i] = self.place(self.n_shared + i, coded[self.n_shared + i])
        out += self.n_own
        for k in range(self.own_crosses.size()):
            pair = &self.own_crosses[k]
            out[k] = self.place(pair.slot, crossed(coded[pair.first], coded[pair.second]))
        out += self.own_crosses.size()
        for k in range(self.own_levels.size()):
            level = &self.own_levels[k]
            out[k] = self.place(level.slot, self.bucket(level, own[level.feature - self.n_shared]))

    # Many rows

    def expand(self, values not None):
        """The places of rows: uint32 (n, columns) in, uint32 (n, n_shared_places + n_own_places) out."""
        cdef const uint32_t[:, ::1] rows = np.ascontiguousarray(values, np.uint32)
        if rows.shape[1] != self.n_shared + self.n_own:
            raise ValueError(f"values: rows of {rows.shape[1]}, not {self.n_shared} + {self.n_own}")
        made = np.empty((rows.shape[0], self.n_shared_places + self.n_own_places), np.uint32)
        cdef uint32_t[:, ::1] out = made
        cdef vector[uint32_t] coded
        cdef Py_ssize_t i
        coded.resize(self.n_shared + self.n_own)
        with nogil:
            for i in range(rows.shape[0]):
                self.place_shared(&rows[i, 0], coded.data(), &out[i, 0])
                self.place_own(&rows[i, 0] + self.n_shared, coded.data(), &out[i, 0] + self.n_shared_places)
        return made

    def keeping(self, values not None, int least):
        """This expansion, keeping the places only that ``least`` of these rows (uint32, n x columns) have."""
        cdef const uint32_t[:, ::1] places
        cdef Py_ssize_t i, k
        plain = Expansion(self.n_shared, self.kinds, self.edges, self.crosses, self.levels, self.bits)
        places = plain.expand(values)
        counts = np.zeros(1 << self.bits, np.uint32)
        cdef uint32_t[::1] count = counts
        with nogil:
            for i in range(places.shape[0]):
                for k in range(places.shape[1]):
                    count[places[i, k]] += 1
        kept = np.packbits(counts >= least, bitorder="little").view("<u8")
        return Expansion(self.n_shared, self.kinds, self.edges, self.crosses, self.levels, self.bits, kept)


def checked(name, given):
    """Edges as an ascending float32 array of finite numbers. Raises ValueError."""
    edges = np.array(() if given is None else given, np.float32)
    if edges.ndim != 1 or len(edges) >= 1 << 20:
        raise ValueError(f"{name}: are {edges.shape} in size; up to 2^20 in a row are allowed")
    if not np.isfinite(edges).all():
        raise ValueError(f"{name}: are not all finite")
    if (np.diff(edges.astype(np.float64)) <= 0).any():
        raise ValueError(f"{name}: do not ascend")
    return edges
