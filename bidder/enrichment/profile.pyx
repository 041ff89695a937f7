"""The person's record from the profile store: audiences now, frequency counters for later."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t

from openrtb.request cimport Request
from targeting.forgotten cimport Forgotten
from targeting.record cimport opted_out, segments


cdef class ProfileModule:
    """Local: one look-up in memory-mapped LMDB, or what was fetched from Redis before the request is decided. Without a
    record the person belongs to no audience and has seen nothing. Of who opted out, or was forgotten, the request knows
    nothing afterwards but its context: so this comes before the modules that use the address. So it is when a record
    does not come in time: nobody knows then whether they opted out.
    """

    cdef object reader
    cdef Forgotten forgotten

    def __init__(self, reader, Forgotten forgotten=None):
        self.reader, self.forgotten = reader, forgotten

    def __call__(self, Request r not None):
        cdef bytes record
        if not r.person:
            return
        if self.forgotten is not None and self.forgotten.any and self.forgotten.has(r.person):
            r.forget_person()
            return
        record = self.reader.get(r.person)
        if record is None:
            return
        if opted_out(<const uint8_t *>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record)):
            r.forget_person()
            return
        r.record = record
        segments(<const uint8_t *>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record), r.now_ns // 1_000_000_000, r.segments)
