"""The graph in memory: compressed adjacency of a snapshot, and lists of the edges that came since.

A snapshot's nodes are numbered in order of kind, so that the neighbours of a node, in order of number, are in order of
kind: how many of them are addresses takes two binary searches, however many there are. What a feature needs and cannot
be counted when it is asked for is kept right as edges come:

- components by union-find (by size, paths halved);
- distances to the nearest known fraud by a search that begins where something came nearer. Where a label is taken back,
  the nodes whose nearest way began there are found level by level, and searched anew from the others;
- scores x of unlabelled nodes, x = DAMPING * mean of x over the neighbours, with labelled nodes fixed at 1 and 0: a node
  tells its neighbours when its score has moved by more than `EPSILON` since it told them last (as in Andersen, Chung and
  Lang, "Local graph partitioning using PageRank vectors", 2006, a push has a bounded price however large the graph is).
  The equations are a contraction by DAMPING in the maximum norm, so whatever the order, what is told ends within
  EPSILON / (1 - DAMPING) of the one solution.

An edge cannot be taken out: that is done from snapshot to snapshot (`risk.graph_snapshot`). Nothing here is safe for
use by two threads at a time.
"""

import numpy as np

from cython.operator cimport dereference, preincrement
from libc.math cimport fabs
from libc.string cimport memset
from cython_ext.feature_hash cimport mixed

from risk.graph_features import GraphFeatures

cdef enum:
    NEAREST_NONE = 255
    WITHDRAWN = 254
    HORIZON = 6
    SHARED_LIMIT = 255
    HUB_LIMIT = 64
    LOOKS = 4096
    SEEN_SLOTS = 1024

cdef double DAMPED = 0.85
cdef double EPSILON_ = 2e-4

MAX_DISTANCE = HORIZON
DAMPING = DAMPED
EPSILON = EPSILON_
MOST_SHARED = SHARED_LIMIT
HUBS = HUB_LIMIT

ROW = np.dtype(
    [
        ("key", "<u8"), ("sum", "<f8"), ("told", "<f4"), ("parent", "<i4"), ("more", "<u4"),
        ("kind", "u1"), ("distance", "u1"), ("label", "i1"), ("queued", "u1"),
    ]
)
"""A node in a snapshot, as `Row` in the `.pxd` has it."""
assert ROW.itemsize == sizeof(Row) == 32


cdef inline uint64_t slot_of(uint64_t key, uint64_t slots) noexcept nogil:
    return ((mixed(key) >> 32) * slots) >> 32


cdef inline uint64_t pair_of(uint32_t one, uint32_t other) noexcept nogil:
    return (<uint64_t>one << 32 | other) if one < other else (<uint64_t>other << 32 | one)


cdef uint64_t lower_bound(const uint32_t *numbers, uint64_t low, uint64_t high, uint64_t least) noexcept nogil:
    cdef uint64_t middle
    while low < high:
        middle = (low + high) >> 1
        if numbers[middle] < least:
            low = middle + 1
        else:
            high = middle
    return low


