"""A model whose probabilities are put right, for all and for each segment, at the cost of a few look-ups a row."""

from libc.stdint cimport int32_t, uint32_t, uint64_t

import numpy as np

from cython_ext.curves import table_of
from cython_ext.curves cimport along, kept_under, key_begun, key_led_on
from prediction.scorer cimport Scorer, to_probabilities

cdef enum:
    MOST_LEVELS = 8
    MOST_SLOTS = 32

MOST_SHIFT = 2.0  # log odds: what was seen since may move a probability by a factor of about 7, no further


cdef class Calibrated(Scorer):
    """``levels``: tuples of slots, which tell a level's segments apart; ``arrays``: of all curves, the first one for all.

    ``x`` and ``y`` are float64 knots of all curves, ``begins`` int32 where each curve's begin and all end, ``slopes``
    float64 (curves, 2) below and above the knots, ``keys`` uint64 of every curve but the first: `keys_of(level,
    values)`. ``offsets``: uint64 keys and what is added to their segments' log odds; ``shift``: what to those of all.

    Raises ValueError, whose text begins with the name of what is wrong.
    """

    TYPE = "calibrated"

    def __init__(self, Scorer inner not None, levels, arrays, offsets=None, double shift=0):
        super().__init__(inner.n_shared, inner.n_own)
        self.inner, self.levels, self.arrays = inner, tuple(tuple(level) for level in levels), dict(arrays)
        self._set_levels()
        self.x = np.ascontiguousarray(arrays["x"], np.float64)
        self.y = np.ascontiguousarray(arrays["y"], np.float64)
        self.begins = np.ascontiguousarray(arrays["begins"], np.int32)
        self.slopes = np.ascontiguousarray(arrays["slopes"], np.float64).ravel()
        keys = np.ascontiguousarray(arrays["keys"], np.uint64)
        self._check(len(keys))
        self.keys, self.curves = _table("keys", keys)
        found, shifts = (np.empty(0, np.uint64), np.empty(0)) if offsets is None else offsets
        self.offsets = np.ascontiguousarray(found, np.uint64), np.ascontiguousarray(shifts, np.float64)
        if self.offsets[0].shape != self.offsets[1].shape or not (np.abs(self.offsets[1]) <= MOST_SHIFT).all():
            raise ValueError(f"offsets: as many as keys, of at most {MOST_SHIFT}, are allowed")
        if not -MOST_SHIFT <= shift <= MOST_SHIFT:
            raise ValueError(f"shift: {shift} is not allowed; at most {MOST_SHIFT} either way is")
        self.shift = shift
        self.is_moved = len(self.offsets[0]) > 0
        self.shifts = self.offsets[1]
        self.moved_keys, self.moves = _table("offsets", self.offsets[0])

    def corrected(self, keys, offsets, double shift=0):
        """The same model with other offsets; the curves are shared."""
        return Calibrated(self.inner, self.levels, self.arrays, (keys, offsets), shift)

    def _set_levels(self):
        cdef int place = 0
        slots = [slot for level in self.levels for slot in level]
        if len(self.levels) > MOST_LEVELS or len(slots) > MOST_SLOTS or not all(self.levels):
            raise ValueError(f"levels: at most {MOST_LEVELS}, of {MOST_SLOTS} slots in all, none empty, are allowed")
        self.n_levels = len(self.levels)
        self.first[0] = 0
        for number, level in enumerate(self.levels):
            self.of_request[number] = max(level) < self.n_shared
            for slot in level:
                if not 0 <= slot < self.n_shared + self.n_own:
                    raise ValueError(f"levels: slot {slot}; the model has {self.n_shared + self.n_own} features")
                self.slots[place] = slot
                place += 1
            self.first[number + 1] = place

    def _check(self, Py_ssize_t segments):
        cdef Py_ssize_t curve, knot, curves = self.begins.shape[0] - 1
        if curves != segments + 1 or self.slopes.shape[0] != 2 * curves:
            raise ValueError(f"begins: of {curves} curves, for {segments} keys and {self.slopes.shape[0]} slopes")
        if self.begins[0] != 0 or self.begins[curves] != self.x.shape[0] or self.x.shape[0] != self.y.shape[0]:
            raise ValueError(f"begins: they end at {self.begins[curves]} of {self.x.shape[0]} and {self.y.shape[0]} knots")
        for curve in range(curves):
            if self.begins[curve + 1] <= self.begins[curve]:
                raise ValueError(f"begins: curve {curve} has no knot")
            if self.begins[curve + 1] > self.x.shape[0]:
                raise ValueError(f"begins: curve {curve} ends behind all knots")
            if self.slopes[2 * curve] < 0 or self.slopes[2 * curve + 1] < 0:
                raise ValueError(f"slopes: those of curve {curve} fall")
            for knot in range(self.begins[curve] + 1, self.begins[curve + 1]):
                if not (self.x[knot] > self.x[knot - 1] and self.y[knot] >= self.y[knot - 1]):
                    raise ValueError(f"x, y: knot {knot} of curve {curve} does not rise")

    cdef void _find(self, int level, const uint32_t *shared, const uint32_t *own, int32_t *curve, double *shift) noexcept nogil:
        cdef uint64_t key = key_begun(level)
        cdef int at, slot
        cdef int32_t found
        for at in range(self.first[level], self.first[level + 1]):
            slot = self.slots[at]
            key = key_led_on(key, shared[slot] if slot < self.n_shared else own[slot - self.n_shared])
        curve[0] = kept_under(&self.keys[0], &self.curves[0], <uint64_t>self.keys.shape[0] - 1, key)
        shift[0] = 0
        if self.is_moved:
            found = kept_under(&self.moved_keys[0], &self.moves[0], <uint64_t>self.moved_keys.shape[0] - 1, key)
            if found >= 0:
                shift[0] = self.shifts[found]

    cdef void margins(self, const uint32_t *shared, const uint32_t *own, Py_ssize_t rows, double *out) noexcept nogil:
        cdef int32_t of_request[MOST_LEVELS]
        cdef double moved[MOST_LEVELS]
        cdef int32_t curve
        cdef double z, shift, by
        cdef Py_ssize_t i, begin
        cdef int level
        self.inner.margins(shared, own, rows, out)
        for level in range(self.n_levels):
            if self.of_request[level]:
                self._find(level, shared, own, &of_request[level], &moved[level])
        for i in range(rows):
            z = along(&self.x[0], &self.y[0], self.begins[1], self.slopes[0], self.slopes[1], out[i])
            shift = self.shift
            for level in range(self.n_levels):
                if self.of_request[level]:
                    curve, by = of_request[level], moved[level]
                else:
                    self._find(level, shared, own + i * self.n_own, &curve, &by)
                shift += by
                if curve >= 0:
                    curve += 1
                    begin = self.begins[curve]
                    z = along(
                        &self.x[begin], &self.y[begin], self.begins[curve + 1] - begin,
                        self.slopes[2 * curve], self.slopes[2 * curve + 1], z,
                    )
            out[i] = z + shift

    cdef void score(self, const uint32_t *shared, const uint32_t *own, Py_ssize_t rows, double *out) noexcept nogil:
        self.margins(shared, own, rows, out)
        to_probabilities(out, rows)


def _table(name, keys):
    try:
        return table_of(keys)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
