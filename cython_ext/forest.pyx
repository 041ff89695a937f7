# cython: overflowcheck=False
"""Sums of regression trees, for one row after another.

A tree is a list of nodes, the root first and each node before its children; a node's two children lie side by side. A
node asks for a number of the row, which is a column's, or a column's negated (the number is then the column's and as
many as there are columns): is it at most a threshold? If so its first child follows; if not, or if the number is
missing (not a number), the second. So what is missing can go either way, by asking for the negated number. A node whose
children are 0 ahead is a leaf, and has a value. Infinite numbers count as the largest finite ones.
"""

from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t
from libc.string cimport memcpy

import numpy as np

cdef enum:
    MOST_COLUMNS = 16_000
    MOST_NODES = 65_535    # of a tree, so that a child is never too far ahead

cdef float LARGEST = 3.4028234663852886e38


cdef class Forest:
    """``sizes`` (int64) are how many nodes each tree has. Of each node: ``asked`` (uint16) which number, ``thresholds``
    (float32), ``ahead`` (uint16) how far its first child is, and ``leaves`` (float64) the value that a leaf has.

    Raises ValueError that begins with the argument's name.
    """

    def __init__(self, int n_columns, sizes, asked, thresholds, ahead, leaves):
        cdef const int64_t[::1] size
        cdef const uint16_t[::1] number, child
        cdef const float[::1] threshold
        cdef const double[::1] leaf
        cdef Py_ssize_t t, i, first, start = 0, n
        cdef int deepest
        cdef Node node
        cdef vector[int32_t] depths     # -1: no node leads there yet
        if not 0 < n_columns <= MOST_COLUMNS:
            raise ValueError(f"n_columns: {n_columns} is not allowed; 1 to {MOST_COLUMNS} are")
        self.n_columns = n_columns
        self.sizes = np.array(sizes, np.int64)
        self.asked = np.array(asked, np.uint16)
        self.thresholds = np.array(thresholds, np.float32)
        self.ahead = np.array(ahead, np.uint16)
        self.leaves = np.array(leaves, np.float64)
        n = len(self.leaves)
        if n >= 1 << 31:
            raise ValueError(f"leaves: {n} nodes are not allowed; up to 2^31 are")
        for name, given in (
            ("asked", self.asked), ("thresholds", self.thresholds), ("ahead", self.ahead), ("leaves", self.leaves)
        ):
            if given.shape != (n,):
                raise ValueError(f"{name}: are {given.shape} in size, there are {n} nodes")
        if not np.isfinite(self.leaves).all():
            raise ValueError("leaves: are not all finite")
        if not np.isfinite(self.thresholds).all():
            raise ValueError("thresholds: are not all finite")
        if (self.sizes < 1).any() or (self.sizes > MOST_NODES).any() or self.sizes.sum() != n:
            raise ValueError(f"sizes: do not make up {n} nodes, 1 to {MOST_NODES} a tree")
        size, number, threshold = self.sizes, self.asked, self.thresholds
        child, leaf = self.ahead, self.leaves
        depths.resize(n, -1)
        roots = []
        for t in range(size.shape[0]):
            deepest = depths[start] = 0
            for i in range(start, start + size[t]):
                if depths[i] < 0:
                    raise ValueError(f"ahead: no node leads to node {i}")
                node.threshold, node.number, node.ahead = 0, 2 * n_columns, child[i]
                if child[i]:
                    first = i + child[i]
                    if first + 1 >= start + size[t] or depths[first] >= 0 or depths[first + 1] >= 0:
                        raise ValueError(f"ahead: node {i} leads beyond its tree, or where another does")
                    if number[i] >= 2 * n_columns:
                        raise ValueError(f"asked: node {i} asks for number {number[i]}, of {2 * n_columns}")
                    depths[first] = depths[first + 1] = depths[i] + 1
                    node.threshold, node.number = threshold[i], number[i]
                deepest = max(deepest, depths[i])
                self.nodes.push_back(node)
            roots.append((deepest, start))
            start += size[t]
        self.values.resize(n)
        if n:
            memcpy(self.values.data(), &leaf[0], n * sizeof(double))
        self.row.resize(2 * n_columns + 1)
        self.lay_lanes(roots)

    cdef int lay_lanes(self, list roots) except -1:
        """Trees of like depth go together; where too few are left, a leaf of no value fills in."""
        cdef Lanes lanes
        cdef Node leaf
        cdef int k
        self.deepest = max((depth for depth, _ in roots), default=0)
        leaf.threshold, leaf.number, leaf.ahead = 0, 2 * self.n_columns, 0
        self.nodes.push_back(leaf)
        self.values.push_back(0)
        filler = (0, self.nodes.size() - 1)
        roots = sorted(roots) + [filler] * ((LANES - len(roots) % LANES) % LANES)
        for first in range(0, len(roots), LANES):
            group = roots[first : first + LANES]
            lanes.depth = max(depth for depth, _ in group)
            for k in range(LANES):
                lanes.roots[k] = group[k][1]
            self.lanes.push_back(lanes)
        return 0

    cdef double total(self, const uint32_t *row) noexcept nogil:
        cdef float *numbers = self.row.data()
        cdef int i, n = self.n_columns
        memcpy(numbers, row, n * sizeof(float))
        for i in range(n):
            numbers[i] = LARGEST if numbers[i] > LARGEST else -LARGEST if numbers[i] < -LARGEST else numbers[i]
            numbers[n + i] = -numbers[i]
        numbers[2 * n] = 0
        return walk(self.nodes.data(), self.values.data(), self.lanes.data(), self.lanes.size(), numbers)

    def totals(self, values not None):
        """Of rows: uint32 (n, columns) in, float64 (n) out."""
        cdef const uint32_t[:, ::1] rows = np.ascontiguousarray(values, np.uint32)
        if rows.shape[1] != self.n_columns:
            raise ValueError(f"values: rows of {rows.shape[1]}, not {self.n_columns}")
        made = np.empty(rows.shape[0])
        cdef double[::1] out = made
        cdef Py_ssize_t i
        with nogil:
            for i in range(rows.shape[0]):
                out[i] = self.total(&rows[i, 0])
        return made