cdef class Network:

    def __init__(self, rows=None, offsets=None, neighbours=None, slots=None):
        """Without arguments an empty one; else that of a snapshot's arrays, of which ``rows`` (`ROW`) is written to."""
        cdef int kind
        if rows is None or len(rows) == 0:
            return
        if rows.dtype != ROW or len(offsets) != len(rows) + 1 or int(offsets[len(rows)]) != len(neighbours):
            raise ValueError("the arrays are not those of one snapshot")
        cdef uint8_t[::1] row_bytes = rows.view(np.uint8)
        cdef const uint64_t[::1] offset_view = offsets
        cdef const uint32_t[::1] neighbour_view = neighbours, slot_view = slots
        self.arrays = rows, offsets, neighbours, slots
        self.base = <Row *>&row_bytes[0]
        self.offsets = &offset_view[0]
        if neighbour_view.shape[0]:
            self.neighbours = &neighbour_view[0]
        self.slots, self.slot_count = &slot_view[0], slot_view.shape[0]
        self.base_count = <uint32_t>len(rows)
        starts = np.searchsorted(rows["kind"], np.arange(KINDS + 1))
        for kind in range(KINDS + 1):
            self.kind_starts[kind] = starts[kind]

    # nodes

    cdef inline Row *at(self, uint32_t node) noexcept nogil:
        return self.base + node if node < self.base_count else &self.rows[node - self.base_count]

    cdef int64_t find(self, uint64_t key) noexcept nogil:
        """Number of the node with a key; -1: there is none."""
        cdef uint64_t slot
        cdef unordered_map[uint64_t, uint32_t].iterator found
        if self.slot_count:
            slot = slot_of(key, self.slot_count)
            while self.slots[slot]:
                if self.base[self.slots[slot] - 1].key == key:
                    return self.slots[slot] - 1
                slot = slot + 1 if slot + 1 < self.slot_count else 0
        if self.rows.empty():
            return -1
        found = self.places.find(key)
        return -1 if found == self.places.end() else <int64_t>dereference(found).second

    cdef uint32_t node_of(self, uint64_t key, uint8_t kind) noexcept nogil:
        """The node with a key, made if there is none: the kind that is told first stays."""
        cdef int64_t found = self.find(key)
        cdef Row row
        cdef uint32_t number
        if found >= 0:
            return <uint32_t>found
        memset(&row, 0, sizeof(Row))
        row.key, row.kind, row.parent, row.distance = key, kind, -1, NEAREST_NONE
        number = self.base_count + <uint32_t>self.rows.size()
        self.rows.push_back(row)
        self.places[key] = number
        return number

    cdef uint32_t root(self, uint32_t node) noexcept nogil:
        cdef int32_t up = self.at(node).parent, above
        while up >= 0:
            above = self.at(<uint32_t>up).parent
            if above < 0:
                return <uint32_t>up
            self.at(node).parent = above
            node = <uint32_t>above
            up = self.at(node).parent
        return node

    cdef void unite(self, uint32_t one, uint32_t other) noexcept nogil:
        one, other = self.root(one), self.root(other)
        if one == other:
            return
        if self.at(one).parent > self.at(other).parent:  # sizes are negative
            one, other = other, one
        self.at(one).parent = self.at(one).parent + self.at(other).parent
        self.at(other).parent = <int32_t>one

    # edges

    cdef inline void begin(self, uint32_t node, Walk *walk) noexcept nogil:
        walk.at = walk.end = 0
        if node < self.base_count:
            walk.at, walk.end = self.offsets[node], self.offsets[node + 1]
        walk.link = self.deltas[self.at(node).more - 1].head if self.at(node).more else 0

    cdef inline bint step(self, Walk *walk, uint32_t *to) noexcept nogil:
        if walk.at < walk.end:
            to[0] = self.neighbours[walk.at]
            walk.at += 1
            return True
        if walk.link:
            to[0] = self.links[walk.link - 1].to
            walk.link = self.links[walk.link - 1].next
            return True
        return False

    cdef void span(self, uint32_t node, int kind, uint64_t *low, uint64_t *high) noexcept nogil:
        """Where in `neighbours` those of a kind are that a node has in the snapshot."""
        low[0] = high[0] = 0
        if node < self.base_count:
            low[0] = lower_bound(
                self.neighbours, self.offsets[node], self.offsets[node + 1], self.kind_starts[kind]
            )
            high[0] = lower_bound(self.neighbours, low[0], self.offsets[node + 1], self.kind_starts[kind + 1])

    cdef inline uint64_t degree(self, uint32_t node) noexcept nogil:
        cdef uint64_t number = 0
        if node < self.base_count:
            number = self.offsets[node + 1] - self.offsets[node]
        if self.at(node).more:
            number += self.deltas[self.at(node).more - 1].total
        return number

    cdef bint joined(self, uint32_t one, uint32_t other) noexcept nogil:
        cdef uint64_t place, end
        if one < self.base_count and other < self.base_count:
            if self.offsets[one + 1] - self.offsets[one] > self.offsets[other + 1] - self.offsets[other]:
                one, other = other, one
            end = self.offsets[one + 1]
            place = lower_bound(self.neighbours, self.offsets[one], end, other)
            if place < end and self.neighbours[place] == other:
                return True
        return self.pairs.count(pair_of(one, other)) != 0

    cdef void link(self, uint32_t node, uint32_t to) noexcept nogil:
        cdef Delta fresh
        cdef Delta *delta
        cdef Link made
        if self.at(node).more == 0:
            memset(&fresh, 0, sizeof(Delta))
            self.deltas.push_back(fresh)
            self.at(node).more = <uint32_t>self.deltas.size()
        delta = &self.deltas[self.at(node).more - 1]
        made.to, made.next = to, delta.head
        self.links.push_back(made)
        delta.head = <uint32_t>self.links.size()
        delta.total += 1
        delta.of_kind[self.at(to).kind] += 1

    cdef bint join(self, uint64_t first, uint8_t first_kind, uint64_t second, uint8_t second_kind) noexcept nogil:
        """Adds an edge, and lets everybody whom it concerns know; False: it was there."""
        cdef uint32_t one = self.node_of(first, first_kind), other = self.node_of(second, second_kind)
        if self.joined(one, other):
            return False
        self.pairs.insert(pair_of(one, other))
        self.link(one, other)
        self.link(other, one)
        self.unite(one, other)
        self.at(one).sum = self.at(one).sum + self.at(other).told
        self.at(other).sum = self.at(other).sum + self.at(one).told
        self.check(one)
        self.check(other)
        self.come_nearer(one, self.at(other).distance + 1)
        self.come_nearer(other, self.at(one).distance + 1)
        return True

    # distance to known fraud

    cdef inline void come_nearer(self, uint32_t node, int distance) noexcept nogil:
        if distance <= HORIZON and distance < self.at(node).distance:
            self.at(node).distance = <uint8_t>distance
            self.nearer.push_back(node)

    cdef void spread_distances(self) noexcept nogil:
        cdef Walk walk
        cdef uint32_t node, to = 0
        cdef int distance
        while not self.nearer.empty():
            node = self.nearer.front()
            self.nearer.pop_front()
            distance = self.at(node).distance + 1
            if distance > HORIZON:
                continue
            self.begin(node, &walk)
            while self.step(&walk, &to):
                self.come_nearer(to, distance)

    cdef void withdraw(self, uint32_t source) noexcept nogil:
        """A node at distance 0 is known fraud no longer."""
        cdef vector[uint32_t] level, next_level, lost
        cdef vector[vector[uint32_t]] found
        cdef Walk walk
        cdef uint32_t node, to = 0
        cdef int distance = 0, best
        cdef size_t i
        cdef bint held
        level.push_back(source)
        while not level.empty():
            next_level.clear()
            for i in range(level.size()):
                node = level[i]
                if self.at(node).distance != distance:  # it came twice
                    continue
                held = False
                if distance:
                    self.begin(node, &walk)
                    while not held and self.step(&walk, &to):
                        held = self.at(to).distance == distance - 1
                if held:
                    continue
                self.at(node).distance = WITHDRAWN
                lost.push_back(node)
                self.begin(node, &walk)
                while self.step(&walk, &to):
                    if self.at(to).distance == distance + 1:
                        next_level.push_back(to)
            level.swap(next_level)
            distance += 1
        found.resize(HORIZON + 2)
        for i in range(lost.size()):
            best = HORIZON + 1
            self.begin(lost[i], &walk)
            while self.step(&walk, &to):
                if self.at(to).distance + 1 < best:
                    best = self.at(to).distance + 1
            found[best].push_back(lost[i])
        for distance in range(1, HORIZON + 1):
            i = 0
            while i < found[distance].size():
                node = found[distance][i]
                i += 1
                if self.at(node).distance != WITHDRAWN:
                    continue
                self.at(node).distance = <uint8_t>distance
                self.begin(node, &walk)
                while self.step(&walk, &to):
                    if self.at(to).distance == WITHDRAWN:
                        found[distance + 1].push_back(to)
        for i in range(lost.size()):
            if self.at(lost[i]).distance == WITHDRAWN:
                self.at(lost[i]).distance = NEAREST_NONE

    # propagated labels

    cdef inline double score(self, uint32_t node) noexcept nogil:
        cdef Row *row = self.at(node)
        cdef uint64_t degree
        if row.label:
            return 1.0 if row.label > 0 else 0.0
        degree = self.degree(node)
        return DAMPED * row.sum / degree if degree else 0.0

    cdef inline void check(self, uint32_t node) noexcept nogil:
        if self.at(node).queued == 0 and fabs(self.score(node) - self.at(node).told) > EPSILON_:
            self.at(node).queued = 1
            self.changed.push_back(node)

    cdef void spread_scores(self) noexcept nogil:
        cdef Walk walk
        cdef uint32_t node, to = 0
        cdef float now
        cdef double moved
        while not self.changed.empty():
            node = self.changed.front()
            self.changed.pop_front()
            self.at(node).queued = 0
            now = <float>self.score(node)
            moved = <double>now - self.at(node).told
            if fabs(moved) <= EPSILON_:
                continue
            self.at(node).told = now
            self.begin(node, &walk)
            while self.step(&walk, &to):
                self.at(to).sum = self.at(to).sum + moved
                self.check(to)

    cdef void mark(self, uint64_t key, uint8_t kind, int8_t label) noexcept nogil:
        cdef uint32_t node = self.node_of(key, kind)
        cdef int8_t before = self.at(node).label
        if before == label:
            return
        self.at(node).label = label
        if label > 0:
            self.come_nearer(node, 0)
        elif before > 0:
            self.withdraw(node)
        self.check(node)

    # features

    cdef int shared(self, uint32_t node, int hub_kind) noexcept nogil:
        """Other nodes of its kind around those of its neighbours that are of ``hub_kind``."""
        cdef uint32_t[SEEN_SLOTS] seen
        cdef uint64_t low, high, hub_low, hub_high, slot
        cdef uint32_t hub, to, hub_link, link
        cdef int own = self.at(node).kind, hubs = 0, looks = 0, number = 0
        self.span(node, hub_kind, &low, &high)
        link = self.deltas[self.at(node).more - 1].head if self.at(node).more else 0
        if low == high and link == 0:
            return 0
        memset(seen, 0, sizeof(seen))
        while hubs < HUB_LIMIT and looks < LOOKS:
            if low < high:
                hub = self.neighbours[low]
                low += 1
            elif link:
                hub = self.links[link - 1].to
                link = self.links[link - 1].next
                if self.at(hub).kind != hub_kind:
                    looks += 1
                    continue
            else:
                break
            hubs += 1
            self.span(hub, own, &hub_low, &hub_high)
            hub_link = self.deltas[self.at(hub).more - 1].head if self.at(hub).more else 0
            while looks < LOOKS:
                if hub_low < hub_high:
                    to = self.neighbours[hub_low]
                    hub_low += 1
                elif hub_link:
                    to = self.links[hub_link - 1].to
                    hub_link = self.links[hub_link - 1].next
                    looks += 1
                    if self.at(to).kind != own:
                        continue
                else:
                    break
                looks += 1
                if to == node:
                    continue
                slot = (to * <uint32_t>2654435761) >> 22
                while seen[slot] and seen[slot] != to + 1:
                    slot = (slot + 1) & (SEEN_SLOTS - 1)
                if seen[slot] == 0:
                    seen[slot] = to + 1
                    number += 1
                    if number == SHARED_LIMIT:
                        return number
        return number

    def features(self, uint64_t key):
        """`GraphFeatures` of the node with a key."""
        cdef int64_t found
        cdef uint32_t node
        cdef uint64_t low, high
        cdef uint64_t[KINDS] of_kind
        cdef int kind, ips, devices, label, distance
        cdef int64_t size
        cdef double score
        found = self.find(key)
        if found < 0:
            return NOT_KNOWN
        with nogil:
            node = <uint32_t>found
            size = -<int64_t>self.at(self.root(node)).parent
            for kind in range(KINDS):
                self.span(node, kind, &low, &high)
                of_kind[kind] = high - low
                if self.at(node).more:
                    of_kind[kind] += self.deltas[self.at(node).more - 1].of_kind[kind]
            ips, devices = self.shared(node, 1), self.shared(node, 2)
            distance, label, score = self.at(node).distance, self.at(node).label, self.score(node)
        return GraphFeatures(
            size, self.degree(node), of_kind[1], of_kind[2], of_kind[3], of_kind[4], of_kind[5], of_kind[6], of_kind[7],
            of_kind[8], of_kind[0], ips, devices, -1 if distance > HORIZON else distance, score,
            None if label == 0 else label > 0,
        )

    # from outside

    def __len__(self):
        return self.base_count + self.rows.size()

    @property
    def edges(self) -> int:
        cdef uint64_t of_snapshot = self.offsets[self.base_count] // 2 if self.base_count else 0
        return of_snapshot + self.pairs.size()

    @property
    def since(self) -> int:
        """Edges that came after the snapshot."""
        return self.pairs.size()

    def columns(self):
        """Of all nodes key, kind, degree and score, as arrays."""
        keys, kinds = np.empty(len(self), np.uint64), np.empty(len(self), np.uint8)
        degrees, scores = np.empty(len(self), np.float64), np.empty(len(self), np.float64)
        cdef uint64_t[::1] key = keys
        cdef uint8_t[::1] kind = kinds
        cdef double[::1] degree = degrees, score = scores
        cdef uint32_t node
        with nogil:
            for node in range(<uint32_t>key.shape[0]):
                key[node], kind[node] = self.at(node).key, self.at(node).kind
                degree[node], score[node] = <double>self.degree(node), self.score(node)
        return keys, kinds, degrees, scores

    def missing(self, first, second):
        """Which edges between keys are not there: uint64 arrays in, a boolean array out."""
        cdef const uint64_t[::1] ones = first, others = second
        absent = np.empty(len(ones), np.bool_)
        cdef uint8_t[::1] out = absent.view(np.uint8)
        cdef int64_t one, other
        cdef Py_ssize_t i
        with nogil:
            for i in range(ones.shape[0]):
                one, other = self.find(ones[i]), self.find(others[i])
                out[i] = one < 0 or other < 0 or not self.joined(<uint32_t>one, <uint32_t>other)
        return absent

    def add(self, first, first_kinds, second, second_kinds):
        """Adds edges; those with a key of 0 and those from a node to itself are passed over. Returns how many are new."""
        cdef const uint64_t[::1] ones = first, others = second
        cdef const uint8_t[::1] one_kinds = first_kinds, other_kinds = second_kinds
        cdef Py_ssize_t i, number = 0
        if not len(ones) == len(others) == len(one_kinds) == len(other_kinds):
            raise ValueError("arrays of different length")
        if len(ones) and max(np.max(first_kinds), np.max(second_kinds)) >= KINDS:
            raise ValueError(f"a kind is below {KINDS}")
        if len(self) + 2 * len(ones) >= 1 << 31:
            raise MemoryError("a graph has fewer than 2**31 nodes")
        with nogil:
            for i in range(ones.shape[0]):
                if ones[i] and others[i] and ones[i] != others[i]:
                    number += self.join(ones[i], one_kinds[i], others[i], other_kinds[i])
            self.spread_distances()
            self.spread_scores()
        return number

    def label(self, uint64_t key, uint8_t kind, int8_t label):
        """1 fraud, -1 good, 0 not known."""
        if not key or kind >= KINDS or not -1 <= label <= 1:
            raise ValueError(f"no label {label} of a node of kind {kind} with key {key}")
        with nogil:
            self.mark(key, kind, label)
            self.spread_distances()
            self.spread_scores()

    def settle(self):
        """Works out everything of a snapshot whose rows have a key, a kind and a label only."""
        cdef uint32_t node
        cdef uint64_t place
        with nogil:
            for node in range(self.base_count):
                for place in range(self.offsets[node], self.offsets[node + 1]):
                    if self.neighbours[place] > node:
                        self.unite(node, self.neighbours[place])
            for node in range(self.base_count):
                if self.root(node) != node:
                    self.at(node).parent = <int32_t>self.root(node)
                if self.at(node).label > 0:
                    self.come_nearer(node, 0)
                    self.check(node)
            self.spread_distances()
            self.spread_scores()


