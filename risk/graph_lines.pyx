"""Lines of a file of edges that are written plainly, many at once; what is not, is left to `risk.graph_files`.

Plain are advertising ids of hexadecimal digits and hyphens, devices, accounts and cookies of ASCII letters, digits,
hyphens and underscores, hashes in 64 hexadecimal digits, keys, and IPv4 addresses. What is accepted here has the key
that `risk.graph_kinds.parse_node` gives it.
"""

import numpy as np

from libc.stdint cimport int8_t, int64_t
from libc.string cimport memchr, memcmp, memcpy
from libcpp.vector cimport vector
from cython_ext.siphash cimport siphash, siphash_lowered

from domain.naming import KEY
from risk.graph_kinds import KIND_OF_WORD, OTHER
from risk.graph_records import EDGE, LABEL

cdef enum:
    MOST = 84            # characters of a node that is looked at here: the longest word, a colon and a SHA-256

cdef enum Sort:
    IFA, PLAIN, HASH, BARE_KEY, IPV4

cdef struct Word:
    const uint8_t *text
    Py_ssize_t length
    Sort sort
    uint8_t kind

cdef struct EdgeRow:     # as `EDGE` has it, but for its padding
    uint64_t first
    uint64_t second
    uint8_t first_kind
    uint8_t second_kind

cdef uint64_t K0, K1
memcpy(&K0, <const unsigned char *><bytes>KEY, 8)
memcpy(&K1, <const unsigned char *><bytes>KEY + 8, 8)

SORTS = {
    **dict.fromkeys(("ifa", "idfa", "aaid", "oaid"), IFA),
    **dict.fromkeys(("device", "account", "cookie"), PLAIN),
    **dict.fromkeys(("phone_sha256", "email_sha256", "national_id_sha256", "card_sha256", "address_sha256"), HASH),
    "key": BARE_KEY,
    "ip": IPV4,
}
TEXTS = [word.encode() + b":" for word in SORTS]
cdef vector[Word] WORDS


cdef int learn_words() except -1:
    cdef Word word
    for text, (name, sort) in zip(TEXTS, SORTS.items()):
        word.text, word.length = <const uint8_t *><bytes>text, len(text)
        word.sort, word.kind = sort, KIND_OF_WORD.get(name, OTHER)
        WORDS.push_back(word)
    return 0


learn_words()


cdef inline int hex_digit(uint8_t c) noexcept nogil:
    if c >= 48 and c <= 57:
        return c - 48
    c |= 32
    return c - 87 if c >= 97 and c <= 102 else -1


cdef bint is_ifa(const uint8_t *text, Py_ssize_t length) noexcept nogil:
    """Hexadecimal digits and hyphens, and not zeros alone."""
    cdef Py_ssize_t i
    cdef bint any = False
    for i in range(length):
        if text[i] == 45:
            continue
        if hex_digit(text[i]) < 0:
            return False
        any = any or text[i] != 48
    return any


cdef bint is_plain(const uint8_t *text, Py_ssize_t length) noexcept nogil:
    cdef Py_ssize_t i
    cdef uint8_t c
    for i in range(length):
        c = text[i]
        if not (48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122 or c == 45 or c == 95):
            return False
    return True


cdef bint is_hash(const uint8_t *text, Py_ssize_t length) noexcept nogil:
    """The SHA-256 of nothing, which is refused, is left to who says so."""
    cdef Py_ssize_t i
    if length != 64 or ((text[0] | 32) == 101 and text[1] == 51 and (text[2] | 32) == 98 and text[3] == 48):
        return False
    for i in range(length):
        if hex_digit(text[i]) < 0:
            return False
    return True


cdef bint is_ipv4(const uint8_t *text, Py_ssize_t length) noexcept nogil:
    """Four numbers up to 255 without leading zeros."""
    cdef Py_ssize_t i
    cdef int number = -1, dots = 0
    for i in range(length):
        if text[i] == 46:
            if number < 0 or dots == 3:
                return False
            dots += 1
            number = -1
        elif 48 <= text[i] <= 57:
            if number == 0:
                return False
            number = text[i] - 48 + (10 * number if number > 0 else 0)
            if number > 255:
                return False
        else:
            return False
    return dots == 3 and number >= 0


