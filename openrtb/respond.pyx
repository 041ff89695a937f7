"""Writing JSON of a bid response into a growing buffer: strings, whole numbers and prices."""

from libc.stdint cimport int64_t
from libcpp.string cimport string
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize

import orjson

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object)


cdef void append_json(string *out, str text) except *:
    """A JSON string with its quotes."""
    cdef Py_ssize_t size, i
    cdef const char *raw
    cdef bytes escaped
    if PyUnicode_IS_ASCII(text):
        raw = PyUnicode_AsUTF8AndSize(text, &size)
        for i in range(size):
            if raw[i] == b'"' or raw[i] == b"\\" or raw[i] < 32 or raw[i] == 127:
                break
        else:
            out.push_back(b'"')
            out.append(raw, size)
            out.push_back(b'"')
            return
    try:
        escaped = orjson.dumps(text)
    except TypeError:  # half a surrogate pair, which a lenient reading lets through
        escaped = orjson.dumps(text.encode("utf-8", "replace").decode())
    out.append(PyBytes_AS_STRING(escaped), PyBytes_GET_SIZE(escaped))


cdef void append_number(string *out, int64_t number) noexcept nogil:
    cdef char digits[24]
    cdef int n = 24
    cdef bint negative = number < 0
    if negative:
        number = -number
    while True:
        n -= 1
        digits[n] = <char>(48 + number % 10)
        number = number // 10
        if number == 0:
            break
    if negative:
        n -= 1
        digits[n] = b"-"
    out.append(digits + n, 24 - n)


cdef void append_cpm(string *out, int64_t micros) noexcept nogil:
    """CPM micros as the shortest exact decimal; the same text as `domain.money.format_cpm`."""
    cdef int64_t fraction = micros % 1_000_000
    cdef char digits[7]
    cdef int n = 6, i
    append_number(out, micros // 1_000_000)
    if fraction == 0:
        return
    for i in range(5, -1, -1):
        digits[i] = <char>(48 + fraction % 10)
        fraction = fraction // 10
    while digits[n - 1] == 48:
        n -= 1
    out.push_back(b".")
    out.append(digits, n)
