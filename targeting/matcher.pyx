# cython: overflowcheck=False
"""From facts to line items: the bitsets first, then the checks of what survives them.

A line item stands in the bitsets with an item for each of its alternatives (`domain.campaign.Conjunction`), or several.
What no bitmap can say (ranges, circles, patterns, a third requirement of one dimension) is a check, made of survivors
only. A change takes a line item out by a bit, and puts its new form into a small matcher of its own.
"""

from libc.math cimport asin, cos, sin, sqrt
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset
from libcpp.string cimport string
from libcpp.vector cimport vector

from cython_ext.bitset cimport Bitsets
from targeting.record cimport Relation, Score, relation, score

from domain.naming import name_id
from domain.person import score_id
from targeting.dimensions import SETS, Dimension, value_id
from targeting.ranges import EARTH_M, read_circle, read_range, version as read_version

cdef extern from *:
    """
    #include <chrono>
    static inline long long outbid_now_ns() {
        return std::chrono::steady_clock::now().time_since_epoch().count();
    }
    """
    int trailing_zeros "__builtin_ctzll"(unsigned long long) nogil
    int __builtin_popcountll(unsigned long long) nogil
    long long now_ns "outbid_now_ns"() nogil

cdef uint64_t ONE = 1
cdef int N_SETS = SETS
cdef int RADIUS = Dimension.RADIUS
cdef int OS_VERSION = Dimension.OS_VERSION
cdef int PAGE = Dimension.PAGE
cdef int SCORE = Dimension.SCORE
cdef double DIAMETER_M = 2 * EARTH_M
cdef double RADIANS = 0.017453292519943295
cdef double DEGREE_M = EARTH_M * RADIANS  # of latitude


cdef class Measures:

    def __init__(self, place=None, os="", version="", page="", record=None, now_s=0):
        self.forget()
        if place is not None:
            self.located = True
            self.latitude, self.longitude = place
        self.os, self.version = name_id(os), read_version(version) if version else 0
        text = page.encode()
        self.set_page(text, len(text))
        self.set_record(record, now_s)

    cdef void set_record(self, bytes record, int64_t now_s) noexcept:
        self.record, self.now_s = record, now_s
        self.data = NULL
        self.size = 0
        if record is not None:
            self.data, self.size = <const uint8_t *>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record)

    cdef void forget(self) noexcept:
        self.located = False
        self.os = self.version = 0
        self.page.clear()
        self.set_record(None, 0)

    cdef void set_page(self, const char *url, Py_ssize_t size) noexcept nogil:
        cdef Py_ssize_t i, start = 0
        cdef char c
        for i in range(size - 2):
            if url[i] == 58 and url[i + 1] == 47 and url[i + 2] == 47:  # ://
                start = i + 3
                break
            if url[i] == 47 or url[i] == 63 or url[i] == 35:
                break
        self.page.clear()
        for i in range(start, size):
            c = url[i]
            if c == 63 or c == 35:  # ? and #
                break
            self.page.push_back(c + 32 if 65 <= c <= 90 else c)


cdef bint fits(const char *pattern, Py_ssize_t n, const char *text, Py_ssize_t size) noexcept nogil:
    """``*`` stands for any run of characters, an empty one too; everything else for itself."""
    cdef Py_ssize_t p = 0, t = 0, star = -1, mark = 0
    while t < size:
        if p < n and pattern[p] == 42:
            star, mark = p, t
            p += 1
        elif p < n and pattern[p] == text[t]:
            p += 1
            t += 1
        elif star >= 0:  # let the last star take one more
            mark += 1
            p, t = star + 1, mark
        else:
            return False
    while p < n and pattern[p] == 42:
        p += 1
    return p == n


cdef bint within(Alternative *circle, double latitude, double longitude) noexcept nogil:
    """Haversine; most places are ruled out by their latitude alone."""
    cdef double apart = latitude - circle.from_, a, b, h
    if apart * DEGREE_M > circle.metres or -apart * DEGREE_M > circle.metres:
        return False
    a, b = sin(apart * RADIANS / 2), sin((longitude - circle.below) * RADIANS / 2)
    h = a * a + cos(latitude * RADIANS) * cos(circle.from_ * RADIANS) * b * b
    return DIAMETER_M * asin(sqrt(h if h < 1 else 1.0)) <= circle.metres


