"""Floors by the length of the ad (``durfloors``, 3.2.35), scanned."""

from libc.stdint cimport int32_t, int64_t, uint32_t
from libcpp.vector cimport vector
from cython_ext.json_cursor cimport Cursor, Text, key_is, next_item, next_key, open_with, skip_value, take_null
from openrtb.request cimport ENDLESS, UNREADABLE_FLOOR, LengthFloor
from openrtb.scan_values cimport take_floor, take_optional_integer, twice


cdef bint scan_length_floors(Cursor *c, vector[LengthFloor] *rows) noexcept nogil:
    """False: odd."""
    cdef bint first = True
    cdef int found
    if take_null(c):
        return True
    if not open_with(c, 91):
        return False
    while True:
        found = next_item(c, &first)
        if found <= 0:
            return found == 0
        if not scan_length_floor(c, rows):
            return False


cdef bint scan_length_floor(Cursor *c, vector[LengthFloor] *rows) noexcept nogil:
    cdef LengthFloor row
    cdef Text key
    cdef bint first = True
    cdef uint32_t met = 0
    cdef int found
    cdef int64_t least = 0, most = ENDLESS
    row.floor = 0
    if not open_with(c, 123):
        return False
    while True:
        found = next_key(c, &key, &first)
        if found < 0:
            return False
        if found == 0:
            break
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
    row.min_s, row.max_s = <int32_t>least, <int32_t>most
    if row.floor < 0:
        row.floor = UNREADABLE_FLOOR
    rows.push_back(row)
    return True
