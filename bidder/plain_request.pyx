"""Reads a request of HTTP/1.1 without a call a header, if it is as nearly all exchanges send it: a POST of JSON with a
Content-Length, whole in one read, that asks for nothing about the connection.

Whatever is unusual is left to the parser (httptools), which knows all of RFC 9112: chunks, other codings, `Connection`,
`Expect`, `Upgrade`, folded lines, a length told twice, bytes that are not allowed. So nothing is read here that it would
read in another way; tests/property/test_plain_request.py holds both against each other.
"""

from libc.string cimport memchr, memcmp

cdef extern from "<strings.h>" nogil:
    int strncasecmp(const char *a, const char *b, size_t n)

cdef enum:
    DIGITS = 9                # of a length that surely fits
    TOKEN = 1                 # may stand in a header's name
    PATH = 2                  # in a path or a query, as far as exchanges use it
    FIELD = 4                 # in a header's value

cdef unsigned char[256] KINDS


cdef int fill_kinds() except -1:
    cdef int n
    for n in range(256):
        KINDS[n] = FIELD if 0x20 <= n < 0x7F else 0
        if chr(n) in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789":
            KINDS[n] = TOKEN | PATH | FIELD
    for n in b"-_":
        KINDS[n] = TOKEN | PATH | FIELD
    for n in b"/.~?=&%":
        KINDS[n] = PATH | FIELD
    return 0


fill_kinds()


cdef inline bint named(const char *name, Py_ssize_t size, const char *wanted, Py_ssize_t length) noexcept nogil:
    return size == length and strncasecmp(name, wanted, <size_t>length) == 0


cdef inline bint unusual(const char *name, Py_ssize_t size) noexcept nogil:
    """Headers that say more than a plain request does."""
    if size == 6:
        return named(name, size, "expect", 6)
    if size == 7:
        return named(name, size, "upgrade", 7)
    if size == 10:
        return named(name, size, "connection", 10)
    if size == 16:
        return named(name, size, "content-encoding", 16) or named(name, size, "proxy-connection", 16)
    return size == 17 and named(name, size, "transfer-encoding", 17)


cdef Py_ssize_t read_plain(
    const char *data, Py_ssize_t size, Py_ssize_t most_url, Py_ssize_t most_body, PlainRequest *found
) noexcept nogil:
    cdef Py_ssize_t at, name, colon, value, end, length = -1
    cdef const char *line_end
    if size < 16 or memcmp(data, "POST /", 6) != 0:
        return 0
    at = 5
    while at < size and KINDS[<unsigned char>data[at]] & PATH:
        at += 1
    found.url.at, found.url.size = 5, at - 5
    if found.url.size > most_url or size - at < 11 or memcmp(data + at, " HTTP/1.1\r\n", 11) != 0:
        return 0
    at += 11
    found.secret.at = found.secret.size = found.forwarded.at = found.forwarded.size = 0
    found.takes_gzip = False
    while True:
        if size - at < 2:
            return 0
        if data[at] == c"\r":
            if data[at + 1] != c"\n":
                return 0
            at += 2
            break
        name = at
        while at < size and KINDS[<unsigned char>data[at]] & TOKEN:
            at += 1
        colon = at
        if colon == name or size - at < 2 or data[at] != c":":
            return 0
        line_end = <const char *>memchr(data + at, c"\r", <size_t>(size - at))
        if line_end is NULL:
            return 0
        end = line_end - data
        if end + 1 >= size or data[end + 1] != c"\n":
            return 0
        value = at + 1
        if value < end and data[value] == c" ":
            value += 1
        for at in range(value, end):
            if not KINDS[<unsigned char>data[at]] & FIELD:
                return 0
        if value == end or data[value] == c" " or data[end - 1] == c" ":
            return 0
        at = end + 2
        if unusual(data + name, colon - name):
            return 0
        if named(data + name, colon - name, "content-length", 14):
            if length >= 0 or end - value > DIGITS:
                return 0
            length = 0
            while value < end:
                if not c"0" <= data[value] <= c"9":
                    return 0
                length = length * 10 + data[value] - c"0"
                value += 1
        elif named(data + name, colon - name, "content-type", 12):
            if not named(data + value, end - value, "application/json", 16):
                return 0
        elif named(data + name, colon - name, "accept-encoding", 15):
            found.takes_gzip = contains_gzip(data + value, end - value)
        elif named(data + name, colon - name, "x-outbid-secret", 15):
            found.secret.at, found.secret.size = value, end - value
        elif named(data + name, colon - name, "x-forwarded-for", 15):
            found.forwarded.at, found.forwarded.size = value, end - value
    if length <= 0 or length > most_body or size - at < length:
        return 0
    found.body.at, found.body.size = at, length
    return at + length


cdef inline bint contains_gzip(const char *value, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t at
    for at in range(size - 3):
        if memcmp(value + at, "gzip", 4) == 0:
            return True
    return False
