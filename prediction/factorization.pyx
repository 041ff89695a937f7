"""Field-aware factorization machine: the log odds of a row are a bias, a weight for each of its places, and for each pair
of columns the product of the vectors that their values have against each other's column.

What the pairs of shared columns add up to is made once a request, and their vectors are laid out anew, so that a
candidate's column meets all of them in one run of numbers.
"""

from libc.stdint cimport uint32_t
from libc.string cimport memcpy

import numpy as np

from cython_ext.factorization cimport Place, product, within
from prediction.scorer cimport Scorer, to_probabilities

cdef extern from *:
    """
    static inline void prefetch_row(const float *row, long numbers) {
        for (long i = 0; i < numbers; i += 16) __builtin_prefetch(row + i);
    }
    """
    void prefetch_row(const float *row, long numbers) nogil


cdef class Factorization(Scorer):
    """``expansion`` is of the rows that ``encoder`` makes. ``row_of`` (uint32, 2^bits) is a place's row of ``vectors``
    (float32, rows x columns of an extended row x k), of which row 0 is nought; ``weights`` are float32 (2^bits).

    Raises ValueError that begins with the argument's name.
    """

    TYPE = "ffm"

    def __init__(
        self, Encoder encoder not None, Expansion expansion not None, row_of, vectors, weights, double bias
    ):
        cdef const uint32_t[::1] row
        cdef const float[::1] weight, padded
        cdef Place place
        cdef Py_ssize_t i, offset
        Scorer.__init__(self, encoder.n_shared, encoder.n_own)
        fields = expansion.n_shared + expansion.n_own
        if (encoder.n_shared_out, encoder.n_own_out) != (expansion.n_shared, expansion.n_own):
            raise ValueError(
                f"expansion: takes {expansion.n_shared} + {expansion.n_own} columns, the encoder makes "
                f"{encoder.n_shared_out} + {encoder.n_own_out}"
            )
        self.vectors = np.ascontiguousarray(vectors, np.float32)
        if self.vectors.ndim != 3 or len(self.vectors) < 1 or self.vectors.shape[1] != fields or not (
            1 <= self.vectors.shape[2] <= 64
        ):
            raise ValueError(f"vectors: are {self.vectors.shape} in size, not 1 or more x {fields} x 1 to 64")
        self.row_of = np.ascontiguousarray(row_of, np.uint32)
        self.weights = np.ascontiguousarray(weights, np.float32)
        for name, given in (("row_of", self.row_of), ("weights", self.weights)):
            if given.shape != (1 << expansion.bits,):
                raise ValueError(f"{name}: are {given.shape} in size, not {1 << expansion.bits}")
        if int(self.row_of.max()) >= len(self.vectors):
            raise ValueError(f"row_of: {self.row_of.max()} is not allowed; there are {len(self.vectors)} rows")
        if self.vectors[0].any():
            raise ValueError("vectors: row 0 is not nought")
        for name, given in (("vectors", self.vectors), ("weights", self.weights), ("bias", bias)):
            if not np.isfinite(given).all():
                raise ValueError(f"{name}: are not all finite")
        self.encoder, self.expansion, self.bias = encoder, expansion, bias
        self.shared_fields, self.own_fields = expansion.n_shared, expansion.n_own
        self.k = (self.vectors.shape[2] + 3) // 4 * 4
        row, weight = self.row_of, self.weights
        self.places.reserve(row.shape[0])
        for i in range(row.shape[0]):
            place.row, place.weight = row[i], weight[i]
            self.places.push_back(place)
        padded = np.pad(self.vectors, ((0, 0), (0, 0), (0, self.k - self.vectors.shape[2]))).ravel()
        self.numbers.resize(padded.shape[0] + 16)
        offset = -(<Py_ssize_t>self.numbers.data() >> 2) & 15
        memcpy(self.numbers.data() + offset, &padded[0], padded.shape[0] * sizeof(float))
        self.table = self.numbers.data() + offset
        self.shared_row.resize(encoder.n_shared_out + 1)   # one more: an empty vector has no memory to point at
        self.own_row.resize(encoder.n_own_out + 1)
        self.coded.resize(fields)
        self.at.resize(max(expansion.n_shared_places, expansion.n_own_places) + 1)
        self.rows.resize(fields)
        self.against.resize(self.own_fields * self.shared_fields * self.k + 1)

    cdef void margins(self, const uint32_t *shared, const uint32_t *own, Py_ssize_t rows, double *out) noexcept nogil:
        cdef double together = self.bias, margin
        cdef int n_shared = self.shared_fields, n_own = self.own_fields, k = self.k, i, j
        cdef Py_ssize_t row, width = (n_shared + n_own) * k
        cdef uint32_t *at = self.at.data()
        cdef const Place *place
        cdef const Place *places = self.places.data()
        cdef const float **vectors = self.rows.data()
        cdef float *against
        self.encoder.extend_shared(shared, self.shared_row.data())
        self.expansion.place_shared(self.shared_row.data(), self.coded.data(), at)
        for i in range(n_shared):
            vectors[i] = self.table + places[at[i]].row * width
            prefetch_row(vectors[i], width)
        for i in range(self.expansion.n_shared_places):
            together += places[at[i]].weight
        together += within(vectors, 0, n_shared, k)
        against = self.against.data()
        for j in range(n_own):
            for i in range(n_shared):
                memcpy(against, vectors[i] + (n_shared + j) * k, k * sizeof(float))
                against += k
        for row in range(rows):
            margin = together
            self.encoder.extend_own(shared, own + row * self.n_own, self.own_row.data())
            self.expansion.place_own(self.own_row.data(), self.coded.data(), at)
            for j in range(n_own):
                vectors[n_shared + j] = self.table + places[at[j]].row * width
                prefetch_row(vectors[n_shared + j], width)
            for j in range(self.expansion.n_own_places):
                margin += places[at[j]].weight
            against = self.against.data()
            for j in range(n_own):
                margin += product(vectors[n_shared + j], against, n_shared * k)
                against += n_shared * k
            out[row] = margin + within(vectors, n_shared, n_shared + n_own, k)

    cdef void score(self, const uint32_t *shared, const uint32_t *own, Py_ssize_t rows, double *out) noexcept nogil:
        self.margins(shared, own, rows, out)
        to_probabilities(out, rows)
