from libc.stdint cimport int64_t, uint32_t, uint64_t
from libcpp.vector cimport vector
from cpython.unicode cimport PyUnicode_DecodeASCII
from cython_ext.json_cursor cimport Cursor, Text, skip_text, take_integer, take_null, take_text, take_utf8

cdef inline bint twice(uint32_t *met, int bit) noexcept nogil:
    """Was this key met before in the object? Then the last one counts, and that is left to the model."""
    cdef uint32_t flag = <uint32_t>1 << bit
    if met[0] & flag:
        return True
    met[0] |= flag
    return False


cdef inline bint take_optional_text(Cursor *c, Text *out) noexcept nogil:
    return take_null(c) or take_text(c, out)


cdef inline bint take_optional_utf8(Cursor *c, Text *out) noexcept nogil:
    return take_null(c) or take_utf8(c, out)


cdef inline bint take_optional_raw(Cursor *c, Text *out) noexcept nogil:
    """A string as it is written, escapes and all: to see that it is there and not empty."""
    if take_null(c):
        return True
    out.start = <const char *>c.at + 1
    if not skip_text(c):
        return False
    out.size = <const char *>c.at - 1 - out.start
    return True


cdef inline bint take_optional_integer(Cursor *c, int64_t *out) noexcept nogil:
    return take_null(c) or take_integer(c, out)


cdef inline bint take_optional_number(Cursor *c, int64_t *out, bint *there) noexcept nogil:
    """A whole number, and that there is one."""
    if take_null(c):
        return True
    there[0] = True
    return take_integer(c, out)


cdef inline str as_str(Text *text):
    return PyUnicode_DecodeASCII(text.start, text.size, NULL)

cdef bint take_floor(Cursor *c, int64_t *micros) noexcept nogil
cdef bint take_currency(Cursor *c, uint32_t *currency) noexcept nogil
cdef bint take_mask(Cursor *c, uint64_t *mask) noexcept nogil
cdef bint take_names(Cursor *c, vector[uint64_t] *names, bint with_parents) noexcept nogil
# 0: empty or null; 1: ours is not among them; 2: it is; -1: odd.
cdef int take_seats(Cursor *c, Text *ours) noexcept nogil
cdef int take_currencies(Cursor *c, uint32_t ours) noexcept nogil
