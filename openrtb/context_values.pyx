"""Values of what only targeting asks for, from clean bytes and from Python's text."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libcpp.vector cimport vector
from cpython.bytes cimport PyBytes_FromStringAndSize
from cython_ext.json_cursor cimport (
    BEGIN, ENDED, Cursor, Step, Text, key_is, next_item, next_key, skip_text, skip_value, take_null, take_number,
)
from openrtb.request cimport folded, folded_bytes
from openrtb.scan_values cimport twice

import orjson

cdef double TENS[16]
TENS[:] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15]
cdef int PLACEMENTS[6]
PLACEMENTS[:] = [0, 1, 4, 4, 4, 3]  # in-stream; in-banner, in-article, in-feed: without content; interstitial


cdef int32_t plcmt_of(int64_t plcmt, int64_t placement) noexcept nogil:
    return <int32_t>plcmt if plcmt else PLACEMENTS[placement] if 0 < placement < 6 else 0


cdef uint64_t packed_version(const char *text, Py_ssize_t size) noexcept nogil:
    """``15.2.1`` -> 16 bits a number, four numbers; what follows (``15.2 beta``) does not count. 0: no version."""
    cdef uint64_t made = 0, part = 0
    cdef int parts = 0
    cdef bint digits = False
    cdef Py_ssize_t i
    for i in range(size + 1):
        if i < size and 48 <= text[i] <= 57:
            part = part * 10 + <uint64_t>(text[i] - 48)
            digits = True
            if part > 0xFFFF:
                return 0
        else:
            if not digits:
                break
            made |= part << (48 - 16 * parts)
            parts += 1
            part, digits = 0, False
            if parts == 4 or i == size or text[i] != 46:
                break
    return made


cdef uint64_t postcode_id(const char *text, Py_ssize_t size) noexcept nogil:
    """Without blanks; of ZIP+4 (``10001-1234``) the ZIP."""
    cdef char plain[32]
    cdef Py_ssize_t i, n = 0
    for i in range(size):
        if text[i] != 32:
            if n == 32:
                return 0
            plain[n] = text[i]
            n += 1
    if n == 10 and plain[5] == 45:
        n = 5
    return folded_bytes(plain, n)


cdef void split_words(const char *text, Py_ssize_t size, vector[uint64_t] *words) noexcept nogil:
    """What stands between commas, without the blanks around it. ASCII."""
    cdef Py_ssize_t start = 0, i, a, b
    for i in range(size + 1):
        if i == size or text[i] == 44:
            a, b = start, i
            while a < b and text[a] == 32:
                a += 1
            while b > a and text[b - 1] == 32:
                b -= 1
            if b > a:
                words.push_back(folded_bytes(text + a, b - a))
            start = i + 1


cdef int split_text(str text, vector[uint64_t] *words) except -1:
    cdef str word
    for word in text.split(","):
        word = word.strip(" ")
        if word:
            words.push_back(folded(word))
    return 0


# Values of a clean request. False: odd.

cdef bint take_words(Cursor *c, Text *plain, list other) except -1:
    """A string: ``plain`` if it is ASCII without escapes, else the one item of ``other``; null is an empty one."""
    cdef const unsigned char *start = c.at
    cdef const unsigned char *p
    plain.start, plain.size = <const char *>start, 0
    if take_null(c):
        return True
    if not skip_text(c):
        return False
    p = start + 1
    while p < c.at - 1 and p[0] < 128 and p[0] != 92:
        p += 1
    plain.start, plain.size = <const char *>start + 1, (c.at - start) - 2
    if p == c.at - 1:
        return True
    try:
        other.append(orjson.loads(PyBytes_FromStringAndSize(<const char *>start, c.at - start)))
    except orjson.JSONDecodeError:
        return False
    return True


cdef bint take_name(Cursor *c, uint64_t *id) except -1:
    """A text's folded name id."""
    cdef Text plain
    cdef list other = []
    if not take_words(c, &plain, other):
        return False
    id[0] = folded(<str>other[0]) if other else folded_bytes(plain.start, plain.size)
    return True


cdef bint take_keywords(Cursor *c, vector[uint64_t] *words) except -1:
    """A text with commas."""
    cdef Text plain
    cdef list other = []
    if not take_words(c, &plain, other):
        return False
    if other:
        split_text(<str>other[0], words)
    else:
        split_words(plain.start, plain.size, words)
    return True


cdef bint take_several(Cursor *c, vector[uint64_t] *words) except -1:
    """An array of such texts."""
    cdef Step step = BEGIN
    if take_null(c):
        return True
    while next_item(c, &step):
        if c.at[0] == 110 or not take_keywords(c, words):  # null is no text
            return False
    return step == ENDED


cdef bint take_told(Cursor *c, bint *told) except -1:
    """Is there a text that says something?"""
    cdef Text plain
    cdef list other = []
    if not take_words(c, &plain, other):
        return False
    told[0] = plain.size > 0
    return True


cdef bint take_degrees(Cursor *c, double *degrees, bint *told) noexcept nogil:
    cdef int64_t digits = 0
    cdef int fraction = 0
    if take_null(c):
        return True
    if not take_number(c, &digits, &fraction):
        return False
    degrees[0], told[0] = <double>digits / TENS[fraction], True
    return True


cdef int add_pairs(object data, vector[uint64_t] *pairs) except -1:
    """``{"section": "loans", "rate": [3, 4]}`` -> ``section=loans``, ``rate=3``, ``rate=4``."""
    if not isinstance(data, dict):
        return 0
    for key, value in data.items():
        for one in value if isinstance(value, list) else (value,):
            if (isinstance(one, str) or type(one) is int) and pairs.size() < 256:
                pair = f"{key}={one}"
                # half a surrogate pair is no character
                pairs.push_back(folded(pair if pair.isascii() else pair.encode("utf-8", "replace").decode()))
    return 0


cdef bint take_data(Cursor *c, vector[uint64_t] *pairs) except -1:
    """An object named ``data`` within an ``ext``."""
    cdef Text key
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef const unsigned char *start
    if c.at[0] != 123:
        return skip_value(c)
    while next_key(c, &key, &step):
        if key_is(&key, b"data", 4):
            start = c.at
            if twice(&met, 0) or not skip_value(c):
                return False
            if start[0] == 123:
                try:
                    add_pairs(orjson.loads(PyBytes_FromStringAndSize(<const char *>start, c.at - start)), pairs)
                except orjson.JSONDecodeError:
                    return False
        elif not skip_value(c):
            return False
    return step == ENDED


cdef bint take_sources(Cursor *c, vector[uint64_t] *sources) except -1:
    """``eids``: the source of each that has ids."""
    cdef Text key
    cdef Step step = BEGIN, inner, of_uids
    cdef uint32_t met
    cdef uint64_t source
    cdef int ids
    if take_null(c):
        return True
    while next_item(c, &step):
        inner, met, source, ids = BEGIN, 0, 0, 0
        while next_key(c, &key, &inner):
            if key_is(&key, b"source", 6):
                if twice(&met, 0) or not take_name(c, &source):
                    return False
            elif key_is(&key, b"uids", 4):
                if twice(&met, 1):
                    return False
                if take_null(c):
                    continue
                of_uids = BEGIN
                while next_item(c, &of_uids):
                    if c.at[0] != 123 or not skip_value(c):
                        return False
                    ids += 1
                if of_uids != ENDED:
                    return False
            elif not skip_value(c):
                return False
        if inner != ENDED:
            return False
        if source and ids:
            sources.push_back(source)
    return step == ENDED