cdef bint plain_node(const uint8_t *text, Py_ssize_t length, uint64_t *key, uint8_t *kind) noexcept nogil:
    cdef const uint8_t *value
    cdef uint8_t[MOST] canonical  # "ifa:" is as short as any word for it
    cdef Py_ssize_t size, i
    cdef size_t at
    cdef Word *word
    if length > MOST:
        return False
    for at in range(WORDS.size()):
        word = &WORDS[at]
        if length > word.length and memcmp(text, word.text, word.length) == 0:
            break
    else:
        return False
    value, size = text + word.length, length - word.length
    kind[0] = word.kind
    if word.sort == BARE_KEY:
        if size != 16:
            return False
        key[0] = 0
        for i in range(size):
            if hex_digit(value[i]) < 0:
                return False
            key[0] = key[0] << 4 | hex_digit(value[i])
        return key[0] != 0
    if word.sort == IFA:
        if not is_ifa(value, size):
            return False
        memcpy(canonical, b"ifa:", 4)
        memcpy(&canonical[4], value, size)
        key[0] = siphash_lowered(K0, K1, canonical, size + 4)
        return True
    if word.sort == HASH:
        key[0] = siphash_lowered(K0, K1, text, length)
        return is_hash(value, size)
    key[0] = siphash(K0, K1, text, length)
    return is_ipv4(value, size) if word.sort == IPV4 else is_plain(value, size)


cdef inline int label_of(const uint8_t *text, Py_ssize_t length) noexcept nogil:
    """1 fraud, -1 good, 0 unknown, 2 something else."""
    if length == 5 and memcmp(text, b"fraud", 5) == 0:
        return 1
    if length == 4 and memcmp(text, b"good", 4) == 0:
        return -1
    return 0 if length == 7 and memcmp(text, b"unknown", 7) == 0 else 2


def read_block(const uint8_t[::1] data not None, int64_t number):
    """Whole lines, of which the first has ``number``: (edges as `EDGE`, their line numbers, labels as `LABEL`, their
    line numbers, [(number, line) of those that are not plain, empty ones and comments too], how many lines there are).
    """
    cdef vector[EdgeRow] edges
    cdef vector[uint64_t] label_keys
    cdef vector[uint8_t] label_kinds
    cdef vector[int8_t] labels
    cdef vector[int64_t] edge_lines, label_lines, odd_lines, odd_starts, odd_ends
    cdef EdgeRow row
    cdef Py_ssize_t at = 0, end = data.shape[0], stop, length
    cdef const uint8_t *base = &data[0] if end else NULL
    cdef const uint8_t *comma
    cdef const uint8_t *found
    cdef int64_t line = number
    cdef int label
    cdef bint plain
    cdef size_t i
    with nogil:
        while at < end:
            found = <const uint8_t *>memchr(base + at, 10, end - at)
            stop = found - base if found != NULL else end
            length = stop - at
            if length and base[at + length - 1] == 13:
                length -= 1
            plain = False
            comma = <const uint8_t *>memchr(base + at, 44, length) if length else NULL
            if comma != NULL and plain_node(base + at, comma - base - at, &row.first, &row.first_kind):
                label = label_of(comma + 1, base + at + length - comma - 1)
                if label < 2:
                    label_keys.push_back(row.first)
                    label_kinds.push_back(row.first_kind)
                    labels.push_back(<int8_t>label)
                    label_lines.push_back(line)
                    plain = True
                elif plain_node(comma + 1, base + at + length - comma - 1, &row.second, &row.second_kind):
                    if row.first != row.second:
                        edges.push_back(row)
                        edge_lines.push_back(line)
                        plain = True
            if not plain:
                odd_lines.push_back(line)
                odd_starts.push_back(at)
                odd_ends.push_back(stop)
            line += 1
            at = stop + 1
    made, made_labels = np.empty(edges.size(), EDGE), np.empty(labels.size(), LABEL)
    edge_numbers, label_numbers = np.empty(edges.size(), np.int64), np.empty(labels.size(), np.int64)
    columns = [np.empty(edges.size(), kind) for kind in (np.uint64, np.uint64, np.uint8, np.uint8)]
    cdef uint64_t[::1] first = columns[0], second = columns[1]
    cdef uint8_t[::1] first_kinds = columns[2], second_kinds = columns[3]
    cdef int64_t[::1] numbers = edge_numbers, numbers_of_labels = label_numbers
    for i in range(edges.size()):
        first[i], second[i] = edges[i].first, edges[i].second
        first_kinds[i], second_kinds[i] = edges[i].first_kind, edges[i].second_kind
        numbers[i] = edge_lines[i]
    for name, column in zip(EDGE.names, columns):
        made[name] = column
    for i in range(labels.size()):
        made_labels[i] = (label_keys[i], label_kinds[i], labels[i])
        numbers_of_labels[i] = label_lines[i]
    odd = [(odd_lines[i], bytes(data[odd_starts[i] : odd_ends[i]])) for i in range(odd_lines.size())]
    return made, edge_numbers, made_labels, label_numbers, odd, line - number
