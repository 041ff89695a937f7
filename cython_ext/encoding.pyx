# cython: overflowcheck=False
"""Categories told as numbers: what was seen of a category's value before (how often, with what outcome) stands behind
the row's columns as columns of numbers, so that trees can split on it and other models can bucket it.

A source is a column, or a cross of two; its table gives each key the same count of numbers, and what was never seen
other ones. The extended row is: the shared columns, the numbers of the sources that need no other; then the own columns,
and the numbers of the other sources.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memcpy

from cython_ext.feature_hash cimport crossed

import numpy as np

cdef uint32_t GOLDEN = 0x9E3779B9  # 2^32 / golden ratio: the high bits of a product spread keys over the table


cdef class Encoder:
    """``sources`` are (column, column or -1). Of the keys (uint32) and their numbers (float32, keys x width), those of
    the first source stand first, ``sizes`` of each; ``unseen`` is float32 (sources x width).

    Raises ValueError that begins with the argument's name.
    """

    def __init__(self, int n_shared, int n_own, sources=(), sizes=(), keys=None, numbers=None, unseen=None):
        cdef const uint32_t[::1] key
        cdef const uint32_t[::1] told, others
        cdef const int64_t[::1] size
        cdef Source source
        cdef Entry free_entry
        cdef Py_ssize_t i, at = 0, place, twice
        cdef int bits, s
        if n_shared < 0 or n_own < 0 or n_shared + n_own == 0:
            raise ValueError(f"n_shared: {n_shared} and {n_own} own columns are not allowed")
        self.n_shared, self.n_own = n_shared, n_own
        self.sources = tuple((int(first), int(second)) for first, second in sources)
        self.keys = np.array(() if keys is None else keys, np.uint32)
        self.sizes = np.array(sizes, np.int64)
        self.unseen = np.array(np.empty((0, 0)) if unseen is None else unseen, np.float32)
        if self.unseen.ndim != 2 or self.unseen.shape[0] != len(self.sources) or self.unseen.shape[1] > 64:
            raise ValueError(f"unseen: is {self.unseen.shape} in size for {len(self.sources)} sources")
        self.width = self.unseen.shape[1]
        self.numbers = np.array(np.empty((0, self.width)) if numbers is None else numbers, np.float32)
        if self.keys.ndim != 1 or self.numbers.shape != (len(self.keys), self.width):
            raise ValueError(f"numbers: are {self.numbers.shape} in size, not {self.keys.shape} x {self.width}")
        if self.sizes.shape != (len(self.sources),) or (self.sizes < 0).any() or self.sizes.sum() != len(self.keys):
            raise ValueError(f"sizes: do not make up {len(self.keys)} keys of {len(self.sources)} sources")
        if len(self.keys) >= 1 << 30:
            raise ValueError(f"keys: are {len(self.keys)}; up to 2^30 are allowed")
        if not np.isfinite(self.numbers).all() or not np.isfinite(self.unseen).all():
            raise ValueError("numbers: are not all finite")
        key, size = self.keys, self.sizes
        free_entry.key, free_entry.row = 0, -1
        for s, (first, second) in enumerate(self.sources):
            if not 0 <= first < n_shared + n_own or not -1 <= second < n_shared + n_own:
                raise ValueError(f"sources: ({first}, {second}) is not allowed; there are {n_shared + n_own} columns")
            source.first, source.second, source.slots = first, second, self.entries.size()
            source.unseen = len(self.keys) + s
            bits = 1
            while (1 << bits) < 2 * size[s]:
                bits += 1
            source.shift = 32 - bits
            twice = -1
            with nogil:
                self.entries.resize(source.slots + (<Py_ssize_t>1 << bits), free_entry)
                for i in range(at, at + size[s]):
                    place = <uint32_t>(key[i] * GOLDEN) >> source.shift
                    while self.entries[source.slots + place].row >= 0 and twice < 0:
                        if self.entries[source.slots + place].key == key[i]:
                            twice = i
                        place = (place + 1) & ((<Py_ssize_t>1 << bits) - 1)
                    if twice >= 0:
                        break
                    self.entries[source.slots + place].key = key[i]
                    self.entries[source.slots + place].row = <int32_t>i
            if twice >= 0:
                raise ValueError(f"keys: {key[twice]} is there twice for source {s}")
            at += size[s]
            if first < n_shared and second < n_shared:
                self.shared_sources.push_back(source)
            else:
                self.own_sources.push_back(source)
        self.n_shared_out = n_shared + self.width * <int>self.shared_sources.size()
        self.n_own_out = n_own + self.width * <int>self.own_sources.size()
        told, others = self.numbers.reshape(-1).view(np.uint32), self.unseen.reshape(-1).view(np.uint32)
        with nogil:
            self.rows.resize(told.shape[0] + others.shape[0])
            if told.shape[0]:
                memcpy(self.rows.data(), &told[0], told.shape[0] * sizeof(uint32_t))
            if others.shape[0]:
                memcpy(self.rows.data() + told.shape[0], &others[0], others.shape[0] * sizeof(uint32_t))

    def __dealloc__(self):
        with nogil:
            self.entries.clear()
            self.entries.shrink_to_fit()
            self.rows.clear()
            self.rows.shrink_to_fit()

    cdef const uint32_t *find(self, const Source *source, uint32_t key) noexcept nogil:
        """The bits of the key's numbers."""
        cdef const Entry *table = self.entries.data() + source.slots
        cdef uint32_t place = <uint32_t>(key * GOLDEN) >> source.shift
        cdef uint32_t last = (<uint32_t>1 << (32 - source.shift)) - 1
        while table[place].row >= 0:
            if table[place].key == key:
                return self.rows.data() + table[place].row * self.width
            place = (place + 1) & last
        return self.rows.data() + source.unseen * self.width

    cdef void extend_shared(self, const uint32_t *shared, uint32_t *out) noexcept nogil:
        cdef size_t s
        cdef const Source *source
        memcpy(out, shared, self.n_shared * sizeof(uint32_t))
        out += self.n_shared
        for s in range(self.shared_sources.size()):
            source = &self.shared_sources[s]
            memcpy(out, self.find(
                source,
                shared[source.first] if source.second < 0 else crossed(shared[source.first], shared[source.second]),
            ), self.width * sizeof(uint32_t))
            out += self.width

    cdef void extend_own(self, const uint32_t *shared, const uint32_t *own, uint32_t *out) noexcept nogil:
        cdef size_t s
        cdef const Source *source
        cdef uint32_t key, second
        memcpy(out, own, self.n_own * sizeof(uint32_t))
        out += self.n_own
        for s in range(self.own_sources.size()):
            source = &self.own_sources[s]
            key = shared[source.first] if source.first < self.n_shared else own[source.first - self.n_shared]
            if source.second >= 0:
                second = shared[source.second] if source.second < self.n_shared else own[source.second - self.n_shared]
                key = crossed(key, second)
            memcpy(out, self.find(source, key), self.width * sizeof(uint32_t))
            out += self.width

    def extend(self, values not None):
        """Extended rows: uint32 (n, columns) in, uint32 (n, n_shared_out + n_own_out) out."""
        cdef const uint32_t[:, ::1] rows = np.ascontiguousarray(values, np.uint32)
        if rows.shape[1] != self.n_shared + self.n_own:
            raise ValueError(f"values: rows of {rows.shape[1]}, not {self.n_shared} + {self.n_own}")
        made = np.empty((rows.shape[0], self.n_shared_out + self.n_own_out), np.uint32)
        cdef uint32_t[:, ::1] out = made
        cdef Py_ssize_t i
        with nogil:
            for i in range(rows.shape[0]):
                self.extend_shared(&rows[i, 0], &out[i, 0])
                self.extend_own(&rows[i, 0], &rows[i, 0] + self.n_shared, &out[i, 0] + self.n_shared_out)
        return made

    def columns(self):
        """What each column of an extended row is: (column that came in, -1), or (source, which of its numbers)."""
        shared = [s for s, pair in enumerate(self.sources) if max(pair) < self.n_shared]
        own = [s for s in range(len(self.sources)) if s not in shared]
        return [
            *((column, -1) for column in range(self.n_shared)),
            *((source, which) for source in shared for which in range(self.width)),
            *((column, -1) for column in range(self.n_shared, self.n_shared + self.n_own)),
            *((source, which) for source in own for which in range(self.width)),
        ]
