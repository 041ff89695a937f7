"""The person's record from the profile store: audiences now, frequency counters for later."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t

from openrtb.request cimport Request
from targeting.record cimport Parts, look, segments

from targeting.audience_algebra import UNREAD

cdef uint64_t NOT_KNOWN = UNREAD


cdef class ProfileModule:
    """Local: one look-up in memory-mapped LMDB, or what was fetched from Redis before the request is decided. Without a
    record the person belongs to no audience and has seen nothing; where the record is late or damaged, nobody knows, and
    who is suppressed anywhere may be this one (`targeting.audience_algebra.UNREAD`).
    """

    cdef object reader

    def __init__(self, reader):
        self.reader = reader

    def __call__(self, Request r not None):
        cdef bytes record
        cdef const uint8_t *data
        cdef Py_ssize_t size
        cdef Parts parts
        if not r.person:
            return
        record = self.reader.get(r.person)
        if record is None:
            return
        r.record = record
        data, size = <const uint8_t *>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record)
        if not segments(data, size, r.now_ns // 1_000_000_000, r.segments) and not look(data, size, &parts):
            r.segments.push_back(NOT_KNOWN)
