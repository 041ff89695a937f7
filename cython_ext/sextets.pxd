"""Bit fields, read straight out of web-safe base64 text (RFC 4648, section 5): each character is six bits, first bit first.

Nothing is copied: a field's bits are taken from the characters that they lie in, wherever they lie.
"""

from libc.stdint cimport int64_t

cdef struct Sextets:
    const char *text
    Py_ssize_t size      # characters

cdef signed char VALUE[256]   # of a character: 0 to 63, or -1

# True: all of it is base64. Trailing padding is taken off; ``+`` and ``/`` count as ``-`` and ``_``.
cdef bint open_sextets(const char *text, Py_ssize_t size, Sextets *out) noexcept nogil
# ``width`` (up to 57) bits from bit ``at`` on, as an unsigned number; -1: the text ends before them.
cdef int64_t bits(const Sextets *s, Py_ssize_t at, int width) noexcept nogil
# A Fibonacci code (1 and above) at ``at``, which is moved behind it; -1: there is none, or it is above 2^31.
cdef int64_t fibonacci(const Sextets *s, Py_ssize_t *at) noexcept nogil
