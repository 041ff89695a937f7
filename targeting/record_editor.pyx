"""Changes of a person's record (`targeting.record`): bytes in, a few changes, bytes out, without a Python object an entry.

One editor is used again and again: it keeps its memory. Nothing that is newer is undone by an event that comes late.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy
from libcpp.vector cimport vector

from targeting.counters cimport Counters
from targeting.record cimport (
    CONVERSION, HEADER, HOUR, RELATION, SCOPE, SCORE, SEGMENT, TIME, VERSION, Parts, Relation, look, u16, u32,
)

from targeting import record

cdef size_t MOST_SEGMENTS = record.MAX_SEGMENTS
cdef size_t MOST_SMALL = record.MAX_SMALL

ctypedef fused Row:
    ScoreRow
    ConversionRow
    SegmentRow
    Relation


cdef inline uint32_t key_of(Row *row) noexcept nogil:
    if Row is ScoreRow:
        return row.id
    elif Row is ConversionRow:
        return row.kind
    elif Row is SegmentRow:
        return row.id
    else:
        return row.advertiser


cdef inline uint32_t age_of(Row *row) noexcept nogil:
    """When something was last heard of it: the row with the least goes first."""
    if Row is ScoreRow:
        return row.at
    elif Row is ConversionRow:
        return row.last
    elif Row is Relation:
        return max(max(row.since, row.visited), max(row.shown, row.clicked))
    else:
        return 0


cdef inline size_t lower(vector[Row] &rows, uint32_t key) noexcept nogil:
    """Place of the first row whose key is not below ``key``."""
    cdef size_t low = 0, high = rows.size(), middle
    while low < high:
        middle = (low + high) >> 1
        if key_of(&rows[middle]) < key:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline bint has(vector[Row] &rows, size_t place, uint32_t key) noexcept nogil:
    return place < rows.size() and key_of(&rows[place]) == key


cdef inline size_t forget_one(vector[Row] &rows, size_t kept) noexcept nogil:
    """If there are too many, takes the oldest out, but not the one in place ``kept``; returns where that is then."""
    cdef size_t i, oldest = 1 if kept == 0 else 0
    if rows.size() <= MOST_SMALL:
        return kept
    for i in range(rows.size()):
        if i != kept and age_of(&rows[i]) < age_of(&rows[oldest]):
            oldest = i
    rows.erase(rows.begin() + oldest)
    return kept - 1 if oldest < kept else kept


cdef inline uint8_t *put(uint8_t *at, uint32_t value) noexcept nogil:
    memcpy(at, &value, 4)
    return at + 4


cdef inline uint8_t *put16(uint8_t *at, uint32_t value) noexcept nogil:
    cdef uint16_t short_value = <uint16_t>value
    memcpy(at, &short_value, 2)
    return at + 2


cdef class Editor:
    """The record that is being changed: empty at first."""

    def __cinit__(self):
        self.counters = Counters()

    cdef void clear(self) noexcept nogil:
        self.relations.clear()
        self.scores.clear()
        self.conversions.clear()
        self.segments.clear()
        self.counters.clear()

    cdef bint read(self, const uint8_t *data, Py_ssize_t size) noexcept nogil:
        cdef Parts parts
        cdef const uint8_t *at
        cdef int32_t i
        self.clear()
        if size == 0:
            return True
        if not look(data, size, &parts) or not self.counters.read(&parts):
            return False
        for i in range(parts.n_relations):
            at = parts.relations + RELATION * i
            self.relations.push_back(Relation(u32(at), at[4], u32(at + 5), u32(at + 9), u32(at + 13), u32(at + 17)))
        for i in range(parts.n_scores):
            at = parts.scores + SCORE * i
            self.scores.push_back(ScoreRow(u32(at), <int32_t>u32(at + 4), u32(at + 8)))
        for i in range(parts.n_conversions):
            at = parts.conversions + CONVERSION * i
            self.conversions.push_back(ConversionRow(u32(at), u32(at + 4), u16(at + 8)))
        self.segments.resize(parts.n_segments)
        memcpy(self.segments.data(), parts.segments, SEGMENT * parts.n_segments)
        return True

    cdef Relation *with_advertiser(self, uint32_t advertiser) noexcept nogil:
        """The relation to an advertiser, made if there is none."""
        cdef size_t place = lower[Relation](self.relations, advertiser)
        if not has[Relation](self.relations, place, advertiser):
            self.relations.insert(self.relations.begin() + place, Relation(advertiser, 0, 0, 0, 0, 0))
            place = forget_one[Relation](self.relations, place)
        return &self.relations[place]

    cdef bint put_segment(self, uint32_t segment, uint32_t expires) noexcept nogil:
        """Says whether that changed anything."""
        cdef size_t place = lower[SegmentRow](self.segments, segment)
        if not has[SegmentRow](self.segments, place, segment):
            self.segments.insert(self.segments.begin() + place, SegmentRow(segment, expires))
            return True
        if self.segments[place].expires == expires:
            return False
        self.segments[place].expires = expires
        return True

    cdef void put_stage(self, uint32_t advertiser, uint32_t stage, uint32_t at) noexcept nogil:
        cdef Relation *row = self.with_advertiser(advertiser)
        if at >= row.since and stage != row.stage:
            row.stage, row.since = stage, at

    cdef void put_score(self, uint32_t id, int32_t value, uint32_t at) noexcept nogil:
        cdef size_t place = lower[ScoreRow](self.scores, id)
        if not has[ScoreRow](self.scores, place, id):
            self.scores.insert(self.scores.begin() + place, ScoreRow(id, value, at))
            forget_one[ScoreRow](self.scores, place)
        elif at >= self.scores[place].at:
            self.scores[place] = ScoreRow(id, value, at)

    cdef void put_conversions(self, uint32_t kind, uint32_t last, uint32_t count, bint add) noexcept nogil:
        """Adds conversions, or makes them at least ``count``."""
        cdef size_t place = lower[ConversionRow](self.conversions, kind)
        cdef ConversionRow *row
        if not has[ConversionRow](self.conversions, place, kind):
            self.conversions.insert(self.conversions.begin() + place, ConversionRow(kind, 0, 0))
            self.conversions[place].last = last
            place = forget_one[ConversionRow](self.conversions, place)
        row = &self.conversions[place]
        row.last = max(row.last, last)
        row.count = min(row.count + count if add else max(row.count, count), <uint32_t>0xFFFF)

    cdef Py_ssize_t size(self) noexcept nogil:
        """Bytes of the packed record."""
        return (
            HEADER + RELATION * self.relations.size() + SCORE * self.scores.size()
            + CONVERSION * self.conversions.size() + SEGMENT * self.segments.size() + SCOPE * self.counters.scopes.size()
            + TIME * self.counters.times.size() + HOUR * self.counters.hours.size()
        )

    cdef void write(self, uint8_t *into) noexcept nogil:
        """The packed record, as many bytes as `size` says."""
        cdef uint8_t *at = into + 4
        cdef size_t i
        into[0], into[1] = VERSION, <uint8_t>self.relations.size()
        into[2], into[3] = <uint8_t>self.scores.size(), <uint8_t>self.conversions.size()
        at = put16(put16(at, <uint32_t>self.segments.size()), <uint32_t>self.counters.scopes.size())
        at = put16(put16(at, <uint32_t>self.counters.times.size()), <uint32_t>self.counters.hours.size())
        for i in range(self.relations.size()):
            at = put(at, self.relations[i].advertiser)
            at[0] = <uint8_t>self.relations[i].stage
            at = put(put(at + 1, self.relations[i].since), self.relations[i].visited)
            at = put(put(at, self.relations[i].shown), self.relations[i].clicked)
        memcpy(at, self.scores.data(), SCORE * self.scores.size())
        at += SCORE * self.scores.size()
        for i in range(self.conversions.size()):
            at = put16(put(put(at, self.conversions[i].kind), self.conversions[i].last), self.conversions[i].count)
        memcpy(at, self.segments.data(), SEGMENT * self.segments.size())
        self.counters.write(at + SEGMENT * self.segments.size())

    # for Python

    def load(self, const unsigned char[::1] data):
        """Begins with a packed record; with an empty one for None and for no bytes. False: the bytes are no record, and
        what is begun with is empty.
        """
        if data is None or data.shape[0] == 0:
            self.clear()
            return True
        return bool(self.read(&data[0], data.shape[0]))

    def absorb(self, const unsigned char[::1] data not None):
        """Adds what another record says of the same person: its memberships, what is newer of it, and the impressions
        of scopes that this one does not have. Doing so twice changes nothing more. False: the bytes are no record.
        Raises ValueError as `join` does.
        """
        cdef Editor other = Editor()
        cdef size_t i
        cdef Relation *row
        cdef Relation *own
        if not data.shape[0] or not other.read(&data[0], data.shape[0]):
            return not data.shape[0]
        for i in range(other.segments.size()):
            self.put_segment(other.segments[i].id, other.segments[i].expires)
        if self.segments.size() > MOST_SEGMENTS:
            raise ValueError(f"a person is in more than {MOST_SEGMENTS} audiences")
        for i in range(other.relations.size()):
            row = &other.relations[i]
            if row.stage:
                self.put_stage(row.advertiser, row.stage, row.since)
            own = self.with_advertiser(row.advertiser)
            own.visited, own.shown, own.clicked = max(own.visited, row.visited), max(own.shown, row.shown), max(own.clicked, row.clicked)
        for i in range(other.scores.size()):
            self.put_score(other.scores[i].id, other.scores[i].value, other.scores[i].at)
        for i in range(other.conversions.size()):
            self.put_conversions(other.conversions[i].kind, other.conversions[i].last, other.conversions[i].count, False)
        self.counters.adopt(other.counters)
        return True

    def show(self, uint32_t at_s, scopes, uint32_t advertiser=0):
        """Counts one impression at ``at_s`` (unix seconds) in each of ``scopes``, and as the advertiser's."""
        cdef Relation *row
        cdef uint32_t scope
        for scope in scopes:
            self.counters.count(scope, at_s)
        self.counters.trim()
        if advertiser:
            row = self.with_advertiser(advertiser)
            row.shown = max(row.shown, at_s)

    def visit(self, uint32_t advertiser, uint32_t at_s):
        """The person was on a page of the advertiser."""
        cdef Relation *row = self.with_advertiser(advertiser)
        row.visited = max(row.visited, at_s)

    def click(self, uint32_t advertiser, uint32_t at_s):
        """The person clicked on an ad of the advertiser."""
        cdef Relation *row = self.with_advertiser(advertiser)
        row.clicked = max(row.clicked, at_s)

    def reach(self, uint32_t advertiser, uint8_t stage, uint32_t at_s):
        """The person reached a `domain.person.Stage` with an advertiser; what is older than the stage it is in is not
        followed, and staying in a stage does not renew its time.
        """
        self.put_stage(advertiser, stage, at_s)

    def score(self, uint32_t id, int32_t value, uint32_t at_s):
        """A score, under its `domain.person.score_id`, as computed at ``at_s``; an older one changes nothing."""
        self.put_score(id, value, at_s)

    def convert(self, uint32_t kind, uint32_t at_s):
        """Counts a conversion, under its `domain.person.conversion_kind`."""
        self.put_conversions(kind, at_s, 1, True)

    def convert_at_least(self, uint32_t kind, uint32_t last_s, uint32_t count):
        """There were ``count`` conversions of a kind, or more, the last at ``last_s`` or later."""
        self.put_conversions(kind, last_s, count, False)

    def times_of(self, uint32_t scope):
        """Unix seconds of the newest impressions (or other events) of a scope, ascending; empty if there are none."""
        cdef size_t place = self.counters.place_of(scope), begin, first, i
        if place == self.counters.scopes.size() or self.counters.scopes[place].scope != scope:
            return []
        self.counters.ahead_of(place, &begin, &first)
        return [self.counters.times[begin + i] for i in range(<size_t>self.counters.scopes[place].n_times)]

    def converted(self, uint32_t kind):
        """How many conversions of a `domain.person.conversion_kind` there were."""
        cdef size_t place = lower[ConversionRow](self.conversions, kind)
        return self.conversions[place].count if has[ConversionRow](self.conversions, place, kind) else 0

    def expiry_of(self, uint32_t segment):
        """When a membership ends, or has ended; 0: there is none."""
        cdef size_t place = lower[SegmentRow](self.segments, segment)
        return self.segments[place].expires if has[SegmentRow](self.segments, place, segment) else 0

    def join(self, uint32_t segment, uint32_t expires_s):
        """Makes the person a member of an audience until ``expires_s``. Says whether that changed anything. Raises
        ValueError if the person is in as many as a record holds.
        """
        changed = self.put_segment(segment, expires_s)
        if self.segments.size() > MOST_SEGMENTS:
            self.leave(segment)
            raise ValueError(f"a person is in more than {MOST_SEGMENTS} audiences")
        return bool(changed)

    def leave(self, uint32_t segment):
        """Ends a membership. Says whether there was one."""
        cdef size_t place = lower[SegmentRow](self.segments, segment)
        if not has[SegmentRow](self.segments, place, segment):
            return False
        self.segments.erase(self.segments.begin() + place)
        return True

    def end(self, uint32_t segment, uint32_t now_s):
        """Takes out a membership that has ended by ``now_s``. Says whether there was one."""
        cdef size_t place = lower[SegmentRow](self.segments, segment)
        if not has[SegmentRow](self.segments, place, segment) or self.segments[place].expires > now_s:
            return False
        self.segments.erase(self.segments.begin() + place)
        return True

    def has(self, uint32_t segment):
        """Whether the person is a member of an audience, be the membership expired or not."""
        return bool(has[SegmentRow](self.segments, lower[SegmentRow](self.segments, segment), segment))

    def is_empty(self):
        """Whether there is nothing to keep."""
        return self.size() == HEADER

    def pack(self):
        """The record as bytes."""
        cdef bytes packed = PyBytes_FromStringAndSize(NULL, self.size())
        self.write(<uint8_t *>PyBytes_AS_STRING(packed))
        return packed
