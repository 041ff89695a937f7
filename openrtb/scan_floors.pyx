"""Floors by the length of the ad (``durfloors``, 3.2.35), scanned."""

from libc.stdint cimport int32_t, int64_t, uint32_t
from libcpp.vector cimport vector
from cython_ext.json_cursor cimport (
    BEGIN, ENDED, Cursor, Step, Text, key_is, next_item, next_key, skip_value, take_null,
)
from openrtb.request cimport ENDLESS, UNREADABLE_FLOOR, LengthFloor
from openrtb.scan_values cimport take_floor, take_optional_integer, twice

cdef int64_t UNSAID = -(<int64_t>1 << 62)


cdef bint scan_length_floors(Cursor *c, vector[LengthFloor] *rows, bint *negative) noexcept nogil:
    cdef Step step = BEGIN
    if take_null(c):
        return True
    while next_item(c, &step):
        if not scan_length_floor(c, rows, negative):
            return False
    return step == ENDED


cdef bint scan_length_floor(Cursor *c, vector[LengthFloor] *rows, bint *negative) noexcept nogil:
    cdef LengthFloor row
    cdef Text key
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef int64_t least = 0, most = ENDLESS
    row.floor = UNSAID
    while next_key(c, &key, &step):
        if key_is(&key, b"mindur", 6):
            if twice(&met, 0) or not take_optional_integer(c, &least):
                return False
        elif key_is(&key, b"maxdur", 6):
            if twice(&met, 1) or not take_optional_integer(c, &most):
                return False
        elif key_is(&key, b"bidfloor", 8):
            if twice(&met, 2) or not take_floor(c, &row.floor):
                return False
        elif not skip_value(c):
            return False
    if step != ENDED:
        return False
    if row.floor == UNSAID:
        return True
    row.min_s, row.max_s = <int32_t>least, <int32_t>most
    if row.floor < 0:
        row.floor = UNREADABLE_FLOOR
        negative[0] = True
    rows.push_back(row)
    return True
