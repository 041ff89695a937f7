"""Domains on a block list, as exchanges write them: many list URLs, wildcards or a final dot, and mean the host.

``badv`` is a list of domains (OpenRTB 2.6, 3.2.1). ``https://casino.example/bonus/*`` blocks ``casino.example``: whoever
read it by the letter would bid for the very advertiser that is not wanted.
"""

from libc.stdint cimport uint64_t
from libcpp.vector cimport vector
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from cython_ext.json_cursor cimport BEGIN, ENDED, Cursor, Step, Text, next_item, take_null, take_text
from openrtb.request cimport folded, folded_bytes


cdef void keep_host(Text *text) noexcept nogil:
    """Without scheme, port, path, spaces around it, ``*.`` or a dot before it, and a dot behind it."""
    cdef const char *at = text.start
    cdef const char *end = at + text.size
    cdef const char *p = at
    while at < end and at[0] == c' ':
        at += 1
    p = at
    while p + 1 < end and p[0] != c'?' and p[0] != c'#':
        if p[0] == c'/':
            if p[1] == c'/':
                at = p + 2
            break
        p += 1
    if at < end and at[0] == c'*':
        at += 1
    while at < end and at[0] == c'.':
        at += 1
    p = at
    while p < end and p[0] != c'/' and p[0] != c':' and p[0] != c'?' and p[0] != c'#':
        p += 1
    while p > at and (p[-1] == c' ' or p[-1] == c'.'):
        p -= 1
    text.start, text.size = at, p - at


cdef bint take_domains(Cursor *c, vector[uint64_t] *names) noexcept nogil:
    """An array of texts -> name ids of the hosts in them."""
    cdef Step step = BEGIN
    cdef Text text
    if take_null(c):
        return True
    while next_item(c, &step):
        if not take_text(c, &text):
            return False
        keep_host(&text)
        if text.size:
            names.push_back(folded_bytes(text.start, text.size))
    return step == ENDED


cdef int add_domains(vector[uint64_t] *names, list texts) except -1:
    cdef Text text
    cdef str given
    for given in texts or ():
        text.start = PyUnicode_AsUTF8AndSize(given, &text.size)
        keep_host(&text)
        if text.size:
            names.push_back(folded(text.start[: text.size].decode()))
    return 0


def host_in(str domain not None):
    """`keep_host` for tests."""
    cdef Text text
    text.start = PyUnicode_AsUTF8AndSize(domain, &text.size)
    keep_host(&text)
    return text.start[: text.size].decode()
