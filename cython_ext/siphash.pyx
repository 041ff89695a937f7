# cython: boundscheck=False, wraparound=False, overflowcheck=False
"""SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed 64-bit hash, short enough a MAC for a URL, fast enough for names."""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy


cdef inline uint64_t rotl(uint64_t x, int b) noexcept nogil:
    return (x << b) | (x >> (64 - b))


cdef inline void sip_round(uint64_t *v) noexcept nogil:
    v[0] += v[1]; v[1] = rotl(v[1], 13); v[1] ^= v[0]; v[0] = rotl(v[0], 32)
    v[2] += v[3]; v[3] = rotl(v[3], 16); v[3] ^= v[2]
    v[0] += v[3]; v[3] = rotl(v[3], 21); v[3] ^= v[0]
    v[2] += v[1]; v[1] = rotl(v[1], 17); v[1] ^= v[2]; v[2] = rotl(v[2], 32)


cdef uint64_t siphash(uint64_t k0, uint64_t k1, const unsigned char *data, Py_ssize_t length) noexcept nogil:
    cdef uint64_t v[4]
    cdef uint64_t m
    cdef Py_ssize_t i, whole = length - (length & 7)
    v[0] = k0 ^ <uint64_t>0x736f6d6570736575
    v[1] = k1 ^ <uint64_t>0x646f72616e646f6d
    v[2] = k0 ^ <uint64_t>0x6c7967656e657261
    v[3] = k1 ^ <uint64_t>0x7465646279746573
    for i in range(0, whole, 8):
        memcpy(&m, data + i, 8)
        v[3] ^= m
        sip_round(v); sip_round(v)
        v[0] ^= m
    m = (<uint64_t>length & 0xff) << 56
    for i in range(length & 7):
        m |= <uint64_t>data[whole + i] << (8 * i)
    v[3] ^= m
    sip_round(v); sip_round(v)
    v[0] ^= m
    v[2] ^= 0xff
    sip_round(v); sip_round(v); sip_round(v); sip_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def siphash24(const unsigned char[::1] key not None, const unsigned char[::1] data not None):
    """Unsigned 64-bit SipHash-2-4 of ``data`` under the 16 bytes of ``key``."""
    if key.shape[0] != 16:
        raise ValueError(f"the key has {key.shape[0]} bytes; SipHash takes 16")
    cdef uint64_t k0, k1
    memcpy(&k0, &key[0], 8)
    memcpy(&k1, &key[8], 8)
    return siphash(k0, k1, &data[0] if data.shape[0] else NULL, data.shape[0])
