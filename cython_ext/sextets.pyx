"""See sextets.pxd. The functions with ``def`` are for tests and tools."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

memset(VALUE, -1, 256)
for place, character in enumerate(ALPHABET):
    VALUE[<int>character] = place
VALUE[<int>43] = 62  # +
VALUE[<int>47] = 63  # /


cdef bint open_sextets(const char *text, Py_ssize_t size, Sextets *out) noexcept nogil:
    cdef Py_ssize_t i
    cdef signed char all_of_them = 0
    while size > 0 and text[size - 1] == 61:  # =
        size -= 1
    for i in range(size):
        all_of_them |= VALUE[<unsigned char>text[i]]
    out.text = text
    out.size = size
    return all_of_them >= 0


cdef int64_t bits(const Sextets *s, Py_ssize_t at, int width) noexcept nogil:
    cdef Py_ssize_t first = at // 6, last = (at + width - 1) // 6, i
    cdef uint64_t value = 0
    if width <= 0 or last >= s.size:
        return -1
    for i in range(first, last + 1):
        value = (value << 6) | <uint64_t>VALUE[<unsigned char>s.text[i]]
    # Up to ten characters: the highest bits of the first fall out at the top, and they are not asked for.
    return <int64_t>((value >> ((last + 1) * 6 - at - width)) & ((<uint64_t>1 << width) - 1))


cdef int64_t fibonacci(const Sextets *s, Py_ssize_t *at) noexcept nogil:
    cdef int64_t low = 1, high = 2, value = 0, bit, before = 0
    while True:
        bit = bits(s, at[0], 1)
        if bit < 0:
            return -1
        at[0] += 1
        if bit and before:
            return value
        if bit:
            value += low
        if value > 2147483647 or low > 2147483647:
            return -1
        before = bit
        low, high = high, low + high


def read_bits(bytes text not None, Py_ssize_t at, int width):
    """An unsigned bit field; -1 where the text ends before it. Raises ValueError for what is not base64."""
    cdef Sextets s
    if at < 0 or not 0 < width <= 57:
        raise ValueError(f"{width} bits from bit {at} on cannot be read: 1 to 57 can, from bit 0 on")
    if not open_sextets(text, len(text), &s):
        raise ValueError(f"{text!r} is no base64")
    return bits(&s, at, width)


def read_fibonacci(bytes text not None, Py_ssize_t at):
    """(value, bit behind it) of a Fibonacci code; the value is -1 if there is none. Raises ValueError as `read_bits`."""
    cdef Sextets s
    if at < 0 or not open_sextets(text, len(text), &s):
        raise ValueError(f"bit {at} of {text!r} cannot be read")
    cdef int64_t value = fibonacci(&s, &at)
    return value, at
