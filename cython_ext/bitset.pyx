# cython: overflowcheck=False
"""Which of many items match the facts at hand: one bit an item, narrowed dimension by dimension.

An item may require that a dimension has one of some values, and may exclude values. For each dimension there is the set
of items that require nothing there, and for each value the items that it adds (they require it) and the items that it
removes (they exclude it). What matches in a dimension is ``(unbound | adds of every fact) & ~(removes of every fact)``;
what matches is the intersection over the dimensions. A set with few members is kept as a sorted list, so that a hundred
thousand values of one item each cost bytes, not bitmaps.
"""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcpy, memset
from libcpp.vector cimport vector

cdef extern from * nogil:
    int popcount "__builtin_popcountll"(unsigned long long)
    int trailing_zeros "__builtin_ctzll"(unsigned long long)

cdef enum:
    DENSE = -1
    WORDS_PER_LINE = 8     # results are whole cache lines, so that the loops below have no tails
    WORDS_PER_MEMBER = 4   # a list is kept where one member for each 4 words, or fewer, would be set

cdef uint64_t GOLDEN = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: spreads small numbers over the table (Knuth 6.4)
cdef uint64_t ONE = 1


cdef inline void unite(uint64_t *into, const uint64_t *other, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        into[i] |= other[i]


cdef inline void subtract(uint64_t *into, const uint64_t *other, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        into[i] &= ~other[i]


cdef inline bint intersect(uint64_t *into, const uint64_t *other, Py_ssize_t n) noexcept nogil:
    """Says whether anything is left; so does `intersect_either`."""
    cdef Py_ssize_t i
    cdef uint64_t left = 0
    for i in range(n):
        into[i] &= other[i]
        left |= into[i]
    return left != 0


cdef inline bint intersect_either(uint64_t *into, const uint64_t *a, const uint64_t *b, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef uint64_t left = 0
    for i in range(n):
        into[i] &= a[i] | b[i]
        left |= into[i]
    return left != 0


cdef Py_ssize_t count(const uint64_t *words, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i, total = 0
    for i in range(n):
        total += popcount(words[i])
    return total


@cython.final
cdef class Bitsets:
    """``n_items`` items over ``n_dimensions``; built once, never changed.

    ``requires`` and ``excludes`` yield ``(item, dimension, values)``: the item must find one of the values among the
    facts of that dimension, or none of them. Values are unsigned 64-bit. An item without a clause matches everything;
    an empty requirement can never be met. Raises ValueError for an item or dimension out of range and for a second
    requirement of one item in one dimension (the two would have to be met separately, which one bit cannot say).
    """

    def __init__(self, Py_ssize_t n_items, Py_ssize_t n_dimensions, requires, excludes):
        self.n_items = n_items
        self.n_dimensions = n_dimensions
        self.n_words = (n_items + 64 * WORDS_PER_LINE - 1) // (64 * WORDS_PER_LINE) * WORDS_PER_LINE
        self.scratch.resize(self.n_words)
        required = [{} for _ in range(n_dimensions)]
        excluded = [{} for _ in range(n_dimensions)]
        bound = [set() for _ in range(n_dimensions)]
        for item, dimension, values in requires:
            self.check(item, dimension)
            if item in bound[dimension]:
                raise ValueError(f"item {item} requires values of dimension {dimension} twice")
            bound[dimension].add(item)
            for value in set(values):
                required[dimension].setdefault(value, []).append(item)
        for item, dimension, values in excludes:
            self.check(item, dimension)
            for value in set(values):
                excluded[dimension].setdefault(value, []).append(item)
        for dimension in range(n_dimensions):
            self.add_plane(required[dimension], excluded[dimension], bound[dimension])

    def check(self, item: int, dimension: int) -> None:
        if not 0 <= item < self.n_items:
            raise ValueError(f"item {item} is not one of the {self.n_items}")
        if not 0 <= dimension < self.n_dimensions:
            raise ValueError(f"dimension {dimension} is not one of the {self.n_dimensions}")

    # Building

    cdef int64_t dense_row(self, list items):
        cdef int64_t start = self.words.size()
        cdef Py_ssize_t item
        self.words.resize(start + self.n_words)
        for item in items:
            self.words[start + (item >> 6)] |= ONE << (item & 63)
        return start

    cdef Members members(self, list items):
        cdef Members made
        cdef int32_t item
        if len(items) * WORDS_PER_MEMBER > self.n_words:
            made.count = DENSE
            made.start = self.dense_row(items)
        else:
            made.count = <int32_t>len(items)
            made.start = self.lists.size()
            for item in sorted(items):
                self.lists.push_back(item)
        return made

    cdef void add_plane(self, dict required, dict excluded, set bound):
        cdef Plane plane
        cdef Row row
        cdef Slot free_slot
        cdef uint64_t value, place
        cdef int bits = 1
        values = required.keys() | excluded.keys()
        while (1 << bits) < 2 * len(values):
            bits += 1
        plane.requires = len(bound) > 0
        plane.used = plane.requires or len(values) > 0
        plane.unbound = self.dense_row([i for i in range(self.n_items) if i not in bound]) if plane.requires else 0
        plane.shift = 64 - bits
        plane.slots = self.slots.size()
        free_slot.value, free_slot.row = 0, -1
        self.slots.resize(plane.slots + (<Py_ssize_t>1 << bits), free_slot)
        for value in values:
            row.adds = self.members(required.get(value, []))
            row.removes = self.members(excluded.get(value, []))
            place = (value * GOLDEN) >> plane.shift
            while self.slots[plane.slots + place].row >= 0:
                place = (place + 1) & ((ONE << bits) - 1)
            self.slots[plane.slots + place].value = value
            self.slots[plane.slots + place].row = <int32_t>self.rows.size()
            self.rows.push_back(row)
        self.planes.push_back(plane)

    # Selecting

    cdef Row *find(self, Plane *plane, uint64_t value) noexcept nogil:
        cdef uint64_t place = (value * GOLDEN) >> plane.shift, mask = (ONE << (64 - plane.shift)) - 1
        cdef Slot *table = self.slots.data() + plane.slots
        while table[place].row >= 0:
            if table[place].value == value:
                return self.rows.data() + table[place].row
            place = (place + 1) & mask
        return NULL

    cdef bint narrow(self, Plane *plane, const uint64_t *values, Py_ssize_t n, uint64_t *out) noexcept nogil:
        """Leaves in ``out`` what one dimension allows. False if that is certainly nothing."""
        cdef const uint64_t *unbound = self.words.data() + plane.unbound
        cdef const uint64_t *single = NULL   # the one dense set of adds, until a second set calls for the scratch row
        cdef uint64_t *scratch = self.scratch.data()
        cdef bint scratched = False
        cdef const int32_t *few
        cdef Row *row
        cdef Py_ssize_t i, k
        for i in range(n):
            row = self.find(plane, values[i])
            if row == NULL:
                continue
            if row.adds.count == DENSE and single == NULL and not scratched:
                single = self.words.data() + row.adds.start
            elif row.adds.count != 0:
                if not scratched:
                    memcpy(scratch, unbound, self.n_words * sizeof(uint64_t))
                    scratched = True
                    if single != NULL:
                        unite(scratch, single, self.n_words)
                if row.adds.count == DENSE:
                    unite(scratch, self.words.data() + row.adds.start, self.n_words)
                few = self.lists.data() + row.adds.start
                for k in range(row.adds.count):
                    scratch[few[k] >> 6] |= ONE << (few[k] & 63)
            if row.removes.count == DENSE:
                subtract(out, self.words.data() + row.removes.start, self.n_words)
            few = self.lists.data() + row.removes.start
            for k in range(row.removes.count):
                out[few[k] >> 6] &= ~(ONE << (few[k] & 63))
        if scratched:
            return intersect(out, scratch, self.n_words)
        if single != NULL:
            return intersect_either(out, unbound, single, self.n_words)
        return intersect(out, unbound, self.n_words) if plane.requires else True

    cdef void start(self, uint64_t *out) noexcept nogil:
        cdef Py_ssize_t whole = self.n_items >> 6
        memset(out, 0xFF, whole * sizeof(uint64_t))
        memset(out + whole, 0, (self.n_words - whole) * sizeof(uint64_t))
        if self.n_items & 63:
            out[whole] = (ONE << (self.n_items & 63)) - 1

    cdef void select(self, const uint64_t *values, const int32_t *offsets, uint64_t *out) noexcept nogil:
        cdef Py_ssize_t d
        cdef Plane *plane
        self.start(out)
        for d in range(self.n_dimensions):
            plane = &self.planes[d]
            if plane.used and not self.narrow(plane, values + offsets[d], offsets[d + 1] - offsets[d], out):
                return

    cdef void explain(
        self, const uint64_t *values, const int32_t *offsets, uint64_t *out, int32_t *removed
    ) noexcept nogil:
        cdef Py_ssize_t d, left = self.n_items, before
        self.start(out)
        for d in range(self.n_dimensions):
            before = left
            if self.planes[d].used:
                self.narrow(&self.planes[d], values + offsets[d], offsets[d + 1] - offsets[d], out)
                left = count(out, self.n_words)
            removed[d] = <int32_t>(before - left)

    # For Python callers: tools and tests

    def matching(self, facts) -> list[int]:
        """The items that match, ascending. ``facts[d]`` are the values of dimension d."""
        cdef vector[uint64_t] values, out
        cdef vector[int32_t] offsets
        cdef uint64_t word
        cdef Py_ssize_t w
        self.flatten(facts, values, offsets)
        out.resize(self.n_words)
        self.select(values.data(), offsets.data(), out.data())
        found = []
        for w in range(self.n_words):
            word = out[w]
            while word:
                found.append(w * 64 + trailing_zeros(word))
                word &= word - 1
        return found

    def removals(self, facts) -> list[int]:
        """How many items each dimension removed of those that the dimensions before it had left."""
        cdef vector[uint64_t] values, out
        cdef vector[int32_t] offsets, removed
        self.flatten(facts, values, offsets)
        out.resize(self.n_words)
        removed.resize(self.n_dimensions)
        self.explain(values.data(), offsets.data(), out.data(), removed.data())
        return list(removed)

    cdef int flatten(self, facts, vector[uint64_t] &values, vector[int32_t] &offsets) except -1:
        cdef uint64_t value
        if len(facts) != self.n_dimensions:
            raise ValueError(f"facts of {len(facts)} dimensions; there are {self.n_dimensions}")
        offsets.push_back(0)
        for each in facts:
            for value in each:
                values.push_back(value)
            offsets.push_back(<int32_t>values.size())
        return 0

    def size_bytes(self) -> int:
        """Memory that the sets and tables take."""
        return (
            self.words.size() * sizeof(uint64_t) + self.lists.size() * sizeof(int32_t)
            + self.rows.size() * sizeof(Row) + self.slots.size() * sizeof(Slot)
        )
