# cython: overflowcheck=False
"""Field-aware factorization machine (Juan et al., Field-aware Factorization Machines for CTR Prediction, RecSys 2016),
learnt by AdaGrad: the log odds are a bias, a weight for each place, and for each pair of fields the product of two
vectors, each of which a value has against the other's field. Every value counts 1; while learning, products are divided
by the count of fields, as if each example had length 1, so that rates need not be tuned anew for another count.
"""

from libc.math cimport exp, log1p, sqrt
from libc.stdint cimport int64_t, uint32_t
from libcpp.vector cimport vector

import numpy as np

cdef enum:
    CHUNK = 1024   # rows drawn at once


cdef class PairLearner:
    """A learner of ``n_rows`` vectors' rows (row 0, of values without vectors, stays nought) and ``n_places`` weights.

    Vectors begin at random between 0 and 1 / sqrt(k), drawn by ``seed``. Raises ValueError.
    """

    def __init__(
        self, Py_ssize_t n_rows, Py_ssize_t n_places, int fields, int k=4, double rate=0.1, double l2=2e-5,
        double bias=0.0, seed=1,
    ):
        cdef Py_ssize_t row, i, width
        cdef float[::1] drawn
        if n_rows < 2 or n_places < 1 or fields < 1 or not 1 <= k <= 64:
            raise ValueError(f"{n_rows} rows, {n_places} places, {fields} fields, k {k}; each is 1 or more, k up to 64, rows 2 or more")
        if not (rate > 0 and l2 >= 0):
            raise ValueError(f"rate {rate} is above 0, l2 {l2} is not below")
        self.fields, self.k, self.padded, self.rate, self.l2 = fields, k, (k + 3) // 4 * 4, rate, l2
        self.scale, self.bias, self.bias_square = 1.0 / fields, bias, 1.0
        width = fields * self.padded
        self.vectors.resize(n_rows * 2 * width)
        self.weights.resize(n_places)
        self.squares.resize(n_places, 1.0)
        self.rows.resize(fields)
        rng = np.random.default_rng(seed)
        for row in range(n_rows):
            if row % CHUNK == 0:
                drawn = rng.random(CHUNK * width, np.float32) / np.float32(sqrt(k))
            for i in range(width):
                if row and i % self.padded < k:
                    self.vectors[row * 2 * width + i] = drawn[row % CHUNK * width + i]
                self.vectors[row * 2 * width + width + i] = 1.0

    cdef double margin(self, const uint32_t *vectors, const uint32_t *places, Py_ssize_t count) noexcept nogil:
        cdef double sum = self.bias
        cdef Py_ssize_t k, width = 2 * self.fields * self.padded
        for k in range(self.fields):
            self.rows[k] = self.vectors.data() + vectors[k] * width
        for k in range(count):
            sum += self.weights[places[k]]
        return sum + self.scale * within(<const float *const *>self.rows.data(), 0, self.fields, self.padded)

    cdef void learn_one(self, const uint32_t *places, Py_ssize_t count, float gradient) noexcept nogil:
        """Of the example whose margin was asked for last."""
        cdef Py_ssize_t k, width = self.fields * self.padded
        cdef float slope
        step(
            self.rows.data(), self.fields, self.padded, width, gradient * self.scale, <float>self.rate, <float>self.l2
        )
        for k in range(count):
            slope = gradient + <float>self.l2 * self.weights[places[k]]
            self.squares[places[k]] = self.squares[places[k]] + slope * slope
            self.weights[places[k]] = self.weights[places[k]] - <float>(
                self.rate * slope / sqrt(self.squares[places[k]])
            )
        self.bias_square = self.bias_square + gradient * gradient
        self.bias = self.bias - self.rate * gradient / sqrt(self.bias_square)

    cdef int check(self, vectors, places) except -1:
        if vectors.ndim != 2 or places.ndim != 2 or len(vectors) != len(places) or vectors.shape[1] != self.fields:
            raise ValueError(f"vectors {vectors.shape} and places {places.shape} of {self.fields} fields")
        if vectors.size and int(vectors.max()) >= <Py_ssize_t>self.vectors.size() // (2 * self.fields * self.padded):
            raise IndexError(f"row {vectors.max()} is none")
        if places.size and int(places.max()) >= <Py_ssize_t>self.weights.size():
            raise IndexError(f"place {places.max()} is none")
        return 0

    def learn(
        self, const uint32_t[:, ::1] vectors not None, const uint32_t[:, ::1] places not None,
        const double[::1] labels not None, const double[::1] weights not None, const int64_t[::1] order not None,
    ):
        """One pass over examples: rows of vectors uint32 (n, fields), none of them 0, places uint32 (n, m), labels in
        0..1, weights, and which example is when. Returns the mean logloss before each was learnt.

        Raises ValueError for sizes that differ, IndexError for a row or place that is none.
        """
        cdef Py_ssize_t i, row, n = vectors.shape[0], m = places.shape[1]
        cdef double margin, loss = 0, total = 0
        self.check(np.asarray(vectors), np.asarray(places))
        if labels.shape[0] != n or weights.shape[0] != n or order.shape[0] > n:
            raise ValueError(f"{n} examples with {labels.shape[0]} labels and {weights.shape[0]} weights")
        if n == 0:
            return 0.0
        if np.asarray(vectors).min() == 0 or np.asarray(order).min() < 0 or np.asarray(order).max() >= n:
            raise IndexError("row 0 cannot be learnt, nor an example that is none")
        with nogil:
            for i in range(order.shape[0]):
                row = order[i]
                margin = self.margin(&vectors[row, 0], &places[row, 0] if m else NULL, m)
                loss += weights[row] * (
                    (margin if margin > 0 else 0) + log1p(exp(-margin if margin > 0 else margin)) - labels[row] * margin
                )
                total += weights[row]
                self.learn_one(
                    &places[row, 0] if m else NULL, m, <float>(weights[row] * (1 / (1 + exp(-margin)) - labels[row]))
                )
        return loss / total if total > 0 else 0.0

    def margins(self, const uint32_t[:, ::1] vectors not None, const uint32_t[:, ::1] places not None):
        """Log odds of examples: float64 (n). Row 0 is allowed. Raises as `learn`."""
        cdef Py_ssize_t i, m = places.shape[1]
        self.check(np.asarray(vectors), np.asarray(places))
        made = np.empty(vectors.shape[0])
        cdef double[::1] out = made
        with nogil:
            for i in range(vectors.shape[0]):
                out[i] = self.margin(&vectors[i, 0], &places[i, 0] if m else NULL, m)
        return made

    def learnt(self):
        """What a scorer needs: vectors float32 (rows, fields, k), scaled so that their products add up to log odds;
        weights float32 (places).
        """
        cdef Py_ssize_t width = self.fields * self.padded
        cdef float[::1] every = <float[:self.vectors.size()]>self.vectors.data()
        cdef float[::1] weights = <float[:self.weights.size()]>self.weights.data()
        rows = np.asarray(every).reshape(-1, 2, self.fields, self.padded)[:, 0, :, : self.k]
        return rows * np.float32(sqrt(self.scale)), np.array(weights)
