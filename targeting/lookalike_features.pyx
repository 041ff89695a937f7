"""What lookalikes are recognised by: a packed record as a list of features that it has, numbers in ascending order.

Every feature is a yes or no: a membership, a stage, a range of something that is counted or measured. Whatever is known
of a person's dealings with another advertiser is no feature.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libcpp.algorithm cimport sort
from libcpp.vector cimport vector
from targeting.record cimport (
    HOUR, SCOPE, SEGMENT, Converted, Parts, Relation, Score, converted, look, relation, scope_advertiser, score, u16, u32,
)

import numpy

STAGES_KNOWN = 10
"""None, and those of `domain.person.Stage`."""
AGES = 12
"""Of a time: never; less than a day ago, 2, 4 … 512 days; longer."""
COUNTS = 10
"""Of a number: none, 1, 2, up to 4, 8 … 128; more."""
SCORE_RANGES = 11
"""Not known; ten ranges of equal width."""

cdef int32_t N_STAGES = STAGES_KNOWN, N_AGES = AGES, N_COUNTS = COUNTS, N_SCORES = SCORE_RANGES
cdef int64_t A_DAY = 86_400

cdef struct Range:
    uint32_t id
    int32_t least, most


cdef inline int32_t age(int64_t now_s, uint32_t at) noexcept nogil:
    cdef int64_t days
    cdef int32_t place = 1
    if at == 0:
        return 0
    days = (now_s - at) // A_DAY if now_s > at else 0
    while days > 0 and place < N_AGES - 1:
        days >>= 1
        place += 1
    return place


cdef inline int32_t amount(int64_t count) noexcept nogil:
    cdef int32_t place = 0
    while count > 0 and place < N_COUNTS - 1:
        count = (count >> 1) if place else count - 1
        place += 1
    return place


cdef int64_t shown_of(Parts *parts, uint32_t scope) noexcept nogil:
    """Impressions of a scope that the record has: of 30 days."""
    cdef const uint8_t *entry
    cdef int32_t i, k, begin = 0, first = 0, end, last
    cdef int64_t count
    for i in range(parts.n_scopes):
        entry = parts.scopes + SCOPE * i
        end, last = u16(entry + 4), u16(entry + 6)
        if u32(entry) == scope:
            if not (begin <= end <= parts.n_times and first <= last <= parts.n_hours):
                return 0
            count = end - begin
            for k in range(first, last):
                count += u32(parts.hours + HOUR * k) & 0xFFF
            return count
        begin, first = end, last
    return 0


cdef class Features:
    """The features of one advertiser. ``audiences``: ids, of which a membership counts while it is live. ``scores``: id,
    least and greatest value of each. ``conversions``: kinds (`domain.person.conversion_kind`). ``dealings``: whether
    stage, visits, impressions and clicks count.
    """

    cdef readonly int advertiser
    cdef readonly int32_t width          # features there are
    cdef bint dealings
    cdef vector[uint32_t] audiences, kinds
    cdef vector[Range] scores

    def __init__(self, int advertiser, audiences, scores=(), conversions=(), bint dealings=True):
        cdef Range of
        self.advertiser, self.dealings = advertiser, dealings
        self.audiences = sorted(set(audiences))
        self.kinds = list(conversions)
        for of.id, of.least, of.most in scores:
            self.scores.push_back(of)
        self.width = <int32_t>(
            self.audiences.size() + dealings * (N_STAGES + 3 * N_AGES + N_COUNTS)
            + self.scores.size() * N_SCORES + self.kinds.size() * N_COUNTS
        )

    def rows(self, list records not None, int64_t now_s):
        """Of each record (bytes) its features: as the ``indptr`` and ``indices`` of a sparse matrix of rows. An unreadable
        one has none.
        """
        cdef vector[int32_t] found
        cdef vector[int64_t] ends
        cdef bytes record
        cdef size_t at = 0
        ends.reserve(len(records) + 1)
        ends.push_back(0)
        for record in records:
            self.add(<const uint8_t *>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record), now_s, found)
            sort(found.begin() + at, found.end())
            at = found.size()
            ends.push_back(<int64_t>at)
        indptr, indices = numpy.empty(ends.size(), numpy.int64), numpy.empty(found.size(), numpy.int32)
        cdef int64_t[::1] into_ends = indptr
        cdef int32_t[::1] into = indices
        for at in range(ends.size()):
            into_ends[at] = ends[at]
        for at in range(found.size()):
            into[at] = found[at]
        return indptr, indices

    cdef void add(self, const uint8_t *data, Py_ssize_t size, int64_t now_s, vector[int32_t] &out) noexcept nogil:
        cdef Parts parts
        cdef Relation known
        cdef Score scored
        cdef Converted happened
        cdef int32_t i, base, place
        cdef size_t k = 0
        if not look(data, size, &parts):
            return
        for i in range(parts.n_segments):  # both ascend
            while k < self.audiences.size() and self.audiences[k] < u32(parts.segments + SEGMENT * i):
                k += 1
            if k == self.audiences.size():
                break
            if self.audiences[k] == u32(parts.segments + SEGMENT * i) and u32(parts.segments + SEGMENT * i + 4) > now_s:
                out.push_back(<int32_t>k)
        base = <int32_t>self.audiences.size()
        if self.dealings:
            known.stage = known.visited = known.shown = known.clicked = 0
            relation(data, size, <uint32_t>self.advertiser, &known)
            out.push_back(base + (<int32_t>known.stage if known.stage < <uint32_t>N_STAGES else 0))
            base += N_STAGES
            out.push_back(base + age(now_s, known.visited))
            out.push_back(base + N_AGES + age(now_s, known.shown))
            out.push_back(base + 2 * N_AGES + age(now_s, known.clicked))
            base += 3 * N_AGES
            out.push_back(base + amount(shown_of(&parts, scope_advertiser(<uint32_t>self.advertiser))))
            base += N_COUNTS
        for k in range(self.scores.size()):
            place = 0
            if score(data, size, self.scores[k].id, &scored):
                place = <int32_t>(
                    (<int64_t>scored.value - self.scores[k].least) * (N_SCORES - 1)
                    // (<int64_t>self.scores[k].most - self.scores[k].least + 1)
                )
                place = 1 + max(0, min(N_SCORES - 2, place))
            out.push_back(base + place)
            base += N_SCORES
        for k in range(self.kinds.size()):
            happened.count = 0
            converted(data, size, self.kinds[k], &happened)
            out.push_back(base + amount(happened.count))
            base += N_COUNTS
