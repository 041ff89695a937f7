"""Whole HTTP answers with a bid, as bytes; those without are in `bidder.refusals`."""

import zlib

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdio cimport snprintf
from libc.string cimport memcpy

cdef bytes HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-openrtb-version: 2.6\r\n"


cdef bytes last_of_all(bytes response):
    """The answer after which the connection is closed."""
    return response.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)


cdef bytes written(bytes body, bint takes_gzip, object least):
    if takes_gzip and least and len(body) >= least:
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        return answered(packer.compress(body) + packer.flush(), b"Content-Encoding: gzip\r\n")
    return answered(body, b"")


cdef bytes answered(bytes body, bytes headers):
    """200 with JSON; ``headers``: more of them, whole lines."""
    cdef char[48] length
    cdef int digits = snprintf(length, sizeof(length), "Content-Length: %zd\r\n\r\n", PyBytes_GET_SIZE(body))
    cdef Py_ssize_t head = PyBytes_GET_SIZE(HEAD), more = PyBytes_GET_SIZE(headers), rest = PyBytes_GET_SIZE(body)
    cdef bytes made = PyBytes_FromStringAndSize(NULL, head + more + digits + rest)
    cdef char *at = PyBytes_AS_STRING(made)
    memcpy(at, PyBytes_AS_STRING(HEAD), <size_t>head)
    memcpy(at + head, PyBytes_AS_STRING(headers), <size_t>more)
    memcpy(at + head + more, length, <size_t>digits)
    memcpy(at + head + more + digits, PyBytes_AS_STRING(body), <size_t>rest)
    return made
