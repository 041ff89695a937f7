"""What all models are to those who ask them: the values of a request and of its candidates in, probabilities out."""

from libc.math cimport exp, log
from libc.stdint cimport uint32_t

import numpy as np

cdef double FURTHEST = 30.0  # log odds: a probability of 1e-13, which a double still tells from 0 and its complement from 1


cdef void to_probabilities(double *margins, Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t i
    cdef double x
    for i in range(rows):
        x = margins[i]
        if x != x:
            x = 0
        elif x > FURTHEST:
            x = FURTHEST
        elif x < -FURTHEST:
            x = -FURTHEST
        margins[i] = 1 / (1 + exp(-x))


cdef double log_odds(double probability) noexcept nogil:
    if not probability > 0:
        return -FURTHEST
    if not probability < 1:
        return FURTHEST
    return log(probability / (1 - probability))


cdef class Scorer:
    """The base of all models; by itself it knows nothing and says one half."""

    def __init__(self, int n_shared, int n_own):
        if n_shared < 0 or n_own < 0:
            raise ValueError(f"a scorer of {n_shared} shared and {n_own} own features")
        self.n_shared, self.n_own = n_shared, n_own

    cdef void score(self, const uint32_t *shared, const uint32_t *own, Py_ssize_t rows, double *out) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(rows):
            out[i] = 0.5

    cdef void margins(self, const uint32_t *shared, const uint32_t *own, Py_ssize_t rows, double *out) noexcept nogil:
        cdef Py_ssize_t i
        self.score(shared, own, rows, out)
        for i in range(rows):
            out[i] = log_odds(out[i])

    def scores(self, values not None):
        """Probabilities of rows of values: uint32 (n, features) in, float64 (n) out. Each row as a request of its own.

        Raises ValueError for rows of another width.
        """
        cdef const uint32_t[:, ::1] rows = np.ascontiguousarray(values, np.uint32)
        if rows.shape[1] != self.n_shared + self.n_own:
            raise ValueError(f"rows of {rows.shape[1]} values; this model takes {self.n_shared} + {self.n_own}")
        made = np.empty(rows.shape[0])
        cdef double[::1] out = made
        cdef const uint32_t *row
        cdef Py_ssize_t i
        with nogil:
            for i in range(rows.shape[0]):
                row = &rows[i, 0] if rows.shape[1] else NULL
                self.score(row, row + self.n_shared, 1, &out[i])
        return made

    def request_scores(self, const uint32_t[::1] shared not None, const uint32_t[:, ::1] own not None):
        """Probabilities of the candidates of one request: uint32 (n_shared) and (n, n_own) in, float64 (n) out."""
        if shared.shape[0] != self.n_shared or own.shape[1] != self.n_own:
            raise ValueError(
                f"{shared.shape[0]} + {own.shape[1]} values; this model takes {self.n_shared} + {self.n_own}"
            )
        made = np.empty(own.shape[0])
        cdef double[::1] out = made
        if own.shape[0]:
            self.score(
                &shared[0] if shared.shape[0] else NULL, &own[0, 0] if own.shape[1] else NULL, own.shape[0], &out[0]
            )
        return made


def check_places(places, Py_ssize_t size):
    """Raises ValueError unless they are places of a table of that size, uint32, or None."""
    if places is None:
        return
    if places.dtype != np.uint32 or places.ndim != 1:
        raise ValueError(f"places: are {places.dtype} {places.shape}; one row of uint32 is allowed")
    if len(places) and int(places.max()) >= size:
        raise ValueError(f"places: {places.max()} is not allowed; there are {size}")
