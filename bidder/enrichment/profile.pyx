"""The person's record from the profile store: audiences now, frequency counters for later."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t

from openrtb.request cimport Request
from targeting.record cimport segments


cdef class ProfileModule:
    """Local: one look-up in memory-mapped LMDB, or what was fetched from Redis before the request is decided. Without a
    record the person belongs to no audience and has seen nothing.
    """

    cdef object reader

    def __init__(self, reader):
        self.reader = reader

    def __call__(self, Request r not None):
        cdef bytes record
        if not r.person:
            return
        record = self.reader.get(r.person)
        if record is None:
            return
        r.record = record
        segments(<const uint8_t *>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record), r.now_ns // 1_000_000_000, r.segments)
