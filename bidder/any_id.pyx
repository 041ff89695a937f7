"""Who is suppressed under one of their ids is suppressed, whichever of them says who the person is.

The first id that there is a record of decides whose record a request is decided by (`bidder.enrichment.profile`); ids
that nobody has joined have records of their own. Where somebody is suppressed at all, these are looked at too, and what they
belong to is added to the facts under numbers of its own (`targeting.audience_algebra.OTHER`), which only suppression asks for.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint64_t

from bidder.frequency cimport History
from bidder.view cimport View
from openrtb.person_ids cimport id_key
from openrtb.request cimport Request
from targeting.record cimport Parts, alias_of, look, segments

from targeting.audience_algebra import OTHER, UNREAD

cdef uint64_t OF_ANOTHER = OTHER
cdef uint64_t NOT_KNOWN = UNREAD


def by_any_id(View view not None, History history not None, Request r not None):
    """Adds what the other ids of the request's person belong to. A request with one id costs a branch, and so does any
    where nobody is suppressed."""
    cdef int64_t now_s = r.now_ns // 1_000_000_000
    cdef size_t place, first, i
    if history.holds is not None and r.person:
        history.holds.expect(r.person)  # who this is, is known from here on, and caps are looked at much later
    if not view.suppressing or r.ids.size() < 2 or history.reader is None:
        return
    for place in range(r.ids.size()):
        if <int>place == r.met:
            continue
        first = r.segments.size()
        add(r, history.reader.get(id_key(r, place)), history.reader, now_s)
        for i in range(first, r.segments.size()):
            if r.segments[i] != NOT_KNOWN:
                r.segments[i] = r.segments[i] | OF_ANOTHER


cdef int add(Request r, bytes record, object reader, int64_t now_s) except -1:
    cdef const uint8_t *data
    cdef uint64_t person
    cdef Parts parts
    if record is None:
        return 0
    data = <const uint8_t *>PyBytes_AS_STRING(record)
    person = alias_of(data, PyBytes_GET_SIZE(record))
    if person == r.person and person:
        return 0  # joined with the one that was found
    if person:
        record = reader.get(person)
        if record is None:
            return 0
        data = <const uint8_t *>PyBytes_AS_STRING(record)
    if not segments(data, PyBytes_GET_SIZE(record), now_s, r.segments) and not look(data, PyBytes_GET_SIZE(record), &parts):
        r.segments.push_back(NOT_KNOWN)
    return 0
