"""Gradient-boosted trees: the log odds of a row are a bias and the sum of a leaf of each tree. Categories are numbers to
them, by the encoder's tables; what a category is called plays no part.
"""

from libc.stdint cimport uint32_t

import numpy as np

from prediction.scorer cimport Scorer, to_probabilities


cdef class Trees(Scorer):
    """``forest`` is over the rows that ``encoder`` makes. Raises ValueError that begins with the argument's name."""

    TYPE = "trees"

    def __init__(self, Encoder encoder not None, Forest forest not None, double bias):
        Scorer.__init__(self, encoder.n_shared, encoder.n_own)
        if encoder.n_shared_out + encoder.n_own_out != forest.n_columns:
            raise ValueError(
                f"n_columns: are {forest.n_columns}, the encoder makes {encoder.n_shared_out} + {encoder.n_own_out}"
            )
        if not np.isfinite(bias):
            raise ValueError("bias: is not finite")
        self.encoder, self.forest, self.bias = encoder, forest, bias
        self.row.resize(forest.n_columns)

    cdef void margins(self, const uint32_t *shared, const uint32_t *own, Py_ssize_t rows, double *out) noexcept nogil:
        cdef Py_ssize_t i
        cdef uint32_t *row = self.row.data()
        self.encoder.extend_shared(shared, row)
        for i in range(rows):
            self.encoder.extend_own(shared, own + i * self.n_own, row + self.encoder.n_shared_out)
            out[i] = self.bias + self.forest.total(row)

    cdef void score(self, const uint32_t *shared, const uint32_t *own, Py_ssize_t rows, double *out) noexcept nogil:
        self.margins(shared, own, rows, out)
        to_probabilities(out, rows)
