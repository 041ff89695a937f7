"""Logistic regression learnt one example after another: FTRL-Proximal with a learning rate for each coordinate
(McMahan et al., Ad Click Prediction: a View from the Trenches, KDD 2013, algorithm 1). Features are places in a table;
each that an example has counts 1. The bias is a coordinate of its own, which is not regularised.
"""

from libc.math cimport exp, log1p, sqrt
from libc.stdint cimport int64_t, uint32_t
from libcpp.vector cimport vector

import numpy as np


cdef class Ftrl:
    """A learner over ``size`` places that has seen nothing yet. Its first guess of everything has log odds ``bias``.

    ``alpha`` and ``beta`` set the learning rate alpha / (beta + sqrt(sum of squared gradients)), ``l1`` makes weights
    nought that are not worth it, ``l2`` makes them small. Raises ValueError.
    """

    def __init__(
        self, Py_ssize_t size, double alpha=0.05, double beta=1.0, double l1=0.0, double l2=1.0, double bias=0.0
    ):
        if not (alpha > 0 and beta > 0 and l1 >= 0 and l2 >= 0):
            raise ValueError(f"alpha {alpha} and beta {beta} are above 0, l1 {l1} and l2 {l2} are not below")
        if size < 1 or bias != bias:
            raise ValueError(f"{size} places and a bias of {bias}")
        self.size, self.alpha, self.beta, self.l1, self.l2 = size, alpha, beta, l1, l2
        self.z.resize(size + 1)
        self.n.resize(size + 1)
        self.z[size] = -bias * beta / alpha   # the weight that it stands for is the bias

    cdef double weight(self, Py_ssize_t place) noexcept nogil:
        cdef double z = self.z[place], l1 = self.l1, l2 = self.l2
        if place == self.size:
            l1 = l2 = 0
        if -l1 <= z <= l1:
            return 0
        return -(z - (l1 if z > 0 else -l1)) / ((self.beta + sqrt(self.n[place])) / self.alpha + l2)

    cdef double learn_one(self, const uint32_t *places, Py_ssize_t count, double label, double weight) noexcept nogil:
        cdef double margin = self.weight(self.size), gradient, squared, root, rate
        cdef Py_ssize_t k, place
        for k in range(count):
            margin += self.weight(places[k])
        gradient = (1 / (1 + exp(-margin)) - label) * weight
        squared = gradient * gradient
        for k in range(count + 1):
            place = places[k] if k < count else self.size
            root = sqrt(self.n[place])
            rate = (sqrt(self.n[place] + squared) - root) / self.alpha
            self.z[place] = self.z[place] + gradient - rate * self.weight(place)
            self.n[place] = self.n[place] + squared
        return margin

    def learn(
        self, const uint32_t[:, ::1] places not None, const double[::1] labels not None,
        const double[::1] weights not None, const int64_t[::1] order=None,
    ):
        """One pass over examples: places uint32 (n, m), labels in 0..1, weights not negative; ``order``: int64 (n),
        which example is when. Returns the mean logloss of what was predicted before each was learnt.

        Raises ValueError for sizes that differ, and IndexError for a place that is none.
        """
        cdef Py_ssize_t i, row, n = places.shape[0], m = places.shape[1]
        cdef double margin, loss = 0, total = 0
        if labels.shape[0] != n or weights.shape[0] != n or (order is not None and order.shape[0] != n):
            raise ValueError(f"{n} examples with {labels.shape[0]} labels and {weights.shape[0]} weights")
        if n == 0 or m == 0:
            return 0.0
        if np.asarray(places).max() >= self.size or (
            order is not None and (np.asarray(order).min() < 0 or np.asarray(order).max() >= n)
        ):
            raise IndexError(f"a place is beyond {self.size}, or an example beyond {n}")
        with nogil:
            for i in range(n):
                row = order[i] if order is not None else i
                margin = self.learn_one(&places[row, 0], m, labels[row], weights[row])
                loss += weights[row] * (
                    (margin if margin > 0 else 0) + log1p(exp(-margin if margin > 0 else margin)) - labels[row] * margin
                )
                total += weights[row]
        return loss / total if total > 0 else 0.0

    @property
    def bias(self):
        """Its log odds for an example without features."""
        return self.weight(self.size)

    def weights(self):
        """Of each place: float64 (size)."""
        made = np.empty(self.size)
        cdef double[::1] out = made
        cdef Py_ssize_t i
        with nogil:
            for i in range(self.size):
                out[i] = self.weight(i)
        return made

    def state(self):
        """What it must keep to go on another day: z and n, float64 (2, size + 1)."""
        cdef Py_ssize_t i
        made = np.empty((2, self.size + 1))
        cdef double[:, ::1] out = made
        for i in range(self.size + 1):
            out[0, i], out[1, i] = self.z[i], self.n[i]
        return made

    def resume(self, const double[:, ::1] state not None):
        """Goes on from another's state. Raises ValueError for one of another size, or with numbers that cannot be."""
        cdef Py_ssize_t i
        if state.shape[0] != 2 or state.shape[1] != self.size + 1:
            raise ValueError(f"a state of {state.shape[0]} x {state.shape[1]}, not 2 x {self.size + 1}")
        if not np.isfinite(state).all() or np.asarray(state)[1].min() < 0:
            raise ValueError("a state with numbers that are not finite, or sums of squares below 0")
        for i in range(self.size + 1):
            self.z[i], self.n[i] = state[0, i], state[1, i]
