"""Hashed logistic regression: the log odds of a row are a bias and the sum of the weights at its places."""

from libc.stdint cimport uint32_t
from libc.string cimport memcpy

import numpy as np

from prediction.scorer cimport Scorer, to_probabilities

from prediction.scorer import check_places


cdef class Linear(Scorer):
    """``expansion`` is of the rows that ``encoder`` makes; ``weights`` are float64: of all places (2^bits), or of
    ``places`` (uint32), all others being nought. Other threads go on while these are copied, and while they are freed.

    Raises ValueError that begins with the argument's name.
    """

    TYPE = "linear"

    def __init__(self, Encoder encoder not None, Expansion expansion not None, weights, double bias, places=None):
        cdef const double[::1] given
        cdef const uint32_t[::1] at
        cdef Py_ssize_t i, size = <Py_ssize_t>1 << expansion.bits
        Scorer.__init__(self, encoder.n_shared, encoder.n_own)
        if (encoder.n_shared_out, encoder.n_own_out) != (expansion.n_shared, expansion.n_own):
            raise ValueError(
                f"expansion: takes {expansion.n_shared} + {expansion.n_own} columns, the encoder makes "
                f"{encoder.n_shared_out} + {encoder.n_own_out}"
            )
        weights = np.ascontiguousarray(weights, np.float64)
        check_places(places, size)
        if weights.shape != ((size,) if places is None else places.shape):
            raise ValueError(f"weights: are {weights.shape} in size, not {size if places is None else places.shape}")
        if not np.isfinite(weights).all() or not np.isfinite(bias):
            raise ValueError("weights: or bias are not all finite")
        self.encoder, self.expansion, self.bias = encoder, expansion, bias
        given = weights
        if places is None:
            with nogil:
                self.table.resize(size)
                memcpy(self.table.data(), &given[0], size * sizeof(double))
        else:
            at = np.ascontiguousarray(places)
            with nogil:
                self.table.resize(size)
                for i in range(at.shape[0]):
                    self.table[at[i]] = given[i]
        self.shared_row.resize(encoder.n_shared_out + 1)   # one more: an empty vector has no memory to point at
        self.own_row.resize(encoder.n_own_out + 1)
        self.coded.resize(expansion.n_shared + expansion.n_own + 1)
        self.places.resize(max(expansion.n_shared_places, expansion.n_own_places) + 1)

    def __dealloc__(self):
        with nogil:
            self.table.clear()
            self.table.shrink_to_fit()

    @property
    def weights(self):
        """Of all places: float64 (2^bits), a copy."""
        cdef double[::1] out
        made = np.empty(self.table.size())
        out = made
        if out.shape[0]:
            memcpy(&out[0], self.table.data(), out.shape[0] * sizeof(double))
        return made

    cdef void margins(self, const uint32_t *shared, const uint32_t *own, Py_ssize_t rows, double *out) noexcept nogil:
        cdef double together = self.bias, margin
        cdef Py_ssize_t i
        cdef int k
        cdef uint32_t *places = self.places.data()
        cdef const double *table = self.table.data()
        self.encoder.extend_shared(shared, self.shared_row.data())
        self.expansion.place_shared(self.shared_row.data(), self.coded.data(), places)
        for k in range(self.expansion.n_shared_places):
            together += table[places[k]]
        for i in range(rows):
            self.encoder.extend_own(shared, own + i * self.n_own, self.own_row.data())
            self.expansion.place_own(self.own_row.data(), self.coded.data(), places)
            margin = together
            for k in range(self.expansion.n_own_places):
                margin += table[places[k]]
            out[i] = margin

    cdef void score(self, const uint32_t *shared, const uint32_t *own, Py_ssize_t rows, double *out) noexcept nogil:
        self.margins(shared, own, rows, out)
        to_probabilities(out, rows)