NOT_KNOWN = GraphFeatures()


def numbered(keys not None, kinds not None):
    """Distinct keys in the order in which they come first, the kind each has there, and where each key is among them.

    uint64 and uint8 arrays of equal length in; uint64, uint8 and uint32 arrays out.
    """
    cdef const uint64_t[::1] given = keys
    cdef const uint8_t[::1] given_kinds = kinds
    cdef uint64_t slots = 1024, slot, old
    cdef vector[uint64_t] distinct
    cdef vector[uint8_t] distinct_kinds
    cdef vector[uint32_t] table, larger
    cdef Py_ssize_t i
    cdef uint64_t j
    places = np.empty(len(given), np.uint32)
    cdef uint32_t[::1] out = places
    with nogil:
        table.assign(slots, 0)
        for i in range(given.shape[0]):
            slot = slot_of(given[i], slots)
            while table[slot] and distinct[table[slot] - 1] != given[i]:
                slot = slot + 1 if slot + 1 < slots else 0
            if table[slot] == 0:
                distinct.push_back(given[i])
                distinct_kinds.push_back(given_kinds[i])
                table[slot] = <uint32_t>distinct.size()
            out[i] = table[slot] - 1
            if distinct.size() * 10 > slots * 7:
                slots *= 2
                larger.assign(slots, 0)
                for j in range(distinct.size()):
                    slot = slot_of(distinct[j], slots)
                    while larger[slot]:
                        slot = slot + 1 if slot + 1 < slots else 0
                    larger[slot] = <uint32_t>j + 1
                table.swap(larger)
    number = distinct.size()
    made, made_kinds = np.empty(number, np.uint64), np.empty(number, np.uint8)
    cdef uint64_t[::1] made_view = made
    cdef uint8_t[::1] kind_view = made_kinds
    for j in range(distinct.size()):
        made_view[j] = distinct[j]
        kind_view[j] = distinct_kinds[j]
    return made, made_kinds, places


def slots_of(keys not None):
    """A table in which `Network.find` finds distinct keys: 1 + number, 0 where none is."""
    cdef const uint64_t[::1] given = keys
    cdef uint64_t number = given.shape[0] * 10 // 7 + 8, slot
    made = np.zeros(number, np.uint32)
    cdef uint32_t[::1] table = made
    cdef Py_ssize_t i
    with nogil:
        for i in range(given.shape[0]):
            slot = slot_of(given[i], number)
            while table[slot]:
                slot = slot + 1 if slot + 1 < number else 0
            table[slot] = <uint32_t>i + 1
    return made
