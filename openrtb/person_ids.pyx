"""The ids that a request names its person by: which of them count, in what order, and under which keys."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp, memcpy
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from cython_ext.json_cursor cimport Text
from openrtb.request cimport BUYERUID, EID, GUESSED, IFA, OF_ANYTHING, OF_PERSON, USER_ID, Id, IdKind, Request, exact_bytes


cdef void add_eid(Request r, Text source, Text value, int64_t atype, int64_t match) noexcept nogil:
    cdef Id row
    cdef size_t i
    if not 0 < source.size <= LONGEST_SOURCE or not 0 < value.size <= LONGEST_VALUE or r.eids.size() == MOST_EIDS:
        return
    for i in range(r.eids.size()):  # as when it stands in user.eids and in user.ext.eids
        if folded_same(&r.eids[i].source, &source) and same(&r.eids[i].value, &value):
            return
    row.kind, row.key, row.source, row.value = EID, 0, source, value
    row.trust = GUESSED if match == 5 else OF_PERSON if atype == 3 else OF_ANYTHING
    r.eids.push_back(row)


cdef int fill_eids(Request r, list eids) except -1:
    cdef Text source, value
    for eid in eids or ():
        if eid.source and eid.uids:
            eid.source = (<str>eid.source).lower()  # here, since `id_key` lowers ASCII only
            source.start = PyUnicode_AsUTF8AndSize(eid.source, &source.size)
            for uid in eid.uids:
                if uid.id:
                    value.start = PyUnicode_AsUTF8AndSize(uid.id, &value.size)
                    add_eid(r, source, value, uid.atype or 0, eid.mm or 0)
    return 0


cdef void name_person(Request r, uint64_t ifa, uint64_t buyeruid, uint64_t user_id) noexcept nogil:
    """Until a record is found the person is named by the advertising id, else our id at the exchange, else the
    exchange's, else an eid, many of which change after a while. The device is named by the first id that is its own,
    whoever the person turns out to be.
    """
    cdef int trust
    cdef size_t i
    add_id(r, IFA, ifa)
    add_id(r, BUYERUID, buyeruid)
    if r.eids.size():
        for trust in range(OF_PERSON, GUESSED + 1):
            for i in range(r.eids.size()):
                if r.eids[i].trust == trust:
                    r.ids.push_back(r.eids[i])
    add_id(r, USER_ID, user_id)
    r.person = r.device = ifa or buyeruid or user_id
    if r.person == 0 and r.ids.size():
        r.person = id_key(r, 0)


cdef void add_id(Request r, IdKind kind, uint64_t key) noexcept nogil:
    cdef Id row
    if key:
        row.kind, row.key, row.source.size, row.value.size, row.trust = kind, key, 0, 0, OF_ANYTHING
        r.ids.push_back(row)


cdef uint64_t id_key(Request r, size_t place) noexcept nogil:
    cdef char composed[LONGEST_SOURCE + LONGEST_VALUE + 8]
    cdef Id *row = &r.ids[place]
    cdef Py_ssize_t i
    if row.key == 0:
        memcpy(composed, b"eid:", 4)
        for i in range(row.source.size):
            composed[4 + i] = lower(row.source.start[i])
        composed[4 + row.source.size] = 58  # :
        memcpy(composed + 5 + row.source.size, row.value.start, row.value.size)
        row.key = exact_bytes(composed, 5 + row.source.size + row.value.size)
    return row.key


cdef void meet(Request r, size_t place, uint64_t person, bint joined) noexcept nogil:
    cdef uint64_t key = id_key(r, place)
    r.met, r.joined, r.person = <int>place, joined, person
    r.former = key if key != person else 0


def named_by(Request r not None):
    """Of each id of the person, in the order of trust, what it is and its key."""
    cdef size_t i
    return [(word_of(r, i), id_key(r, i)) for i in range(r.ids.size())]


cdef inline char lower(char letter) noexcept nogil:
    return letter + 32 if 65 <= letter <= 90 else letter


cdef inline bint folded_same(Text *one, Text *other) noexcept nogil:
    """The same but for the case of ASCII letters."""
    cdef Py_ssize_t i
    if one.size != other.size:
        return False
    for i in range(one.size):
        if lower(one.start[i]) != lower(other.start[i]):
            return False
    return True


cdef inline bint same(Text *one, Text *other) noexcept nogil:
    return one.size == other.size and memcmp(one.start, other.start, one.size) == 0


cdef str word_of(Request r, size_t place):
    """For people: where in a request an id stands."""
    cdef Id *row = &r.ids[place]
    if row.kind != EID:
        return {IFA: "device.ifa", BUYERUID: "user.buyeruid", USER_ID: "user.id"}[row.kind]
    return "the eid of " + row.source.start[:row.source.size].decode("utf-8").lower()
