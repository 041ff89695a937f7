"""Writing msgpack into a growing buffer: what the hot path logs, without making objects first (msgpack specification)."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy
from libcpp.string cimport string


cdef inline void _big_endian(string *out, uint64_t value, int size) noexcept nogil:
    while size:
        size -= 1
        out.push_back(<char>((value >> (8 * size)) & 0xFF))


cdef inline void pack_array(string *out, uint16_t count) noexcept nogil:
    """The head of an array; its items follow."""
    out.push_back(<char>0xDC)
    _big_endian(out, count, 2)


cdef inline void pack_uint(string *out, uint64_t value) noexcept nogil:
    """Any whole number that is not negative, as short as it can be."""
    if value < 128:
        out.push_back(<char>value)
    elif value < 256:
        out.push_back(<char>0xCC)
        _big_endian(out, value, 1)
    elif value < 65536:
        out.push_back(<char>0xCD)
        _big_endian(out, value, 2)
    elif value >> 32 == 0:
        out.push_back(<char>0xCE)
        _big_endian(out, value, 4)
    else:
        out.push_back(<char>0xCF)
        _big_endian(out, value, 8)


cdef inline void pack_bool(string *out, bint value) noexcept nogil:
    out.push_back(<char>(0xC3 if value else 0xC2))


cdef inline void pack_double(string *out, double value) noexcept nogil:
    cdef uint64_t bits
    memcpy(&bits, &value, 8)
    out.push_back(<char>0xCB)
    _big_endian(out, bits, 8)


cdef inline void pack_bytes(string *out, const void *data, uint32_t size) noexcept nogil:
    if size < 256:
        out.push_back(<char>0xC4)
        _big_endian(out, size, 1)
    elif size < 65536:
        out.push_back(<char>0xC5)
        _big_endian(out, size, 2)
    else:
        out.push_back(<char>0xC6)
        _big_endian(out, size, 4)
    out.append(<const char *>data, size)


cdef inline void pack_text(string *out, const char *text, uint32_t size) noexcept nogil:
    """``size`` bytes of UTF-8."""
    if size < 32:
        out.push_back(<char>(0xA0 | size))
    elif size < 256:
        out.push_back(<char>0xD9)
        _big_endian(out, size, 1)
    elif size < 65536:
        out.push_back(<char>0xDA)
        _big_endian(out, size, 2)
    else:
        out.push_back(<char>0xDB)
        _big_endian(out, size, 4)
    out.append(text, size)
