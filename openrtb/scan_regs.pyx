"""What the law says about the person: ``regs``, scanned. The strings are only pointed at here; admission reads them."""

from libc.stdint cimport int64_t, uint32_t
from cython_ext.json_cursor cimport (
    BEGIN, ENDED, Cursor, Step, Text, key_is, next_item, next_key, skip_value, take_integer, take_null,
)
from openrtb.request cimport Request
from openrtb.scan_values cimport take_optional_integer, take_optional_text, twice

cdef struct Said:            # in ``regs`` or in ``regs.ext``
    int64_t coppa, gdpr, gpc
    Text us_privacy, gpp
    const unsigned char *gpp_sid   # where the array begins; NULL: it is absent or empty


cdef bint scan_regs(Cursor *c, Request r) except -1:
    cdef Said said, older
    cdef Cursor sections
    clear(&said)
    clear(&older)
    if take_null(c):
        return True
    if not scan_said(c, &said, &older):
        return False
    r.us_privacy = said.us_privacy if said.us_privacy.size else older.us_privacy
    r.gpp = said.gpp if said.gpp.size else older.gpp
    sections.at = said.gpp_sid if said.gpp_sid is not NULL else older.gpp_sid
    if sections.at is not NULL:
        take_sections(&sections, r)
    r.close_signals(said.coppa, said.gdpr or older.gdpr, said.gpc or older.gpc)
    return True


cdef void clear(Said *said) noexcept nogil:
    said.coppa = said.gdpr = said.gpc = 0
    said.us_privacy.size = said.gpp.size = 0
    said.gpp_sid = NULL


cdef bint scan_said(Cursor *c, Said *said, Said *older) except -1:
    """``older`` takes what stands under ``ext``; NULL where this is ``ext`` itself, and ``coppa`` is unknown there."""
    cdef Text key
    cdef Cursor before
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef int count
    while next_key(c, &key, &step):
        if key_is(&key, b"gdpr", 4):
            if twice(&met, 0) or not take_optional_integer(c, &said.gdpr):
                return False
        elif key_is(&key, b"us_privacy", 10):
            if twice(&met, 1) or not take_optional_text(c, &said.us_privacy):
                return False
        elif key_is(&key, b"gpp", 3):
            if twice(&met, 2) or not take_optional_text(c, &said.gpp):
                return False
        elif key_is(&key, b"gpp_sid", 7):
            before = c[0]
            count = take_sections(c, None)
            if twice(&met, 3) or count < 0:
                return False
            said.gpp_sid = before.at if count else NULL
        elif key_is(&key, b"gpc", 3):
            if twice(&met, 4) or not take_flag(c, &said.gpc):
                return False
        elif key_is(&key, b"coppa", 5) and older is not NULL:
            if twice(&met, 5) or not take_optional_integer(c, &said.coppa):
                return False
        elif key_is(&key, b"ext", 3) and older is not NULL:
            if twice(&met, 6):
                return False
            if not take_null(c) and not scan_said(c, older, NULL):
                return False
        elif not skip_value(c):
            return False
    return step == ENDED


cdef bint take_flag(Cursor *c, int64_t *out) noexcept nogil:
    """``gpc`` is mostly sent as the text of the header ``Sec-GPC``, that is ``"1"``."""
    if c.at[0] == 34 and (c.at[1] == 48 or c.at[1] == 49) and c.at[2] == 34:
        out[0] = c.at[1] - 48
        c.at += 3
        return True
    return take_optional_integer(c, out)


cdef int take_sections(Cursor *c, Request r) except -2:
    """How many entries ``gpp_sid`` has, each told to ``r`` unless that is None; -1: odd."""
    cdef Step step = BEGIN
    cdef int count = 0
    cdef int64_t section = 0
    if take_null(c):
        return 0
    while next_item(c, &step):
        if not take_integer(c, &section):
            return -1
        count += 1
        if r is not None:
            r.apply_section(section)
    return count if step == ENDED else -1
