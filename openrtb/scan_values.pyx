"""The kinds of values that a bid request has, scanned: floors, enumerations as bits, names as ids, seats, currencies."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libcpp.vector cimport vector
from cython_ext.json_cursor cimport (
    BEGIN, ENDED, Cursor, Step, Text, key_is, next_item, take_integer, take_null, take_number, take_text,
)
from openrtb.request cimport cpm_micros, currency_of, folded_bytes

cdef double TENS[16]
TENS[:] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15]


cdef bint take_floor(Cursor *c, int64_t *micros) noexcept nogil:
    """A CPM -> micros, by way of the same double that other parsers make of it (exact digits by an exact power of ten)."""
    cdef int64_t digits = 0
    cdef int fraction = 0
    if take_null(c):
        return True
    if not take_number(c, &digits, &fraction):
        return False
    micros[0] = cpm_micros(<double>digits / TENS[fraction])
    return True


cdef bint take_currency(Cursor *c, uint32_t *currency) noexcept nogil:
    """A currency's letters; null leaves what is there."""
    cdef Text text
    if take_null(c):
        return True
    if not take_text(c, &text):
        return False
    currency[0] = currency_of(text.start, text.size)
    return True


cdef bint take_mask(Cursor *c, uint64_t *mask) noexcept nogil:
    """An array of small numbers -> bits."""
    cdef Step step = BEGIN
    cdef int64_t n = 0
    if take_null(c):
        return True
    while next_item(c, &step):
        if not take_integer(c, &n):
            return False
        if n >= 0:  # a value that no list has is one that nothing of ours is
            mask[0] |= <uint64_t>1 << min(n, 63)
    return step == ENDED


cdef bint take_names(Cursor *c, vector[uint64_t] *names, bint with_parents) noexcept nogil:
    """An array of texts -> name ids, folded; categories with their parents (``IAB1-2`` and ``IAB1``)."""
    cdef Step step = BEGIN
    cdef Text text
    cdef Py_ssize_t i
    if take_null(c):
        return True
    while next_item(c, &step):
        if not take_text(c, &text):
            return False
        names.push_back(folded_bytes(text.start, text.size))
        if with_parents:
            for i in range(1, text.size):
                if text.start[i] == 45 and text.start[0] != 45:
                    names.push_back(folded_bytes(text.start, i))
                    break
    return step == ENDED


cdef int take_seats(Cursor *c, Text *ours) noexcept nogil:
    """An array of seats. 0: empty or null; 1: we are not on it; 2: we are; -1: odd."""
    cdef Step step = BEGIN
    cdef int state = 0
    cdef Text text
    if take_null(c):
        return 0
    while next_item(c, &step):
        if not take_text(c, &text):
            return -1
        if key_is(&text, ours.start, ours.size):
            state = 2
        elif state == 0:
            state = 1
    return state if step == ENDED else -1


cdef int take_currencies(Cursor *c, uint32_t ours) noexcept nogil:
    """As `take_seats`, for ``cur``."""
    cdef Step step = BEGIN
    cdef int state = 0
    cdef Text text
    if take_null(c):
        return 0
    while next_item(c, &step):
        if not take_text(c, &text):
            return -1
        if currency_of(text.start, text.size) == ours:
            state = 2
        elif state == 0:
            state = 1
    return state if step == ENDED else -1
