"""Floors by the length of the ad (3.2.35, ``mincpmpersec``), from the typed model."""

from libc.stdint cimport int64_t
from libcpp.vector cimport vector
from openrtb.request cimport ENDLESS, UNREADABLE_FLOOR, LengthFloor, cpm_micros


cdef int fill_length_floors(vector[LengthFloor] *rows, list floors) except -1:
    """Adds ``durfloors``. One without a floor says nothing; one that cannot be read is one that nobody reaches."""
    cdef LengthFloor row
    if floors is None:
        return 0
    for item in floors:
        if item.bidfloor is None:
            continue
        row.min_s = item.mindur if item.mindur is not None else 0
        row.max_s = item.maxdur if item.maxdur is not None else ENDLESS
        row.floor = cpm_micros(item.bidfloor)
        if row.floor < 0:
            row.floor = UNREADABLE_FLOOR
        rows.push_back(row)
    return 0


cdef int64_t floor_per_second(object deal) except -1:
    """``mincpmpersec`` of a deal, which may be absent."""
    cdef int64_t floor = 0
    if deal.mincpmpersec is not None:
        floor = cpm_micros(deal.mincpmpersec)
    return floor if floor >= 0 else UNREADABLE_FLOOR
