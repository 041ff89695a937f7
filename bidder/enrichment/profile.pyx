"""Who the person is, and their record from the profile store: audiences now, frequency counters for later."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t

from openrtb.person_ids cimport id_key, meet
from openrtb.request cimport Request
from targeting.forgotten cimport Forgotten
from targeting.record cimport Parts, alias_of, is_joined, look, opted_out, opted_out_in, segments_in

from targeting.audience_algebra import UNREAD

cdef uint64_t NOT_KNOWN = UNREAD


cdef class ProfileModule:
    """Local: one look-up in memory-mapped LMDB, or what was fetched from Redis before the request is decided. Of several
    ids the first that there is a record of says who it is; where it is an alias, the record is that of the person it
    names. Without a record the person belongs to no audience and has seen nothing.

    Of who opted out, or was forgotten, the request knows nothing afterwards but its context: so this comes before the
    modules that use the address. An opt-out counts under whichever of the request's ids it was told. So it is when a
    record does not come in time: nobody knows then whether they opted out, nor, as with a damaged one, whether this is
    whom somebody suppresses (`targeting.audience_algebra.UNREAD`).
    """

    cdef object reader
    cdef Forgotten forgotten

    def __init__(self, reader, Forgotten forgotten=None):
        self.reader, self.forgotten = reader, forgotten

    def __call__(self, Request r not None):
        cdef bytes record = None
        cdef const uint8_t *data
        cdef uint64_t person
        cdef size_t place
        cdef Parts parts
        cdef bint readable
        if self.forgotten is not None and self.forgotten.any and self.forget(r):
            return
        for place in range(r.ids.size()):
            record = self.reader.get(id_key(r, place))
            if record is not None:
                break
        if record is None:
            return
        if r.ids.size() > 1 and self.reader.any_opted_out and self.opted_out_elsewhere(r, place):
            r.forget_person()
            return
        data = <const uint8_t *>PyBytes_AS_STRING(record)
        person = alias_of(data, PyBytes_GET_SIZE(record))
        if person:
            meet(r, place, person, True)
            record = self.reader.get(person)
            if record is None:
                return
            data = <const uint8_t *>PyBytes_AS_STRING(record)
        else:
            meet(r, place, id_key(r, place), is_joined(data, PyBytes_GET_SIZE(record)))
        readable = look(data, PyBytes_GET_SIZE(record), &parts)
        if not readable:
            r.segments.push_back(NOT_KNOWN)
        if opted_out_in(&parts) if readable else opted_out(data, PyBytes_GET_SIZE(record)):
            r.forget_person()
            return
        r.record = record
        if readable:
            segments_in(&parts, r.now_ns // 1_000_000_000, r.segments)

    def forget(self, Request r not None) -> bool:
        """Whether the person was forgotten; then the request forgets them, too."""
        cdef size_t place
        if self.forgotten is not None and self.forgotten.any:
            for place in range(r.ids.size()):
                if self.forgotten.has(id_key(r, place)):
                    r.forget_person()
                    return True
        return False

    cdef bint opted_out_elsewhere(self, Request r, size_t met) except -1:
        """Whether another of the ids is of somebody who opted out, or did not come in time."""
        cdef bytes record
        cdef size_t place
        cdef uint64_t person
        for place in range(r.ids.size()):
            record = self.reader.get(id_key(r, place)) if place != met else None
            if record is None:
                continue
            person = alias_of(<const uint8_t *>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record))
            if person:
                record = self.reader.get(person)
                if record is None or PyBytes_AS_STRING(record)[0] == 0:  # of a remote store only one person is asked for
                    continue
            if opted_out(<const uint8_t *>PyBytes_AS_STRING(record), PyBytes_GET_SIZE(record)):
                if PyBytes_AS_STRING(record)[0] == 0:
                    r.segments.push_back(NOT_KNOWN)
                return True
        return False
