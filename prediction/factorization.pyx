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

from prediction.scorer import check_places

cdef extern from *:
    """
    static inline void prefetch_row(const float *row, long numbers) {
        for (long i = 0; i < numbers; i += 16) __builtin_prefetch(row + i);
    }
    """
    void prefetch_row(const float *row, long numbers) nogil


cdef class Factorization(Scorer):
    """``expansion`` is of the rows that ``encoder`` makes. ``vectors`` are float32 (rows, columns of an extended row, k),
    row 0 nought. ``row_of`` (uint32) says which row is a place's, ``weights`` (float32) what it weighs: of all places
    (2^bits), or of ``places`` (uint32), all others having row 0 and no weight. Other threads go on while these are
    copied, and while they are freed.

    Raises ValueError that begins with the argument's name.
    """

    TYPE = "ffm"

    def __init__(
        self, Encoder encoder not None, Expansion expansion not None, row_of, vectors, weights, double bias, places=None
    ):
        cdef const uint32_t[::1] row, at
        cdef const float[::1] weight, number
        cdef Py_ssize_t i, size = <Py_ssize_t>1 << expansion.bits, fields = expansion.n_shared + expansion.n_own
        Scorer.__init__(self, encoder.n_shared, encoder.n_own)
        if (encoder.n_shared_out, encoder.n_own_out) != (expansion.n_shared, expansion.n_own):
            raise ValueError(
                f"expansion: takes {expansion.n_shared} + {expansion.n_own} columns, the encoder makes "
                f"{encoder.n_shared_out} + {encoder.n_own_out}"
            )
        vectors = np.ascontiguousarray(vectors, np.float32)
        if vectors.ndim != 3 or len(vectors) < 1 or vectors.shape[1] != fields or not 1 <= vectors.shape[2] <= 64:
            raise ValueError(f"vectors: are {vectors.shape} in size, not 1 or more x {fields} x 1 to 64")
        check_places(places, size)
        row_of, weights = np.ascontiguousarray(row_of, np.uint32), np.ascontiguousarray(weights, np.float32)
        for name, given in (("row_of", row_of), ("weights", weights)):
            if given.shape != ((size,) if places is None else places.shape):
                raise ValueError(f"{name}: are {given.shape} in size, not {size if places is None else places.shape}")
        if len(row_of) and int(row_of.max()) >= len(vectors):
            raise ValueError(f"row_of: {row_of.max()} is not allowed; there are {len(vectors)} rows")
        if vectors[0].any():
            raise ValueError("vectors: row 0 is not nought")
        for name, given in (("vectors", vectors), ("weights", weights), ("bias", bias)):
            if not np.isfinite(given).all():
                raise ValueError(f"{name}: are not all finite")
        self.encoder, self.expansion, self.bias = encoder, expansion, bias
        self.shared_fields, self.own_fields = expansion.n_shared, expansion.n_own
        self.plain_k, self.n_rows = vectors.shape[2], vectors.shape[0]
        self.k = (self.plain_k + 3) // 4 * 4
        row, weight, number = row_of, weights, vectors.reshape(-1)
        at = np.arange(size, dtype=np.uint32) if places is None else np.ascontiguousarray(places)
        with nogil:
            self.places.resize(size)
            for i in range(row.shape[0]):
                self.places[at[i]].row = row[i]
                self.places[at[i]].weight = weight[i]
            self.numbers.resize(self.n_rows * fields * self.k + 16)
            self.table = <float *>((<size_t>self.numbers.data() + 63) & ~<size_t>63)
            for i in range(self.n_rows * fields):
                memcpy(self.table + i * self.k, &number[i * self.plain_k], self.plain_k * sizeof(float))
        self.shared_row.resize(encoder.n_shared_out + 1)   # one more: an empty vector has no memory to point at
        self.own_row.resize(encoder.n_own_out + 1)
        self.coded.resize(fields)
        self.at.resize(max(expansion.n_shared_places, expansion.n_own_places) + 1)
        self.rows.resize(fields)
        self.against.resize(self.own_fields * self.shared_fields * self.k + 1)

    def __dealloc__(self):
        with nogil:
            self.places.clear()
            self.places.shrink_to_fit()
            self.numbers.clear()
            self.numbers.shrink_to_fit()

    @property
    def vectors(self):
        """float32 (rows, columns of an extended row, k), a copy."""
        cdef Py_ssize_t i, n = self.n_rows * (self.shared_fields + self.own_fields)
        cdef float[:, ::1] out
        made = np.empty((n, self.plain_k), np.float32)
        out = made
        for i in range(n):
            memcpy(&out[i, 0], self.table + i * self.k, self.plain_k * sizeof(float))
        return made.reshape(self.n_rows, self.shared_fields + self.own_fields, self.plain_k)

    @property
    def row_of(self):
        """Of all places: uint32 (2^bits), a copy."""
        cdef Py_ssize_t i
        cdef uint32_t[::1] out
        made = np.empty(self.places.size(), np.uint32)
        out = made
        for i in range(out.shape[0]):
            out[i] = self.places[i].row
        return made

    @property
    def weights(self):
        """Of all places: float32 (2^bits), a copy."""
        cdef Py_ssize_t i
        cdef float[::1] out
        made = np.empty(self.places.size(), np.float32)
        out = made
        for i in range(out.shape[0]):
            out[i] = self.places[i].weight
        return made

    cdef void margins(self, const uint32_t *shared, const uint32_t *own, Py_ssize_t rows, double *out) noexcept nogil:
        cdef double together = self.bias, margin
        cdef int n_shared = self.shared_fields, n_own = self.own_fields, k = self.k, i, j
        cdef Py_ssize_t row, width = (n_shared + n_own) * k
        cdef uint32_t *at = self.at.data()
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
