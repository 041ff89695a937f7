# cython: overflowcheck=False
"""Which of many items match the facts at hand: one bit an item, narrowed plane by plane, 512 items at a time.

An item may require that a dimension has one of some values, and may exclude values. For each plane (a look at a
dimension; an item with a second requirement there needs a second one) there is the set of items that require nothing,
and for each value the items that it adds (they require it) and those that it removes (they exclude it). What matches in
a plane is ``(unbound | adds of every fact) & ~(removes of every fact)``; what matches is the intersection over the planes.

A set with few members is kept as a sorted list, so that a hundred thousand values of one item each cost bytes, not
bitmaps. Of a dense set it is known besides which blocks of 512 items have a member at all: these sums are intersected
first, and only blocks that may have a match are looked at. So it pays to number items such that those that want the
same stand together.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memset
from libcpp.vector cimport vector

cdef extern from * nogil:
    int trailing_zeros "__builtin_ctzll"(unsigned long long)

cdef enum:
    DENSE = -1
    ITEMS = 512            # of a block
    WORDS = 8              # of a block: one cache line, so that the loops have no tails
    WORDS_PER_MEMBER = 4   # a list is kept where one member for each 4 words, or fewer, would be set

cdef uint64_t GOLDEN = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: spreads small numbers over the table (Knuth 6.4)
cdef uint64_t ONE = 1


cdef inline uint64_t *aligned(vector[uint64_t] &words) noexcept nogil:
    """Its first whole cache line."""
    return <uint64_t *>((<size_t>words.data() + 63) & ~<size_t>63)


cdef class Bitsets:
    """Built once, never changed. ``planes`` are (dimension, whether a request has one value of it at most), in the order
    in which they are looked at. ``items`` yields the clauses of each item: (place of the plane, values, wanted). With
    ``wanted`` the item must find one of the values among the facts of that dimension, else none of them. Values are
    unsigned 64-bit. An item without a clause matches everything; an empty requirement can never be met.

    Raises ValueError for a plane that is not there, and for a second requirement of one item in one plane (the two
    would have to be met separately, which one bit cannot say).
    """

    def __init__(self, planes, items):
        cdef vector[Told] told
        cdef Entry entry
        cdef Plane plane
        cdef int32_t item = 0, k
        cdef Py_ssize_t i
        cdef bint wanted
        told.resize(len(planes))
        for clauses in items:
            for k, values, wanted in clauses:
                if not 0 <= k < <int32_t>told.size():
                    raise ValueError(f"item {item} has a clause for plane {k}, of {told.size()}")
                entry.item = item
                if wanted:
                    if told[k].bound.size() and told[k].bound.back() == item:
                        raise ValueError(f"item {item} requires values of plane {k} twice")
                    told[k].bound.push_back(item)
                for value in values:
                    entry.value = value
                    if wanted:
                        told[k].adds.push_back(entry)
                    else:
                        told[k].removes.push_back(entry)
            item += 1
        self.n_items = item
        self.n_blocks = (item + ITEMS - 1) // ITEMS
        self.n_words = self.n_blocks * WORDS
        self.n_sums = (self.n_blocks + 63) >> 6
        self.dense_row()                       # row 0: the items that there are
        for item in range(<int32_t>self.n_items):
            self.set_bit(0, item)
        for i in range(<Py_ssize_t>told.size()):
            plane.dimension, plane.single = planes[i]
            self.add_plane(&plane, &told[i])
        self.pool.resize(2 * self.n_words * self.planes.size() + WORDS)
        self.pool_sums.resize(2 * self.n_sums * self.planes.size())
        self.found.resize(self.n_words + WORDS)
        self.blocks.resize(self.n_blocks)
        self.hit.resize(self.n_blocks)
        self.active.resize(self.n_sums)
        self.words.resize(self.words.size() + WORDS)  # room to begin at a whole cache line
        self.words.shrink_to_fit()
        self.first_word = aligned(self.words)
        if self.first_word != self.words.data():
            for i in range(<Py_ssize_t>self.words.size() - WORDS - 1, -1, -1):
                self.first_word[i] = self.words[i]
        self.first_pool = aligned(self.pool)
        self.out, self.hits = aligned(self.found), self.hit.data()

    # Building

    cdef int64_t dense_row(self) except -1:
        cdef int64_t row = self.words.size() // self.n_words if self.n_words else 0
        self.words.resize(self.words.size() + self.n_words)
        self.sums.resize(self.sums.size() + self.n_sums)
        return row

    cdef void set_bit(self, int64_t row, int32_t item) noexcept nogil:
        cdef size_t word = row * self.n_words + (item >> 6), sum = row * self.n_sums + (item >> 15)
        self.words[word] = self.words[word] | (ONE << (item & 63))
        self.sums[sum] = self.sums[sum] | (ONE << ((item >> 9) & 63))

    cdef Members members(self, const Entry *entries, Py_ssize_t n, int64_t together, bint densely) except *:
        """A set; a dense one together with the members of another row (-1: none)."""
        cdef Members made
        cdef Py_ssize_t i
        if densely:
            made.count, made.start = DENSE, self.dense_row()
            if together >= 0:
                for i in range(self.n_words):
                    self.words[made.start * self.n_words + i] = self.words[together * self.n_words + i]
                for i in range(self.n_sums):
                    self.sums[made.start * self.n_sums + i] = self.sums[together * self.n_sums + i]
            for i in range(n):
                self.set_bit(made.start, entries[i].item)
        else:
            made.count, made.start = <int32_t>n, <int64_t>self.lists.size()
            for i in range(n):
                self.lists.push_back(entries[i].item)
        return made

    cdef int add_plane(self, Plane *plane, Told *told) except -1:
        cdef Row row
        cdef Slot free_slot
        cdef uint64_t value, place
        cdef int bits = 1
        cdef size_t a = 0, r = 0, first_a, first_r, i, n = 0
        cdef bint densely
        sort_once(told.adds)
        sort_once(told.removes)
        plane.requires = told.bound.size() > 0
        plane.used = plane.requires or told.removes.size() > 0
        plane.unbound = 0
        if plane.requires:
            plane.unbound = self.dense_row()
            for i in range(<size_t>self.n_words):
                self.words[plane.unbound * self.n_words + i] = self.words[i]
            for i in range(told.bound.size()):
                self.words[plane.unbound * self.n_words + (told.bound[i] >> 6)] &= ~(ONE << (told.bound[i] & 63))
            self.sum_up(plane.unbound)
        while a < told.adds.size() or r < told.removes.size():  # how many values there are
            value = self.next_value(told, a, r)
            self.pass_over(told, value, &a, &r)
            n += 1
        while (<size_t>1 << bits) < 2 * n:
            bits += 1
        plane.shift = 64 - bits
        plane.slots = self.slots.size()
        free_slot.value, free_slot.row = 0, -1
        self.slots.resize(plane.slots + (<Py_ssize_t>1 << bits), free_slot)
        a = r = 0
        while a < told.adds.size() or r < told.removes.size():
            first_a, first_r = a, r
            value = self.next_value(told, a, r)
            self.pass_over(told, value, &a, &r)
            if plane.single:
                densely = <Py_ssize_t>(a - first_a + r - first_r) * WORDS_PER_MEMBER > self.n_words
                row.adds = self.members(
                    told.adds.data() + first_a, a - first_a, plane.unbound if densely else -1, densely
                )
                row.removes.count, row.removes.start = 0, 0
                if densely:
                    for i in range(first_r, r):
                        self.words[row.adds.start * self.n_words + (told.removes[i].item >> 6)] &= ~(
                            ONE << (told.removes[i].item & 63)
                        )
                    self.sum_up(row.adds.start)
                else:
                    row.removes = self.members(told.removes.data() + first_r, r - first_r, -1, False)
            else:
                row.adds = self.members(
                    told.adds.data() + first_a, a - first_a, -1,
                    <Py_ssize_t>(a - first_a) * WORDS_PER_MEMBER > self.n_words,
                )
                row.removes = self.members(
                    told.removes.data() + first_r, r - first_r, -1,
                    <Py_ssize_t>(r - first_r) * WORDS_PER_MEMBER > self.n_words,
                )
            place = (value * GOLDEN) >> plane.shift
            while self.slots[plane.slots + place].row >= 0:
                place = (place + 1) & ((ONE << bits) - 1)
            self.slots[plane.slots + place].value = value
            self.slots[plane.slots + place].row = <int32_t>self.rows.size()
            self.rows.push_back(row)
        self.planes.push_back(plane[0])
        return 0

    cdef void sum_up(self, int64_t row) noexcept nogil:
        cdef Py_ssize_t block, k
        cdef size_t sum
        cdef uint64_t any
        memset(&self.sums[row * self.n_sums], 0, self.n_sums * sizeof(uint64_t))
        for block in range(self.n_blocks):
            any = 0
            for k in range(WORDS):
                any |= self.words[row * self.n_words + block * WORDS + k]
            if any:
                sum = row * self.n_sums + (block >> 6)
                self.sums[sum] = self.sums[sum] | (ONE << (block & 63))

    cdef uint64_t next_value(self, Told *told, size_t a, size_t r) noexcept nogil:
        if a == told.adds.size():
            return told.removes[r].value
        if r == told.removes.size() or told.adds[a].value < told.removes[r].value:
            return told.adds[a].value
        return told.removes[r].value

    cdef void pass_over(self, Told *told, uint64_t value, size_t *a, size_t *r) noexcept nogil:
        while a[0] < told.adds.size() and told.adds[a[0]].value == value:
            a[0] += 1
        while r[0] < told.removes.size() and told.removes[r[0]].value == value:
            r[0] += 1

    # Selecting

    cdef Row *find(self, Plane *plane, uint64_t value) noexcept nogil:
        cdef uint64_t place = (value * GOLDEN) >> plane.shift, mask = (ONE << (64 - plane.shift)) - 1
        cdef Slot *table = self.slots.data() + plane.slots
        while table[place].row >= 0:
            if table[place].value == value:
                return self.rows.data() + table[place].row
            place = (place + 1) & mask
        return NULL

    cdef Bits dense(self, int64_t row) noexcept nogil:
        cdef Bits bits
        bits.words = self.first_word + row * self.n_words
        bits.sums = self.sums.data() + row * self.n_sums
        return bits

    cdef Bits blank(self) noexcept nogil:
        """A row of the pool, which is empty between requests."""
        cdef Bits bits
        bits.words = self.first_pool + self.n_pool * self.n_words
        bits.sums = self.pool_sums.data() + self.n_pool * self.n_sums
        self.n_pool = self.n_pool + 1
        return bits

    cdef void spread(self, Bits into, Members *few) noexcept nogil:
        """A list's members into a row of the pool; it is noted, to be taken out again."""
        cdef const int32_t *members = self.lists.data() + few.start
        cdef uint64_t *words = <uint64_t *>into.words
        cdef uint64_t *sums = <uint64_t *>into.sums
        cdef int32_t k
        for k in range(few.count):
            words[members[k] >> 6] |= ONE << (members[k] & 63)
            sums[members[k] >> 15] |= ONE << ((members[k] >> 9) & 63)

    cdef bint look(self, Plane *plane, const uint64_t *values, Py_ssize_t n, Step *step) noexcept nogil:
        """What the facts make of a plane. False: nothing, every item passes."""
        cdef Row *row
        cdef Bits adds, removes
        cdef Py_ssize_t i
        cdef Spread spread
        adds.words = removes.words = NULL
        step.base.words = step.base.sums = NULL
        step.first, step.ors, step.nots = <int32_t>self.operands.size(), 0, 0
        if plane.requires:
            step.base = self.dense(plane.unbound)
        if plane.single and n > 1:
            n = 1
        for i in range(n):
            row = self.find(plane, values[i])
            if row == NULL:
                continue
            if row.adds.count == DENSE:
                if plane.single:
                    step.base = self.dense(row.adds.start)
                else:
                    self.operands.push_back(self.dense(row.adds.start))
                    step.ors += 1
            elif row.adds.count:
                if adds.words == NULL:
                    adds = self.blank()
                    self.operands.push_back(adds)
                    step.ors += 1
                spread.row, spread.list = adds, row.adds
                self.spreads.push_back(spread)
                self.spread(adds, &row.adds)
        for i in range(n):
            row = self.find(plane, values[i])
            if row == NULL or row.removes.count == 0:
                continue
            if row.removes.count == DENSE:
                self.operands.push_back(self.dense(row.removes.start))
                step.nots += 1
            else:
                if removes.words == NULL:
                    removes = self.blank()
                    self.operands.push_back(removes)
                    step.nots += 1
                spread.row, spread.list = removes, row.removes
                self.spreads.push_back(spread)
                self.spread(removes, &row.removes)
        return step.base.words != NULL or step.nots > 0

    cdef void sum(self, Step *step) noexcept nogil:
        """Takes the blocks out of the active ones that have nothing in a step."""
        cdef Py_ssize_t i, k
        cdef uint64_t may
        cdef Bits *operand
        if step.base.words == NULL:
            return
        for i in range(self.n_sums):
            may = step.base.sums[i]
            operand = self.operands.data() + step.first
            for k in range(step.ors):
                may |= operand[k].sums[i]
            self.active[i] = self.active[i] & may

    cdef int32_t select(self, const uint64_t *values, const int32_t *offsets) noexcept nogil:
        cdef size_t i, k, n_blocks = 0
        cdef Plane *plane
        cdef Step step
        cdef uint64_t bits
        cdef Spread *spread
        cdef int32_t *members
        cdef int32_t hits
        self.steps.clear()
        self.operands.clear()
        self.spreads.clear()
        self.n_pool = 0
        for i in range(<size_t>self.n_sums):
            self.active[i] = self.sums[i]
        for i in range(self.planes.size()):
            plane = &self.planes[i]
            if plane.used and self.look(
                plane, values + offsets[plane.dimension],
                offsets[plane.dimension + 1] - offsets[plane.dimension], &step,
            ):
                self.sum(&step)
                self.steps.push_back(step)
        for i in range(<size_t>self.n_sums):
            bits = self.active[i]
            while bits:
                self.blocks[n_blocks] = <int32_t>(64 * i) + trailing_zeros(bits)
                n_blocks += 1
                bits &= bits - 1
        self.looked_at = n_blocks
        hits = narrow(
            self.steps.data(), self.steps.size(), self.operands.data(), self.first_word, self.blocks.data(), n_blocks,
            <uint64_t *>self.out, self.hit.data(),
        )
        for i in range(self.spreads.size()):
            spread = &self.spreads[i]
            members = self.lists.data() + spread.list.start
            for k in range(<size_t>spread.list.count):
                (<uint64_t *>spread.row.words)[members[k] >> 6] = 0
        if self.n_pool:
            memset(self.pool_sums.data(), 0, self.n_pool * self.n_sums * sizeof(uint64_t))
        return hits

    # For Python callers: tools and tests

    def matching(self, facts) -> list[int]:
        """The items that match, ascending. ``facts[d]`` are the values of dimension d."""
        cdef vector[uint64_t] values
        cdef vector[int32_t] offsets
        cdef uint64_t word, value
        cdef int32_t i, w
        offsets.push_back(0)
        for each in facts:
            for value in each:
                values.push_back(value)
            offsets.push_back(<int32_t>values.size())
        for i in range(<int32_t>self.planes.size()):
            if self.planes[i].dimension >= len(facts):
                raise ValueError(f"facts of {len(facts)} dimensions; a plane looks at {self.planes[i].dimension}")
        found = []
        for i in range(self.select(values.data(), offsets.data())):
            for w in range(self.hits[i] * WORDS, self.hits[i] * WORDS + WORDS):
                word = self.out[w]
                while word:
                    found.append(w * 64 + trailing_zeros(word))
                    word &= word - 1
        return found

    def size_bytes(self) -> int:
        """Memory that the sets, the tables and what a request needs take."""
        return (
            (self.words.size() + self.sums.size() + self.pool.size() + self.pool_sums.size() + self.found.size())
            * sizeof(uint64_t)
            + self.lists.size() * sizeof(int32_t) + self.rows.size() * sizeof(Row) + self.slots.size() * sizeof(Slot)
        )
