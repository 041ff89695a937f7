"""The household behind an address, and the keys that devices and households have in the profile store.

Of a million devices or households whose ads are counted, some 230 share their counters with another: they may be shown
less than their caps allow, and never more.

A household is an IPv4 address, or the 64 bits of an IPv6 address that a network gives a site (RFC 4291, 2.5.4; devices
change the others by themselves, RFC 8981). No household can be told from an address that was cut for privacy (its last
byte, or all behind 48 bits, is 0 or missing), or that never leaves its network (RFC 1918, 6598, 3927, 4193).
"""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memcmp

from openrtb.request cimport exact_bytes

cdef extern from "<arpa/inet.h>" nogil:
    int AF_INET, AF_INET6
    int inet_pton(int family, const char *text, void *into)

cdef uint64_t DEVICE_MARK = <uint64_t>0xDE1C_E000 << 32
cdef uint64_t HOUSEHOLD_MARK = <uint64_t>0x405E_0000 << 32

cdef const char *MAPPED = b"\0\0\0\0\0\0\0\0\0\0\xff\xff"


cdef bint stays_inside(const uint8_t *ip) noexcept nogil:
    """Of IPv4: private, shared behind a carrier's translation, loopback, or of one link."""
    return (
        ip[0] == 10 or ip[0] == 127 or ip[0] == 0 or (ip[0] == 172 and 16 <= ip[1] < 32) or (ip[0] == 192 and ip[1] == 168)
        or (ip[0] == 100 and 64 <= ip[1] < 128) or (ip[0] == 169 and ip[1] == 254)
    )


cdef uint32_t household_number(str address):
    cdef char named[16]
    cdef uint8_t ip[16]
    cdef Py_ssize_t size
    cdef const char *text
    if address is None or not address.isascii():
        return 0
    text = PyUnicode_AsUTF8AndSize(address, &size)
    memcpy(named, b"ip:", 3)
    if inet_pton(AF_INET, text, ip) == 1:
        memcpy(&named[3], ip, 4)
    elif inet_pton(AF_INET6, text, ip) != 1:
        return 0
    elif memcmp(ip, MAPPED, 12) == 0:
        memcpy(&named[3], &ip[12], 4)
    else:
        if ip[0] & 0xE0 != 0x20:  # not of the part of the address space that is given out (2000::/3)
            return 0
        if memcmp(&ip[6], b"\0\0\0\0\0\0\0\0\0\0", 10) == 0:
            return 0
        memcpy(&named[3], ip, 8)
        return number(exact_bytes(named, 11))
    if named[6] == 0 or stays_inside(<const uint8_t *>&named[3]):
        return 0
    return number(exact_bytes(named, 7))


def household_of(str address not None) -> int:
    """Number (32 bits) of the household behind an address, 0 if none can be told from it."""
    return household_number(address)


def device_key(uint32_t number) -> int:
    """Key in the profile store of a device's counters; 0 for number 0."""
    return DEVICE_MARK | number if number else 0


def household_key(uint32_t number) -> int:
    """As `device_key`, of a household's."""
    return HOUSEHOLD_MARK | number if number else 0
