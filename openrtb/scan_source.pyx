"""Through whose hands the request came: the supply chain of ``source``, scanned (3.2.2, 3.2.25, 3.2.26)."""

from libc.stdint cimport int64_t, uint32_t
from cython_ext.json_cursor cimport (
    BEGIN, ENDED, Cursor, Step, Text, key_is, next_item, next_key, skip_value, take_null,
)
from openrtb.request cimport Request, exact_bytes, folded_bytes
from openrtb.scan_values cimport take_optional_integer, take_optional_text, twice


cdef bint scan_source(Cursor *c, Request r) noexcept nogil:
    """``schain``, or what ``ext.schain`` says. Where both do, which is rare, the model knows which counts."""
    cdef Text key
    cdef Step step = BEGIN
    cdef bint told = False
    cdef uint32_t met = 0
    if take_null(c):
        return True
    while next_key(c, &key, &step):
        if key_is(&key, b"schain", 6):
            if twice(&met, 0) or not scan_chain(c, r, &told):
                return False
        elif key_is(&key, b"ext", 3):
            if twice(&met, 1) or not scan_ext(c, r, &told):
                return False
        elif not skip_value(c):
            return False
    return step == ENDED


cdef bint skip_ext(Cursor *c, Request r) noexcept nogil:
    """The request's own ``ext``. A chain there is one of OpenRTB 2.4, and the model's matter."""
    cdef bint told = True
    return scan_ext(c, r, &told)


cdef bint scan_ext(Cursor *c, Request r, bint *told) noexcept nogil:
    cdef Text key
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    if take_null(c):
        return True
    while next_key(c, &key, &step):
        if key_is(&key, b"schain", 6):
            if twice(&met, 0) or not scan_chain(c, r, told):
                return False
        elif not skip_value(c):
            return False
    return step == ENDED


cdef bint scan_chain(Cursor *c, Request r, bint *told) noexcept nogil:
    cdef Text key, version
    cdef Step step = BEGIN, step_node = BEGIN
    cdef uint32_t met = 0
    cdef int64_t complete = 0
    version.start = NULL
    version.size = 0
    if take_null(c):
        return True
    if told[0]:
        return False
    told[0] = True
    while next_key(c, &key, &step):
        if key_is(&key, b"complete", 8):
            if twice(&met, 0) or not take_optional_integer(c, &complete):
                return False
        elif key_is(&key, b"ver", 3):
            if twice(&met, 1) or not take_optional_text(c, &version):
                return False
        elif key_is(&key, b"nodes", 5):
            if twice(&met, 2):
                return False
            if take_null(c):
                continue
            while next_item(c, &step_node):
                if not scan_node(c, r):
                    return False
            if step_node != ENDED:
                return False
        elif not skip_value(c):
            return False
    if step != ENDED:
        return False
    r.end_chain(complete == 1, version.start, version.size)
    return True


cdef bint scan_node(Cursor *c, Request r) noexcept nogil:
    cdef Text key, asi, sid
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef int64_t paid = 1
    asi.start = sid.start = NULL
    asi.size = sid.size = 0
    while next_key(c, &key, &step):
        if key_is(&key, b"asi", 3):
            if twice(&met, 0) or not take_optional_text(c, &asi):
                return False
        elif key_is(&key, b"sid", 3):
            if twice(&met, 1) or not take_optional_text(c, &sid):
                return False
        elif key_is(&key, b"hp", 2):
            if twice(&met, 2) or not take_optional_integer(c, &paid):
                return False
        elif not skip_value(c):
            return False
    if step != ENDED:
        return False
    r.add_node(folded_bytes(asi.start, asi.size), exact_bytes(sid.start, sid.size), paid == 1)
    return True
