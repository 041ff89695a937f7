# cython: boundscheck=False, wraparound=False, overflowcheck=False
"""SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed 64-bit hash, short enough a MAC for a URL, fast enough for names."""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy


cdef inline uint64_t rotl(uint64_t x, int b) noexcept nogil:
    return (x << b) | (x >> (64 - b))


cdef inline void sip_round(uint64_t *v) noexcept nogil:
    v[0] += v[1]; v[1] = rotl(v[1], 13); v[1] ^= v[0]; v[0] = rotl(v[0], 32)
    v[2] += v[3]; v[3] = rotl(v[3], 16); v[3] ^= v[2]
    v[0] += v[3]; v[3] = rotl(v[3], 21); v[3] ^= v[0]
    v[2] += v[1]; v[1] = rotl(v[1], 17); v[1] ^= v[2]; v[2] = rotl(v[2], 32)


cdef inline uint64_t lowered(uint64_t eight) noexcept nogil:
    """Eight bytes with A to Z as a to z: a carry into a byte's highest bit tells who is at least A, and who above Z."""
    cdef uint64_t low = eight & <uint64_t>0x7F7F7F7F7F7F7F7F
    cdef uint64_t letters = (low + <uint64_t>0x3F3F3F3F3F3F3F3F) & ~(low + <uint64_t>0x2525252525252525) & ~eight
    return eight | (letters & <uint64_t>0x8080808080808080) >> 2


cdef inline uint64_t last_bytes(const unsigned char *data, Py_ssize_t length) noexcept nogil:
    """What is left behind the last whole eight bytes, in reads that overlap."""
    cdef Py_ssize_t rest = length & 7
    cdef uint64_t m = 0
    cdef uint32_t low, high
    if rest == 0:
        return 0
    if length >= 8:
        memcpy(&m, data + length - 8, 8)
        return m >> (8 * (8 - rest))
    if rest >= 4:
        memcpy(&low, data, 4)
        memcpy(&high, data + rest - 4, 4)
        return low | <uint64_t>high << (8 * (rest - 4))
    m = data[0] | <uint64_t>data[rest >> 1] << (8 * (rest >> 1))
    return m | <uint64_t>data[rest - 1] << (8 * (rest - 1))


cdef inline uint64_t hashed(
    uint64_t k0, uint64_t k1, const unsigned char *data, Py_ssize_t length, bint lower
) noexcept nogil:
    cdef uint64_t v[4]
    cdef uint64_t m
    cdef Py_ssize_t i, whole = length - (length & 7)
    v[0] = k0 ^ <uint64_t>0x736f6d6570736575
    v[1] = k1 ^ <uint64_t>0x646f72616e646f6d
    v[2] = k0 ^ <uint64_t>0x6c7967656e657261
    v[3] = k1 ^ <uint64_t>0x7465646279746573
    for i in range(0, whole, 8):
        memcpy(&m, data + i, 8)
        if lower:
            m = lowered(m)
        v[3] ^= m
        sip_round(v); sip_round(v)
        v[0] ^= m
    m = last_bytes(data, length)
    if lower:
        m = lowered(m)
    m |= (<uint64_t>length & 0xff) << 56
    v[3] ^= m
    sip_round(v); sip_round(v)
    v[0] ^= m
    v[2] ^= 0xff
    sip_round(v); sip_round(v); sip_round(v); sip_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


cdef uint64_t siphash(uint64_t k0, uint64_t k1, const unsigned char *data, Py_ssize_t length) noexcept nogil:
    return hashed(k0, k1, data, length, False)


cdef uint64_t siphash_lowered(uint64_t k0, uint64_t k1, const unsigned char *data, Py_ssize_t length) noexcept nogil:
    return hashed(k0, k1, data, length, True)


def siphash24(const unsigned char[::1] key not None, const unsigned char[::1] data not None, bint lower=False):
    """Unsigned 64-bit SipHash-2-4 of ``data`` under the 16 bytes of ``key``; ``lower``: with A to Z as a to z."""
    if key.shape[0] != 16:
        raise ValueError(f"the key has {key.shape[0]} bytes; SipHash takes 16")
    cdef uint64_t k0, k1
    memcpy(&k0, &key[0], 8)
    memcpy(&k1, &key[8], 8)
    return hashed(k0, k1, &data[0] if data.shape[0] else NULL, data.shape[0], lower)
