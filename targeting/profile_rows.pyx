"""Rows of a table, one a person, into packed records in the order of their keys: what loading millions of profiles needs.

A `Batch` is columns as they lie in an Arrow table; a `Run` packs batches and seals them, sorted by person; a `Merge` goes
through sealed runs in order. A sealed run is entries ``u64 person | u32 size | record``, little-endian, ascending; of one
person there may be several, in the order in which they were added, and a `Merge` makes them one.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from libcpp.algorithm cimport sort
from libcpp.pair cimport pair
from libcpp.vector cimport vector

from targeting.record_editor cimport Editor

cdef extern from *:
    """
    static inline uint64_t outbid_big_endian(uint64_t value) { return __builtin_bswap64(value); }
    """
    uint64_t outbid_big_endian(uint64_t value) nogil

cdef enum:
    ENTRY_BYTES = 12  # of an entry before its record

NO_SCORE = -(1 << 31)
"""Stands in a column of scores where a person has none."""

cdef int32_t MISSING = NO_SCORE

cdef struct ScoreColumn:
    uint32_t id
    const int32_t *values
    const uint32_t *at


cdef class Batch:
    """Columns of one length: ``persons`` are their keys. Raises ValueError for a column of another length."""

    cdef const uint64_t[::1] persons
    cdef const int32_t[::1] offsets
    cdef const uint32_t[::1] audiences, expiries, since, visited
    cdef const uint8_t[::1] stages
    cdef uint32_t advertiser
    cdef vector[ScoreColumn] scores
    cdef list lent

    def __init__(self, const uint64_t[::1] persons not None):
        self.persons = persons
        self.offsets = self.stages = None  # a view is no None by itself
        self.lent = []

    def __len__(self):
        return self.persons.shape[0]

    def memberships(
        self, const int32_t[::1] offsets not None, const uint32_t[::1] audiences not None,
        const uint32_t[::1] expiries not None,
    ):
        """Person i belongs to ``audiences[offsets[i]:offsets[i + 1]]`` until ``expiries`` there (unix seconds)."""
        cdef Py_ssize_t i
        if offsets.shape[0] != self.persons.shape[0] + 1 or audiences.shape[0] != expiries.shape[0] or offsets[0] < 0:
            raise ValueError("the columns of memberships have not as many rows as there are persons")
        for i in range(self.persons.shape[0]):
            if offsets[i + 1] < offsets[i] or offsets[i + 1] > audiences.shape[0]:
                raise ValueError(f"the memberships of row {i} end at {offsets[i + 1]}, of {audiences.shape[0]}")
            if offsets[i + 1] - offsets[i] > 0xFFFF:
                raise ValueError(f"row {i} has {offsets[i + 1] - offsets[i]} memberships; a record holds {0xFFFF}")
        self.offsets, self.audiences, self.expiries = offsets, audiences, expiries

    def standing(
        self, uint32_t advertiser, const uint8_t[::1] stages not None, const uint32_t[::1] since not None,
        const uint32_t[::1] visited not None,
    ):
        """How the persons stand with an advertiser: `domain.person.Stage`, 0 unknown, since when, and their last visit."""
        self.must_fit(stages.shape[0])
        self.must_fit(since.shape[0])
        self.must_fit(visited.shape[0])
        self.advertiser, self.stages, self.since, self.visited = advertiser, stages, since, visited

    def score(self, uint32_t id, const int32_t[::1] values not None, const uint32_t[::1] at not None):
        """A score of each person, `NO_SCORE` where there is none, and when it was computed."""
        self.must_fit(values.shape[0])
        self.must_fit(at.shape[0])
        self.lent += (values, at)
        if values.shape[0]:
            self.scores.push_back(ScoreColumn(id, &values[0], &at[0]))

    cdef int must_fit(self, Py_ssize_t rows) except -1:
        if rows != self.persons.shape[0]:
            raise ValueError(f"a column has {rows} rows, and there are {self.persons.shape[0]} persons")
        return 0

    cdef void read(self, Py_ssize_t row, Editor into) noexcept nogil:
        cdef int32_t i
        cdef size_t k
        cdef ScoreColumn column
        into.clear()
        if self.offsets is not None:
            for i in range(self.offsets[row], self.offsets[row + 1]):
                into.put_segment(self.audiences[i], self.expiries[i])
        if self.stages is not None:
            if self.stages[row]:
                into.put_stage(self.advertiser, self.stages[row], self.since[row])
            if self.visited[row]:
                into.with_advertiser(self.advertiser).visited = self.visited[row]
        for k in range(self.scores.size()):
            column = self.scores[k]
            if column.values[row] != MISSING:
                into.put_score(column.id, column.values[row], column.at[row])


cdef class Run:
    """Packed records in memory, in the order in which they were added."""

    cdef vector[pair[uint64_t, uint64_t]] places  # key and place in the blob
    cdef vector[uint8_t] blob                     # u32 size | record
    cdef Editor editor

    def __cinit__(self):
        self.editor = Editor()

    def __len__(self):
        return self.places.size()

    @property
    def nbytes(self):
        """About what it takes in memory, sealed."""
        return self.blob.size() + 8 * self.places.size()

    def add(self, Batch batch not None):
        """Packs a batch."""
        cdef Py_ssize_t row
        with nogil:
            for row in range(batch.persons.shape[0]):
                batch.read(row, self.editor)
                self.push(batch.persons[row])

    cdef void push(self, uint64_t person) noexcept nogil:
        cdef size_t at = self.blob.size()
        cdef uint32_t size = <uint32_t>self.editor.size()
        self.places.push_back(pair[uint64_t, uint64_t](person, at))
        if self.blob.capacity() < at + 4 + size:
            self.blob.reserve(2 * (at + 4 + size))
        self.blob.resize(at + 4 + size)
        memcpy(&self.blob[at], &size, 4)
        self.editor.write(&self.blob[at + 4])

    def seal(self):
        """(first person, last person, sealed run); the run is empty afterwards."""
        cdef bytes sealed = PyBytes_FromStringAndSize(NULL, self.blob.size() + 8 * self.places.size())
        cdef uint8_t *at = <uint8_t *>PyBytes_AS_STRING(sealed)
        cdef uint32_t size
        cdef size_t i
        cdef uint64_t first = 0, last = 0
        with nogil:
            sort(self.places.begin(), self.places.end())  # of one person in the order of their places
            for i in range(self.places.size()):
                memcpy(&size, &self.blob[self.places[i].second], 4)
                memcpy(at, &self.places[i].first, 8)
                memcpy(at + 8, &self.blob[self.places[i].second], 4 + size)
                at += ENTRY_BYTES + size
            if self.places.size():
                first, last = self.places.front().first, self.places.back().first
            self.places.clear()
            self.blob.clear()
        return first, last, sealed


cdef struct Source:
    const uint8_t *at
    const uint8_t *end
    uint64_t person


cdef class Merge:
    """Goes through sealed runs (bytes, or maps of files) at once. An earlier run's entries of a person come first."""

    cdef vector[Source] sources
    cdef vector[int32_t] heap  # places in ``sources``, the least first
    cdef list lent
    cdef Editor editor

    def __init__(self, runs):
        cdef const uint8_t[::1] run
        self.lent, self.editor = [], Editor()
        for run in runs:
            if run.shape[0]:
                self.lent.append(run)
                self.sources.push_back(Source(&run[0], &run[0] + run.shape[0], 0))
        for i in range(self.sources.size()):
            if not self.advance(&self.sources[i], 0):
                raise ValueError("a run is cut off")
            self.heap.push_back(<int32_t>i)
        for i in range(<int>self.heap.size() // 2 - 1, -1, -1):
            self.sink(i)

    cdef bint advance(self, Source *source, size_t step) noexcept nogil:
        """Goes ``step`` bytes on, to the next entry. False: there is none."""
        cdef uint32_t size
        source.at += step
        if source.end - source.at < ENTRY_BYTES:
            return False
        memcpy(&source.person, source.at, 8)
        memcpy(&size, source.at + 8, 4)
        return source.end - source.at >= <Py_ssize_t>(ENTRY_BYTES + size)

    cdef bint before(self, int32_t a, int32_t b) noexcept nogil:
        cdef uint64_t one = self.sources[a].person, other = self.sources[b].person
        return one < other or (one == other and a < b)

    cdef void sink(self, size_t place) noexcept nogil:
        cdef size_t child, n = self.heap.size()
        cdef int32_t moved
        while 2 * place + 1 < n:
            child = 2 * place + 1
            if child + 1 < n and self.before(self.heap[child + 1], self.heap[child]):
                child += 1
            if not self.before(self.heap[child], self.heap[place]):
                return
            moved = self.heap[place]
            self.heap[place] = self.heap[child]
            self.heap[child] = moved
            place = child

    cdef void step(self) noexcept nogil:
        """Goes on behind the least entry."""
        cdef uint32_t size
        cdef Source *source = &self.sources[self.heap[0]]
        memcpy(&size, source.at + 8, 4)
        if not self.advance(source, ENTRY_BYTES + size):
            self.heap[0] = self.heap.back()
            self.heap.pop_back()
        self.sink(0)

    def next(self, Py_ssize_t count):
        """The next (key as the store writes it, record) pairs, at most ``count``; none: that was all."""
        cdef Source *source
        cdef uint64_t person, key
        cdef uint32_t size
        cdef list items = []
        while len(items) < count and self.heap.size():
            source = &self.sources[self.heap[0]]
            person = source.person
            key = outbid_big_endian(person)
            memcpy(&size, source.at + 8, 4)
            record = PyBytes_FromStringAndSize(<const char *>source.at + ENTRY_BYTES, size)
            self.step()
            if self.heap.size() and self.sources[self.heap[0]].person == person:
                record = self.joined(person, record)
            items.append((PyBytes_FromStringAndSize(<const char *>&key, 8), record))
        return items

    cdef bytes joined(self, uint64_t person, bytes record):
        """One record of this and of all further entries of the person."""
        cdef Source *source
        cdef uint32_t size
        self.editor.load(record)
        while self.heap.size() and self.sources[self.heap[0]].person == person:
            source = &self.sources[self.heap[0]]
            memcpy(&size, source.at + 8, 4)
            self.editor.absorb(PyBytes_FromStringAndSize(<const char *>source.at + ENTRY_BYTES, size))
            self.step()
        return self.editor.pack()
