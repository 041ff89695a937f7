"""Who may sell a site or an app, as the bid path looks it up: a record for each ads.txt, app-ads.txt and sellers.json.

A record is a header of 16 bytes (version, state, two bytes of padding, how many sellers as 32 bits, unix seconds until
which it holds as 64 bits; little endian), then the sellers' ids of 64 bits in ascending order, a code of what each is in
the lowest two bits. An alias (an app's bundle, a sub-domain without a file of its own) has the domain's name id in the
sellers' place.
"""

from collections.abc import Iterable
import struct

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from domain.naming import name_id

VERSION = 1
HEADER = struct.Struct("<BB2xIq")
NONE_THERE, THERE, ALIAS = 0, 1, 2
RESELLER, DIRECT = 0, 1
PUBLISHER, INTERMEDIARY, BOTH = 0, 1, 2

cdef uint64_t CODES = 3


def pack(sellers: Iterable, long long valid_until_s):
    """Record of a file. ``sellers``: (advertising system's domain, account, code); of two codes the higher counts."""
    cdef dict codes = {}
    cdef uint64_t key
    for system, account, code in sellers:
        key = seller_key(name_id(system.lower()), name_id(account)) & ~CODES
        codes[key] = max(codes.get(key, 0), <int>code)
    ids = sorted(id_ | code for id_, code in codes.items())
    return HEADER.pack(VERSION, THERE, len(ids), valid_until_s) + struct.pack(f"<{len(ids)}Q", *ids)


def pack_none(long long valid_until_s):
    """Record of a file that is not there."""
    return HEADER.pack(VERSION, NONE_THERE, 0, valid_until_s)


def pack_alias(domain: str, long long valid_until_s):
    """Record of a name whose sellers are those of ``domain``."""
    return HEADER.pack(VERSION, ALIAS, 1, valid_until_s) + struct.pack("<Q", name_id(domain.lower()))


def prolonged(record: bytes, long long valid_until_s):
    """The same record, holding until then."""
    return record[:8] + struct.pack("<q", valid_until_s) + record[16:]


def key_of(kind: str, name: str):
    """Key of a record: ``kind`` is ``ads.txt``, ``app-ads.txt`` or ``sellers.json``, ``name`` a domain or a bundle."""
    cdef uint64_t mixed = {"ads.txt": ADS_TXT, "app-ads.txt": APP_ADS_TXT, "sellers.json": SELLERS_JSON}[kind]
    return name_id(name.lower()) ^ mixed


def seller_id(system: str, account: str):
    """As `seller_key`, of texts."""
    return seller_key(name_id(system.lower()), name_id(account))


def look_up(const uint8_t[::1] record, uint64_t seller, int64_t now_s):
    """As `said`, for people and tests."""
    return said(&record[0] if record.shape[0] else NULL, record.shape[0], seller, now_s)


cdef int said(const uint8_t *data, Py_ssize_t size, uint64_t seller, int64_t now_s) noexcept nogil:
    cdef uint32_t count = 0
    cdef int64_t until = 0
    cdef uint64_t wanted = seller & ~CODES, found = 0
    cdef Py_ssize_t low = 0, high, middle
    if size < 16 or data[0] != 1:
        return UNKNOWN
    memcpy(&count, data + 4, 4)
    memcpy(&until, data + 8, 8)
    if now_s >= until or size != 16 + 8 * <Py_ssize_t>count:
        return UNKNOWN
    if data[1] == 0:
        return NO_FILE
    if data[1] != 1:
        return UNKNOWN
    high = count
    while low < high:
        middle = (low + high) // 2
        memcpy(&found, data + 16 + 8 * middle, 8)
        if found < wanted:
            low = middle + 1
        else:
            high = middle
    if low == <Py_ssize_t>count:
        return UNLISTED
    memcpy(&found, data + 16 + 8 * low, 8)
    return LISTED + <int>(found & CODES) if found & ~CODES == wanted else UNLISTED


cdef uint64_t alias_of(const uint8_t *data, Py_ssize_t size) noexcept nogil:
    cdef uint64_t domain = 0
    if size == 24 and data[0] == 1 and data[1] == 2:
        memcpy(&domain, data + 16, 8)
    return domain