cdef class Matcher:
    """``n_lines`` line items; ``owners`` has the place of the line item of each item of ``sets``, and ``checks`` what
    each has to pass besides."""

    def __init__(self, Py_ssize_t n_lines, uint64_t wanted, Bitsets sets not None, owners, checks):
        cdef int32_t owner
        self.n_lines, self.wanted, self.sets = n_lines, wanted, sets
        self.n_line_words = (n_lines + 63) >> 6
        self.gone = frozenset()
        if len(owners) != sets.n_items or len(checks) != sets.n_items:
            raise ValueError(f"owners of {len(owners)} and checks of {len(checks)} items; there are {sets.n_items}")
        for owner in owners:
            if not 0 <= owner < n_lines:
                raise ValueError(f"line item {owner} is not one of the {n_lines}")
            self.owners.push_back(owner)
        if any(checks):
            for clauses in checks:
                self.checks_of.push_back(<int32_t>self.checks.size())
                for clause in clauses:
                    self.add_check(clause)
            self.checks_of.push_back(<int32_t>self.checks.size())

    cdef int add_check(self, clause) except -1:
        cdef Check check
        cdef Alternative one
        dimension = Dimension[clause.dimension.upper()]
        check.dimension, check.wanted = dimension, clause.wanted
        check.first, check.n = <int32_t>self.alternatives.size(), <int32_t>len(clause.values)
        for value in clause.values:
            memset(&one, 0, sizeof(Alternative))
            if dimension < SETS:
                one.name = value_id(dimension, value)
            elif dimension == RADIUS:
                one.from_, one.below, one.metres = read_circle(value)
            elif dimension == PAGE:
                text = value.encode()
                one.text, one.size = <int32_t>self.texts.size(), <int32_t>len(text)
                self.texts.append(<string>text)
            else:
                name, low, high = read_range(dimension, value)
                if dimension == OS_VERSION:
                    one.name, one.low, one.high = name_id(name), low, min(high, (1 << 64) - 1)
                else:
                    one.name = score_id(name) if dimension == SCORE else int(name[1:])
                    one.from_, one.below = low, high
            self.alternatives.push_back(one)
        self.checks.push_back(check)
        return 0

    def changed(self, Py_ssize_t n_lines, gone, Matcher later):
        """The same with fewer line items and more: ``gone`` are places that match nothing any more, ``later`` has those
        from this one's on. Nothing is compiled anew; this one stays as it is."""
        cdef Matcher made = Matcher.__new__(Matcher)
        cdef Py_ssize_t place
        made.n_lines, made.sets, made.later = n_lines, self.sets, later
        made.n_line_words = (n_lines + 63) >> 6
        made.wanted = self.wanted | (later.wanted if later is not None else 0)
        made.owners, made.checks_of, made.checks = self.owners, self.checks_of, self.checks
        made.alternatives, made.texts = self.alternatives, self.texts
        made.gone = frozenset(gone)
        if made.gone:
            made.dead.resize(made.n_line_words)
            for place in made.gone:
                made.dead[place >> 6] |= ONE << (place & 63)
        return made

    cdef bint passes(
        self, Check *check, const uint64_t *values, const int32_t *offsets, Measures m
    ) noexcept nogil:
        cdef Alternative *one = self.alternatives.data() + check.first
        cdef Alternative *end = one + check.n
        cdef int32_t i
        while one != end:
            if check.dimension < N_SETS:
                for i in range(offsets[check.dimension], offsets[check.dimension + 1]):
                    if values[i] == one.name:
                        return check.wanted
            elif check.dimension == RADIUS:
                if m.located and within(one, m.latitude, m.longitude):
                    return check.wanted
            elif check.dimension == OS_VERSION:
                if m.version and m.os == one.name and one.low <= m.version < one.high:
                    return check.wanted
            elif check.dimension == PAGE:
                if m.page.size() and fits(self.texts.data() + one.text, one.size, m.page.data(), m.page.size()):
                    return check.wanted
            elif m.data is not NULL and self.in_record(check, one, m):
                return check.wanted
            one += 1
        return not check.wanted

    cdef bint in_record(self, Check *check, Alternative *one, Measures m) noexcept nogil:
        """What the person's profile says of an advertiser, or of a score."""
        cdef Relation known
        cdef Score scored
        if check.dimension == SCORE:
            return score(m.data, m.size, <uint32_t>one.name, &scored) and one.from_ <= <double>scored.value < one.below
        if not relation(m.data, m.size, <uint32_t>one.name, &known) or not known.visited:
            return False
        return one.from_ <= <double>max(0, m.now_s - <int64_t>known.visited) < one.below

    cdef void settle(
        self, int32_t hits, const uint64_t *values, const int32_t *offsets, Measures measures, uint64_t *lines
    ) noexcept nogil:
        """The line items of what the bitsets have let through, unless a check refuses it."""
        cdef int32_t i, w, item, owner, k
        cdef uint64_t word
        cdef const int32_t *owners = self.owners.data()
        cdef bint checked = self.checks_of.size() > 0
        for i in range(hits):
            for w in range(self.sets.hits[i] * 8, self.sets.hits[i] * 8 + 8):
                word = self.sets.out[w]
                while word:
                    item = w * 64 + trailing_zeros(word)
                    word &= word - 1
                    owner = owners[item]
                    if checked and self.checks_of[item] != self.checks_of[item + 1]:
                        if lines[owner >> 6] >> (owner & 63) & 1:
                            continue
                        for k in range(self.checks_of[item], self.checks_of[item + 1]):
                            if not self.passes(&self.checks[k], values, offsets, measures):
                                break
                        else:
                            lines[owner >> 6] |= ONE << (owner & 63)
                    else:
                        lines[owner >> 6] |= ONE << (owner & 63)

    cdef void select(
        self, const uint64_t *values, const int32_t *offsets, Measures measures, uint64_t *lines
    ) noexcept nogil:
        cdef size_t i
        memset(lines, 0, self.n_line_words * sizeof(uint64_t))
        self.settle(self.sets.select(values, offsets), values, offsets, measures, lines)
        if self.later is not None:
            self.later.settle(self.later.sets.select(values, offsets), values, offsets, measures, lines)
        for i in range(self.dead.size()):
            lines[i] &= ~self.dead[i]

    # For Python callers: tools and tests

    def matching(self, facts, Measures measures not None) -> list[int]:
        """Places of the line items that match, ascending. ``facts[d]`` are the values of dimension d."""
        cdef vector[uint64_t] values, lines
        cdef vector[int32_t] offsets
        cdef uint64_t word
        cdef int32_t w
        flatten(facts, values, offsets)
        lines.resize(self.n_line_words)
        self.select(values.data(), offsets.data(), measures, lines.data())
        found = []
        for w in range(<int32_t>self.n_line_words):
            word = lines[w]
            while word:
                found.append(w * 64 + trailing_zeros(word))
                word &= word - 1
        return found

    def timed(self, requests, Measures measures not None, int rounds) -> list[tuple[int, int, int]]:
        """For measurements: of each request the nanoseconds of its quickest of some rounds, how many line items
        matched, and how many blocks the bitsets looked at. Between two rounds of a request all others are asked."""
        cdef vector[uint64_t] values, lines
        cdef vector[int32_t] offsets, starts
        cdef vector[int64_t] best
        cdef vector[int32_t] counts, blocks
        cdef int64_t begun, taken
        cdef size_t i, n = len(requests)
        cdef int round
        cdef int32_t w
        starts.push_back(0)
        for facts in requests:
            flatten(facts, values, offsets)
            starts.push_back(<int32_t>values.size())
        lines.resize(self.n_line_words)
        best.assign(n, 1 << 62)
        counts.resize(n)
        blocks.resize(n)
        with nogil:
            for round in range(rounds):
                for i in range(n):
                    begun = now_ns()
                    self.select(
                        values.data() + starts[i], offsets.data() + i * (N_SETS + 1), measures, lines.data()
                    )
                    taken = now_ns() - begun
                    if taken < best[i]:
                        best[i] = taken
                    if round == 0:
                        for w in range(<int32_t>self.n_line_words):
                            counts[i] += __builtin_popcountll(lines[w])
                        blocks[i] = <int32_t>self.sets.looked_at
        return [(best[i], counts[i], blocks[i]) for i in range(n)]

    def size_bytes(self) -> int:
        """Memory that all of it takes."""
        return (
            self.sets.size_bytes() + (self.owners.size() + self.checks_of.size()) * sizeof(int32_t)
            + self.checks.size() * sizeof(Check) + self.alternatives.size() * sizeof(Alternative) + self.texts.size()
            + (self.later.size_bytes() if self.later is not None else 0)
        )


cdef int flatten(facts, vector[uint64_t] &values, vector[int32_t] &offsets) except -1:
    cdef uint64_t value
    if len(facts) != SETS:
        raise ValueError(f"facts of {len(facts)} dimensions; there are {SETS}")
    cdef int32_t first = <int32_t>values.size()
    offsets.push_back(0)
    for each in facts:
        for value in each:
            values.push_back(value)
        offsets.push_back(<int32_t>values.size() - first)
    return 0


def holds(clause, facts, Measures measures not None) -> bool:
    """Whether one clause holds, checked on its own; for those who ask why."""
    cdef vector[uint64_t] values
    cdef vector[int32_t] offsets
    cdef Matcher one = Matcher(0, 0, Bitsets([], []), (), ())
    flatten(facts, values, offsets)
    one.add_check(clause)
    return bool(one.passes(&one.checks[0], values.data(), offsets.data(), measures))
