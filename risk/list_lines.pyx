# cython: overflowcheck=False
"""The lines of a list's file: ids in the forms that long lists have become keys here, all others are handed back.

A line is an id, and behind a comma its terms. What an id means is said by `targeting.identity_keys.parse_person`; of the
forms that are read here the key is the same as its. These are ``key:``, hashes in hexadecimal, advertising ids in the
form of a UUID, ``device:``, ``account:`` and ``cookie:`` of letters, digits, ``_``, ``.`` and ``-``, and IPv4 addresses.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy

from cython_ext.siphash cimport siphash, siphash_lowered

from domain.naming import HASHES, KEY

cdef enum:
    LONGEST = 256   # bytes of an id that is read here
    UUID = 36

cdef uint64_t k0, k1
memcpy(&k0, <const unsigned char *><const char *>(<bytes>KEY), 8)
memcpy(&k1, <const unsigned char *><const char *>(<bytes>KEY) + 8, 8)

cdef bytes EMPTY = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # SHA-256 of nothing
cdef const char *empty = EMPTY

cdef uint8_t digit[256]     # of a hexadecimal digit its value, of all else 255
cdef uint8_t plain[256]     # whether a byte may be in a value that is taken as it is
for number in range(256):
    digit[number] = int(chr(number), 16) if chr(number) in "0123456789abcdefABCDEF" else 255
    plain[number] = number < 128 and (chr(number).isalnum() or chr(number) in "_.-")


cdef inline bint is_kind(const unsigned char *text, Py_ssize_t size, const char *kind, Py_ssize_t length) noexcept nogil:
    return size == length and memcmp(text, kind, length) == 0


cdef inline bint is_hash(const unsigned char *text, Py_ssize_t size) noexcept nogil:
    """Whether it is the name of a kind that is a SHA-256: those of `domain.naming.HASHES`."""
    return (
        is_kind(text, size, b"phone_sha256", 12) or is_kind(text, size, b"email_sha256", 12)
        or is_kind(text, size, b"national_id_sha256", 18) or is_kind(text, size, b"card_sha256", 11)
        or is_kind(text, size, b"address_sha256", 14)
    )


cdef bint hexadecimal(const unsigned char *text, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t i
    cdef uint8_t worst = 0
    for i in range(size):
        worst |= digit[text[i]]
    return worst < 16


cdef bint is_uuid(const unsigned char *text) noexcept nogil:
    """36 characters as RFC 9562 has it, and not the one of zeros."""
    cdef Py_ssize_t i
    cdef uint8_t any_set = 0
    for i in range(UUID):
        if i == 8 or i == 13 or i == 18 or i == 23:
            if text[i] != c"-":
                return False
        elif digit[text[i]] > 15:
            return False
        else:
            any_set |= digit[text[i]]
    return any_set != 0


cdef bint is_ipv4(const unsigned char *text, Py_ssize_t size) noexcept nogil:
    """Four numbers in the only form that they have."""
    cdef Py_ssize_t i = 0, begun
    cdef int part, value
    for part in range(4):
        begun, value = i, 0
        while i < size and i - begun < 3 and c"0" <= text[i] <= c"9":
            value = 10 * value + text[i] - c"0"
            i += 1
        if i == begun or value > 255 or (text[begun] == c"0" and i - begun > 1):
            return False
        if part < 3:
            if i >= size or text[i] != c".":
                return False
            i += 1
    return i == size


cdef uint64_t plain_key(const unsigned char *text, Py_ssize_t size) noexcept nogil:
    """Key of an id in one of the forms that are read here; 0: it is of another."""
    cdef const unsigned char *value
    cdef unsigned char advertising[UUID + 4]
    cdef Py_ssize_t i, kind, length
    cdef uint64_t key = 0
    if size > LONGEST:
        return 0
    value = <const unsigned char *>memchr(text, c":", size)
    if value == NULL:
        return 0
    kind, value = value - text, value + 1
    length = size - kind - 1
    if length == 64 and is_hash(text, kind):
        if not hexadecimal(value, 64) or (digit[value[0]] == 14 and same_hash(value)):
            return 0
        return siphash_lowered(k0, k1, text, size)
    if kind == 3 and is_kind(text, kind, b"key", 3):
        if length != 16:
            return 0
        for i in range(16):
            if digit[value[i]] > 15:
                return 0
            key = key << 4 | digit[value[i]]
        return key
    if length == UUID and (
        is_kind(text, kind, b"ifa", 3) or is_kind(text, kind, b"idfa", 4) or is_kind(text, kind, b"aaid", 4)
        or is_kind(text, kind, b"oaid", 4)
    ):
        if not is_uuid(value):
            return 0
        memcpy(advertising, <const char *>b"ifa:", 4)
        memcpy(advertising + 4, value, UUID)
        return siphash_lowered(k0, k1, advertising, UUID + 4)
    if kind == 2 and is_kind(text, kind, b"ip", 2):
        return siphash(k0, k1, text, size) if is_ipv4(value, length) else 0
    if length and (
        is_kind(text, kind, b"device", 6) or is_kind(text, kind, b"account", 7) or is_kind(text, kind, b"cookie", 6)
    ):
        for i in range(length):
            if not plain[value[i]]:
                return 0
        return siphash(k0, k1, text, size)
    return 0


cdef bint same_hash(const unsigned char *value) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(64):
        if digit[value[i]] != digit[<unsigned char>empty[i]]:
            return False
    return True


def key_of(const unsigned char[::1] text):
    """Key of an id in one of the forms that are read here; 0: it is of another, or none."""
    return plain_key(&text[0], text.shape[0]) if text.shape[0] else 0


def read_lines(
    const unsigned char[::1] data, bytes kind, int64_t first, uint64_t[::1] keys, int32_t[::1] terms, int64_t[::1] lines,
    dict seen not None, list odd not None,
):
    """Reads whole lines. ``kind``: what stands before each id, with its colon, where the file has bare values; ``first``:
    number of the first line. Every line that is not empty and no remark (``#``) has a place in ``keys`` (0: not read here,
    then ``odd`` has its place and the id), ``terms`` (a number for each different text behind the comma, from ``seen``,
    which grows; -1: there is none) and ``lines`` (its number). Returns how many lines there were, and how many places.
    """
    cdef const unsigned char *at
    cdef const unsigned char *end
    cdef const unsigned char *stop
    cdef const unsigned char *comma
    cdef const unsigned char *last_terms = NULL
    cdef unsigned char whole[LONGEST]
    cdef Py_ssize_t size, places = 0, prefix = len(kind), last_size = 0, terms_size, id_size
    cdef int64_t line = first
    cdef int32_t last = -1
    cdef uint64_t key
    if prefix >= LONGEST // 2:
        raise ValueError(f"kind: {kind!r} is too long")
    if data.shape[0] == 0:
        return 0, 0
    memcpy(whole, <const char *>kind, prefix)
    at, end = &data[0], &data[0] + data.shape[0]
    while at < end:
        stop = <const unsigned char *>memchr(at, c"\n", end - at)
        if stop == NULL:
            stop = end
        size = stop - at
        while size and (at[size - 1] == c" " or at[size - 1] == c"\r" or at[size - 1] == c"\t"):
            size -= 1
        while size and (at[0] == c" " or at[0] == c"\t"):
            at += 1
            size -= 1
        if size and at[0] != c"#":
            if places == keys.shape[0] or places == terms.shape[0] or places == lines.shape[0]:
                raise ValueError(f"keys: {places} places are too few")
            comma = <const unsigned char *>memchr(at, c",", size)
            id_size = size if comma == NULL else comma - at
            if comma == NULL:
                terms[places] = -1
            else:
                terms_size = size - id_size - 1
                if last_terms == NULL or terms_size != last_size or memcmp(last_terms, comma + 1, terms_size) != 0:
                    last_terms, last_size = comma + 1, terms_size
                    last = seen.setdefault(PyBytes_FromStringAndSize(<const char *>last_terms, last_size), len(seen))
                terms[places] = last
            while id_size and (at[id_size - 1] == c" " or at[id_size - 1] == c"\t"):
                id_size -= 1
            if prefix == 0:
                key = plain_key(at, id_size)
            elif prefix + id_size > LONGEST:
                key = 0
            else:
                memcpy(whole + prefix, at, id_size)
                key = plain_key(whole, prefix + id_size)
            if key == 0:
                odd.append((places, kind + PyBytes_FromStringAndSize(<const char *>at, id_size)))
            keys[places], lines[places] = key, line
            places += 1
        line += 1
        at = stop + 1
    return line - first, places


assert all(is_hash(kind.encode(), len(kind)) for kind in HASHES)
