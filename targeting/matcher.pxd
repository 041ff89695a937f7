from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libcpp.string cimport string
from libcpp.vector cimport vector

from cython_ext.bitset cimport Bitsets

cdef struct Alternative:   # one value of a check
    uint64_t name          # of an os its name id, else the id of an advertiser or score in records; of a set the value
    uint64_t low, high     # of versions
    double from_, below    # of other ranges; of a circle: latitude and longitude in degrees
    double metres
    int32_t text, size     # of a pattern: slice of Matcher.texts

cdef struct Check:         # what a survivor has to pass besides
    int32_t dimension
    bint wanted
    int32_t first, n       # slice of Matcher.alternatives

cdef class Measures:
    """Facts of a request that are no sets of values. What is not known is as `forget` leaves it."""
    cdef bint located
    cdef double latitude, longitude
    cdef uint64_t os, version      # 0: unknown
    cdef string page               # without scheme, query and fragment, ASCII letters lowered; empty: unknown
    cdef bytes record              # of the person's profile; None: unknown
    cdef const uint8_t *data       # where it lies; NULL: unknown
    cdef Py_ssize_t size
    cdef int64_t now_s
    cdef void set_record(self, bytes record, int64_t now_s) noexcept
    cdef void forget(self) noexcept
    cdef void set_page(self, const char *url, Py_ssize_t size) noexcept nogil

cdef class Matcher:
    cdef readonly Py_ssize_t n_lines
    cdef readonly uint64_t wanted  # bit d: some line item says something about dimension d
    # Bit i of ``lines`` (n_line_words words) is set if line item i matches. Not for two threads at once.
    cdef void select(
        self, const uint64_t *values, const int32_t *offsets, Measures measures, uint64_t *lines
    ) noexcept nogil
    cdef readonly Py_ssize_t n_line_words

    cdef readonly Bitsets sets
    cdef readonly Matcher later            # line items that came after these, or None
    cdef readonly frozenset gone           # places of line items that are there no more
    cdef vector[uint64_t] dead             # the same, a bit a line item; empty: none
    cdef vector[int32_t] owners            # the line item of each item of the sets
    cdef vector[int32_t] checks_of         # of each item: where its checks begin, and one more; empty: no check
    cdef vector[Check] checks
    cdef vector[Alternative] alternatives
    cdef string texts
    cdef int add_check(self, clause) except -1
    cdef void settle(
        self, int32_t hits, const uint64_t *values, const int32_t *offsets, Measures measures, uint64_t *lines
    ) noexcept nogil
    cdef bint in_record(self, Check *check, Alternative *one, Measures measures) noexcept nogil
    cdef bint passes(
        self, Check *check, const uint64_t *values, const int32_t *offsets, Measures measures
    ) noexcept nogil
